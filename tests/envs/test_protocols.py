"""Which environments offer what runners look up with isinstance."""

import gymnasium as gym
import pytest

import quintain  # noqa: F401  # registers the environments
from quintain.envs.games import RepeatedGame
from quintain.envs.protocols import BlockingEnv, DescribedEnv, SolvableEnv


def test_code_reason_offers_all_three():
    env = gym.make("CodeReason-v0").unwrapped
    assert isinstance(env, DescribedEnv)
    assert isinstance(env, SolvableEnv)
    assert isinstance(env, BlockingEnv)


def test_a_repeated_game_describes_its_rules_and_nothing_else():
    game = RepeatedGame("prisoners_dilemma", rounds=3, view="text")
    assert isinstance(game, DescribedEnv)
    assert not isinstance(game, SolvableEnv | BlockingEnv)
    assert game.describe() == {"rules": game.rules.fingerprint(game.game), "view": "text", "memory": 1}


@pytest.mark.parametrize("protocol", [DescribedEnv, SolvableEnv, BlockingEnv])
def test_a_plain_gymnasium_environment_offers_none(protocol):
    assert not isinstance(gym.make("CartPole-v1").unwrapped, protocol)
