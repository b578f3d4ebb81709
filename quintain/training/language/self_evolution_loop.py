"""The loop of SELF: the meta-skill stage, then rounds of answer, feedback, refinement and self-filtering."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from quintain.errors import ConfigurationError
from quintain.messages import Message
from quintain.registry import load_attribute
from quintain.training.language.asking import ask, conversation, imitation, judge, read_questions
from quintain.training.language.labellers import Labelled
from quintain.training.language.phased_training import PhasedTraining
from quintain.training.language.phases import Columns, Phases
from quintain.training.language.self_dialogue import Dialogue, Quadruple, evolution_metrics, passes
from quintain.training.language.self_evolution_settings import SELFSettings
from quintain.training.language.sequences import TokenSequence
from quintain.training.sources import Draw

__all__ = ["SelfEvolution", "weighted_loss"]

#: A reply to learn: the conversation before it, and its weight.
_Lesson = tuple[tuple[Message, ...], str, float]
#: New questions that are asked for, in units of those that are wanted, since some come twice.
_ATTEMPTS = 4


def weighted_loss(logprobs: torch.Tensor, mask: torch.Tensor, columns: Columns) -> torch.Tensor:
    """Return the negative log-likelihood per token, each sequence times its ``weight``."""
    return -(columns["weight"][:, None].to(logprobs) * logprobs).sum() / mask.sum().clamp(min=1)


@dataclass
class SelfEvolution:
    """One training.

    Attributes:
        training: The training that goes on.
        meta: Lessons in the meta-skills so far.
        kept: Question and answer of each kept example, by round.
        asked: All questions so far, whether their answers were kept or not.
    """

    training: PhasedTraining
    meta: list[Quadruple] = field(default_factory=list)
    kept: list[list[tuple[str, str]]] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Prepare the phases."""
        on = self.training
        self.settings: SELFSettings = on.settings
        self.phases = Phases(
            on.model, on.agent.engine.tokenizer, self.settings,  # type: ignore[attr-defined]  # of engines that train
            "start" if self.settings.schedule == "restart" else "online", self.settings.iterations + 1, on.seeds,
            on.run, on.run.checkpoints,
        )  # fmt: skip

    def run(self) -> None:
        """Train, from the last finished phase on."""
        run = self.training.run
        done, state = run.restore()
        if state is not None:
            self.phases.load(state["steps"])
            self.meta, self.kept, self.asked = state["meta"], state["kept"], set(state["asked"])
        for phase in range(done, self.settings.iterations + 1):
            self.training.model.eval()
            self.training.evaluate(phase)
            self._round(phase) if phase else self._learn_meta()
            texts = {"meta": self.meta, "kept": self.kept, "asked": sorted(self.asked)}
            run.save(phase + 1, {"steps": self.phases.steps, **texts})

    def _learn_meta(self) -> None:
        """Let the labeller judge and refine the model's own answers, and learn from that."""
        label: Callable[[str, str], Labelled] = load_attribute(self.settings.labeller)
        questions = read_questions(self.training.worlds, self._draws(0, self.settings.num_seeds))
        self.asked.update(questions)
        answers = self._ask("seeds", [self._say(question) for question in questions])
        for question, answer in zip(questions, answers, strict=True):
            if answer is None:
                continue
            self.meta.append(Quadruple(question, answer, *label(question, answer)))
        self.training.write_samples("round-0", map(dataclasses.asdict, self.meta))
        kept = float(len(self.meta))
        self._fit(self._meta_lessons(1.0), {"step": 1.0, "kept": kept, "truncated": len(questions) - kept})

    def _round(self, number: int) -> None:
        """Do one round of self-evolution."""
        settings = self.settings
        own = settings.self_instruct and number > 1
        draws = [] if own else self._draws(number, settings.num_queries)
        questions = self._new_questions(number) if own else read_questions(self.training.worlds, draws)
        self.asked.update(questions)
        dialogues = self._converse(f"round-{number}", questions)
        answers = [d.refined if settings.refine else d.answer for d in dialogues]
        chosen = self._select(number, dialogues)
        taken = [keep and not d.truncated for keep, d in zip(chosen, dialogues, strict=True)]
        self.kept.append([(q, a) for q, a, keep in zip(questions, answers, taken, strict=True) if keep])
        rows = [{**dataclasses.asdict(d), "kept": keep} for d, keep in zip(dialogues, taken, strict=True)]
        self.training.write_samples(f"round-{number}", rows)
        row = {"step": float(number + 1), "questions": float(len(questions)), "kept": float(sum(taken))}
        row["truncated"] = float(sum(d.truncated for d in dialogues))
        if draws:  # the data are chosen: right answers are for the record alone
            row |= self._measured(draws, dialogues, answers, taken)
        rounds = self.kept if settings.schedule == "restart" else self.kept[-1:]
        lessons = [(self._say(question), answer, 1.0) for part in rounds for question, answer in part]
        if settings.rehearsal:
            lessons += self._meta_lessons(settings.alpha)
        if not lessons:
            warnings.warn(
                f"round {number} keeps none of {len(questions)} answers and rehearses nothing, so nothing is learned "
                "in it; look at samples/ for verdicts that cannot be read",
                stacklevel=2,
            )
            self.training.run.log({**row, "step": number + 1})
            return
        self._fit(lessons, row)

    def _converse(self, name: str, questions: Sequence[str]) -> list[Dialogue]:
        """Let the model answer each question, give feedback, refine, and judge the refined answer anew."""
        feedback_prompt, refine_prompt = self.settings.feedback_prompt, self.settings.refine_prompt
        truncated: set[int] = set()

        def ask_for(part: str, conversations: Sequence[Sequence[Message]]) -> list[str]:
            replies = self._ask(f"{name}-{part}", conversations)
            truncated.update(k for k, reply in enumerate(replies) if reply is None)
            return [reply or "" for reply in replies]

        answers = ask_for("answer", [self._say(q) for q in questions])
        shown = list(zip(questions, answers, strict=True))
        feedback = ask_for("feedback", [self._say(q, a, feedback_prompt) for q, a in shown])
        refined, second = answers, feedback
        if self.settings.refine:
            judged = [(*pair, f) for pair, f in zip(shown, feedback, strict=True)]
            refined = ask_for("refined", [self._say(q, a, feedback_prompt, f, refine_prompt) for q, a, f in judged])
            again = zip(questions, refined, strict=True)
            second = ask_for("second", [self._say(q, a, feedback_prompt) for q, a in again])
        parts = zip(questions, answers, feedback, refined, second, strict=True)
        return [Dialogue(*texts, truncated=k in truncated) for k, texts in enumerate(parts)]

    def _select(self, number: int, dialogues: Sequence[Dialogue]) -> list[bool]:
        """Return which answers are kept. Nothing here knows whether one is right."""
        if self.settings.filter == "none":
            return [True] * len(dialogues)
        if self.settings.filter == "random":
            rng = self.training.seeds.child("filter", number).generator()
            return [bool(keep) for keep in rng.random(len(dialogues)) < 0.5]
        return [passes(dialogue, refine=self.settings.refine) for dialogue in dialogues]

    def _measured(
        self, draws: Sequence[Draw], dialogues: Sequence[Dialogue], answers: Sequence[str], kept: Sequence[bool]
    ) -> dict[str, float]:
        """Measure a round with the environment's verdicts; what there is nothing of to measure is left out."""
        worlds = self.training.worlds
        first = judge(worlds, draws, [dialogue.answer for dialogue in dialogues])
        refined = judge(worlds, draws, answers)
        known = [k for k in range(len(draws)) if first[k] is not None and refined[k] is not None]
        found = evolution_metrics(
            [dialogues[k] for k in known], [bool(first[k]) for k in known], [bool(refined[k]) for k in known],
            [kept[k] for k in known],
        )  # fmt: skip
        return {name: value for name, value in found.items() if not math.isnan(value)}

    def _new_questions(self, number: int) -> list[str]:
        """Let the model make questions; those that were asked before, or in evaluations, or come twice are left out."""
        known = {text.strip() for text in (*self.asked, *self.training.evaluation_questions())}
        wanted = self.settings.num_queries
        prompts = [self._say(self.settings.question_prompt)] * (_ATTEMPTS * wanted)
        replies = self._ask(f"questions-{number}", prompts)
        made = dict.fromkeys(text.strip() for text in replies if text is not None)
        return [text for text in made if text and text not in known][:wanted]

    def _meta_lessons(self, weight: float) -> list[_Lesson]:
        """Return what the labeller taught, and its questions as lessons in making new ones."""
        settings, lessons = self.settings, list[_Lesson]()
        for lesson in self.meta:
            q, r, f, better = dataclasses.astuple(lesson)
            terms: dict[str, _Lesson] = {
                "feedback": (self._say(q, r, settings.feedback_prompt), f, weight),
                "refinement": (self._say(q, r, settings.feedback_prompt, f, settings.refine_prompt), better, weight),
                "direct": (self._say(q), better, weight * settings.beta),
            }
            lessons += [terms[name] for name in settings.terms]
            if settings.self_instruct and settings.iterations > 1:
                lessons.append((self._say(settings.question_prompt), q, weight))
        return lessons

    def _fit(self, lessons: Sequence[_Lesson], row: dict[str, float]) -> None:
        """Do one phase on the lessons that fit the context window."""
        sequences: list[TokenSequence] = []
        weights: list[float] = []
        for messages, reply, weight in lessons:
            if (sequence := imitation(self.training.agent, messages, reply)) is not None:
                sequences.append(sequence)
                weights.append(weight)
        if not sequences:
            raise ConfigurationError(
                f"none of {len(lessons)} lessons fits the model's context window; shorten max_tokens or the prompts"
            )
        self.phases.fit(sequences, {**row, "step": int(row["step"])}, weighted_loss, {"weight": weights})

    def _ask(self, name: str, conversations: Sequence[Sequence[Message]]) -> list[str | None]:
        with self.training.held.playing():
            seeds = self.training.seeds.child("replies", name)
            return ask(self.training.agent, conversations, seeds, self.settings.temperature)

    def _say(self, *texts: str) -> tuple[Message, ...]:
        return conversation(self.training.agent, *texts)

    def _draws(self, phase: int, number: int) -> list[Draw]:
        """Return the problems of a phase, which are others than those of the phases before."""
        settings, problems = self.settings, self.training.seeds.child("problems")
        first = 0 if not phase else settings.num_seeds + (phase - 1) * settings.num_queries
        return [self.training.source.draw(problems, first + k) for k in range(number)]
