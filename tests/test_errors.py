import pytest

from quintain.errors import ConfigurationError, MissingDependencyError, QuintainError, UnknownNameError, require


def test_unknown_name_suggests_the_nearest():
    error = UnknownNameError("task", "leters", ["letters", "game24"])
    assert str(error) == "unknown task 'leters'; did you mean 'letters'?"
    assert error.suggestions == ["letters"]
    assert isinstance(error, ConfigurationError)
    assert isinstance(error, ValueError)


def test_unknown_name_without_a_near_one_lists_what_there_is():
    assert "known: game24, letters" in str(UnknownNameError("task", "zzzzzz", ["letters", "game24"]))
    assert "none is registered" in str(UnknownNameError("task", "x", []))


def test_require_returns_an_installed_module():
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
