"""The seeded study of papers/swe_search/study.py at a small size: its signs, not its figures."""

import asyncio
import importlib.util
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "papers" / "swe_search" / "study.py"


@pytest.fixture(scope="module")
def found():
    spec = importlib.util.spec_from_file_location("swe_search_program", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return asyncio.run(module.study(bugs=10, budget=30, expansions=5, seed=0))


def distinct(rows):
    again, new = (sum(column) for column in zip(*rows, strict=True))
    return new / again


def test_search_resolves_more_than_one_trajectory_with_as_many_proposals(found):
    assert sum(found["SWE-Search"]) > sum(found["one trajectory"])


def test_feedback_makes_repeated_expansions_differ(found):
    assert distinct(found["re-expansions"]) > distinct(found["re-expansions without feedback"]) + 0.1


def test_value_and_debate_choose_better_than_chance(found):
    assert found["choice at random"], "some bug has right and wrong patches"
    chance = sum(found["choice at random"])
    assert sum(found["choice by value"]) > chance
    assert sum(found["choice by debate"]) > chance
