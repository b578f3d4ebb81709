"""What a reader of a run's page finds first: linked episodes, reasons of failures, quantities that vary."""

import json
import re
import subprocess
from html import unescape

import pytest
from test_html_browser import BROWSER

import quintain
from quintain.evaluation.html import write_report
from quintain.evaluation.html.frame import csp_hash
from quintain.evaluation.html.transcripts import episode_data, index_data

pytest.importorskip("jinja2")

WRONG = {"name": "all-text", "engine": "scripted:I say <<<Count: 1, Positions: [1]>>>"}
LOOK = """
addEventListener("load", async () => {
  while (!document.documentElement.dataset.ready) await new Promise((done) => setTimeout(done, 20));
  await new Promise((done) => setTimeout(done, 100));
  const box = document.getElementById("episode").getBoundingClientRect();
  const row = document.querySelector("#list a");
  const result = {title: document.querySelector("#episode h3").textContent, top: box.top, height: innerHeight,
                  scrolled: scrollY, snippets: [...row.querySelectorAll(".snippet")].map((e) => e.textContent)};
  document.documentElement.setAttribute("data-look", JSON.stringify(result));
});
"""


@pytest.fixture(scope="module")
def report():
    return quintain.evaluate("CodeReason-v0", WRONG, episodes=12, env_kwargs={"tasks": "letters"})


def look(page, profile, address=""):
    text = page.read_text(encoding="utf-8").replace("script-src '", f"script-src '{csp_hash(LOOK)}' '", 1)
    page.write_text(text.replace("</body>", f"<script>{LOOK}</script></body>"), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--window-size=1280,800",
             f"--user-data-dir={profile}", "--virtual-time-budget=10000"]  # fmt: skip
    done = subprocess.run([BROWSER, *flags, "--dump-dom", page.as_uri() + address], capture_output=True, text=True,
                          timeout=120, check=True)  # fmt: skip
    return json.loads(unescape(re.search(r'data-look="([^"]*)"', done.stdout)[1]))


@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
def test_a_link_to_an_episode_scrolls_to_it(tmp_path, report):
    found = look(write_report(report, tmp_path / "page.html"), tmp_path / "profile", "#episode=7")
    assert found["title"] == "Episode 7"
    assert found["scrolled"] > 0
    assert -1 <= found["top"] < 0.6 * found["height"]
    plain = look(write_report(report, tmp_path / "other.html"), tmp_path / "profile")
    assert (plain["title"], plain["scrolled"]) == ("Episode 0", 0)
    question, why = plain["snippets"]
    assert question.startswith("How many times does the letter")
    assert re.match(r"answered Count: 1, Positions: \[1\], expected Count: \d+", why)


def test_a_failure_is_listed_with_question_answer_and_expected_answer(report):
    failed = next(e for e in report.episodes if e.outcome == "failure")
    row = index_data(failed, "")
    assert "letter" in row["snippet"]
    assert row["why"].startswith("answered Count: 1, Positions: [1], expected Count:")
    verdict = episode_data(failed)["verdict"]
    assert set(verdict) == {"answer", "expected"}  # "the answer is ..." repeats the expected one


def test_quantities_that_do_not_vary_are_one_line(tmp_path, report):
    page = write_report(report, tmp_path / "page.html").read_text()
    assert "The same in every episode: correctness 0" in page
    assert "<h3>Reward terms</h3>" not in page
    numeric = quintain.evaluate("CartPole-v1", "random", episodes=30)
    other = write_report(numeric, tmp_path / "numeric.html").read_text()
    assert "The same in every episode" not in other
    assert "<h3>Per episode</h3>" in other


def test_no_plot_of_the_time_that_requests_wait_for_each_other(tmp_path, report):
    page = write_report(report, tmp_path / "page.html").read_text()
    assert "Histogram of seconds per episode" not in page
    assert "time from start to end, waiting included (s)" in page
    assert "Histogram of model time per episode" not in page  # the scripted engine measures none
    numeric = quintain.evaluate("CartPole-v1", "random", episodes=30)
    assert "Histogram of seconds per episode" in write_report(numeric, tmp_path / "numeric.html").read_text()
