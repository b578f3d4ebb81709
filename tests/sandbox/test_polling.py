"""Adaptive polling before sleeping: stopped when it does not help, and probed from time to time."""

from __future__ import annotations

from quintain.sandbox.polling import POLL_S, PROBE_EVERY, AdaptivePolling


def count_polls(polling: AdaptivePolling, snippets: int, *, succeed: bool) -> int:
    """Return for how many of these snippets the host polled."""
    polls = 0
    for _ in range(snippets):
        if polling.seconds():
            polls += 1
            polling.learn(succeed)
    return polls


def test_polling_continues_if_it_succeeds_and_stops_otherwise() -> None:
    polling = AdaptivePolling()
    assert polling.seconds() == POLL_S
    assert count_polls(polling, 100, succeed=True) == 100
    assert count_polls(polling, 10 * PROBE_EVERY, succeed=False) <= 15  # a few until it is known, then only probes
    assert count_polls(polling, PROBE_EVERY, succeed=False) == 1


def test_polling_resumes_when_probes_succeed() -> None:
    polling = AdaptivePolling()
    count_polls(polling, 1000, succeed=False)
    count_polls(polling, 30 * PROBE_EVERY, succeed=True)
    assert count_polls(polling, 100, succeed=True) == 100
