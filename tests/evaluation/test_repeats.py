"""pass@k, majority votes, and comparisons of runs with several answers to each item."""

import itertools
import json

import numpy as np
import pytest
from typer.testing import CliRunner

import quintain
from quintain.cli import app
from quintain.errors import ConfigurationError
from quintain.evaluation.html import write_report
from quintain.evaluation.repeats import pass_at_k
from quintain.evaluation.report import Report
from quintain.evaluation.statistics import mean
from quintain.records import EpisodeRecord


def record(item, repeat, right, answer=None, k=4, outcome=None):
    info = {"task": "t", "task_hash": f"hash {item}"} | ({} if answer is None else {"answer": answer})
    outcome = outcome or ("success" if right else "failure")
    error = {"boundary": "engine", "type": "EngineError", "message": "down"} if outcome == "error" else None
    return EpisodeRecord(
        item * k + repeat, item, outcome, {"agent": float(right)}, info=info, error=error, item=item, repeat=repeat
    )


def report(*answers):
    """Return a report of texts such as "aAb", one per item: a letter per answer, capital if right, a dot for none."""
    return Report(
        [
            record(item, repeat, letter.isupper(), None if letter == "." else letter.lower(), k=len(letters))
            for item, letters in enumerate(answers)
            for repeat, letter in enumerate(letters)
        ]
    )


@pytest.mark.parametrize(("n", "c"), [(n, c) for n in range(1, 7) for c in range(n + 1)])
def test_pass_at_k_is_the_share_of_subsets_with_a_right_answer(n, c):
    right = [True] * c + [False] * (n - c)
    for k in range(1, n + 1):
        subsets = [any(chosen) for chosen in itertools.combinations(right, k)]
        assert pass_at_k(n, c, k) == pytest.approx(np.mean(subsets))


@pytest.mark.parametrize(("n", "c", "k"), [(3, 1, 4), (3, 4, 1), (3, -1, 1), (3, 1, 0)])
def test_impossible_counts_are_refused(n, c, k):
    with pytest.raises(ValueError, match="expected 1 <= k <= n"):
        pass_at_k(n, c, k)


def test_pass_at_k_of_a_run_by_hand():
    found = report("Aaaa", "AAaa", "aaaa", "AAAA")  # 1, 2, 0 and 4 right of 4
    assert found.pass_at(1).estimate == pytest.approx((1 / 4 + 2 / 4 + 0 + 1) / 4)
    assert found.pass_at(2).estimate == pytest.approx((1 / 2 + 5 / 6 + 0 + 1) / 4)
    assert found.pass_at(4).estimate == pytest.approx(3 / 4)
    assert found.pass_at(1).estimate == pytest.approx(found.success.estimate)
    assert found.answers.shown == [1, 2, 4]


def test_intervals_are_over_items():
    found = report(*["AAAA", "aaaa"] * 10)
    assert (found.pass_at(1).n, found.pass_at(1).unit) == (20, "items")
    by_item = mean([1.0, 0.0] * 10, bounds=(0, 1))
    assert (found.pass_at(1).low, found.pass_at(1).high) == pytest.approx((by_item.low, by_item.high))


def test_a_question_that_was_drawn_twice_is_one_cluster():
    episodes = [e for item in range(20) for e in report(*["AAaa"] * 20).episodes if e.item == item]
    for episode in episodes:
        episode.info["task_hash"] = f"hash {episode.item // 2}"
    assert Report(episodes).pass_at(2).clusters == 10


def test_majority_votes_by_hand():
    found = report("BBcd", "bbCC", "bCCd", "bcde", "....", ".B..")
    vote = found.majority()
    # right; a tie of a wrong and a right answer; right; four answers tied, none right; no answer; one vote
    assert vote.rate.estimate == pytest.approx((1 + 0.5 + 1 + 0 + 0 + 1) / 6)
    assert (vote.ties, vote.silent) == (2, 1)
    assert "2 of 6 items tied; 1 without an answer" in vote.rate.note


def test_answers_are_compared_without_regard_to_white_space():
    episodes = [record(0, 0, True, "a  b"), record(0, 1, True, " a b\n"), record(0, 2, False, "c")]
    assert Report(episodes).majority().rate.estimate == 1.0


def test_items_with_infrastructure_errors_have_fewer_answers():
    episodes = [record(item, repeat, True, "a", k=2) for item in range(3) for repeat in range(2)]
    episodes[1] = record(0, 1, False, k=2, outcome="error")
    found = Report(episodes)
    assert found.pass_at(1).n == 3
    assert found.pass_at(2).n == 2
    assert "1 items with fewer answers left out" in found.pass_at(2).note
    assert found.answers.complete == 2


def test_runs_without_repeats_have_no_pass_at_k():
    single = quintain.evaluate("Sum-v0", "random", episodes=3)
    with pytest.raises(ConfigurationError, match="repeats=k"):
        single.pass_at(1)
    assert "repeats" not in single.to_dict()
    with pytest.raises(ConfigurationError, match="1 <= k <= 4"):
        report("AAaa").pass_at(5)


def test_runs_with_repeats_are_compared_by_item():
    first, second = report("AAaa", "AAAA", "aaaa"), report("Aaaa", "AAAA", "aaaa")
    found = quintain.compare(first, second)
    assert found.success.n == 3
    assert found.success.estimate == pytest.approx(0.25 / 3)
    assert (found.wins, found.losses, found.ties, found.left_out) == (1, 0, 2, 0)
    once = quintain.compare(first, report("A", "A", "a"))  # another number of answers
    assert once.success.n == 3
    assert once.success.estimate == pytest.approx((0.5 - 1) / 3)


def test_the_terminal_the_data_and_the_page_show_the_estimates(tmp_path):
    pytest.importorskip("jinja2")
    command = ["eval", "CodeReason-v0", "-a", "oracle", "--tasks", "letters", "-n", "4", "--repeats", "3"]
    result = CliRunner().invoke(app, [*command, "-o", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    assert "3 answers to each of 4 items" in result.output
    for name in ("pass@1", "pass@2", "pass@3", "maj@3"):
        assert name in result.output
    stored = Report.load(tmp_path / "run")
    data = json.loads(json.dumps(stored.to_dict()))["repeats"]
    assert (data["k"], data["items"], data["pass@3"]["estimate"], data["ties"]) == (3, 4, 1.0, 0)
    page = write_report(stored).read_text()
    assert "3 answers to each of 4 items" in page
    assert "maj@3" in page
    opened = Report.open(tmp_path / "run")
    assert opened.pass_at(2) == stored.pass_at(2)
