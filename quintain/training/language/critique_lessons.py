"""First lessons of both seats of ``Critique-v0``, and steps with natural errors on which a critic is measured.

Scripts write what a language model and people wrote for SPC: a plan before a corrupted step, and a critique before a
verdict. The lessons show gross errors alone, so that the seats have something to learn from each other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quintain.envs.critique.env import CRITIC, SNEAKY, Critique
from quintain.envs.critique.solutions import Solution
from quintain.seeding import SeedStream

__all__ = ["CritiqueLesson", "JudgedStep", "critic_lesson", "natural_steps", "sneaky_lesson"]

_GROSS, _NATURAL = (-40, -30, -20, 20, 30, 40), (-10, -9, -2, -1, 1, 2, 9, 10)


class CritiqueLesson(NamedTuple):
    """A reply to learn.

    Attributes:
        observation: What the seat reads.
        reply: What it is to write.
    """

    observation: str
    reply: str


class JudgedStep(NamedTuple):
    """A step to judge.

    Attributes:
        observation: What the critic reads.
        error: Whether the step is an error.
    """

    observation: str
    error: bool


def sneaky_lesson(game: Critique, rng: np.random.Generator) -> CritiqueLesson:
    """Return how to corrupt the step of a game that has begun with the generator's turn."""
    solution, number = game.solution, game.number
    wrong = _corrupted(solution, number, int(rng.choice(_GROSS)))
    return CritiqueLesson(game.observe(SNEAKY), f"type: 2\nplan: change the result\nstep: {wrong}")


def critic_lesson(game: Critique, rng: np.random.Generator) -> CritiqueLesson:
    """Return how to judge the right step of a game that has begun with the critic's turn, or a gross error in it."""
    solution, number = game.solution, game.number
    right = solution.step(number)
    observation, verdict = game.observe(CRITIC), "Correct"
    if rng.random() < 0.5:
        wrong = _corrupted(solution, number, int(rng.choice(_GROSS)))
        observation, verdict = observation[: -len(right)] + wrong, "Incorrect"
    return CritiqueLesson(observation, f"{right}\n<Answer>{verdict}</Answer>")


def natural_steps(game: Critique, count: int, seeds: SeedStream) -> list[JudgedStep]:
    """Return steps of which half have a slip as people make them: off by 1, 2, 9 or 10, or the other operation.

    Args:
        game: A game with ``right_share`` 1; it is reset.
        count: Number of steps, >= 0.
        seeds: Seed stream; the games and the slips have streams of their own below it.
    """
    found, games, slips = [], seeds.child("game"), seeds.child("slip")
    for k in range(count):
        game.reset(seed=games[k])
        rng, solution, number = slips.child(k).generator(), game.solution, game.number
        right, observation = solution.step(number), game.observe(CRITIC)
        error = bool(rng.random() < 0.5)
        if error:
            slip = int(rng.choice((*_NATURAL, -2 * solution.terms[number])))
            observation = observation[: -len(right)] + _corrupted(solution, number, slip)
        found.append(JudgedStep(observation, error))
    return found


def _corrupted(solution: Solution, number: int, error: int) -> str:
    """Return a step whose result is wrong by so much, or by as much in the other direction where that is negative."""
    result = solution.total(number + 1)
    wrong = result + error if result + error >= 0 else result - error
    return f"{solution.total(number)}{solution.terms[number]:+d}={wrong}"
