"""Experiments with repeated games: matches, tournaments, sweeps, evolution, and what theory says about a game."""
