import copy
import pickle

import pytest
from gymnasium.vector.utils import batch_space

from quintain.spaces import UnicodeText


@pytest.mark.parametrize("text", ["", "a b\n", "naïve ☃ 漢字", "\x00", "\ud800", "x" * 50])
def test_any_text_of_allowed_length_is_a_member(text):
    assert text in UnicodeText(50)


@pytest.mark.parametrize("other", ["x" * 51, b"bytes", 3, None, ["a"]])
def test_anything_else_is_not(other):
    assert other not in UnicodeText(50)


def test_min_length():
    assert "" not in UnicodeText(5, min_length=1)


def test_samples_are_members_and_follow_the_seed():
    one, two = UnicodeText(100_000, seed=4), UnicodeText(100_000, seed=4)
    samples = [one.sample() for _ in range(100)]
    assert samples == [two.sample() for _ in range(100)]
    assert all(s in one and len(s) <= 80 for s in samples)
    assert len(set(samples)) > 90


def test_masks_are_refused():
    with pytest.raises(ValueError, match="no mask"):
        UnicodeText(5).sample(mask=(1, None))


def test_equality_batching_and_copies():
    space = UnicodeText(9)
    assert space == UnicodeText(9) != UnicodeText(8)
    assert copy.deepcopy(space) == pickle.loads(pickle.dumps(space)) == space
    assert all(part == space for part in batch_space(space, 3))
