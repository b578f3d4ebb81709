import threading

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

import quintain  # noqa: F401  # registers the games
from quintain.envs.vector import TextVectorEnv
from quintain.errors import ConfigurationError
from quintain.spaces import UnicodeText


class Echo(gym.Env):
    """Returns the action as observation, for ``length`` steps; some actions make it wait."""

    metadata = {"render_modes": ["ansi"], "render_fps": 1}

    def __init__(self, length=2, gate=None, max_length=1000):
        self.observation_space = self.action_space = UnicodeText(max_length)
        self.length, self.gate, self.render_mode = length, gate, "ansi"

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.heard = 0
        self.mood = int(self.np_random.integers(1000))
        return f"mood {self.mood} ☃", {"heard": 0}

    def step_blocks(self, action):
        return self.gate is not None

    def step(self, action):
        if self.gate is not None:
            self.gate.wait(30)
        if action == "crash":
            raise RuntimeError("crashed")
        self.heard += 1
        return action, 1.0, self.heard == self.length, False, {"heard": self.heard, "word": action}

    def render(self):
        return f"heard {self.heard}"


def test_text_observations_equal_gymnasiums_vector():
    ours = TextVectorEnv([Echo] * 3)
    theirs = SyncVectorEnv([Echo] * 3, autoreset_mode=AutoresetMode.SAME_STEP)
    assert ours.reset(seed=5)[0] == theirs.reset(seed=5)[0]
    for words in (["a\n", "漢字", "\x00"], ["b", "", "\ud800"], ["c", "d", "e"]):
        mine, other = ours.step(words), theirs.step(words)
        assert list(mine[0]) == list(other[0])
        for a, b in zip(mine[1:4], other[1:4], strict=True):
            np.testing.assert_array_equal(a, b)
        assert mine[4].keys() == other[4].keys()
    ours.close()


def test_same_step_autoreset_has_final_obs():
    vector = TextVectorEnv([lambda: Echo(1), lambda: Echo(2)])
    vector.reset(seed=0)
    observations, _, terminations, _, infos = vector.step(["x", "y"])
    assert terminations.tolist() == [True, False]
    assert observations[0].startswith("mood")
    assert infos["final_obs"][0] == "x"
    assert infos["final_info"]["heard"][0] == 1
    assert infos["_final_obs"].tolist() == [True, False]
    assert infos["heard"].tolist() == [0, 1]


def test_next_step_autoreset_ignores_the_action_after_the_end():
    vector = TextVectorEnv([lambda: Echo(1)], autoreset_mode="NextStep")
    assert vector.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    vector.reset(seed=0)
    assert vector.step(["x"])[2].all()
    observations, rewards, terminations, _, _ = vector.step(["ignored"])
    assert observations[0].startswith("mood")
    assert (rewards[0], terminations[0]) == (0.0, False)
    assert vector.step(["z"])[0] == ("z",)


def test_disabled_autoreset_requires_a_reset():
    vector = TextVectorEnv([lambda: Echo(1), lambda: Echo(2)], autoreset_mode=AutoresetMode.DISABLED)
    vector.reset(seed=0)
    vector.step(["x", "y"])
    with pytest.raises(RuntimeError, match="environment 0 needs a reset"):
        vector.step(["x", "y"])
    observations, _ = vector.reset(options={"reset_mask": np.array([True, False])})
    assert observations[1] is None
    assert vector.step(["x", "y"])[0] == ("x", "y")


def test_a_slow_environment_does_not_delay_the_others():
    gate = threading.Event()
    vector = TextVectorEnv([lambda: Echo(gate=gate), Echo, Echo])
    vector.reset(seed=0)
    vector.send(["slow", "fast", "faster"])
    batch = vector.recv(2)
    assert set(batch.indices) == {1, 2}
    assert set(batch.observations) == {"fast", "faster"}
    with pytest.raises(TimeoutError, match="within"):
        vector.recv(1, timeout_s=0.05)
    vector.send(["again"], [2])
    assert vector.recv(1).observations[0].startswith("mood")  # its second and last step: the next episode begins
    gate.set()
    rest = vector.recv(1)
    assert rest.observations == ("slow",)
    vector.close()


def test_blocking_steps_run_concurrently():
    everybody = threading.Barrier(8, timeout=60)  # opens only when all eight are inside their step at once

    class Meets(Echo):
        def step_blocks(self, action):
            return True

        def step(self, action):
            everybody.wait()
            return super().step(action)

    vector = TextVectorEnv([Meets] * 8)
    vector.reset(seed=0)
    assert vector.step(["x"] * 8)[0] == ("x",) * 8
    vector.close()


