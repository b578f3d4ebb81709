"""Observations as JSON, as arrays in files, or not at all: the results are the same, and little is written."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import quintain
from quintain.errors import ConfigurationError
from quintain.evaluation.html import write_report
from quintain.evaluation.minari import to_minari
from quintain.evaluation.observations import load_observations
from quintain.evaluation.report import Report


class Pixels(gym.Env):
    """Noise of 84 x 84 x 4 pixels for five steps."""

    metadata = {"render_modes": []}
    observation_space = spaces.Box(0, 255, (84, 84, 4), np.uint8)
    action_space = spaces.Discrete(2)

    def look(self):
        return self.np_random.integers(0, 8, (84, 84, 4), np.uint8)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self.look(), {}

    def step(self, action):
        self.time += 1
        return self.look(), float(action), self.time == 5, False, {}


class Parts(Pixels):
    observation_space = spaces.Dict({"image": Pixels.observation_space, "time": spaces.Discrete(10)})

    def look(self):
        return {"image": super().look(), "time": getattr(self, "time", 0)}


@pytest.fixture(autouse=True)
def _registered():
    gym.register("Pixels-v0", entry_point=Pixels)
    yield
    del gym.registry["Pixels-v0"]


def size(folder):
    return (folder / "episodes.jsonl").stat().st_size


@pytest.mark.parametrize("agent", ["random", lambda observation: int(observation.sum() % 2)])
def test_no_result_depends_on_how_observations_are_stored(agent, tmp_path):
    reports = {
        mode: quintain.evaluate("Pixels-v0", agent, episodes=3, out=tmp_path / mode, observations=mode)
        for mode in ("json", "npz", "none")
    }
    facts = {
        mode: [(e.returns, e.outcome, [s["action"] for s in e.steps]) for e in Report.load(tmp_path / mode).episodes]
        for mode in reports
    }
    assert facts["json"] == facts["npz"] == facts["none"]
    assert size(tmp_path / "none") < 3 * 5 * 200  # bytes a step
    assert abs(size(tmp_path / "npz") - size(tmp_path / "none")) < 100  # times have more or fewer digits
    assert size(tmp_path / "json") > 3 * 5 * 50_000
    assert not (tmp_path / "none" / "observations").exists()
    assert all(step["observation"] is None for step in reports["none"].episodes[0].steps)


def test_arrays_come_back_as_they_were(tmp_path):
    plain = quintain.evaluate("Pixels-v0", "random", episodes=2)
    quintain.evaluate("Pixels-v0", "random", episodes=2, out=tmp_path, observations="npz")
    for episode, stored in zip(plain.episodes, Report.load(tmp_path).episodes, strict=True):
        seen = load_observations(tmp_path, stored)
        assert len(seen) == 6
        assert seen[0].dtype == np.uint8
        expected = [step["observation"] for step in episode.steps] + [episode.final_observation]
        np.testing.assert_array_equal(seen, expected)


def test_dictionaries_of_arrays_and_texts(tmp_path):
    report = quintain.evaluate(Parts, "random", episodes=1, out=tmp_path / "parts", observations="npz")
    seen = load_observations(tmp_path / "parts", report.episodes[0])
    assert [int(each["time"]) for each in seen] == [0, 1, 2, 3, 4, 5]
    assert seen[5]["image"].shape == (84, 84, 4)
    quintain.evaluate(
        "CodeReason-v0",
        "oracle",
        episodes=1,
        out=tmp_path / "text",
        env_kwargs={"tasks": "letters"},
        observations="npz",
    )
    (episode,) = Report.load(tmp_path / "text").episodes
    assert isinstance(load_observations(tmp_path / "text", episode)[0], str)


def test_a_run_is_continued_as_it_was_begun(tmp_path):
    quintain.evaluate("Pixels-v0", "random", episodes=1, out=tmp_path, observations="none")
    report = quintain.evaluate("Pixels-v0", "random", episodes=3, out=tmp_path, resume=True)
    assert all(step["observation"] is None for episode in report.episodes for step in episode.steps)
    with pytest.raises(ConfigurationError, match="stores observations as 'none', not 'npz'"):
        quintain.evaluate("Pixels-v0", "random", episodes=4, out=tmp_path, resume=True, observations="npz")


def test_an_export_reads_the_files_and_says_so_where_there_is_nothing(tmp_path, monkeypatch):
    pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    quintain.evaluate("CartPole-v1", "random", episodes=2, out=tmp_path / "npz", observations="npz")
    dataset = to_minari(tmp_path / "npz", "test/cartpole-v0")
    first = load_observations(tmp_path / "npz", Report.load(tmp_path / "npz").episodes[0])
    np.testing.assert_array_equal(next(dataset.iterate_episodes()).observations, first)
    quintain.evaluate("CartPole-v1", "random", episodes=2, out=tmp_path / "none", observations="none")
    with pytest.raises(ConfigurationError, match="has no observations: the run was recorded with observations='none'"):
        to_minari(tmp_path / "none", "test/cartpole-v1")


def test_videos_need_no_observations(tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    quintain.evaluate("CartPole-v1", "random", episodes=1, out=tmp_path, observations="none", videos=1)
    assert (tmp_path / "videos" / "episode-0.mp4").exists()
    page = write_report(tmp_path).read_text()
    assert "<dd>not recorded</dd>" in page
    assert '"observation":null' in page


def test_the_user_is_told_of_large_records(tmp_path, monkeypatch):
    monkeypatch.setattr("quintain.evaluation.recording._LARGE", 100_000)
    with pytest.warns(RuntimeWarning, match="observations='npz'") as caught:
        quintain.evaluate("Pixels-v0", "random", episodes=3, out=tmp_path / "json")
    assert len([w for w in caught if "every observation as JSON" in str(w.message)]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"observations": "jpg"}, "observations must be one of json, npz, none, got 'jpg'"),
        ({"observations": "npz"}, "give out="),
    ],
)
def test_wrong_values_are_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        quintain.evaluate("Pixels-v0", "random", episodes=1, **arguments)
