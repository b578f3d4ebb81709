"""Adaptive polling before sleeping: stopped when it does not help, and probed from time to time."""

from __future__ import annotations

from quintain.sandbox.looking import LOOK_S, PROBE_EVERY, Looking


def count_polls(looking: Looking, snippets: int, *, succeed: bool) -> int:
    """Return for how many of these snippets the host polled."""
    looked = 0
    for _ in range(snippets):
        if looking.seconds():
            looked += 1
            looking.learn(succeed)
    return looked


def test_polling_continues_if_it_succeeds_and_stops_otherwise() -> None:
    looking = Looking()
    assert looking.seconds() == LOOK_S
    assert count_polls(looking, 100, succeed=True) == 100
    assert count_polls(looking, 10 * PROBE_EVERY, succeed=False) <= 15  # a few until it is known, then only probes
    assert count_polls(looking, PROBE_EVERY, succeed=False) == 1


def test_polling_resumes_when_probes_succeed() -> None:
    looking = Looking()
    count_polls(looking, 1000, succeed=False)
    count_polls(looking, 30 * PROBE_EVERY, succeed=True)
    assert count_polls(looking, 100, succeed=True) == 100
