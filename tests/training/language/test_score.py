"""SCoRe: returns and advantages by hand, the divergence of each turn in the loss, and trainings in small."""

import gymnasium as gym
import numpy as np
import pytest
from text_worlds import SayLetter

from quintain.errors import ConfigurationError
from quintain.records import EpisodeRecord
from quintain.training.language.rollouts import Rollout
from quintain.training.language.score import attempts_of, score_returns, train_score
from quintain.training.language.score_settings import SCoRESettings
from quintain.training.language.score_traces import pair_traces, star_traces
from quintain.training.language.settings import LoraSettings, OptimizerSettings
from quintain.training.language.sft import SFTSettings, imitated_sequences
from quintain.training.sources import Worlds

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

FAST = OptimizerSettings(learning_rate=2e-3)
LETTERS = {"env": "SayLetter-v0", "revise": "again"}
WORLD = Worlds("SelfCorrect-v0", LETTERS)


@pytest.fixture(autouse=True)
def _letters():
    gym.register("SayLetter-v0", entry_point="text_worlds:SayLetter")
    yield
    del gym.registry["SayLetter-v0"]


def small(**changes):
    sizes = {"iterations": 2, "stage1_iterations": 1, "num_prompts": 8, "steps_per_generation": 2}
    return SCoRESettings(**{**sizes, "max_completion_length": 3, "save_every": 1, "optimizer": FAST, **changes})


def episode(first, second, *, question="q", texts=("a", "b"), index=0, outcome="failure"):
    steps = [{"observation": o, "action": a, "reward": 0.0} for o, a in zip(("q", "again"), texts, strict=True)]
    metrics = {} if first is None else {"first": first, "second": second}
    return EpisodeRecord(index, 0, outcome, {"agent": 0.0}, steps, info={"task_id": question, "metrics": metrics})


def rollout(first, second, **options):
    return Rollout(episode(first, second, **options), 0, (), (0.0, 0.0), 0.0)


def advantages(rollouts, stage, **changes):
    from quintain.training.language.score_trainer import correction_advantages

    return np.array(correction_advantages(rollouts, small(**changes), stage))


FOUR = [(0, 1), (1, 1), (1, 0), (0, 0)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"alpha": 10}, [(0, 11), (1, 1), (1, -10), (0, 0)]),
        ({"alpha": 0}, [(0, 1), (1, 1), (1, 0), (0, 0)]),
        ({"rewarded": "first"}, [(0, 0), (1, 0), (1, 0), (0, 0)]),
        ({"rewarded": "second", "alpha": 0}, [(0, 1), (0, 1), (0, 0), (0, 0)]),
    ],
)
def test_returns_of_stage_two_by_hand(changes, expected):
    assert [score_returns(*attempts, stage=2, **changes) for attempts in FOUR] == expected


def test_stage_one_rewards_the_second_attempt_alone():
    assert [score_returns(*attempts, stage=1) for attempts in FOUR] == [(0, 1), (0, 1), (0, 0), (0, 0)]


def test_advantages_have_a_baseline_for_each_turn():
    four = [rollout(*attempts) for attempts in FOUR]
    # Turn 1: 0, 1, 1, 0, mean 0.5. Turn 2: 11, 1, -10, 0, mean 0.5.
    assert advantages(four, 2).tolist() == [[-0.5, 10.5], [0.5, 0.5], [0.5, -10.5], [-0.5, -0.5]]
    assert advantages(four, 1).tolist() == [[0, 0.5], [0, 0.5], [0, -0.5], [0, -0.5]]


def test_the_scale_of_one_turn_is_not_that_of_the_other():
    found = advantages([rollout(*attempts) for attempts in FOUR], 2, scale="batch")
    assert np.abs(found[:, 0]).max() == pytest.approx(np.sqrt(3) / 2, rel=1e-3)  # not squashed by the bonus
    assert found[:, 1].std(ddof=1) == pytest.approx(1, rel=1e-3)


def test_with_a_discount_factor_the_first_turn_is_credited_with_the_bonus():
    """The mistake that the paper warns of: failing first pays."""
    found = advantages([rollout(*attempts) for attempts in FOUR], 2, gamma=1.0)
    assert found[0, 0] > 0 > found[2, 0]  # wrong and corrected beats right and spoiled at the first turn
    assert found[0, 0] > found[1, 0]  # and right twice


