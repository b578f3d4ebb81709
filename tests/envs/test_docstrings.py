"""Every registered environment is documented under the same headings."""

import gymnasium as gym
import pytest
from gymnasium.envs.registration import load_env_creator

import quintain  # noqa: F401  # registers the environments

HEADINGS = (
    "Description", "Observation", "Action", "Reward", "Episode end", "Info", "Arguments", "Determinism", "Source",
    "Version history",
)  # fmt: skip
OURS = sorted({str(s.entry_point) for s in gym.registry.values() if str(s.entry_point).startswith("quintain.")})


@pytest.mark.parametrize("entry_point", [*OURS, "quintain.envs.games.repeated:RepeatedGame"])
def test_the_class_docstring_has_all_headings_in_order(entry_point):
    text = load_env_creator(entry_point).__doc__
    found = [
        text.find(f"\n    {name}:\n") if f"\n    {name}:\n" in text else text.find(f"## {name}") for name in HEADINGS
    ]
    assert -1 not in found
    assert found == sorted(found)
