"""The registry of defences."""

import inspect

import pytest

from quintain.attacks.defences import DEFENCES
from quintain.attacks.defences.reference import defence_names
from quintain.errors import UnknownNameError

COMMON = {"epsilon", "space", "settings", "seed", "name", "progress"}


@pytest.mark.parametrize("name", DEFENCES.names(kind="training"))
def test_every_trained_defence_has_the_common_arguments(name):
    parameters = inspect.signature(DEFENCES.load(name)).parameters
    assert set(parameters) >= COMMON
    assert next(iter(parameters)) == "make_env"
    assert ("intention" in parameters) == DEFENCES.facts(name).needs_intention_policy
    assert DEFENCES.facts(name).source


@pytest.mark.parametrize("name", DEFENCES.names(kind="filter"))
def test_every_filter_wraps_a_policy(name):
    assert next(iter(inspect.signature(DEFENCES.load(name)).parameters)) == "policy"


def test_reference_policies_can_be_trained_with_defences_without_attacker():
    assert defence_names() == ("sa", "atla", "rat-atla", "wocar")
    with pytest.raises(UnknownNameError, match="did you mean 'wocar'"):
        DEFENCES.load("wocarr")
