"""Weights and pickles given as agents are explained, and nothing in them is run."""

import pickle
from pathlib import Path

import numpy as np
import pytest

import quintain
from quintain.errors import ConfigurationError

torch = pytest.importorskip("torch")


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def net():
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))


def run(agent):
    return quintain.evaluate("CartPole-v1", agent, episodes=2)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".cleanrl_model"])
def test_a_state_dict_is_explained(tmp_path, suffix):
    path = tmp_path / f"policy{suffix}"
    torch.save(net().state_dict(), path)
    with pytest.raises(ConfigurationError, match="holds a state_dict: the weights of a network without") as raised:
        run(str(path))
    assert "net.load_state_dict(torch.load(" in str(raised.value)
    assert '.save("policy.pt")' in str(raised.value)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".pkl"])
def test_a_pickle_is_never_loaded(tmp_path, suffix):
    path, mark = tmp_path / f"policy{suffix}", tmp_path / "was run"
    if suffix == ".pkl":
        path.write_bytes(pickle.dumps(Trap(mark)))
    else:
        torch.save(Trap(mark), path)
    with pytest.raises(ConfigurationError, match="is a pickle, which can run any code when it is loaded"):
        run(str(path))
    assert not mark.exists()
    torch.load(path, weights_only=False) if suffix != ".pkl" else pickle.loads(path.read_bytes())
    assert mark.exists()  # the trap works


def test_a_pickled_module_is_explained(tmp_path):
    torch.save(net(), tmp_path / "module.pt")
    with pytest.raises(ConfigurationError, match=r"torch\.jit\.trace\(model"):
        run(str(tmp_path / "module.pt"))


def test_what_the_message_advises_plays(tmp_path):
    model = net()
    torch.jit.trace(model, torch.zeros(1, 4)).save(tmp_path / "policy.pt")
    exported = run(str(tmp_path / "policy.pt"))
    by_function = run(lambda o: int(model(torch.as_tensor(o)[None]).argmax()))
    assert [e.returns for e in exported.episodes] == [e.returns for e in by_function.episodes]
    assert exported.errors == by_function.errors == 0


def test_objects_are_explained():
    with pytest.raises(ConfigurationError, match="a state_dict holds the weights"):
        run(net().state_dict())
    with pytest.raises(ConfigurationError, match=r"a torch module \(Sequential\) does not say how its output becomes"):
        run(net())
    with pytest.raises(ConfigurationError, match="needs a 'name'"):
        run({"temperature": 0})


def test_files_that_are_missing_or_of_other_libraries(tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(b"\0" * 16)
    with pytest.raises(ConfigurationError, match=r"format of another library \(\.safetensors\)"):
        run(str(tmp_path / "weights.safetensors"))
    for name in ("no.zip", "no.pth"):
        with pytest.raises(ConfigurationError, match=f"there is no file '.*{name}'"):
            run(str(tmp_path / name))


def test_a_decorated_policy_of_numpy_weights_is_a_function():
    weights = np.array([0.0, 0.0, 1.0, 1.0])
    assert run(lambda o: int(weights @ o > 0)).reward.estimate > 50
