"""Which finished sequence keeps which slot."""

from __future__ import annotations

import numpy as np

from quintain.engines.prefixes import PrefixStore, common_prefix


def tokens(text: str) -> np.ndarray:
    return np.array([ord(c) for c in text], dtype=np.int64)


def test_common_prefix() -> None:
    for left, right, expected in [
        ("", "abc", 0),
        ("abc", "abc", 3),
        ("abc", "abd", 2),
        ("ab", "abc", 2),
        ("x", "a", 0),
    ]:
        assert common_prefix(tokens(left), tokens(right)) == expected


def test_a_growing_conversation_keeps_its_slot_and_copies_what_is_new() -> None:
    store = PrefixStore([7, 8])
    slot, there = store.place(tokens("hello"))
    assert there == 0
    assert store.place(tokens("hello world")) == (slot, 5)
    assert {s: len(held) for s, held in store} == {slot: 11}


def test_a_story_that_goes_on_after_another_question_takes_the_slot_of_the_first() -> None:
    store = PrefixStore([7, 8])
    slot, _ = store.place(tokens("once upon a time: who?"), spare=6)
    assert store.place(tokens("once upon a time a king: who?"), spare=6) == (slot, 16)
    other, there = store.place(tokens("once more: who?"), spare=6)
    assert (other, there) == (({7, 8} - {slot}).pop(), 0)
    assert {s: len(held) for s, held in store} == {slot: 29, other: 15}


def test_what_is_there_already_needs_no_copy() -> None:
    store = PrefixStore([7])
    store.place(tokens("hello world"))
    assert store.place(tokens("hello")) is None


def test_the_least_recently_used_slot_is_given_away() -> None:
    store = PrefixStore([7, 8])
    first, _ = store.place(tokens("aaa"))
    second, _ = store.place(tokens("bbb"))
    store.touch(first)
    assert store.place(tokens("ccc")) == (second, 0)
    assert {s for s, _ in store} == {first, second}


def test_without_slots_nothing_is_kept() -> None:
    assert PrefixStore([]).place(tokens("abc")) is None
