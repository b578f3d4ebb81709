"""Failures of models are counted; infrastructure errors are left out, with worst cases beside every rate."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

import quintain
from quintain.agents.games import LLMPlayer
from quintain.cli import app
from quintain.cli.tournament import _print_ranking
from quintain.engines.engine import Reply
from quintain.engines.scripted import ScriptedEngine
from quintain.errors import ContextOverflowError, SandboxError
from quintain.experiments.games import load_matches, metrics, play_matches, score_by_family, sweep, tournament
from quintain.experiments.games.match import ScheduledMatch, failed_matches
from quintain.records import read_episodes

PD, ORDINAL = "prisoners_dilemma", "ordinal:1,1"


def overflows_after(rounds: int) -> LLMPlayer:
    """Answers F until its prompt holds as many rounds as fit."""

    def serve(request: Any) -> Reply:
        if f"This is round {rounds + 1}." in request.messages[0]["content"]:
            raise ContextOverflowError(9000, 8192)
        return Reply("F", completion_tokens=1)

    return LLMPlayer(ScriptedEngine(serve), constrained=False)


@pytest.mark.parametrize("rounds", [0, 3])
def test_exceeding_the_context_window_truncates_a_match(rounds: int, tmp_path: Any) -> None:
    fixtures = [ScheduledMatch(PD, ("model", "tit-for-tat")), ScheduledMatch(PD, ("grim", "model"))]
    matches = play_matches(fixtures, {"model": overflows_after(rounds)}, env={"rounds": 5}, out=tmp_path)
    assert [len(match.moves) for match in matches] == [rounds, rounds]
    for match in matches:
        assert (match.record.outcome, match.record.truncated, match.record.error) == ("finished", True, None)
        assert match.cut_off.startswith("context window of player_")
        assert sum(match.record.returns.values()) == match.payoffs.sum()
    assert ("defection" in metrics.summarise(matches, "model")) == (rounds > 0)
    assert [m.cut_off for m in load_matches(tmp_path)] == [m.cut_off for m in matches]
    result = tournament(["model", "grim"], PD, rounds=5, repetitions=2, agents={"model": overflows_after(rounds)})
    assert result.matches == 6
    assert not result.failed


def test_exceeding_the_context_window_truncates_a_single_agent_episode() -> None:
    report = quintain.play(
        "PrisonersDilemma-v0", {"player_0": overflows_after(2), "player_1": "grim"}, env_kwargs={"rounds": 5}
    )
    [episode] = report.episodes
    assert (report.errors, episode.outcome, episode.truncated) == (0, "finished", True)
    assert episode.info["context_overflow"]
    assert len(episode.steps) == 4


@pytest.mark.parametrize("reason", ["content_filter", "tool_calls", "length"])
def test_a_reply_without_text_is_an_illegal_move_with_its_reason(reason: Any) -> None:
    model = LLMPlayer(ScriptedEngine(lambda request: Reply("", finish_reason=reason)), constrained=False)
    (match,) = play_matches([ScheduledMatch(PD, ("model", "grim"))], {"model": model}, env={"rounds": 2})
    assert match.moves[:, 0].tolist() == [-1, -1]
    assert [choice["label"] for choice in match.traces[0]] == [f"({reason})"] * 2
    assert metrics.summarise([match], "model")["illegal moves"].estimate == 1


class Sometimes:
    """Plays option 0, and fails in the first of every few matches."""

    def __init__(self, every: int = 3) -> None:
        self.every = every
        self.matches = 0

    def begin(self, seat: Any) -> Any:
        self.matches += 1
        if self.matches % self.every == 1:
            raise SandboxError("down")
        return self

    def act(self, observation: Any, info: dict[str, Any]) -> int:
        return 0

    def describe(self) -> dict[str, Any]:
        return {"agent": "sometimes"}


def test_rates_of_matches_have_their_worst_case(tmp_path: Any) -> None:
    fixtures = [ScheduledMatch(PD, ("mine", "always-defect"), k) for k in range(6)]
    with pytest.warns(RuntimeWarning, match="2 of 6 matches failed"):
        matches = play_matches(fixtures, {"mine": Sometimes()}, env={"rounds": 2}, out=tmp_path, concurrency=1)
    failed = failed_matches(read_episodes(tmp_path))
    assert [match.repetition for match in failed] == [0, 3]
    plain, worst = metrics.summarise(matches, "mine"), metrics.worst_case(matches, failed, "mine")
    assert (plain["defection"].estimate, plain["defection"].n) == (0, 4)
    assert (worst["defection"].estimate, worst["defection"].n) == (pytest.approx(2 / 6), 6)
    assert worst["normalised score"].estimate == pytest.approx(plain["normalised score"].estimate * 4 / 6)
    assert "score" not in worst
    assert metrics.worst_case(matches, [], "mine") == {name: plain[name] for name in worst}
    pytest.importorskip("matplotlib")
    assert CliRunner().invoke(app, ["view", str(tmp_path)]).exit_code == 0
    page = (tmp_path / "report.html").read_text()
    assert "mine, worst case" in page
    assert "2 of 6 matches failed" in page


def test_families_have_their_worst_case(tmp_path: Any) -> None:
    from quintain.experiments.games import sample_games

    with pytest.warns(RuntimeWarning, match="of 16 matches failed"):
        matches = sweep(
            ["mine"], sample_games(8), opponents=["grim"], agents={"mine": Sometimes()}, rounds=2, out=tmp_path,
            concurrency=1,
        )  # fmt: skip
    failed = failed_matches(read_episodes(tmp_path))
    plain, worst = (score_by_family(matches, "mine", failed=lost) for lost in ([], failed))
    counted = [match for match in failed if match.game.partition(":")[0] and "all" in worst]
    assert counted
    assert worst["all"].estimate < plain["all"].estimate
    assert sum(worst[f].n for f in worst if f != "all") == 16
    pytest.importorskip("matplotlib")
    assert CliRunner().invoke(app, ["view", str(tmp_path)]).exit_code == 0
    assert "mine, worst case" in (tmp_path / "report.html").read_text()


def test_a_ranking_has_its_worst_case(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(RuntimeWarning, match="matches failed"):
        result = tournament(
            ["mine", "always-defect"], PD, rounds=2, repetitions=3, agents={"mine": Sometimes(100)}, concurrency=1,
            out=tmp_path,
        )  # fmt: skip
    assert len(result.failed) == 1
    assert result.scores.shape == (2, 2)
    assert result.worst_scores.shape == (2, 3)  # every repetition counts
    assert result.cooperation[0].tolist() == [1, 1]
    assert result.worst_cooperation[0].tolist() == [2 / 3, 1]  # one of three matches against itself failed
    _print_ranking(result, PD, [])
    assert "".join(capsys.readouterr()).count("worst case") == 2
    worst = result.worst_case()
    lowest = 0.0  # of the prisoner's dilemma's payoffs
    assert all(lowest <= interval.estimate for interval in worst.values())
    assert tournament(["grim", "always-defect"], PD, rounds=2, repetitions=3).worst_case() == {}
    pytest.importorskip("matplotlib")
    assert CliRunner().invoke(app, ["view", str(tmp_path)]).exit_code == 0
    assert "worst case" in (tmp_path / "report.html").read_text()
