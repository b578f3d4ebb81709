"""Which environments implement the protocols that runners test with isinstance."""

import gymnasium as gym
import pytest

import quintain  # noqa: F401  # registers the environments
from quintain.envs.games import RepeatedGame
from quintain.envs.protocols import BlockingEnv, DescribedEnv, SolvableEnv


def test_code_reason_implements_all_three_protocols():
    env = gym.make("CodeReason-v0").unwrapped
    assert isinstance(env, DescribedEnv)
    assert isinstance(env, SolvableEnv)
    assert isinstance(env, BlockingEnv)


def test_a_repeated_game_implements_only_the_rules_protocol():
    game = RepeatedGame("prisoners_dilemma", rounds=3, view="text")
    assert isinstance(game, DescribedEnv)
    assert not isinstance(game, SolvableEnv | BlockingEnv)
    assert game.describe() == {"rules": game.rules.fingerprint(game.game), "view": "text", "memory": 1}


@pytest.mark.parametrize("protocol", [DescribedEnv, SolvableEnv, BlockingEnv])
def test_a_plain_gymnasium_environment_implements_no_protocol(protocol):
    assert not isinstance(gym.make("CartPole-v1").unwrapped, protocol)
