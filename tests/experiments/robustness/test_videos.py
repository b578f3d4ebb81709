import warnings

import pytest
from holding import Hold, linear

from quintain.experiments.robustness import robustness
from quintain.experiments.robustness.clips import read_clips
from quintain.experiments.robustness.panels import join_panels

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("jinja2")
OPTIONS = {"episodes": 5, "videos": True, "show": False}


def test_video_panels_are_legible_and_synchronised(tmp_path):
    robustness(Hold, linear(1.0), ["random", "fgsm"], [0.1, 0.5], out=tmp_path, **OPTIONS)
    (clip,) = read_clips(tmp_path)
    assert clip.captions == ("clean", "random, 0.5", "fgsm, 0.5")
    assert clip.outcomes[0].startswith("return 0, victim succeeds")
    assert "victim succeeds" not in clip.outcomes[2]
    with Image.open(tmp_path / "videos" / clip.file) as film:
        assert film.n_frames == 5  # the start and four steps
        assert film.size == (3 * 340 + 2 * 8, 42 + 255)  # each panel under its caption
        film.seek(4)
        last = film.convert("RGB")
    left, right = (last.crop((x, 42, x + 340, 297)) for x in (0, 696))
    bar = last.crop((0, 0, 340, 42)).convert("L")
    assert bar.getextrema()[0] < 80 < 200 < bar.getextrema()[1], "no caption"
    # Equal seeds give equal states: the attack changes the observation, not the state.
    assert max(abs(a - b) for a, b in zip(left.getpixel((170, 120)), right.getpixel((170, 120)), strict=True)) < 8
    assert (tmp_path / "videos" / clip.poster).exists()
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/webp;base64,") == 2


def test_the_colours_of_a_clip_have_a_legend(tmp_path, monkeypatch):
    monkeypatch.setattr(Hold, "metadata", {**Hold.metadata, "legend": {"#1a9e4d": "where it should be"}})
    robustness(Hold, linear(1.0), ["fgsm"], [0.5], out=tmp_path, **OPTIONS)
    page = (tmp_path / "report.html").read_text()
    assert '<span class="swatch" style="background: #1a9e4d"></span>where it should be' in page


def test_more_than_three_panels_stand_in_rows():
    strips = [[Image.new("RGB", (340, 100), (50 * k, 0, 0))] * (k + 1) for k in range(4)]
    frames = join_panels(strips, [f"attack {k}" for k in range(4)], ["return 1"] * 4)
    assert len(frames) == 4
    assert frames[0].size == (3 * 340 + 2 * 8, 2 * 142 + 8)
    assert frames[3].getpixel((10, 150 + 92)) == (150, 0, 0)  # the fourth panel begins the second row
    assert frames[3].getpixel((360, 92)) == (50, 0, 0)


class Blind(Hold):
    """Raises in ``render``, as on a machine without display."""

    def render(self):
        raise RuntimeError("an OpenGL platform library has not been loaded into this process")


class Bare(Hold):
    """Does not accept ``render_mode``."""

    def __init__(self):
        super().__init__()


@pytest.mark.parametrize(("env", "note"), [(Blind, "MUJOCO_GL=egl"), (Bare, "render_mode")])
def test_a_failed_video_does_not_change_results_and_can_be_repeated(tmp_path, monkeypatch, env, note):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = robustness(env, linear(1.0), ["fgsm"], [0.5], out=tmp_path, **OPTIONS)
    assert table.of("policy", "fgsm")[0].loss.estimate == pytest.approx(1.0)
    (clip,) = read_clips(tmp_path)
    assert not clip.file
    assert note in clip.note
    assert note in (tmp_path / "report.html").read_text()
    monkeypatch.setattr(env, "render", Hold.render, raising=False)
    monkeypatch.setattr(env, "__init__", Hold.__init__)
    robustness(env, linear(1.0), ["fgsm"], [0.5], out=tmp_path, resume=True, **OPTIONS)
    assert read_clips(tmp_path)[0].file
    assert note not in (tmp_path / "report.html").read_text()


def test_videos_can_be_recorded_for_a_finished_run(tmp_path):
    options = {**OPTIONS, "out": tmp_path}
    robustness(Hold, linear(1.0), ["fgsm"], [0.5], **options | {"videos": False})
    assert read_clips(tmp_path) == []
    before = (tmp_path / "episodes.jsonl").read_bytes()
    robustness(Hold, linear(1.0), ["fgsm"], [0.5], resume=True, **options)
    assert read_clips(tmp_path)[0].file
    assert (tmp_path / "episodes.jsonl").read_bytes() == before
