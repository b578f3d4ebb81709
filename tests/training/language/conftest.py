import sys
from pathlib import Path

import gymnasium as gym
import pytest

# The small environments and agents of the evaluation tests.
sys.path.insert(0, str(Path(__file__).parents[2] / "evaluation"))
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _sum_env():
    if "Sum-v0" not in gym.registry:
        gym.register("Sum-v0", entry_point="toy_envs:Sum")


@pytest.fixture(scope="session")
def nano_folder(tmp_path_factory):
    """An untrained model that reads and writes characters."""
    pytest.importorskip("transformers")
    from quintain.training.language.nano import make_nano

    return str(make_nano(tmp_path_factory.mktemp("nano"), "0.1M", context=1024))


@pytest.fixture
def engine(nano_folder):
    """An engine with weights of its own, which a test may change."""
    from quintain.engines import make_engine

    made = make_engine("transformers", model=nano_folder)
    yield made
    made.close()


@pytest.fixture
def fresh(nano_folder):
    """A function that makes an engine with the start weights, as a new process would."""
    from quintain.engines import make_engine

    engines = []

    def make():
        engines.append(make_engine("transformers", model=nano_folder, max_batch=128))
        return engines[-1]

    yield make
    for made in engines:
        made.close()
