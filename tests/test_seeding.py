import itertools

import numpy as np
import pytest

from quintain.seeding import SeedStream


def test_a_stream_is_a_function_of_its_path():
    assert SeedStream(0, "a", 1).seed == SeedStream(0).child("a").child(1).seed == SeedStream(0, "a")[1]
    one, two = SeedStream(7, "x").generator(), SeedStream(7, "x").generator()
    assert one.integers(2**60) == two.integers(2**60)


def test_seeds_are_pinned():
    """A change here would silently change every published run."""
    assert SeedStream(0, "episode")[0] == 1698362029193586
    assert SeedStream(0, "episode")[1] == 1153815124504150


def test_different_paths_have_different_seeds():
    paths = [(), (0,), ("0",), ("a",), ("a", "b"), ("a/b",), ("a", 0), ("a", "0"), (10,), (1, 0)]
    seeds = {SeedStream(root, *path).seed for root in range(50) for path in paths}
    assert len(seeds) == 50 * len(paths)


def test_runs_with_neighbouring_root_seeds_share_no_episode():
    runs = [{SeedStream(root, "episode")[i] for i in range(1000)} for root in range(5)]
    assert all(len(run) == 1000 for run in runs)
    assert all(not a & b for a, b in itertools.combinations(runs, 2))


def test_seeds_are_exact_as_doubles():
    assert all(seed == int(float(seed)) < 2**53 for seed in map(SeedStream(3).__getitem__, range(1000)))


def test_numpy_integers_are_accepted():
    assert SeedStream(np.int64(5)).seed == SeedStream(5).seed
    assert SeedStream(5, np.int64(3)).seed == SeedStream(5, 3).seed == SeedStream(5)[np.int64(3)]


@pytest.mark.parametrize("index", [3.7, "3", None])
def test_non_integer_indices_raise_type_error(index):
    with pytest.raises(TypeError):
        SeedStream(0)[index]


@pytest.mark.timeout(5)
@pytest.mark.parametrize("search", [list, iter, lambda stream: 5 in stream], ids=["list", "iter", "in"])
def test_iterating_over_a_stream_raises_type_error(search):
    with pytest.raises(TypeError):
        search(SeedStream(0))


@pytest.mark.parametrize("seed", [-1, 1.0, "0", None, True])
def test_negative_and_non_integer_seeds_are_refused(seed):
    with pytest.raises(ValueError, match="integer >= 0"):
        SeedStream(seed)
