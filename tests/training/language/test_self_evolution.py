"""SELF: verdicts, metrics and loss by hand, and a loop that right answers cannot reach."""

import dataclasses
import json
import math

import pytest
import torch
from text_worlds import SayLetter, equal, weights

from quintain.errors import ConfigurationError
from quintain.training.language.labellers import label_sum
from quintain.training.language.phased_training import PhasedTraining
from quintain.training.language.self_dialogue import Dialogue, evolution_metrics, passes, read_verdict
from quintain.training.language.self_evolution import SELFSettings, train_self
from quintain.training.language.self_evolution_loop import weighted_loss
from quintain.training.language.settings import OptimizerSettings
from quintain.training.sources import Worlds

SMALL = SELFSettings(
    iterations=1, steps=1, num_seeds=3, num_queries=3, labeller="text_worlds:label", max_completion_length=3,
    batch_size=4, optimizer=OptimizerSettings(learning_rate=2e-3), filter="none",
)  # fmt: skip


class Inverted(SayLetter):
    """The same questions, with the verdicts the other way round."""

    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, 1 - reward, terminated, truncated, {**info, "success": not info["success"]}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("7+6=13 yes\nverdict: correct", True),
        ("  Verdict :  INCORRECT.  \n\n", False),
        ("verdict: not qualified", False),
        ("verdict: correct\nbut then again", None),  # not at the end
        ("verdict: correct\nverdict: incorrect", None),
        ("verdict: correct\nverdict: correct", True),
        ("verdict: correct or verdict: incorrect", None),
        ("this is not 'verdict: correct'", None),
        ("verdict: perfect", None),
        ("correct", None),
        ("", None),
        ("verdict:" * 10_000, None),
    ],
)
def test_a_verdict_is_read_from_a_last_line_alone(text, verdict):
    assert read_verdict(text) is verdict


def test_an_answer_passes_by_the_verdict_on_what_is_learned():
    dialogue = Dialogue("q", "a", "verdict: incorrect", "b", "verdict: correct")
    assert passes(dialogue)
    assert not passes(dialogue, refine=False)
    assert not passes(Dialogue("q", "a", "verdict: correct", "b", "?"))


def test_metrics_of_a_round_by_hand():
    said = ("verdict: incorrect", "verdict: incorrect", "verdict: correct", "?")
    dialogues = [Dialogue("q", "a", feedback, "b", "") for feedback in said]
    found = evolution_metrics(dialogues, [False, True, False, True], [True, False, False, True], [1, 0, 0, 1])
    assert found == {
        "accuracy/first": 0.5, "accuracy/refined": 0.5, "accuracy/kept": 1.0, "verdict/precision": 0.5,
        "verdict/recall": 0.5, "verdict/accuracy": pytest.approx(1 / 3), "verdict/unread": 0.25, "fixed": 0.25,
        "broken": 0.25,
    }  # fmt: skip
    assert all(map(math.isnan, evolution_metrics([], [], [], []).values()))


def test_the_labeller_finds_the_first_error_and_corrects_from_there():
    right = "7+6=13\n13+2=15\n<<<15>>>"
    assert label_sum("7+6+2=\n<<<number>>>", right) == ("7+6=13 yes\n13+2=15 yes\nverdict: correct", right)
    for answer in ("7+6=13\n13+2=14\n<<<14>>>", "7+6=13\n<<<15>>>", "7+6=13"):
        assert label_sum("7+6+2=", answer) == ("7+6=13 yes\n13+2=15 no\nverdict: incorrect", right)
    for answer in ("7+6=13\n13+2=15\n<<<14>>>", f"{right}\n<<<9>>>", "7+6=13\n13+2=15"):
        assert label_sum("7+6+2=", answer).feedback.endswith("<<<15>>> no\nverdict: incorrect")
    assert label_sum("7+6=", "").refined == "7+6=13\n<<<13>>>"


def test_the_loss_weights_sequences():
    logprobs = torch.tensor([[-1.0, -2.0], [-4.0, 0.0]])
    mask = torch.tensor([[True, True], [True, False]])
    assert float(weighted_loss(logprobs, mask, {"weight": torch.tensor([1.0, 1.0])})) == pytest.approx(7 / 3)
    assert float(weighted_loss(logprobs, mask, {"weight": torch.tensor([1.0, 0.5])})) == pytest.approx(5 / 3)


