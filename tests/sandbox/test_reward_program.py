"""Designed reward functions at work: scale, memories, failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quintain.errors import ConfigurationError
from quintain.reward_signature import RewardInput, RewardSignature, pack, rows_of, to_columns
from quintain.sandbox.designed_reward import DesignedReward
from quintain.sandbox.reward_file import load_reward, save_reward
from quintain.sandbox.reward_program import RewardProgram
from quintain.sandbox.reward_source import RewardSourceError

SIGNATURE = RewardSignature(
    "walk",
    (
        RewardInput("near", "places", "", ("log", "lava")),
        RewardInput("have", "counts", "", ("dirt", "stone")),
        RewardInput("place", "vector", "", size=2),
        RewardInput("speed", "number", ""),
        RewardInput("way", "text", "", ("left", "right")),
        RewardInput("goal_reached", "flag", ""),
    ),
)
HEAD = f"def {SIGNATURE.header}:\n"
ROW: dict[str, Any] = {"near": {}, "have": {}, "place": (0.0, 0.0), "speed": 0.0, "way": "left", "goal_reached": False}


def rewards(body: str, *batches: list[dict[str, Any]], begun: list[list[bool]] | None = None) -> Any:
    with RewardProgram(HEAD + body, SIGNATURE) as program:
        found = []
        for k, batch in enumerate(batches):
            columns = to_columns([{**ROW, **row} for row in batch], SIGNATURE)
            first = begun[k] if begun else [k == 0] * len(batch)
            found.append(program(columns, len(batch), np.array(first)))
        return found, program.counts


def test_the_runtime_owns_the_scale():
    body = "    return (1000 if goal_reached else -7 * (speed < 0)), speed * 55\n"
    (found,), _ = rewards(body, [{"speed": 3.0, "goal_reached": True}, {"speed": -1.0}, {"speed": 2.0}, {}])
    assert found.value.tolist() == pytest.approx([1.1, -1.1, 0.1, 0.0])


def test_the_function_sees_every_kind_of_input():
    body = (
        "    good = near == {'log': (1.0, 2.0, 3.0)} and have == {'stone': 4} and place == (5.0, 6.0)\n"
        "    return good and way == 'right' and goal_reached, speed\n"
    )
    row = {"near": {"log": (1.0, 2.0, 3.0)}, "have": {"stone": 4}, "place": (5.0, 6.0), "speed": 7.0, "way": "right",
           "goal_reached": True}  # fmt: skip
    (found,), _ = rewards(body, [{}, row, {}])
    assert found.value.tolist() == pytest.approx([0.0, 1.1, 0.0])
    assert rows_of(to_columns([row], SIGNATURE), SIGNATURE) == [row]
    assert len(pack(to_columns([row], SIGNATURE), SIGNATURE)) == 4 * (5 + 3 + 2 + 1 + 1 + 1)


def test_memories_belong_to_episodes():
    body = "    memory['n'] = memory.get('n', 0) + 1\n    return 0, memory['n'] - 2\n"
    found, _ = rewards(body, [{}, {}], [{}, {}], [{}, {}], begun=[[True, True], [False, True], [False, False]])
    assert [step.dense.tolist() for step in found] == [[-1, -1], [0, -1], [1, 0]]


@pytest.mark.parametrize(
    ("body", "error", "kind"),
    [
        ("    return 0, math.inf\n", "two finite numbers", "invalid"),
        ("    return 0, math.inf - math.inf\n", "two finite numbers", "invalid"),
        ("    return 'a', 0\n", "two numbers", "invalid"),
        ("    return None\n", "TypeError", "error"),
        ("    return 0, near['log'][0]\n", "KeyError", "error"),
        ("    while True:\n        pass\n", "timeout", "timeout"),
    ],
)
def test_failures_are_no_zeros(body: str, error: str, kind: str):
    (found,), counts = rewards(body, [{}, {}])
    assert np.isnan(found.value).all()
    assert all(error in text for text in found.errors)
    assert counts[kind] == 2


def test_rows_whose_memory_was_lost_fail_until_their_episode_begins():
    body = "    while speed > 1:\n        pass\n    return 0, 1\n"
    begun = [[True, True], [False, False], [False, True], [True, False]]
    found, _ = rewards(body, [{}, {}], [{"speed": 2.0}, {}], [{}, {}], [{}, {}], begun=begun)
    assert [np.isfinite(step.value).tolist() for step in found] == [[True] * 2, [False] * 2, [False, True], [True] * 2]
    assert "memory was lost" in found[2].errors[0]


def test_one_failing_row_leaves_the_others_alone():
    (found,), _ = rewards("    return 0, 1 / speed\n", [{"speed": 1.0}, {}, {"speed": -1.0}])
    assert found.dense[[0, 2]].tolist() == [1.0, -1.0]
    assert "ZeroDivisionError" in found.errors[1]


def test_a_file_holds_a_reward_and_its_facts(tmp_path: Path):
    path = save_reward(tmp_path / "reward.py", HEAD + "    return 1, 0\n", {"designer": "hand"})
    assert load_reward(path).facts == {"designer": "hand"}
    compile(path.read_text(), "reward.py", "exec")
    designed = DesignedReward(path, SIGNATURE)
    assert designed.rewards(to_columns([ROW], SIGNATURE)).value.tolist() == [1.0]
    designed.close()
    path.write_text("def reward(): ...")
    with pytest.raises(RewardSourceError, match="expected def reward"):
        DesignedReward(path, SIGNATURE)
    with pytest.raises(ConfigurationError, match="no reward can be read"):
        DesignedReward(tmp_path / "none.py", SIGNATURE)


def test_a_function_reaches_its_parameters_and_plain_built_in_functions_alone(monkeypatch: pytest.MonkeyPatch):
    """Also where a source passes the check that should not: here, without any check."""
    monkeypatch.setattr("quintain.sandbox.reward_program.check_source", lambda source, signature: None)
    for name in ("eval", "open", "__import__", "_memories", "_rewards", "_reward"):
        (found,), _ = rewards(f"    return 0, len(str({name}))\n", [{}])
        assert found.errors == (f"NameError: name '{name}' is not defined",)


def test_an_input_may_have_the_name_of_a_built_in_function():
    signature = RewardSignature("hold", (RewardInput("hash", "number", ""),))
    with RewardProgram("def reward(hash, memory):\n    return 0, hash\n", signature) as program:
        assert program(to_columns([{"hash": 2.0}], signature), 1, np.array([True])).dense.tolist() == [1.0]


def test_signatures_have_distinct_names():
    with pytest.raises(ConfigurationError, match="distinct names"):
        RewardSignature("x", (RewardInput("memory", "number", ""),))
