"""Pages of games in a window of 1280 pixels: nothing is cut off, and the headline is in view."""

import json
import re
import shutil
import subprocess
from html import unescape

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib", reason="figures need matplotlib: pip install 'quintain[report]'")

from quintain.evaluation.html.frame import csp_hash
from quintain.experiments.games import sample_games, sweep, tournament, write_run_page

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LOOK = """
addEventListener("load", () => {
  const cut = [...document.querySelectorAll("svg text")].filter((text) => {
    const box = text.getBoundingClientRect(), frame = text.ownerSVGElement.getBoundingClientRect();
    return box.width && (box.left < frame.left - 3 || box.right > frame.right + 3);
  }).map((text) => text.textContent);
  const heads = [...document.querySelectorAll("th")].map((head) => {
    const box = head.getBoundingClientRect();
    return [head.textContent.trim(), box.left, box.right];
  });
  const root = document.documentElement;
  root.setAttribute("data-look", JSON.stringify({cut, heads, width: root.scrollWidth, window: innerWidth}));
});
"""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs chromium")


def look(page, profile):
    policy = "default-src 'none'"
    text = page.read_text(encoding="utf-8").replace(policy, f"{policy}; script-src '{csp_hash(LOOK)}'", 1)
    page.write_text(text.replace("</body>", f"<script>{LOOK}</script></body>"), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--window-size=1280,800",
             f"--user-data-dir={profile}", "--virtual-time-budget=5000"]  # fmt: skip
    done = subprocess.run([BROWSER, *flags, "--dump-dom", page.as_uri()], capture_output=True, text=True,
                          timeout=120, check=True)  # fmt: skip
    return json.loads(unescape(re.search(r'data-look="([^"]*)"', done.stdout)[1]))


def test_the_headline_of_a_sweep_is_in_view(tmp_path):
    sweep(["tit-for-tat"], sample_games(6), opponents=["best-response"], rounds=2, out=tmp_path / "run")
    found = look(write_run_page(tmp_path / "run"), tmp_path / "profile")
    assert found["cut"] == []
    assert found["width"] <= found["window"]
    (headline,) = (head for head in found["heads"] if head[0] == "all")
    assert 0 <= headline[1] < headline[2] <= found["window"]


def test_no_figure_of_a_tournament_is_cut_off(tmp_path):
    tournament(["tit-for-tat", "grim", "random"], rounds=10, repetitions=2, out=tmp_path / "run")
    found = look(write_run_page(tmp_path / "run"), tmp_path / "profile")
    assert found["cut"] == []
    assert found["width"] <= found["window"]
