import dataclasses

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


def test_trainers_are_filtered_by_facts_and_similar_names_suggested():
    assert TRAINERS.names(learns_from="data set") == ("decision-transformer",)
    with pytest.raises(UnknownNameError, match="did you mean 'ppo'"):
        TRAINERS.load("pppo")
