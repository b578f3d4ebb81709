"""One seat of a repeated game as a Gymnasium environment, against opponents that a provider makes."""

import copy
import pickle
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from quintain.envs.games import register
from quintain.envs.transcripts import equal
from quintain.errors import ConfigurationError

register()


def copycat(name, *, env_id, seat, spaces, seed):
    """An opponent provider for tests: repeats the learner's last move, or plays at random."""
    if name == "random":
        rng = np.random.default_rng(seed)
        return lambda observation, info: int(rng.integers(2))
    return lambda observation, info: info["moves"][1] if info["moves"] else 0


PROVIDER = f"{__name__}:copycat"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__, type(sys)(__name__)))
    monkeypatch.setattr(sys.modules[__name__], "copycat", copycat, raising=False)


@pytest.mark.parametrize("view", ["numeric", "both", "flat", "text"])
def test_gymnasium_checker_passes(view):
    env = gymnasium.make("RepeatedGame-v0", provider=PROVIDER, opponent="random", view=view, noise=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*(unwrapped|render|spec).*")
        check_env(env.unwrapped, skip_render_check=True)


def test_one_seat_against_tit_for_tat():
    env = gymnasium.make("RepeatedGame-v0", provider=PROVIDER, rounds=3)
    _, info = env.reset(seed=0)
    assert info["opponent"] == "tit-for-tat"
    assert [env.step(move)[1] for move in (1, 1, 0)] == [10, 5, 0]


@pytest.mark.parametrize("view", ["numeric", "flat"])
def test_observations_of_the_single_agent_view_are_copies(view):
    env = gymnasium.make("RepeatedGame-v0", provider=PROVIDER, view=view)

    def arrays(observation):
        return list(observation.values()) if view == "numeric" else [observation]

    before, _ = env.reset(seed=0)
    expected = [array.copy() for array in arrays(before)]
    for array in arrays(before):
        array[:] = 1
    assert all(map(np.array_equal, arrays(env.reset(seed=0)[0]), expected))


def test_the_second_player_sees_its_own_payoffs():
    env = gymnasium.make("BattleOfTheSexes-v0", provider=PROVIDER, seat=1, rounds=1)
    env.reset(seed=0)
    assert env.step(0)[1] == 7


def test_several_opponents_are_drawn_and_one_can_be_chosen():
    env = gymnasium.make("RepeatedGame-v0", provider=PROVIDER, opponent=["random", "copy"])
    drawn = {env.reset(seed=seed)[1]["opponent"] for seed in range(20)}
    assert drawn == {"random", "copy"}
    assert env.reset(seed=0, options={"opponent": "copy"})[1]["opponent"] == "copy"


def test_the_spec_rebuilds_the_environment():
    env = gymnasium.make("RepeatedGame-v0", provider=PROVIDER, game=[[[1, 2], [3, 4]], [[1, 2], [3, 4]]], rounds=4)
    again = gymnasium.make(gymnasium.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert again.unwrapped.match.game.fingerprint == env.unwrapped.match.game.fingerprint


@pytest.mark.parametrize(
    "arguments", [{"seat": 2}, {"opponent": []}, {"provider": "nonsense"}, {"provider": "math:no_such_function"}]
)
def test_missing_opponents_are_refused(arguments):
    with pytest.raises(ConfigurationError):
        gymnasium.make("RepeatedGame-v0", **({"provider": PROVIDER} | arguments))


@pytest.mark.parametrize("opponent", ["tit-for-tat", "random", "hedge"])
@pytest.mark.parametrize("view", ["numeric", "text"])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_of_a_game_continues_exactly_as_the_original(opponent, view, duplicate):
    env = gymnasium.make("PrisonersDilemma-v0", opponent=opponent, view=view, noise=0.2)
    env.reset(seed=4)
    option = ("cooperate", "defect") if view == "text" else (0, 1)
    for _ in range(3):
        env.step(option[1])
    copied = duplicate(env)
    planned, executed = ([each.step(option[k % 2]) for k in range(7)] for each in (copied, env))
    assert equal(planned, executed)
    assert executed[-1][2]
    assert equal(copied.reset(), env.reset())
