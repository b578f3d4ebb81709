import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import quintain
from quintain.errors import ConfigurationError
from quintain.spaces import UnicodeText

minari = pytest.importorskip("minari")


@pytest.fixture(autouse=True)
def _own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "datasets"))


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_exported_trajectories_equal_the_recorded_ones(env, tmp_path):
    from quintain.evaluation.minari import to_minari

    report = quintain.evaluate(env, "random", episodes=3, out=tmp_path / "run")
    to_minari(tmp_path / "run", "quintain/test-v0")
    episodes = list(minari.load_dataset("quintain/test-v0").iterate_episodes())
    assert len(episodes) == 3
    for stored, record in zip(episodes, report.episodes, strict=True):
        assert len(stored.observations) == len(record.steps) + 1
        np.testing.assert_array_equal(stored.observations[-1], record.final_observation)
        np.testing.assert_array_equal(stored.observations[0], record.steps[0]["observation"])
        np.testing.assert_allclose(stored.rewards, [s["reward"] for s in record.steps])
        assert bool(stored.truncations[-1]) is record.truncated
        assert bool(stored.terminations[-1]) is not record.truncated
        assert stored.terminations.sum() + stored.truncations.sum() == 1


SPACES = {
    "dict": spaces.Dict(
        {"position": spaces.Box(-1, 1, (2,), np.float32), "task": spaces.Discrete(3, start=2), "words": UnicodeText(30)}
    ),
    "tuple": spaces.Tuple([spaces.MultiDiscrete([2, 3]), spaces.Tuple([spaces.MultiBinary(2), spaces.Text(8)])]),
    "text": UnicodeText(20),
    "image": spaces.Box(0, 255, (40, 40, 3), np.uint8),
}


class Spacious(gym.Env):
    """Three steps of random members of a space, with an info that Minari stores in part."""

    def __init__(self, kind="dict"):
        self.observation_space = self.action_space = SPACES[kind]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        self.steps = 0
        return self.observation_space.sample(), {}

    def step(self, action):
        self.steps += 1
        info = {
            "success": self.steps == 3, "note": "na\u00efve", "goal": np.arange(2.0),
            "metrics": {"score": 0.5}, "none": None, "ragged": [[1], [1, 2]], "object": object(), "long": "x" * 100_000,
        }  # fmt: skip
        return self.observation_space.sample(), 1.0, False, self.steps == 3, info


gym.register("Spacious-v0", entry_point=Spacious)


def assert_equal(space, stored, values):
    """Compare a stored column with the values of single steps."""
    if isinstance(space, spaces.Dict):
        for name, part in space.items():
            assert_equal(part, stored[name], [value[name] for value in values])
    elif isinstance(space, spaces.Tuple):
        for place, part in enumerate(space):
            assert_equal(part, stored[place], [value[place] for value in values])
    elif isinstance(space, spaces.Text):
        assert list(stored) == list(values)
    else:
        np.testing.assert_array_equal(stored, values)
        assert stored.dtype == space.dtype


@pytest.mark.parametrize("from_folder", [False, True])
@pytest.mark.parametrize("kind", SPACES)
def test_spaces_of_every_kind_survive_the_export(kind, from_folder, tmp_path):
    from quintain.evaluation.minari import to_minari

    report = quintain.evaluate("Spacious-v0", "random", episodes=2, env_kwargs={"kind": kind}, out=tmp_path / "run")
    to_minari(tmp_path / "run" if from_folder else report, "quintain/test-v0")
    dataset = minari.load_dataset("quintain/test-v0")
    for stored, record in zip(dataset.iterate_episodes(), report.episodes, strict=True):
        space = SPACES[kind]
        observations = [step["observation"] for step in record.steps] + [record.final_observation]
        assert_equal(space, stored.observations, observations)
        assert_equal(space, stored.actions, [step["action"] for step in record.steps])
    made = dataset.recover_environment()  # though it was registered by its class
    assert isinstance(made.unwrapped, Spacious)
    assert made.observation_space == SPACES[kind]


def test_the_last_infos_become_metadata_of_the_episodes(tmp_path):
    from quintain.evaluation.minari import to_minari

    report = quintain.evaluate("Spacious-v0", "random", episodes=2, out=tmp_path / "run")
    for name, run in (("memory", report), ("folder", tmp_path / "run")):
        to_minari(run, f"quintain/{name}-v0")
        for metadata in minari.load_dataset(f"quintain/{name}-v0").storage.get_episode_metadata([0, 1]):
            info = metadata["info"]
            assert info.pop("goal").tolist() == [0.0, 1.0]
            info.pop("object", None)  # a run folder holds its text
            assert info == {"success": True, "note": "na\u00efve", "metrics": {"score": 0.5}}


@pytest.mark.parametrize(("env_id", "kwargs"), [("PrisonersDilemma-v0", {}), ("PrisonersDilemma-v0", {"view": "text"})])
def test_our_own_games_can_be_exported(env_id, kwargs):
    from quintain.evaluation.minari import to_minari

    report = quintain.evaluate(env_id, "random", episodes=2, env_kwargs=kwargs)
    dataset = to_minari(report, "quintain/test-v0")
    assert dataset.total_steps == sum(len(record.steps) for record in report.episodes)


def test_an_environment_that_cannot_be_named_is_exported_without_its_spec():
    from quintain.evaluation.minari import to_minari

    gym.register("Local-v0", entry_point=lambda: Spacious("text"))
    try:
        report = quintain.evaluate("Local-v0", "random", episodes=1)
        with pytest.warns(UserWarning, match="env_spec is None"):
            dataset = to_minari(report, "quintain/test-v0")
        assert dataset.spec.env_spec is None
        assert dataset.total_steps == 3
    finally:
        del gym.registry["Local-v0"]


@pytest.mark.parametrize("text", ["\ud800", "a\0b"])
def test_texts_that_cannot_be_stored_are_refused(text):
    from quintain.evaluation.minari import to_minari

    report = quintain.evaluate("Spacious-v0", lambda observation: text, episodes=1, env_kwargs={"kind": "text"})
    with pytest.raises(ConfigurationError, match="UTF-8"):
        to_minari(report, "quintain/test-v0")


def test_other_spaces_are_refused(monkeypatch):
    from quintain.evaluation.minari import to_minari

    monkeypatch.setitem(SPACES, "text", spaces.Sequence(spaces.Discrete(2)))
    report = quintain.evaluate("Spacious-v0", "random", episodes=1, env_kwargs={"kind": "text"})
    with pytest.raises(ConfigurationError, match="arrays, numbers, texts"):
        to_minari(report, "quintain/test-v0")
