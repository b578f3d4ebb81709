"""Experiments with repeated games: matches, tournaments, sweeps, evolution, and what theory says about a game."""

from quintain.evaluation.games import metrics
from quintain.evaluation.games.audit import Causes, PositionBias, audit_position_bias, tell_apart
from quintain.evaluation.games.dynamics import fixation_probability, moran_process, replicator_dynamics
from quintain.evaluation.games.last_round import LastRound, last_round_test
from quintain.evaluation.games.matches import Fixture, Match, load_matches, play_matches
from quintain.evaluation.games.metrics import summarise
from quintain.evaluation.games.mixed import mixed_effects
from quintain.evaluation.games.observer import predict_moves
from quintain.evaluation.games.report import audit_lines, write_games_report
from quintain.evaluation.games.run_page import write_run_page
from quintain.evaluation.games.solvers import (
    correlated_equilibrium,
    folk_region,
    minimax_value,
    nash_equilibria,
    pure_nash,
)
from quintain.evaluation.games.sweep import (
    PAYOFF_SWEEP,
    PUBLISHED,
    compare_players,
    sample_games,
    score_by_family,
    sweep,
)
from quintain.evaluation.games.tournament import Tournament, tournament
from quintain.evaluation.games.training import self_play
from quintain.evaluation.games.vectorised import MatchBatch, play_machines
from quintain.evaluation.games.web import GameServer

__all__ = [
    "PAYOFF_SWEEP",
    "PUBLISHED",
    "Causes",
    "Fixture",
    "GameServer",
    "LastRound",
    "Match",
    "MatchBatch",
    "PositionBias",
    "Tournament",
    "audit_lines",
    "audit_position_bias",
    "compare_players",
    "correlated_equilibrium",
    "fixation_probability",
    "folk_region",
    "last_round_test",
    "load_matches",
    "metrics",
    "minimax_value",
    "mixed_effects",
    "moran_process",
    "nash_equilibria",
    "play_machines",
    "play_matches",
    "predict_moves",
    "pure_nash",
    "replicator_dynamics",
    "sample_games",
    "score_by_family",
    "self_play",
    "summarise",
    "sweep",
    "tell_apart",
    "tournament",
    "write_games_report",
    "write_run_page",
]