def test_right_answers_reach_the_metrics_and_nothing_else(fresh, tmp_path):
    engines, curves = [fresh(), fresh()], []
    for engine, world in zip(engines, (SayLetter, Inverted), strict=True):
        curves.append(train_self(engine, Worlds(world), SMALL, out=tmp_path / world.__name__).curve[-1])
    assert equal(weights(engines[0]), weights(engines[1]))
    assert curves[0]["accuracy/first"] == pytest.approx(1 - curves[1]["accuracy/first"])
    files = [(tmp_path / name / "samples" / "round-1.jsonl").read_text() for name in ("SayLetter", "Inverted")]
    assert files[0] == files[1]
    rows = [json.loads(line) for line in files[0].splitlines()]
    assert [set(row) for row in rows] == [
        {"question", "answer", "feedback", "refined", "second", "truncated", "kept"}
    ] * 3


class SometimesLong(SayLetter):
    """The same questions, of which those of even digits do not fit the context window of the tiny model."""

    def reset(self, *, seed=None, options=None):
        observation, info = super().reset(seed=seed, options=options)
        return observation * (1 if self.digit % 2 else 1500), info


def test_a_question_beyond_the_context_window_is_counted_and_others_are_learned(fresh, tmp_path):
    settings = dataclasses.replace(SMALL, num_seeds=6, num_queries=6)
    meta, row = train_self(fresh(), Worlds(SometimesLong), settings, out=tmp_path).curve
    rows = [json.loads(line) for line in (tmp_path / "samples" / "round-1.jsonl").read_text().splitlines()]
    long = [len(each["question"]) > 1 for each in rows]
    assert 0 < sum(long) < 6
    assert [each["truncated"] for each in rows] == long
    assert [each["kept"] for each in rows] == [not each for each in long]  # without a filter all others are kept
    assert all(each["answer"] == "" for each, cut in zip(rows, long, strict=True) if cut)
    assert (row["truncated"], row["kept"]) == (sum(long), 6 - sum(long))
    assert meta["truncated"] == 6 - meta["kept"] > 0


def test_the_model_does_not_ask_again_what_was_asked_or_what_it_is_evaluated_on(fresh, monkeypatch):
    from quintain.training.language import self_evolution_loop as loop

    evaluated = []
    questions_of = PhasedTraining.evaluation_questions
    monkeypatch.setattr(
        PhasedTraining, "evaluation_questions", lambda self: evaluated.extend(questions_of(self)) or evaluated
    )
    real, asked = loop.ask, []

    def replies(agent, conversations, seeds, temperature):
        """Make questions of digits in turn, and let the model write all else."""
        if conversations[0][-1]["content"] == SMALL.question_prompt:
            return [str(k % 20) for k in range(len(conversations))]
        asked.append([c[-1]["content"] for c in conversations])
        return real(agent, conversations, seeds, temperature)

    monkeypatch.setattr(loop, "ask", replies)
    settings = dataclasses.replace(
        SMALL,
        iterations=3,
        self_instruct=True,
        filter="verdict",
        num_queries=5,
        eval_every=4,
        eval_episodes=3,
        pass_k=1,
    )
    train_self(fresh(), Worlds(SayLetter), settings, evaluation=Worlds(SayLetter))
    rounds = [set(part) for part in asked if all(text.isdigit() for text in part)]
    own = rounds[2:]  # after those of the labeller and of the environment
    assert evaluated
    assert all(not part & set(evaluated) for part in own)
    assert all(not a & b for k, a in enumerate(rounds) for b in rounds[max(k + 1, 2) :])


def test_a_round_that_keeps_nothing_and_rehearses_nothing_changes_nothing_and_says_so(fresh):
    engines = [fresh(), fresh()]
    alone = dataclasses.replace(SMALL, filter="verdict", schedule="continual", rehearsal=False)
    with pytest.warns(UserWarning, match="keeps none of 3 answers"):
        trained = train_self(engines[0], Worlds(SayLetter), alone)
    assert trained.curve[-1]["kept"] == 0
    train_self(engines[1], Worlds(SayLetter), dataclasses.replace(alone, iterations=0))
    assert equal(weights(engines[0]), weights(engines[1]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"iterations": -1}, "iterations must be"),
        ({"temperature": 0.0}, "temperature must be"),
        ({"filter": "gold"}, "filter must be one of verdict, none, random"),
        ({"schedule": "never"}, "schedule must be one of"),
        ({"terms": ()}, "terms must be some of"),
        ({"terms": ("praise",)}, "terms must be some of"),
        ({"steps": 0}, "steps must be"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        SELFSettings(**changes)
