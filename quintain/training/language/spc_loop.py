"""The loop of SPC: lessons for both seats, then rounds of games and offline reinforcement learning."""

from __future__ import annotations

import copy
import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from quintain.engines import make_engine
from quintain.envs.critique.env import CRITIC, SNEAKY, Critique
from quintain.envs.critique.judgements import Judgement, critic_metrics, read_judgement
from quintain.errors import ConfigurationError
from quintain.records import EpisodeRecord
from quintain.training.language.asking import ask, conversation, imitation
from quintain.training.language.critique_lessons import CritiqueLesson, critic_lesson, natural_steps, sneaky_lesson
from quintain.training.language.grpo_trainer import raise_if_all_failed
from quintain.training.language.phased_training import PhasedTraining
from quintain.training.language.phases import Phases
from quintain.training.language.policy import at_temperature, with_adapters
from quintain.training.language.rollouts import play_rollouts
from quintain.training.language.sequences import TokenSequence, sequences_of
from quintain.training.language.spc_loss import spc_loss
from quintain.training.language.spc_settings import SPCSettings
from quintain.training.language.trl_trainer import HeldModel, save_model
from quintain.training.sources import Matches

__all__ = ["CriticGame", "Played", "balanced", "train_seats"]


class Played(NamedTuple):
    """What one seat wrote in one game.

    Attributes:
        sequence: The tokens.
        reward: What the seat won, 1 or -1.
        error: Whether the judged step was an error.
        round: Number of the round, from 1.
    """

    sequence: TokenSequence
    reward: float
    error: bool
    round: int


def balanced(games: Sequence[Played], rng: np.random.Generator) -> list[Played]:
    """Return as many games about right steps as about wrong ones, of each round.

    Args:
        games: Games of any rounds.
        rng: Generator that samples those games of a round of which it has more.
    """
    found: list[Played] = []
    for number in sorted({game.round for game in games}):
        kinds = [[g for g in games if g.round == number and g.error is error] for error in (True, False)]
        size = min(map(len, kinds))
        for kind in kinds:
            found += [kind[k] for k in sorted(rng.permutation(len(kind))[:size])]
    return found


def train_seats(training: PhasedTraining) -> None:
    """Train the critic in place, and the generator in an engine of its own."""
    settings: SPCSettings = training.settings
    with _second_engine(training) as engine:
        held = HeldModel(engine)
        seed = training.seeds.child("sneaky", "adapters").seed
        with held.training() as model, with_adapters(model, settings.lora, seed) as trained:
            CriticGame(training, engine, trained, held).run()
        if training.out is not None:
            save_model(engine.model, engine.tokenizer, training.out / "sneaky")


@contextmanager
def _second_engine(training: PhasedTraining) -> Iterator[Any]:
    """Make an engine with a copy of the model."""
    first: Any = training.agent.engine
    with tempfile.TemporaryDirectory(prefix="quintain-spc-") as folder:
        model: Any = copy.deepcopy(training.model)
        model = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
        save_model(model, first.tokenizer, Path(folder))
        dtype = str(model.dtype).removeprefix("torch.")
        engine: Any = make_engine("transformers", model=folder, device=str(model.device), dtype=dtype)
    try:
        yield engine
    finally:
        engine.close()


