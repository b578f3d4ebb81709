"""SelfCorrect-v0: two attempts at one question, nothing that gives the first verdict away, and the metrics by hand."""

import gymnasium as gym
import numpy as np
import pytest

import quintain
from quintain.envs.self_correct import correction_metrics, edit_histogram, edit_ratio
from quintain.envs.self_correct.env import REVISE
from quintain.errors import ConfigurationError, EnvironmentFault
from quintain.spaces import UnicodeText

SUMS = {"env_kwargs": {"tasks": "mini_sum", "rules": False}}
ROWS = {"env": "QuestionAnswering-v0", "env_kwargs": {"tasks": [{"question": "1 + 1?", "answer": "2"}]}}
THREE = {**ROWS, "env_kwargs": {"tasks": [{"question": f"{n} + 1?", "answer": n + 1} for n in range(3)]}}


class Odd(gym.Env):
    """A text environment with a fault: without success, endless, or with another question after each reset."""

    def __init__(self, fault=""):
        self.observation_space = self.action_space = UnicodeText(100)
        self.fault, self.resets = fault, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.resets += 1
        return f"question {self.resets if self.fault == 'moves' else ''}", {}

    def step(self, action):
        info = {} if self.fault == "no success" else {"success": action == "yes"}
        if self.fault == "no verdict":
            info = {"reward_error": "the judge is silent"}
        return "", 0.0, self.fault != "endless", False, info


@pytest.fixture(autouse=True)
def _odd_env():
    if "Odd-v0" not in gym.registry:
        gym.register("Odd-v0", entry_point=f"{__name__}:Odd")


def played(*replies, **kwargs):
    env = gym.make("SelfCorrect-v0", **(kwargs or ROWS))
    env.reset(seed=0)
    return [env.step(reply) for reply in replies]


def test_an_episode_asks_the_question_and_then_for_a_revision():
    env = gym.make("SelfCorrect-v0", **ROWS)
    assert env.reset(seed=0)[0] == "1 + 1?"
    request, reward, terminated, truncated, info = env.step("3")
    assert (request, reward, terminated, truncated) == (REVISE, 0.0, False, False)
    _, reward, terminated, _, info = env.step("2")
    assert (reward, terminated, info["success"]) == (1.0, True, True)
    assert info["reward_terms"] == {"first": 0.0, "second": 1.0}
    assert [attempt["answer"] for attempt in info["attempts"]] == ["3", "2"]
    with pytest.raises(gym.error.ResetNeeded):
        env.step("2")


@pytest.mark.parametrize(
    ("first", "second", "reward", "fixed", "broken", "changed"),
    [("3", "2", 1.0, 1, 0, 1), ("2", "2", 2.0, 0, 0, 0), ("2", "3", 1.0, 0, 1, 1), ("3", "4", 0.0, 0, 0, 1)],
)
def test_rewards_and_metrics_of_the_four_pairs_of_attempts(first, second, reward, fixed, broken, changed):
    *_, (_, paid, _, _, info) = played(first, second)
    found = info["metrics"]
    assert paid == reward
    assert (found["fixed"], found["broken"], found["changed"]) == (fixed, broken, changed)
    assert found["second"] - found["first"] == found["delta"] == fixed - broken


def test_the_first_step_is_the_same_after_right_and_wrong_attempts():
    (right,), (wrong,) = played("2"), played("3")
    assert right == wrong


def test_the_first_step_does_not_say_that_the_reply_could_not_be_read():
    right, wrong, unreadable = (played(reply, "<<<0>>>", **SUMS) for reply in ("<<<1>>>", "<<<2>>>", "no idea"))
    assert right[0] == wrong[0] == unreadable[0]
    first, second = unreadable[1][4]["attempts"]
    assert first["parse_error"]
    assert second["parse_error"] is unreadable[1][4]["parse_error"] is None


def test_equal_answers_in_other_words_are_no_change():
    *_, (_, _, _, _, info) = played("answer: 2", "It is 2.\nAnswer: 2")
    assert (info["metrics"]["changed"], info["metrics"]["second"]) == (0.0, 1.0)
    assert info["metrics"]["edit_distance"] > 0


