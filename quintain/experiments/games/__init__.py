"""Experiments with repeated games: matches, tournaments, sweeps, evolution, and what theory says about a game."""

from quintain.experiments.games import metrics
from quintain.experiments.games.audit import BiasDecomposition, PositionBias, audit_position_bias, discrimination_test
from quintain.experiments.games.dynamics import fixation_probability, moran_process, replicator_dynamics
from quintain.experiments.games.last_round import LastRound, last_round_test
from quintain.experiments.games.match import Match, ScheduledMatch, failed_matches, load_matches
from quintain.experiments.games.matches import play_matches
from quintain.experiments.games.metrics import summarise
from quintain.experiments.games.mixed import mixed_effects
from quintain.experiments.games.observer import predict_moves
from quintain.experiments.games.page import write_run_page
from quintain.experiments.games.people import People, read_people
from quintain.experiments.games.person import Study
from quintain.experiments.games.report import audit_lines, missing_lines, write_games_report
from quintain.experiments.games.scores import PUBLISHED, compare_players, score_by_family, t_test_players
from quintain.experiments.games.solvers import (
    correlated_equilibrium,
    folk_region,
    infinitely_many,
    minimax_value,
    nash_equilibria,
    pure_nash,
)
from quintain.experiments.games.standings import Tournament
from quintain.experiments.games.sweep import PAYOFF_SWEEP, sample_games, sweep
from quintain.experiments.games.terminal_play import play_at_terminal
from quintain.experiments.games.tournament import tournament
from quintain.experiments.games.vectorised import MatchBatch, play_machines
from quintain.experiments.games.web import GameServer

__all__ = [
    "PAYOFF_SWEEP",
    "PUBLISHED",
    "BiasDecomposition",
    "GameServer",
    "LastRound",
    "Match",
    "MatchBatch",
    "People",
    "PositionBias",
    "ScheduledMatch",
    "Study",
    "Tournament",
    "audit_lines",
    "audit_position_bias",
    "compare_players",
    "correlated_equilibrium",
    "discrimination_test",
    "failed_matches",
    "fixation_probability",
    "folk_region",
    "infinitely_many",
    "last_round_test",
    "load_matches",
    "metrics",
    "minimax_value",
    "missing_lines",
    "mixed_effects",
    "moran_process",
    "nash_equilibria",
    "play_at_terminal",
    "play_machines",
    "play_matches",
    "predict_moves",
    "pure_nash",
    "read_people",
    "replicator_dynamics",
    "sample_games",
    "score_by_family",
    "summarise",
    "sweep",
    "t_test_players",
    "tournament",
    "write_games_report",
    "write_run_page",
]