def test_episodes_without_two_verdicts_are_in_no_baseline():
    odd = [rollout(0, 1), rollout(1, 1), rollout(None, None), rollout(1, 1, outcome="error")]
    assert advantages(odd, 2).tolist() == [[-0.5, 5], [0.5, -5], [0, 0], [0, 0]]
    assert attempts_of(odd[2].record) is None
    with pytest.raises(ConfigurationError, match="SelfCorrect-v0"):
        advantages(odd[2:], 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stage1_iterations": 3}, "stage I is a part of the 2 iterations"),
        ({"alpha": -1}, "alpha"),
        ({"rewarded": "third"}, "rewarded"),
        ({"credit": "episode"}, "credits turns"),
        ({"baseline": "none"}, "baseline"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        small(**changes)


def test_it_trains_in_two_stages_and_measures_corrections(fresh):
    settings = small(steps_per_generation=1, eval_every=2, eval_episodes=4, pass_k=2)
    trained = train_score(fresh(), WORLD, settings, evaluation=WORLD)
    rows = [row for row in trained.curve if "reward" in row]
    assert [row["stage"] for row in rows] == [1, 2]
    assert rows[0]["kl/first"] == pytest.approx(0, abs=1e-6)  # the first step is taken from the start policy itself
    assert rows[1]["kl/second"] > 1e-5
    assert {"eval/first", "eval/greedy second", "eval/fixed", "eval/sampled"} <= trained.curve[0].keys()


def test_the_reward_of_stage_two_is_learned(fresh):
    settings = small(iterations=6, stage1_iterations=1, num_prompts=48, steps_per_generation=4)
    rows = train_score(fresh(), WORLD, settings, seed=1).curve
    assert rows[-1]["metrics/first"] > rows[0]["metrics/first"] + 0.1
    assert rows[-1]["metrics/second"] > rows[0]["metrics/second"] + 0.1


@pytest.fixture
def batches(monkeypatch):
    """The batch of each iteration, as the trainer made it."""
    from quintain.training.language.score_trainer import SCoRETrainer

    found, make = [], SCoRETrainer._generate_and_score_completions
    monkeypatch.setattr(
        SCoRETrainer, "_generate_and_score_completions",
        lambda self, inputs: found.append(make(self, inputs)) or found[-1],
    )  # fmt: skip
    return found


def test_stage_one_adds_to_the_weight_of_the_first_turn_alone(fresh, batches):
    """The weights of the divergence of both turns, by hand: 0.3 + 2 and 0.3 in stage I, 0.3 in stage II."""
    train_score(fresh(), WORLD, small(beta=0.3, beta2=2.0))
    for batch, added in zip(batches, (2.0, 0.0), strict=True):
        written, first = (batch["completion_mask"] * batch["tool_mask"]).bool(), batch["first_turn"].bool()
        assert (written & first).any()
        assert (written & ~first).any()
        torch.testing.assert_close(batch["kl_weights"][written & first].unique(), torch.tensor([0.3 + added]))
        torch.testing.assert_close(batch["kl_weights"][written & ~first].unique(), torch.tensor([0.3]))


def test_episodes_without_two_verdicts_are_not_trained_on(fresh, batches, monkeypatch):
    """Neither by their divergence, nor as rows of the mean over episodes."""
    from quintain.training.language import score_trainer

    def judged(record):
        return attempts_of(record) if record.index % 4 == 0 else None

    played, advantages = [], score_trainer.correction_advantages
    monkeypatch.setattr(score_trainer, "attempts_of", judged)
    monkeypatch.setattr(
        score_trainer, "correction_advantages",
        lambda rollouts, *settings: played.append(rollouts) or advantages(rollouts, *settings),
    )  # fmt: skip
    train_score(fresh(), WORLD, small(steps_per_generation=1))
    for batch, rollouts in zip(batches, played, strict=True):
        rows = (batch["completion_mask"] * batch["tool_mask"]).any(1)
        assert len(rollouts) == 8
        assert rows.sum() == sum(len(r.sequences) for r in rollouts if judged(r.record) is not None)
        assert not batch["kl_weights"][~rows].any()


@pytest.mark.parametrize("lora", [None, LoraSettings(r=4)], ids=["all weights", "adapters"])
def test_the_penalty_of_stage_one_holds_the_first_turn_alone(fresh, lora):
    """With a penalty so large that it is all of the loss, the first turn moves less than without it."""
    moved = {}
    for beta2 in (0.0, 100.0):
        settings = small(
            iterations=3, stage1_iterations=3, num_prompts=24, steps_per_generation=1, beta=1e-9, beta2=beta2, lora=lora
        )
        last = train_score(fresh(), WORLD, settings, seed=2).curve[-1]
        moved[beta2] = last["kl/first"]
    assert moved[100.0] < moved[0.0] / 2


def test_an_environment_of_one_turn_is_refused(fresh):
    with pytest.raises(ConfigurationError, match="no episode has two attempts"):
        train_score(fresh(), Worlds(SayLetter), small())


def test_traces_of_star_are_corrections():
    records = [episode(*attempts, index=k) for k, attempts in enumerate(FOUR)]
    assert [r.index for r in star_traces(records)] == [0]
    assert [r.index for r in star_traces(records, plus=True)] == [0, 1]


def test_pairs_join_a_wrong_and_a_right_answer_to_the_same_question():
    records = [
        episode(0, 0, question="p", texts=("w1", "x")), episode(0, 1, question="p", texts=("w2", "x")),
        episode(1, 1, question="p", texts=("r1", "x")), episode(1, 0, question="p", texts=("r2", "x")),
        episode(0, 0, question="hard", texts=("w3", "x")), episode(1, 1, question="easy", texts=("r3", "x")),
        episode(None, None, question="p", texts=("?", "x")),
    ]  # fmt: skip
    pairs = [[step["action"] for step in r.steps] for r in pair_traces(records)]
    assert [first for first, _ in pairs] == ["w1", "w2"]
    assert {second for _, second in pairs} <= {"r1", "r2"}
    plus = [[step["action"] for step in r.steps] for r in pair_traces(records, plus=True)]
    assert ["r1", "r2"] in plus
    assert ["r3", "r3"] in plus
    assert records[0].steps[1]["action"] == "x"  # not changed
    assert pair_traces(records[:2]) == []


def test_the_first_answer_of_a_trace_is_context(engine):
    from quintain.training.language.policy import as_policy

    (both,), _ = imitated_sequences(as_policy(engine), [episode(0, 1, texts=("ab", "cde"))])
    (last,), _ = imitated_sequences(as_policy(engine), [episode(0, 1, texts=("ab", "cde"))], last_turn_only=True)
    assert both.token_ids == last.token_ids
    assert (both.written, last.written) == (3 + 4, 4)  # with end tokens
    assert SFTSettings(last_turn_only=True).last_turn_only
