import pickle

import pytest

from quintain import errors
from quintain.errors import ConfigurationError, MissingDependencyError, QuintainError, UnknownNameError, require

ARGUMENTS = {
    "UnknownNameError": ("task", "leters", ["letters"]),
    "MissingDependencyError": ("mujoco", "mujoco", "rendering"),
    "BudgetExceededError": ("tokens", 1000, 1024),
    "ContextOverflowError": (9000, 8191),
}
CLASSES = [c for name in errors.__all__ if isinstance(c := getattr(errors, name), type)]


@pytest.mark.parametrize("kind", CLASSES)
def test_errors_can_be_pickled(kind):
    error = kind(*ARGUMENTS.get(kind.__name__, ("what went wrong",)))
    error.__notes__ = ["seen in episode 3"]
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (str(copy), copy.args, vars(copy)) == (str(error), error.args, vars(error))
    assert getattr(copy, "name", None) == getattr(error, "name", None)


def test_attributes_of_errors_are_pickled():
    copy = pickle.loads(pickle.dumps(errors.EngineError("gone", attempts=4, status=503)))
    assert (copy.attempts, copy.status, str(copy)) == (4, 503, "gone")


def test_unknown_name_suggests_the_nearest():
    error = UnknownNameError("task", "leters", ["letters", "game24"])
    assert str(error) == "unknown task 'leters'; did you mean 'letters'?"
    assert error.suggestions == ["letters"]
    assert isinstance(error, ConfigurationError)
    assert isinstance(error, ValueError)


def test_unknown_name_without_a_similar_one_lists_all_names():
    assert "known: game24, letters" in str(UnknownNameError("task", "zzzzzz", ["letters", "game24"]))
    assert "none is registered" in str(UnknownNameError("task", "x", []))


def test_require_returns_the_module():
    assert require("json", "llm").dumps([1]) == "[1]"


@pytest.mark.parametrize("module", ["no_such_module_here", "no_such_package_here.part"])
def test_require_names_the_extra(module):
    with pytest.raises(MissingDependencyError, match=r"pip install 'quintain\[mujoco\]'") as caught:
        require(module, "mujoco", "rendering")
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, QuintainError)


def test_require_does_not_hide_a_broken_module(tmp_path, monkeypatch):
    (tmp_path / "broken_module_here.py").write_text("import something_else_that_is_missing\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_else_that_is_missing") as caught:
        require("broken_module_here", "llm")
    assert not isinstance(caught.value, MissingDependencyError)
