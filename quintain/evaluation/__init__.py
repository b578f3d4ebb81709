"""Evaluation: play episodes, record them, and report, compare and rescore the results."""

from quintain.evaluation.compare import Comparison, compare
from quintain.evaluation.leaderboard import Leaderboard, leaderboard
from quintain.evaluation.match import play
from quintain.evaluation.report import Report
from quintain.evaluation.rescore import Rescored, rescore
from quintain.evaluation.runner import evaluate
from quintain.evaluation.statistics import Interval
from quintain.records import EpisodeRecord, read_episodes

__all__ = [
    "Comparison",
    "EpisodeRecord",
    "Interval",
    "Leaderboard",
    "Report",
    "Rescored",
    "compare",
    "evaluate",
    "leaderboard",
    "play",
    "read_episodes",
    "rescore",
]