@dataclass
class CriticGame:
    """One training.

    Attributes:
        training: The training that goes on; its model is the critic.
        engine: Engine of the generator.
        model: Its model, perhaps with adapters.
        held: The lock of that model.
        games: Games of each seat so far.
        critics: Weights of the last critics, the newest last.
    """

    training: PhasedTraining
    engine: Any
    model: Any
    held: HeldModel
    games: dict[str, list[Played]] = field(default_factory=lambda: {SNEAKY: [], CRITIC: []})
    critics: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Prepare the phases of both seats, and their lessons."""
        on = self.training
        self.settings: SPCSettings = on.settings
        number, run = self.settings.iterations + 1, on.run
        first: Any = on.agent.engine
        self.phases = {
            seat: Phases(model, engine.tokenizer, self.settings, "start", number, on.seeds.child(seat), run, folder)
            for seat, model, engine, folder in (
                (CRITIC, on.model, first, run.checkpoints),
                (SNEAKY, self.model, self.engine, run.checkpoints / SNEAKY),
            )
        }
        self.agent = at_temperature(on.agent, self.settings.temperature)
        self.sneaky = copy.copy(self.agent)
        self.sneaky.engine = self.engine
        self.lessons = {seat: self._lessons(seat) for seat in (SNEAKY, CRITIC)}

    def run(self) -> None:
        """Train, from the last finished phase on."""
        run = self.training.run
        done, state = run.restore()
        if state is not None:
            self.games, self.critics = state["games"], state["critics"]
            for seat, phases in self.phases.items():
                phases.load(state["steps"][seat])
                phases.start = state["start"][seat]
        for phase in range(done, self.settings.iterations + 1):
            self.training.model.eval()
            self.model.eval()
            self._round(phase) if phase else self._teach()
            if found := self._measured(phase):
                run.log({"step": phase + 1, **found})
            steps = {seat: phases.steps for seat, phases in self.phases.items()}
            start = {seat: phases.start for seat, phases in self.phases.items()}
            run.save(phase + 1, {"games": self.games, "critics": self.critics, "steps": steps, "start": start})

    def _teach(self) -> None:
        """Let both seats learn from lessons; what they are then is the reference of all rounds."""
        for seat in (CRITIC, SNEAKY):
            self.phases[seat].fit(self.lessons[seat], {"step": 1} if seat == CRITIC else None)
            self.phases[seat].restart_from_here()
        self._keep_critic()

    def _round(self, number: int) -> None:
        """Play, and train both seats anew on what they wrote."""
        row, sneaky, critic = self._play(number), self.games[SNEAKY], self.games[CRITIC]
        rng = self.training.seeds.child("balanced", number).generator()
        critic = balanced(critic, rng) if self.settings.right_steps else [game for game in critic if game.error]
        row |= {"step": number + 1, "games/critic": float(len(critic)), "games/sneaky": float(len(sneaky))}
        self._learn(CRITIC, critic, row)
        self._learn(SNEAKY, sneaky, None)
        self._keep_critic()

    def _learn(self, seat: str, games: Sequence[Played], row: dict[str, float] | None) -> None:
        """Train a seat from its reference on, on games and as many lessons."""
        phases, settings, lessons = self.phases[seat], self.settings, self.lessons[seat]
        number = max(len(games), settings.batch_size)
        mixed = [lessons[k % len(lessons)] for k in range(number)]
        phases.model.load_state_dict(phases.start)
        reference = phases.mean_logprobs([game.sequence for game in games])
        loss = partial(spc_loss, epsilon=settings.epsilon, sft_weight=settings.sft_weight, kl_weight=settings.kl_weight)
        columns = {
            "reward": [game.reward for game in games] + [0.0] * number, "reference": reference + [0.0] * number
        }  # fmt: skip
        phases.fit([game.sequence for game in games] + mixed, row, loss, columns)

    def _play(self, number: int) -> dict[str, float]:
        """Play the games of a round against the last critics, and keep what the seats wrote."""
        settings, row = self.settings, dict[str, float]()
        if not settings.union:
            self.games = {SNEAKY: [], CRITIC: []}
        half = max(1, settings.games // 2)
        wrong: list[EpisodeRecord] = []
        for k, weights in enumerate(self.critics):
            self.training.model.load_state_dict(weights)
            part = range(k, half, len(self.critics))
            played = self._matches(number, part, right_share=0.0)
            shown = [r for r in played if r.outcome != "error" and r.info["seats"][SNEAKY]["metrics"]["valid"]]
            name = f"win/critic-{number - len(self.critics) + k}"
            if shown:
                row[name] = sum(r.returns[SNEAKY] > 0 for r in shown) / len(shown)
            wrong += played
        raise_if_all_failed(wrong)
        self.training.model.load_state_dict(self.critics[-1])
        wrong = [r for r in wrong if r.outcome != "error"]
        row["valid"] = sum(r.info["seats"][SNEAKY]["metrics"]["valid"] for r in wrong) / max(1, len(wrong))
        right = self._matches(number, range(half, 2 * half), right_share=1.0)
        for record in (*wrong, *(r for r in right if r.outcome != "error")):
            error = bool(sequences_of(record, SNEAKY))  # otherwise the critic judged a right step
            for seat, games in self.games.items():
                reward, written = record.returns.get(seat, 0.0), sequences_of(record, seat)
                if reward and written:
                    games.append(Played(written[0], reward, error, number))
        return row

    def _matches(self, number: int, part: range, *, right_share: float) -> list[EpisodeRecord]:
        """Play games of a round, as the models are now."""
        if not len(part):
            return []
        first = number * 2 * max(1, self.settings.games // 2)
        kwargs = {**self.training.source.env_kwargs, "right_share": right_share}
        source = Matches("Critique-v0", {CRITIC: self.agent}, kwargs)
        with self.training.held.playing(), self.held.playing():
            rollouts = play_rollouts(
                source, self.sneaky, groups=[first + k for k in part], group_size=1,
                seeds=self.training.seeds.child("games"), sink=self.training.run.add_episode,
            )  # fmt: skip
        return [rollout.record for rollout in rollouts]

    def _keep_critic(self) -> None:
        weights = copy.deepcopy(self.training.model.state_dict())
        self.critics = [*self.critics, weights][-self.settings.opponents :]

    def _lessons(self, seat: str) -> list[TokenSequence]:
        """Return the lessons of a seat."""
        game = Critique(**{**self.training.source.env_kwargs, "right_share": float(seat == CRITIC)})
        seeds = self.training.seeds.child("lessons", seat)
        rng, games, found = seeds.generator(), seeds.child("game"), []
        for k in range(self.settings.lessons):
            game.reset(seed=games[k])
            lesson: CritiqueLesson = (critic_lesson if seat == CRITIC else sneaky_lesson)(game, rng)
            agent = self.agent if seat == CRITIC else self.sneaky
            if (sequence := imitation(agent, conversation(agent, lesson.observation), lesson.reply)) is not None:
                found.append(sequence)
        if not found:
            raise ConfigurationError(
                f"none of the {self.settings.lessons} lessons of {seat} fits the model's context window: "
                "choose a model with a longer one, or shorter prompts (rules=False)"
            )
        return found

    def _measured(self, phase: int) -> dict[str, float]:
        """Return the metrics of the critic on natural errors."""
        game = Critique(**{**self.training.source.env_kwargs, "right_share": 1.0})
        seeds = self.training.seeds.child("measured")
        steps = natural_steps(game, self.settings.eval_steps, seeds.child("steps"))
        with self.training.held.playing():
            replies = ask(self.agent, [conversation(self.agent, s.observation) for s in steps], seeds, 0.0)
        judged = [Judgement(s.error, read_judgement(r or "")) for s, r in zip(steps, replies, strict=True)]
        return {f"eval/{n}": v for n, v in critic_metrics(judged).items() if not math.isnan(v)} if judged else {}
