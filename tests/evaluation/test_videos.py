"""Videos show the recorded episodes, are chosen by outcome, stand on the page, and change no number."""

import re
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import quintain
from quintain.errors import ConfigurationError, MissingDependencyError
from quintain.evaluation.html import write_report
from quintain.evaluation.videos import Choice, Video, read_videos
from quintain.records import EpisodeRecord

pytest.importorskip("imageio_ffmpeg")
imageio = pytest.importorskip("imageio.v3")


class Grey(gym.Env):
    """Shows its time as a shade of grey, of odd size; ends after four steps with a drawn reward."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Box(-1, 1, (2,), np.float32)
    made = 0

    def __init__(self, render_mode=None, reproducible=True, success=False):
        self.render_mode, self.reproducible, self.success = render_mode, reproducible, success
        Grey.made += 1
        self.number = Grey.made

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        self.draw = float(self.np_random.random())
        return np.zeros(1, np.float32), {}

    def step(self, action):
        assert action.dtype == np.float32
        self.time += 1
        reward = self.draw + float(action.sum()) + (0.0 if self.reproducible else self.number)
        info = {"success": self.draw < 0.5} if self.success else {}
        return np.zeros(1, np.float32), reward, self.time == 4, False, info

    def render(self):
        return np.full((33, 321, 3), 50 * self.time, np.uint8)


@pytest.fixture(autouse=True)
def _registered():
    gym.register("Grey-v0", entry_point=Grey)
    yield
    del gym.registry["Grey-v0"]


def shades(path):
    return [round(float(frame.mean()) / 50) for frame in imageio.imiter(path)]


def test_a_video_shows_every_step_of_its_episode(tmp_path):
    quintain.evaluate("Grey-v0", "random", episodes=3, out=tmp_path, videos=2)
    assert read_videos(tmp_path) == [Video(0, "episode-0.mp4"), Video(1, "episode-1.mp4")]
    path = tmp_path / "videos" / "episode-1.mp4"
    assert shades(path) == [0, 1, 2, 3, 4]
    facts = imageio.immeta(path)
    assert (facts["fps"], facts["size"], facts["codec"]) == (10, (322, 34), "h264")
    assert sorted(file.name for file in path.parent.iterdir()) == ["episode-0.mp4", "episode-1.mp4", "videos.json"]


def test_videos_change_no_number(tmp_path):
    with_videos = quintain.evaluate("Grey-v0", "random", episodes=4, out=tmp_path, videos=[1, 3])
    without = quintain.evaluate("Grey-v0", "random", episodes=4)
    assert [e.returns for e in with_videos.episodes] == [e.returns for e in without.episodes]
    assert [video.episode for video in read_videos(tmp_path)] == [1, 3]


def test_failures_come_first(tmp_path):
    report = quintain.evaluate(
        "Grey-v0", "random", episodes=8, out=tmp_path, videos="failures:3", env_kwargs={"success": True}
    )
    failed = [e for e in report.episodes if e.outcome == "failure"]
    assert 0 < len(failed) < 8
    worst = sorted(failed, key=lambda e: e.reward)[:3]
    assert [v.episode for v in read_videos(tmp_path)] == [e.index for e in worst]


def test_a_finished_run_gets_videos_by_resuming_it(tmp_path):
    quintain.evaluate("Grey-v0", "random", episodes=2, out=tmp_path)
    quintain.evaluate("Grey-v0", "random", episodes=2, out=tmp_path, resume=True, videos="1,")
    assert read_videos(tmp_path) == [Video(1, "episode-1.mp4")]
    assert shades(tmp_path / "videos" / "episode-1.mp4") == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "source",
    [Grey, lambda: Grey("rgb_array"), Grey("rgb_array"), gym.make("CartPole-v1"), gym.spec("CartPole-v1")],
    ids=["class", "function", "environment", "registered environment", "spec"],
)
def test_whatever_the_environment_is_made_from(source, tmp_path):
    quintain.evaluate(source, "random", episodes=1, out=tmp_path, videos=1)
    assert read_videos(tmp_path) == [Video(0, "episode-0.mp4")]


def test_an_episode_that_cannot_be_repeated_gets_a_note_instead_of_another_episode(tmp_path):
    quintain.evaluate("Grey-v0", "random", episodes=1, out=tmp_path, videos=1, env_kwargs={"reproducible": False})
    (video,) = read_videos(tmp_path)
    assert video.file == ""
    assert "the episode differs at step 1: the environment is not reproducible" in video.note
    page = write_report(tmp_path).read_text()
    assert "<video" not in page
    assert "not reproducible" in page


def test_long_episodes_leave_frames_out_and_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr("quintain.evaluation.videos.MAX_FRAMES", 2)
    quintain.evaluate("Grey-v0", "random", episodes=1, out=tmp_path, videos=1)
    assert read_videos(tmp_path) == [Video(0, "episode-0.mp4", "every 2th frame")]
    assert shades(tmp_path / "videos" / "episode-0.mp4") == [0, 2, 4]


def test_the_page_holds_the_videos_and_allows_nothing_else(tmp_path, monkeypatch):
    quintain.evaluate("Grey-v0", "random", episodes=2, out=tmp_path, videos=2)
    page = write_report(tmp_path).read_text()
    assert page.count('src="data:video/mp4;base64,') == 2
    assert "media-src data:;" in page
    assert '<a href="#episode=1">Episode 1</a>: finished, return' in page
    monkeypatch.setattr("quintain.evaluation.html.videos.MAX_EMBEDDED", 0)
    page = write_report(tmp_path).read_text()
    assert "data:video" not in page
    assert re.search(r'href="videos/episode-1\.mp4"', page)


@pytest.mark.parametrize("wrong", [0, -1, "", "three", "last:3", "failures:", "failures:0", "1,x", [-1], True, [], 1.5])
def test_a_choice_that_is_none_is_refused_before_the_run(wrong, tmp_path):
    with pytest.raises(ConfigurationError, match="videos must be a number N"):
        quintain.evaluate("Grey-v0", "random", episodes=1, out=tmp_path / "run", videos=wrong)
    assert not (tmp_path / "run").exists()


def test_failed_episodes_are_never_chosen():
    records = [EpisodeRecord(0, 5, "error", {}), EpisodeRecord(1, 6, "finished", {"agent": 1.0})]
    assert [e.index for e in Choice.of("failures:2").among(records)] == [1]
    assert [e.index for e in Choice.of([0, 1]).among(records)] == [1]


def test_what_cannot_be_drawn_is_refused_before_the_run(tmp_path):
    for env, message in [
        ("CodeReason-v0", "CodeReason-v0 cannot be drawn: render_mode must be None or 'ansi'"),
        (lambda: Grey(), r"make it with render_mode='rgb_array' \(its render modes are \['rgb_array'\]\)"),
    ]:
        with pytest.raises(ConfigurationError, match=message):
            quintain.evaluate(env, "random", episodes=1, out=tmp_path / "run", videos=1)
    with pytest.raises(ConfigurationError, match="give out="):
        quintain.evaluate("Grey-v0", "random", episodes=1, videos=1)
    assert not (tmp_path / "run").exists()


def test_a_missing_library_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'quintain\[video\]'"):
        quintain.evaluate("Grey-v0", "random", episodes=1, out=tmp_path / "run", videos=1)
    assert not Path(tmp_path / "run").exists()


def test_box2d_is_drawn(tmp_path):
    pytest.importorskip("Box2D")
    report = quintain.evaluate("LunarLander-v3", "random", episodes=1, out=tmp_path, videos=1, max_steps=20)
    assert read_videos(tmp_path) == [Video(0, "episode-0.mp4")]
    assert len(report.episodes[0].steps) == 20
