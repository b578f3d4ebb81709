"""Several processes that train one model: they end with equal weights, and with those of a single process."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from quintain.errors import ConfigurationError
from quintain.records import read_episodes
from quintain.training.folder import read_metrics
from quintain.training.language.grpo_settings import GRPOSettings
from quintain.training.language.trl_trainer import Processes

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

PROGRAM = Path(__file__).with_name("process_training.py")
METHODS = ["grpo-dapo", "grpo-grpo", "sft"]


def run(number, *words):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = ["-m", "torch.distributed.run", "--nproc_per_node", str(number), "--master_port", str(port)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, *(start if number > 1 else []), str(PROGRAM), *map(str, words)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


def close(first, second, tolerance):
    return all(torch.allclose(first[name], second[name], atol=tolerance) for name in first)


@pytest.mark.timeout(900)
def test_two_processes_train_as_one_does(nano_folder, tmp_path):
    run(
        1, nano_folder, tmp_path / "one", *METHODS
    )  # all methods in one program: it takes seconds to import torch and TRL
    run(2, nano_folder, tmp_path / "two", *METHODS)
    for method in METHODS:
        check_equal_trainings(tmp_path / "one" / method, tmp_path / "two" / method, reinforced=method != "sft")


def check_equal_trainings(one, two, *, reinforced):
    alone, first, second = (torch.load(f"{folder}-{rank}.pt") for folder, rank in ((one, 0), (two, 0), (two, 1)))
    assert first.keys() == alone.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert close(alone, first, 1e-3)  # Adam turns a rounding error of a gradient near 0 into a step
    rows, others = read_metrics(one), read_metrics(two)
    assert [row["step"] for row in rows] == [row["step"] for row in others]
    if reinforced:
        assert rows[0] == others[0]  # the first evaluation is of the start
        assert rows[1]["reward"] == others[1]["reward"]
        episodes = [read_episodes(folder) for folder in (one, two)]
        played = [sorted((e.index, e.outcome, str(e.steps)) for e in each if e.index < 16) for each in episodes]
        assert played[0] == played[1]
        assert len({e.index for e in episodes[1]}) == len(episodes[1])
        assert (two / "model" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (GRPOSettings(num_prompts=9, num_generations=8), "do not divide among 2 processes"),
        (GRPOSettings(baseline="critic", credit="turn", scale="batch"), "one process"),
    ],
)
def test_what_does_not_divide_is_refused(settings, message):
    from quintain.training.language.grpo_trainer import check_processes

    with pytest.raises(ConfigurationError, match=message):
        check_processes(settings, 2)
    check_processes(settings, 1)


def test_processes_share_every_nth_item(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("RANK", "1")
    here = Processes.here()
    assert (here.number, here.first, here.share(range(7))) == (3, False, range(1, 7, 3))


def test_the_configurations_of_accelerate_that_are_shipped_can_be_read():
    config_args = pytest.importorskip("accelerate.commands.config.config_args")
    folder = Path(__file__).parents[3] / "examples" / "accelerate"
    kinds = {}
    for file in sorted(folder.glob("*.yaml")):
        loaded = config_args.load_config_from_file(str(file))
        kinds[file.stem] = (str(loaded.distributed_type), loaded.num_processes)
    assert kinds == {"deepspeed": ("DistributedType.DEEPSPEED", 4), "gpus": ("DistributedType.MULTI_GPU", 4)}
