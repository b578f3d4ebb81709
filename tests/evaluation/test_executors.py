"""Executors are found by name and do not change episodes."""

from __future__ import annotations

import quintain
from quintain.evaluation.executors import EXECUTORS


def backwards(work, receiver, *, workers):
    """Play the episodes one by one, the last one first."""
    work.play(iter(work.parts(1)[::-1]), receiver, len(work.parts(1)))


def test_a_users_executor_is_found_by_module_and_name():
    order = []
    options = {"episodes": 4, "seed": 3, "progress": False}
    mine = quintain.evaluate(
        "CartPole-v1", "random", executor=f"{__name__}:backwards", on_episode=lambda e: order.append(e.index), **options
    )
    inline = quintain.evaluate("CartPole-v1", "random", **options)
    assert order == [3, 2, 1, 0]
    assert repr([e.steps for e in mine.episodes]) == repr([e.steps for e in inline.episodes])


def test_the_built_in_executors_are_registered():
    assert {"inline", "process"} <= set(EXECUTORS)