def test_an_exception_of_one_environment_is_raised_and_does_not_affect_others():
    vector = TextVectorEnv([Echo] * 3)
    vector.reset(seed=0)
    vector.send(["a", "crash", "b"])
    with pytest.raises(RuntimeError, match="crashed"):
        vector.recv(3)
    assert set(vector.recv(2).observations) == {"a", "b"}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda v: v.send(["x"]), ValueError, "one action for each"),
        (lambda v: v.send(["x", "y"], [0, 0]), ValueError, "distinct"),
        (lambda v: v.send(["x"], [5]), ValueError, "out of range"),
        (lambda v: v.recv(1), ValueError, "only 0 are under way"),
        (lambda v: v.reset(seed=[1]), ValueError, "expected 2 seeds"),
        (lambda v: v.reset(options={"reset_mask": [1, 0]}), ValueError, "boolean array"),
    ],
)
def test_misuse_raises_errors_with_a_remedy(call, error, message):
    vector = TextVectorEnv([Echo] * 2)
    vector.reset(seed=0)
    with pytest.raises(error, match=message):
        call(vector)


def test_stepping_before_the_first_reset_is_an_error():
    with pytest.raises(RuntimeError, match="needs a reset"):
        TextVectorEnv([Echo]).step(["x"])


def test_other_calls_during_a_step_are_refused():
    gate = threading.Event()
    vector = TextVectorEnv([lambda: Echo(gate=gate)])
    vector.reset(seed=0)
    vector.send(["x"])
    with pytest.raises(RuntimeError, match="still stepping"):
        vector.send(["y"])
    with pytest.raises(RuntimeError, match="still stepping"):
        vector.reset()
    gate.set()
    vector.recv(1)
    vector.close()


def test_constructor_arguments_are_checked():
    with pytest.raises(ConfigurationError, match="num_envs"):
        TextVectorEnv([])
    with pytest.raises(ConfigurationError, match="autoreset_mode must be one of"):
        TextVectorEnv([Echo], autoreset_mode="sometimes")
    with pytest.raises(ConfigurationError, match="same spaces"):
        TextVectorEnv([Echo, lambda: Echo(max_length=5)])
    vector = TextVectorEnv([Echo] * 2)
    assert isinstance(vector.observation_space, spaces.Tuple)
    vector.reset(seed=0)
    assert vector.render() == ("heard 0", "heard 0")


class Fragile(Echo):
    """Raises in ``step`` for ``"boom"``, and in ``step_blocks`` for ``"odd"``."""

    def step_blocks(self, action):
        if action == "odd":
            raise ValueError("odd")
        return action.startswith("slow")

    def step(self, action):
        if "boom" in action:
            raise ValueError("boom")
        return super().step(action)


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("actions", [["ok", "boom"], ["boom", "slow boom"], ["slow ok", "odd"], ["odd", "boom"]])
def test_the_vector_can_be_reset_after_an_error_in_step(actions, mode):
    vector = TextVectorEnv([Fragile, Fragile], autoreset_mode=mode)
    start = vector.reset(seed=0)[0]
    with pytest.raises(ValueError, match=r"boom|odd"):
        vector.step(actions)
    assert vector.reset(seed=0)[0] == start
    assert vector.step(["a", "slow b"])[0] == ("a", "slow b")
    vector.close()


def test_stepping_after_an_error_behaves_as_gymnasiums_vector():
    results = {}
    for kind in (SyncVectorEnv, TextVectorEnv):
        vector = kind([lambda: Fragile(length=9)] * 2)
        vector.reset(seed=0)
        with pytest.raises(ValueError, match="boom"):
            vector.step(["a", "boom"])
        results[kind] = vector.step(["b", "c"])[4]["heard"].tolist()
    assert results[TextVectorEnv] == results[SyncVectorEnv] == [2, 1]


def test_call_get_attr_and_set_attr_behave_as_gymnasiums():
    results = {}
    for kind in (SyncVectorEnv, TextVectorEnv):
        vector = kind([Echo, lambda: gym.wrappers.TimeLimit(Echo(), 5)])
        vector.reset(seed=0)
        vector.set_attr("length", [3, 4])
        vector.set_attr("mood", 7)
        with pytest.raises(ValueError, match="alues"):
            vector.set_attr("length", [1])
        results[kind] = (vector.get_attr("length"), vector.get_attr("mood"), vector.call("step_blocks", "x"))
    assert results[TextVectorEnv] == results[SyncVectorEnv] == ((3, 4), (7, 7), (False, False))
    gate = threading.Event()
    vector = TextVectorEnv([lambda: Echo(gate=gate)])
    vector.reset(seed=0)
    vector.send(["x"])
    for misuse in (lambda: vector.get_attr("length"), lambda: vector.set_attr("length", 1)):
        with pytest.raises(RuntimeError, match="still stepping"):
            misuse()
    gate.set()
    vector.recv(1)
    vector.close()


