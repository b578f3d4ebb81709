"""A policy's file on a control task: one command gives interval, page and video."""

from pathlib import Path

import pytest

from quintain.evaluation.report import Report


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A PPO model on CartPole that was not trained: what it plays does not matter here."""
    sb3 = pytest.importorskip("stable_baselines3")
    path = tmp_path_factory.mktemp("model") / "cartpole.zip"
    sb3.PPO("MlpPolicy", "CartPole-v1", seed=0, device="cpu").save(path)
    return path


def test_a_model_on_cartpole_gives_interval_and_video_in_one_command(quintain, model):
    pytest.importorskip("imageio_ffmpeg")
    result = quintain("eval", "CartPole-v1", "-a", model, "-n", 12, "--videos", 2, "-o", "run")
    assert result.code == 0, result.text
    report = Report.load("run")
    reward = report.reward
    assert reward.n == 12
    assert reward.low < reward.estimate < reward.high
    assert f"reward {reward.estimate:.3g} [" in result.text
    assert "videos: 2 in run/videos" in result.text
    assert Path("run/videos/episode-0.mp4").stat().st_size > 1000
    page = Path("run/report.html").read_text()
    assert page.count("<video") == 2
    assert "Student t" in page


def test_videos_of_what_does_not_draw_leave_nothing_behind(quintain):
    pytest.importorskip("imageio_ffmpeg")
    result = quintain("eval", "CodeReason-v0", "-a", "oracle", "--tasks", "letters", "--videos", 2, "-o", "run")
    assert result.code == 1
    assert "error: CodeReason-v0 cannot be drawn" in result.text
    assert not Path("run").exists()
    assert "videos must be a number N" in quintain("eval", "CartPole-v1", "-a", "random", "--videos", "x").text


def test_an_unknown_id_says_which_module_to_name(quintain):
    result = quintain("eval", "GridWorld-v0", "-a", "random")
    assert result.code == 1
    assert "name the module as well: my_module:GridWorld-v0" in result.text
