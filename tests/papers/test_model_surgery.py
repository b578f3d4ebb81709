"""The study of papers/model_surgery/run.py: which finished conditions it takes again."""

import argparse
import importlib.util
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "papers" / "model_surgery" / "run.py"
ARGUMENTS = {"model": None, "smoke": False, "seed": 0, "samples": 4, "tokens": 6, "task_tokens": 16}


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("model_surgery_program", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def study(example, out, **changes):
    """Return a study whose only finished condition has the perplexity that its engine has."""
    arguments = argparse.Namespace(**{**ARGUMENTS, **changes}, out=out)
    made = example.Study(None, arguments)
    made._next = lambda beginnings: [[0.1, 0.2]]
    made._continued = lambda beginnings: []
    made._perplexity = lambda texts: float(arguments.seed)
    return made


@pytest.mark.parametrize("change", [{"model": "other"}, {"seed": 1}, {"samples": 2}, {"tokens": 3}, {"task_tokens": 8}])
def test_finished_conditions_are_taken_again_for_the_same_arguments_alone(example, tmp_path, change):
    study(example, tmp_path).measure("none", None, ("a",))
    assert "none" in study(example, tmp_path).done
    assert "none" not in study(example, tmp_path, **change).done
    study(example, tmp_path, **change).measure("none", None, ("a",))
    assert study(example, tmp_path).done["none"]["perplexity"] == 0
