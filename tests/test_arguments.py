"""Checks of settings: what counts as a number or as true and false."""

import math
from fractions import Fraction

import numpy as np
import pytest

from quintain.arguments import check_bool, check_number
from quintain.errors import ConfigurationError


@pytest.mark.parametrize("value", [True, False, np.True_, np.bool_(False)])
def test_booleans_of_python_and_numpy_are_accepted(value):
    check_bool("flag", value)


@pytest.mark.parametrize("value", ["no", 0, 1, None, np.int64(1)])
def test_nothing_else_is_true_or_false(value):
    with pytest.raises(ConfigurationError, match="flag must be true or false, got"):
        check_bool("flag", value)


@pytest.mark.parametrize(("value", "integer"), [(3, True), (np.int64(3), True), (0.5, False), (np.float32(0.5), False)])
def test_numbers_of_python_and_numpy_are_accepted(value, integer):
    check_number("n", value, low=0, high=3, integer=integer)


@pytest.mark.parametrize("value", [True, np.True_, "3", None, math.nan, math.inf, Fraction(1, 2), 3.5, -1])
def test_other_values_and_other_ranges_are_refused(value):
    with pytest.raises(ConfigurationError, match="n must be a finite number >= 0 and <= 3, got"):
        check_number("n", value, low=0, high=3)
