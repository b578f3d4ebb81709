import itertools

import numpy as np
import pytest

from quintain.seeding import SeedStream, episode_seeds


def test_a_stream_is_a_function_of_its_path():
    assert SeedStream(0, "a", 1).seed == SeedStream(0).child("a").child(1).seed == SeedStream(0, "a")[1]
    one, two = SeedStream(7, "x").generator(), SeedStream(7, "x").generator()
    assert one.integers(2**60) == two.integers(2**60)


def test_seeds_are_pinned():
    """A change here would silently change every published run."""
    assert SeedStream(0, "episode")[0] == 404921061
    assert episode_seeds(0, bits=53)[0] == 1698362029193586
    assert SeedStream(0, "episode")[1] == 275090962
    assert [episode_seeds(0)[i] for i in (0, 1, 2**31 - 1)] == [2056581881, 281474097, 354192039]


def test_different_paths_have_different_seeds():
    paths = [(), (0,), ("0",), ("a",), ("a", "b"), ("a/b",), ("a", 0), ("a", "0"), (10,), (1, 0)]
    seeds = {SeedStream(root, *path).seed for root in range(50) for path in paths}
    assert len(seeds) == 50 * len(paths)


def test_runs_with_neighbouring_root_seeds_share_no_episode():
    runs = [{SeedStream(root, "episode")[i] for i in range(1000)} for root in range(5)]
    assert all(len(run) == 1000 for run in runs)
    assert all(not a & b for a, b in itertools.combinations(runs, 2))


def test_seeds_fit_a_c_integer():
    seeds = [SeedStream(3)[i] for i in range(1000)]
    assert max(seeds) < 2**31
    assert max(seeds) > 0.99 * 2**31
    assert SeedStream(3, "a").seed < 2**31


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


@pytest.mark.parametrize("root", range(3))
def test_no_two_episodes_of_a_run_share_a_seed(root):
    """Of 200,000 hashes of 31 bits about nine pairs would be equal."""
    seeds = episode_seeds(root)
    assert len({seeds[i] for i in range(200_000)}) == 200_000


def invert(root, seed):
    """Return the episode that has a seed. That there is a function which does, proves that no two have the same."""
    modulus = 2**31
    for add, factor in reversed(episode_seeds(root)._rounds):
        seed ^= seed >> 16  # its own inverse, since 16 + 16 >= 31
        seed = (seed * pow(factor, -1, modulus) - add) % modulus
    return seed


@pytest.mark.parametrize("root", [0, 1, 2**40])
def test_the_seeds_of_a_run_are_a_permutation(root):
    seeds = episode_seeds(root)
    indices = [
        *range(1000),
        *(2**31 - 1 - i for i in range(1000)),
        *np.random.default_rng(0).integers(2**31, size=1000),
    ]
    assert [invert(root, seeds[i]) for i in indices] == indices
    assert [seeds[invert(root, int(i))] for i in indices] == indices


def test_runs_share_no_more_seeds_than_chance():
    """Two runs of 20,000 episodes share 0.19 seeds on average, so the 45 pairs of ten runs about 8.4."""
    runs = [{episode_seeds(root)[i] for i in range(20_000)} for root in range(10)]
    shared = sum(len(a & b) for a, b in itertools.combinations(runs, 2))
    assert shared <= 25  # a Poisson count of mean 8.4 exceeds it about once in a million


def test_every_bit_of_the_index_and_of_the_root_seed_changes_half_of_the_bits():
    first = [episode_seeds(3)[i] for i in range(500)]
    others = [[episode_seeds(3)[i ^ 1 << k] for i in range(500)] for k in (0, 7, 30)]
    pairs = [(first, other) for other in others]
    pairs.append(([episode_seeds(i)[0] for i in range(500)], [episode_seeds(i ^ 1)[0] for i in range(500)]))
    for one, other in pairs:
        changed = np.mean([(a ^ b).bit_count() for a, b in zip(one, other, strict=True)])
        assert abs(changed - 15.5) < 0.7  # 5.6 standard errors of 500 draws


def test_long_seeds_are_those_of_the_stream():
    seeds = [episode_seeds(4, bits=53)[i] for i in range(9)]
    assert [seed >> 22 for seed in seeds] == [SeedStream(4, "episode")[i] for i in range(9)]
    with pytest.raises(ValueError, match="31 or 53 bits, got 32"):
        episode_seeds(0, bits=32)


@pytest.mark.parametrize("index", [-1, 2**31])
def test_there_is_no_episode_beyond_the_permutation(index):
    with pytest.raises(ValueError, match="episodes 0 to"):
        episode_seeds(0)[index]
