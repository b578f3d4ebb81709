"""Polling before sleeping: given up where it does not pay, tried again now and then."""

from __future__ import annotations

from quintain.sandbox.looking import LOOK_S, PROBE_EVERY, Looking


def looks(looking: Looking, snippets: int, *, succeed: bool) -> int:
    """Return how many of these snippets were looked at."""
    looked = 0
    for _ in range(snippets):
        if looking.seconds():
            looked += 1
            looking.learn(succeed)
    return looked


def test_looking_goes_on_where_it_succeeds_and_stops_where_it_does_not() -> None:
    looking = Looking()
    assert looking.seconds() == LOOK_S
    assert looks(looking, 100, succeed=True) == 100
    assert looks(looking, 10 * PROBE_EVERY, succeed=False) <= 15  # a few until it is known, then only probes
    assert looks(looking, PROBE_EVERY, succeed=False) == 1


def test_looking_is_taken_up_again_when_the_cores_are_idle() -> None:
    looking = Looking()
    looks(looking, 1000, succeed=False)
    looks(looking, 30 * PROBE_EVERY, succeed=True)
    assert looks(looking, 100, succeed=True) == 100
