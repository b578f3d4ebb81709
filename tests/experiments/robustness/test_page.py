"""The page of a robustness run: contents, escaping, and sorting in a browser."""

import re
import shutil
import subprocess
from html import unescape

import pytest
from holding import Hold, Silent, linear

from quintain.attacks import NullAttack
from quintain.attacks.registry import resolve_attacks
from quintain.errors import RecordError
from quintain.experiments.robustness import RobustnessExperiment, make_policy_under_test, run_experiment
from quintain.experiments.robustness.stored import write_robustness_report

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HOSTILE = "<script>document.title='ran'</script> \u202e"


def page(folder, *, env=Hold, name="mine", attacks=("random", "fgsm", "target"), seeds=(0, 1)):
    subject = make_policy_under_test(env, linear(1.0), intention=linear(0.0, [2.0]), name=name)
    experiment = RobustnessExperiment((subject,), resolve_attacks(attacks), (0.5, 2.5), episodes=6, seeds=seeds)
    facts = {"command": "quintain robustness mine"}
    run_experiment(experiment, out=folder, show=False, facts=facts)
    return (folder / "report.html").read_text()


def test_the_page_shows_results_and_settings(tmp_path):
    text = unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<(style|script)[^>]*>.*?</\1>", "", page(tmp_path), flags=re.S)))
    words = " ".join(text.split())
    assert "largest loss at 2.5" in words
    assert "6 episodes" not in words  # twelve in two seeds are not too few
    assert "trained attacks in trained/" not in words  # none of these learns
    assert "attacker's goal, at best 100.0%" in words
    assert "reachable at 2.5" in words
    assert "The intention policy itself reaches the attacker's goal in 100.0%" in words
    assert "Intervals (95%) are over the 2 seeds, whose episodes depend on each other" in words
    assert "corrected for all 6 comparisons" in words
    assert "in the units of the environment's own observations" in words
    assert "fgsm white-box none Huang et al. 2017" in words
    assert "quintain robustness mine" in words


def test_the_page_has_a_curve_for_every_recorded_metric(tmp_path):
    full, less = page(tmp_path / "a"), page(tmp_path / "b", env=Silent, attacks=("random", "fgsm"), seeds=(0,))
    labels = re.compile(r'aria-label="([^"]+?) over')
    reach = "States in which the intention can be reached"
    assert labels.findall(full) == ["Policy&#39;s return", "Policy&#39;s success", "Attacker&#39;s success", reach]
    assert labels.findall(less) == ["Policy&#39;s return", reach]
    for column in ("plot of success", "plot of the attacker's success"):  # no column of dashes
        assert column in unescape(full)
        assert column not in unescape(less)
    assert "var(--c7)" in full  # random noise is grey
    assert "say nothing of how much the training of an attack varies" in " ".join(less.split())


def test_few_episodes_and_attacks_no_better_than_noise_give_notes(tmp_path):
    attacks = {"random": "random", "nothing": lambda env, epsilon: NullAttack(env)}
    text = " ".join(page(tmp_path, env=Silent, attacks=attacks, seeds=(0,)).split())
    assert "6 episodes in a row of the table are few" in text
    assert "under random noise: return" in text
    assert "no attack cost more than random noise" in text


def test_names_are_escaped_and_no_resource_is_loaded(tmp_path):
    text = page(tmp_path, name=HOSTILE)
    assert "<script>document" not in text
    assert "\u202e" not in text
    assert "&lt;script&gt;document" in text
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert (tmp_path / "leaderboard.md").read_text().count("|") % 9 == 0


def test_a_folder_without_a_run_raises_record_error(tmp_path):
    with pytest.raises(RecordError, match="no robustness run"):
        write_robustness_report(tmp_path)


@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
def test_a_browser_sorts_the_leaderboard(tmp_path):
    from quintain.evaluation.html.frame import csp_hash

    walk = """
    addEventListener("load", () => {
      const column = (n) => [...document.querySelectorAll(".board tbody tr")].map((row) => row.cells[n].dataset.key);
      const heads = document.querySelectorAll(".board th button");
      heads[3].click(); const up = column(3).map(Number);
      heads[3].click(); const down = column(3).map(Number);
      heads[1].click(); const names = column(1);
      document.documentElement.dataset.walk = JSON.stringify({up, down, names, title: document.title});
    });"""
    text = page(tmp_path, name=HOSTILE).replace("script-src '", f"script-src '{csp_hash(walk)}' '", 1)
    (tmp_path / "walk.html").write_text(text.replace("</body>", f"<script>{walk}</script></body>"))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}"]  # fmt: skip
    done = subprocess.run(
        [BROWSER, *flags, "--virtual-time-budget=5000", "--dump-dom", (tmp_path / "walk.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    import json

    found = json.loads(unescape(re.search(r'data-walk="([^"]*)"', done.stdout)[1]))
    assert found["up"] == sorted(found["up"])
    assert found["down"] == found["up"][::-1]
    assert found["names"] == sorted(found["names"])
    assert found["title"] != "ran"
    assert 'data-ready="true"' in done.stdout
