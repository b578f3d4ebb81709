"""The harmonic code: a kernel of the displacement, translation by phase rotation, sets as sums."""

import numpy as np
import pytest

from quintain.agents.online.hebbian import HarmonicCode

CODE = HarmonicCode()


def kernel(displacements):
    """The similarity of places that are apart by displacements: ``(1 / K) sum_k cos(w_k . d)``."""
    return np.cos(displacements @ CODE.frequencies.T).mean(-1)


def phases(code):
    """Complex numbers of a code, whose angles are the phases."""
    return code[..., : len(CODE.frequencies)] + 1j * code[..., len(CODE.frequencies) :]


def test_similarity_depends_on_the_displacement_alone():
    places = np.random.default_rng(0).uniform(0, 12, (20, 2))
    moved = np.array([0.3, -0.4])
    found = (CODE.encode(places) * CODE.encode(places + moved)).sum(-1)
    assert found == pytest.approx(np.full(20, kernel(moved)))
    assert np.linalg.norm(CODE.encode(places), axis=1) == pytest.approx(np.ones(20))


def test_the_kernel_is_a_place_field_without_side_lobes_in_the_arena():
    steps = np.arange(-12, 12.01, 0.2)
    grid = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    values, away = kernel(grid), np.linalg.norm(grid, axis=1)
    assert values[away > 1].max() < 0.5  # below every threshold at which a node stands for a place
    near = kernel(np.stack([np.arange(0, 1.01, 0.1), np.zeros(11)], -1))
    assert (np.diff(near) < 0).all()


def test_a_translation_is_a_rotation_of_phases_from_which_the_displacement_is_read():
    place, moved = np.array([2.0, 3.0]), np.array([4.5, -1.25])
    before, after = phases(CODE.encode(place)), phases(CODE.encode(place + moved))
    assert before * np.exp(1j * (CODE.frequencies @ moved)) == pytest.approx(after)
    long = slice(-12, None)  # the last module: displacements below half of its wave length
    assert np.linalg.pinv(CODE.frequencies[long]) @ np.angle(after * before.conj())[long] == pytest.approx(moved)


def test_a_sum_of_codes_stores_a_set():
    rng = np.random.default_rng(2)
    places = rng.uniform(0, 12, (6, 2))
    stored = CODE.encode(places).sum(0)
    others = rng.uniform(0, 12, (300, 2))
    far = others[(np.linalg.norm(others[:, None] - places, axis=-1) > 1.5).all(1)]
    inside, outside = CODE.encode(places) @ stored, CODE.encode(far) @ stored
    assert inside.min() > outside.mean() + 3 * outside.std()
