import copy
import pickle

import pytest
from gymnasium.vector.utils import batch_space

from quintain.spaces import UnicodeText


@pytest.mark.parametrize("text", ["", "a b\n", "naïve ☃ 漢字", "\x00", "\ud800", "x" * 50])
def test_any_text_of_allowed_length_is_a_member(text):
    assert text in UnicodeText(50)


@pytest.mark.parametrize("other", ["x" * 51, b"bytes", 3, None, ["a"]])
def test_other_values_are_not_members(other):
    assert other not in UnicodeText(50)


def test_shorter_texts_than_min_length_are_not_members():
    assert "" not in UnicodeText(5, min_length=1)


def test_samples_are_members_and_follow_the_seed():
    one, two = UnicodeText(100_000, seed=4), UnicodeText(100_000, seed=4)
    samples = [one.sample() for _ in range(100)]
    assert samples == [two.sample() for _ in range(100)]
    assert all(s in one and len(s) <= 80 for s in samples)
    assert len(set(samples)) > 90


def test_sampling_with_a_mask_is_refused():
    with pytest.raises(ValueError, match="no mask"):
        UnicodeText(5).sample(mask=(1, None))


def test_spaces_can_be_compared_batched_and_copied():
    space = UnicodeText(9)
    assert space == UnicodeText(9) != UnicodeText(8)
    assert copy.deepcopy(space) == pickle.loads(pickle.dumps(space)) == space
    assert all(part == space for part in batch_space(space, 3))
