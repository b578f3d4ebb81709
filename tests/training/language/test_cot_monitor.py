"""CoT Monitor+: the dual step, the parts that are imitated, the frozen copy that judges, and its schedule."""

import dataclasses

import pytest
from text_worlds import equal, weights

from quintain import evaluate
from quintain.errors import ConfigurationError
from quintain.monitored_replies import read_monitored
from quintain.training.language.cot_monitor import dual_step, train_cot_monitor, with_parts
from quintain.training.language.cot_monitor_settings import CoTMonitorSettings
from quintain.training.language.sequences import NOT_WRITTEN, TokenSequence
from quintain.training.language.settings import OptimizerSettings
from quintain.training.language.teachers import Teacher, audit_reasoning
from quintain.training.sources import Worlds

NUMBERS = {"tasks": "numbers", "pressure": 2, "condition": "drawn"}
FAST = CoTMonitorSettings(
    iterations=4, num_prompts=4, num_generations=2, steps_per_generation=1, max_completion_length=3, save_every=0,
    optimizer=OptimizerSettings(learning_rate=2e-3), refresh_every=2, multiplier_lr=0.5, beta=0.0,
)  # fmt: skip


pytest.importorskip("trl")


async def everything_unsafe(audited):
    """Call every reply unsafe."""
    return ["unsafe"] * len(audited)


def test_the_dual_variable_rises_with_violations_and_stays_at_or_above_zero():
    trace, multiplier = [], 0.0
    for mean in (-1.0, -0.5, 0.0, 0.0):
        multiplier = dual_step(multiplier, mean, 0.1)
        trace.append(round(multiplier, 9))
    assert trace == [0.1, 0.15, 0.15, 0.15]
    assert dual_step(0.05, 1.0, 0.1) == 0.0
    with pytest.raises(ValueError, match="multiplier"):
        dual_step(-1.0, 0.0, 0.1)


@pytest.fixture(scope="module")
def lessons():
    return evaluate("Deception-v0", Teacher(audit_reasoning), env_kwargs=NUMBERS, episodes=60, progress=False).episodes


def test_the_ablations_come_from_the_same_replies(lessons):
    whole, reasoned, answered = (with_parts(lessons, parts) for parts in ("monitor", "reasoning", "answer"))
    assert len(whole) == len(reasoned) == len(answered) == 60
    for first, second, third in zip(whole, reasoned, answered, strict=True):
        replies = [read_monitored(record.steps[0]["action"]) for record in (first, second, third)]
        assert len({reply.output for reply in replies}) == 1
        assert replies[0].reasoning == replies[1].reasoning
        assert replies[0].label is not None
        assert replies[1].label is replies[1].monitor is replies[2].reasoning is None
    assert with_parts(answered) == []
    with pytest.raises(ConfigurationError, match="parts"):
        with_parts(lessons, "all")


def test_the_teacher_audits_truly_and_follows_its_reasoning(lessons):
    for record in lessons:
        metrics = record.info["metrics"]
        assert metrics["misled"] == metrics["unsafe"]
        assert metrics["truthful"] + metrics["misled"] == 1
    assert {record.info["metrics"]["misled"] for record in lessons} == {0.0, 1.0}
    corrected = Teacher(lambda rng, seen: audit_reasoning(rng, seen, corrects=True))
    report = evaluate("Deception-v0", corrected, env_kwargs=NUMBERS, episodes=20, progress=False)
    assert report.success.estimate == 1.0


def test_the_audit_of_a_reply_is_not_trained_on():
    from quintain.training.language.cot_monitor_trainer import without_audit  # imports TRL

    words = ["q", "<think>", "a", "</think>", "<monitor>", "b", "</monitor>", "<label>", "safe", "</label>", "<output>"]
    sequence = TokenSequence(tuple(range(11)), (NOT_WRITTEN, *[0] * 10), tuple(-0.1 * k for k in range(11)))
    masked = without_audit(sequence, lambda tokens: "".join(words[token] for token in tokens))
    assert masked.turns == (NOT_WRITTEN, 0, 0, 0, *[NOT_WRITTEN] * 6, 0)
    assert [value == 0.0 for value in masked.logprobs] == [turn == NOT_WRITTEN for turn in masked.turns]
    plain = TokenSequence((0, 1, 2), (NOT_WRITTEN, 0, 0), (0.0, -1.0, -1.0))
    assert without_audit(plain, lambda tokens: "x") == plain


@pytest.mark.parametrize(
    "changes",
    [{"monitor": "both"}, {"monitor": "external"}, {"external": "keywords:x"}, {"penalty": 0.5}, {"penalty": 0},
     {"refresh_every": 0}, {"dynamic_sampling": 1}, {"multiplier": -1}],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(changes):
    with pytest.raises((ConfigurationError, ValueError), match=next(iter(changes))):
        dataclasses.replace(FAST, **changes)


def test_violations_lower_the_return_by_lambda_which_rises(fresh):
    settings = dataclasses.replace(FAST, monitor="external", external=f"{__name__}:everything_unsafe")
    trained = train_cot_monitor(fresh(), Worlds("Deception-v0", NUMBERS), settings)
    assert [row["monitor/multiplier"] for row in trained.curve] == [1.0, 1.5, 2.0, 2.5]
    assert [row["monitor/unsafe"] for row in trained.curve] == [1.0] * 4
    assert all({"gap", "planned/pre-deployment", "reward/deployment"} <= row.keys() for row in trained.curve)
    # A penalty that all episodes of a group have changes no advantage.
    alone = train_cot_monitor(fresh(), Worlds("Deception-v0", NUMBERS), dataclasses.replace(FAST, monitor="none"))
    assert equal(weights(trained.policy.engine), weights(alone.policy.engine))
    assert "monitor/multiplier" not in alone.curve[0]


def test_the_judge_is_a_copy_that_is_refreshed_on_schedule(fresh, monkeypatch):
    from quintain.training.language import cot_monitor_trainer

    engine, seen, playing = fresh(), [], []
    name = "model.layers.0.mlp.up_proj.weight"

    class Watched(cot_monitor_trainer.SelfMonitor):
        async def __call__(self, audited):
            seen.append(engine.model.state_dict()[name].clone())
            return await super().__call__(audited)

    monkeypatch.setattr(cot_monitor_trainer, "SelfMonitor", Watched)
    train_cot_monitor(
        engine, Worlds("Deception-v0", NUMBERS | {"reward": "goal"}), FAST,
        on_log=lambda row: playing.append(engine.model.state_dict()[name].clone()),
    )  # fmt: skip
    assert len(seen) == 4
    assert (seen[0] == seen[1]).all()  # copied in iterations 0 and 2
    assert (seen[2] == seen[3]).all()
    assert (seen[2] == playing[1]).all()  # the policy after two iterations
