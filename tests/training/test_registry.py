import dataclasses
import inspect

import pytest

from quintain.errors import UnknownNameError
from quintain.registry import load_attribute
from quintain.training import TRAINERS


@pytest.mark.parametrize("name", TRAINERS.names())
def test_every_trainer_and_its_settings_can_be_imported(name):
    facts = TRAINERS.facts(name)
    assert callable(TRAINERS.load(name))
    if facts.settings:
        assert dataclasses.is_dataclass(load_attribute(facts.settings))


@pytest.mark.parametrize("name", TRAINERS.names())
def test_every_trainer_takes_the_arguments_of_the_contract(name):
    parameters = inspect.signature(TRAINERS.load(name)).parameters
    assert list(parameters)[:3] == ["policy", "source", "settings"]
    wanted = {"seed": 0, "out": None, "resume": False, "progress": None, "on_log": None}
    assert {name: parameters[name].default for name in wanted} == wanted
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in wanted)
    assert parameters["settings"].default is None


def test_trainers_are_filtered_by_facts_and_similar_names_suggested():
    assert TRAINERS.names(learns_from="data set") == ("decision-transformer",)
    with pytest.raises(UnknownNameError, match="did you mean 'ppo'"):
        TRAINERS.load("pppo")
