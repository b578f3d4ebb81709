"""The prefix store: which row of the key-value cache holds which finished sequence."""

from __future__ import annotations

import numpy as np

from quintain.engines.prefixes import PrefixStore, common_prefix


def tokens(text: str) -> np.ndarray:
    return np.array([ord(c) for c in text], dtype=np.int64)


def test_common_prefix_counts_equal_leading_tokens() -> None:
    for left, right, expected in [
        ("", "abc", 0),
        ("abc", "abc", 3),
        ("abc", "abd", 2),
        ("ab", "abc", 2),
        ("x", "a", 0),
    ]:
        assert common_prefix(tokens(left), tokens(right)) == expected


def test_a_sequence_that_extends_a_stored_one_reuses_its_row() -> None:
    store = PrefixStore([7, 8])
    row, present = store.place(tokens("hello"))
    assert present == 0
    assert store.place(tokens("hello world")) == (row, 5)
    assert {r: len(held) for r, held in store} == {row: 11}


def test_a_sequence_that_shares_a_long_prefix_reuses_the_row() -> None:
    store = PrefixStore([7, 8])
    row, _ = store.place(tokens("once upon a time: who?"), spare=6)
    assert store.place(tokens("once upon a time a king: who?"), spare=6) == (row, 16)
    other, present = store.place(tokens("once more: who?"), spare=6)
    assert (other, present) == (({7, 8} - {row}).pop(), 0)
    assert {r: len(held) for r, held in store} == {row: 29, other: 15}


def test_a_stored_prefix_needs_no_copy() -> None:
    store = PrefixStore([7])
    store.place(tokens("hello world"))
    assert store.place(tokens("hello")) is None


def test_the_least_recently_used_row_is_replaced() -> None:
    store = PrefixStore([7, 8])
    first, _ = store.place(tokens("aaa"))
    second, _ = store.place(tokens("bbb"))
    store.touch(first)
    assert store.place(tokens("ccc")) == (second, 0)
    assert {r for r, _ in store} == {first, second}


def test_a_store_without_rows_stores_nothing() -> None:
    assert PrefixStore([]).place(tokens("abc")) is None