class Nested(gym.ObservationWrapper):
    """Text inside a Dict and a Tuple."""

    def __init__(self):
        super().__init__(Echo())
        text = self.env.observation_space
        self.observation_space = spaces.Dict(text=text, pair=spaces.Tuple([text, spaces.Discrete(3)]))

    def observation(self, text):
        return {"text": text, "pair": (text[::-1], 2)}


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("make", [Echo, Nested])
def test_unicode_text_survives_gymnasiums_asynchronous_vector(make, copy):
    """Texts of several lengths, with surrogates and characters beyond 16 bits, alone and in nested spaces."""
    theirs = AsyncVectorEnv([make] * 2, autoreset_mode=AutoresetMode.SAME_STEP, copy=copy)
    single = SyncVectorEnv([make] * 2, autoreset_mode=AutoresetMode.SAME_STEP)

    def plain(observations):
        if isinstance(observations, dict):
            text, (reverse, number) = observations["text"], observations["pair"]
            return list(text), list(reverse), number.tolist()
        return list(observations)

    try:
        first = theirs.reset(seed=3)[0]
        kept = plain(first)
        assert kept == plain(single.reset(seed=3)[0])
        for words in (["a\n", "漢字\U0001f600"], ["\x00", "\ud800 lone"], ["", "x"], ["longer than before", "y"]):
            assert plain(theirs.step(words)[0]) == plain(single.step(words)[0])
        assert (plain(first) == kept) is copy  # without copies it is a view of the buffer, as arrays are
    finally:
        theirs.close()


@pytest.mark.parametrize("view", ["numeric", "flat", "both", "text"])
@pytest.mark.parametrize("mode", [None, "sync", "async"])
def test_every_view_of_a_game_works_in_every_vector_class(view, mode):
    single = gym.make("PrisonersDilemma-v0", view=view)
    vector = gym.make_vec("PrisonersDilemma-v0", num_envs=2, vectorization_mode=mode, view=view)
    try:
        assert isinstance(vector.unwrapped, TextVectorEnv) is (view == "text" and mode is None)
        action = "cooperate" if view == "text" else 0
        seen, alone = [vector.reset(seed=0)[0], vector.step([action] * 2)[0]], [single.reset(seed=0)[0]]
        alone.append(single.step(action)[0])
        for batch, one in zip(seen, alone, strict=True):
            for key in one if isinstance(one, dict) else [None]:
                both = batch if key is None else batch[key]
                np.testing.assert_array_equal(list(both), [one if key is None else one[key]] * 2)
    finally:
        vector.close()


def test_the_vector_of_a_game_supports_gymnasiums_autoreset_modes():
    for view in ("numeric", "text"):
        vector = gym.make_vec("PrisonersDilemma-v0", num_envs=1, view=view, autoreset_mode=AutoresetMode.DISABLED)
        assert vector.metadata["autoreset_mode"] is AutoresetMode.DISABLED


@pytest.mark.parametrize("view", ["numeric", "text"])
def test_the_vector_of_a_game_has_its_registered_time_limit(view):
    vector = gym.make_vec("PrisonersDilemma-v0", num_envs=2, view=view, max_episode_steps=2)
    vector.reset(seed=0)
    actions = ["cooperate"] * 2 if view == "text" else [0, 0]
    assert [vector.step(actions)[3].tolist() for _ in range(2)] == [[False, False], [True, True]]


def test_an_environment_whose_automatic_reset_raised_needs_a_reset():
    class FailsToReset(Echo):
        def reset(self, *, seed=None, options=None):
            if seed is None:
                raise ValueError("no seed")
            return super().reset(seed=seed)

    vector = TextVectorEnv([lambda: FailsToReset(1)] * 2)
    start = vector.reset(seed=0)[0]
    with pytest.raises(ValueError, match="no seed"):
        vector.step(["a", "b"])
    with pytest.raises(RuntimeError, match="needs a reset"):
        vector.step(["a", "b"])
    assert vector.reset(seed=0)[0] == start
