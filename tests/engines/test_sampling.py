"""Sampling: frequencies, independent random streams, and robustness to floating-point noise."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from quintain.engines.sampler import Sampler

torch = pytest.importorskip("torch")
from quintain.engines.sampling import nucleus, sample  # noqa: E402


def test_token_frequencies_match_the_softmax() -> None:
    """1500 draws at each temperature; four standard deviations are at most 0.052."""
    logits = torch.tensor([[0.0, 1.0, 2.0, -1.0]])
    for temperature in (0.5, 1.0, 3.0):
        expected = (logits[0] / temperature).softmax(-1).tolist()
        sampler = Sampler(temperature, 1.0, seed=0, index=0)
        counts = Counter(sample(logits, [sampler])[0] for _ in range(1500))
        for token, share in enumerate(expected):
            assert counts[token] / 1500 == pytest.approx(share, abs=0.052)


def test_temperature_zero_takes_the_argmax() -> None:
    logits = torch.tensor([[0.0, 5.0, 1.0], [9.0, 9.0, 1.0]])
    assert sample(logits, [Sampler(0.0, 1.0, 0, 0)] * 2) == [1, 0]


def test_tiny_temperatures_do_not_overflow() -> None:
    logits = torch.tensor([[300.0, 299.0, -300.0]])
    assert sample(logits, [Sampler(1e-30, 1.0, 0, 0)]) == [0]


def test_the_draw_of_a_row_does_not_depend_on_the_batch() -> None:
    logits = torch.zeros(3, 1000)
    together = sample(logits, [Sampler(1.0, 1.0, seed=4, index=i) for i in range(3)])
    alone = [sample(logits[:1], [Sampler(1.0, 1.0, seed=4, index=i)])[0] for i in range(3)]
    assert together == alone
    assert len(set(together)) == 3


def test_draws_are_robust_to_floating_point_noise_in_the_logits() -> None:
    """Noise of the size that differs between batch shapes; inverse-CDF sampling would change dozens of 400 draws."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 50_000, generator=generator)
    noisy = logits + 1e-5 * torch.randn(1, 50_000, generator=generator)
    plain, other = Sampler(1.0, 1.0, 7, 0), Sampler(1.0, 1.0, 7, 0)
    moved = sum(sample(logits, [plain]) != sample(noisy, [other]) for _ in range(400))
    assert moved <= 1


def test_the_nucleus_is_the_smallest_set_with_mass_top_p() -> None:
    logits = torch.tensor([0.2, 0.5, 0.05, 0.25]).log()
    assert nucleus(logits, 0.5).tolist() == [1]
    assert nucleus(logits, 0.74).tolist() == [1, 3]
    assert nucleus(logits, 0.76).tolist() == [1, 3, 0]
    flat = torch.zeros(5000)  # more tokens than the first top-k of the implementation
    assert len(nucleus(flat, 0.5)) == pytest.approx(2500, abs=1)


def test_only_tokens_of_the_nucleus_are_drawn() -> None:
    logits = torch.tensor([[0.2, 0.5, 0.05, 0.25]]).log()
    sampler = Sampler(1.0, 0.6, seed=0, index=0)
    counts = Counter(sample(logits, [sampler])[0] for _ in range(600))
    assert set(counts) == {1, 3}
    assert counts[1] / 600 == pytest.approx(2 / 3, abs=0.08)  # four standard deviations


def test_choose_draws_in_proportion_to_exponentiated_log_weights() -> None:
    sampler = Sampler(1.0, 1.0, seed=0, index=0)
    weights = [math.log(0.7), math.log(0.2), math.log(0.1)]
    counts = Counter(sampler.choose([w - 500 for w in weights]) for _ in range(1500))
    for index, weight in enumerate(weights):
        assert counts[index] / 1500 == pytest.approx(np.exp(weight), abs=0.05)
    assert Sampler(0.0, 1.0, 0, 0).choose([-5.0, -2.0, -2.0]) == 1