def test_seeds_and_items_are_those_of_the_environment():
    inner = gym.make("CodeReason-v0", code=False, **SUMS["env_kwargs"])
    outer = gym.make("SelfCorrect-v0", **SUMS)
    assert outer.reset(seed=5)[0] == inner.reset(seed=5)[0]
    assert outer.reset()[0] != outer.reset()[0]
    assert outer.unwrapped.solution() == f"<<<{outer.unwrapped._env.unwrapped.problem.answer}>>>"
    assert gym.make("SelfCorrect-v0", **ROWS).unwrapped.item_count == 1


@pytest.mark.parametrize("kwargs", [SUMS, THREE, {**THREE, "show_question": True}], ids=["sums", "rows", "shown"])
def test_it_passes_the_checks(kwargs):
    quintain.check("SelfCorrect-v0", kwargs)


def test_programs_are_not_run_unless_asked_for():
    env = gym.make("SelfCorrect-v0", **SUMS).unwrapped
    assert not env._env.unwrapped.runs_code
    spent = {"env_kwargs": {**SUMS["env_kwargs"], "code": True}}
    *_, (_, _, _, _, info) = played("```python\nprint(1)\n```", "<<<0>>>", **spent)
    assert "single reply" in info["attempts"][0]["parse_error"]


def test_invalid_actions_are_failed_attempts_of_which_nothing_is_compared():
    first, (_, reward, _, _, info) = played("x" * 10**6, None)
    assert first[4]["invalid_action"]
    assert info["invalid_action"]
    assert (reward, info["metrics"]["edit_distance"]) == (0.0, 0.0)


def test_what_cannot_be_corrected_is_refused():
    with pytest.raises(ConfigurationError, match="no text environment"):
        gym.make("SelfCorrect-v0", env="CartPole-v1")
    with pytest.raises(ConfigurationError, match="revise"):
        gym.make("SelfCorrect-v0", revise=" ")
    with pytest.raises(ConfigurationError, match="does not report success"):
        played("yes", env="Odd-v0", env_kwargs={"fault": "no success"})
    with pytest.raises(EnvironmentFault, match="another question"):
        played("yes", env="Odd-v0", env_kwargs={"fault": "moves"})


def test_an_attempt_that_the_environment_does_not_end_is_wrong():
    *_, (_, reward, terminated, _, info) = played("yes", "yes", env="Odd-v0", env_kwargs={"fault": "endless"})
    assert (reward, terminated, info["success"]) == (0.0, True, False)


def test_an_attempt_that_cannot_be_judged_is_no_failure():
    *_, (_, reward, _, _, info) = played("yes", "yes", env="Odd-v0", env_kwargs={"fault": "no verdict"})
    assert (reward, info["reward_terms"], info["metrics"]) == (0.0, {}, {})
    assert "success" not in info
    assert info["reward_error"] == "the judge is silent"


def levenshtein(first, second):
    """The textbook recurrence."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def test_edit_ratios_equal_the_textbook_recurrence():
    rng = np.random.default_rng(0)
    for _ in range(60):
        first, second = ("".join(rng.choice(list("abü"), size=rng.integers(0, 9))) for _ in range(2))
        total = len(first) + len(second)
        assert edit_ratio(first, second) == pytest.approx(levenshtein(first, second) / total if total else 0.0)
    assert edit_ratio("kitten", "sitting") == 3 / 13
    assert edit_ratio("a" * 10**5, "a" * 10**5 + "b") == 0.0  # beyond what is compared


def test_metrics_without_answers_compare_texts():
    assert correction_metrics(True, True, "a ", "a")["changed"] == 0.0
    assert correction_metrics(True, True, "a", "b")["changed"] == 1.0
    assert edit_histogram([]).tolist() == [0.0] * 10
    assert edit_histogram([0.05, 0.5, 1.0]).tolist() == pytest.approx([1 / 3, *[0] * 4, 1 / 3, *[0] * 3, 1 / 3])


def test_means_over_a_run_are_the_five_metrics():
    replies = iter(["2", "3", "3", "2", "2", "2", "3", "3"])
    report = quintain.evaluate("SelfCorrect-v0", lambda seen: next(replies), episodes=4, env_kwargs=ROWS, concurrency=1)
    found = [episode.info["metrics"] for episode in report.episodes]
    assert {name: np.mean([f[name] for f in found]) for name in ("first", "second", "fixed", "broken", "changed")} == {
        "first": 0.5, "second": 0.5, "fixed": 0.25, "broken": 0.25, "changed": 0.5
    }  # fmt: skip
