"""What every trainer that trains no language model must do; a new one needs an entry in ``CASES``.

Those of language models have a suite of their own, with their engines: ``language/test_trainer_contract.py``.
"""

import dataclasses
import errno
import json
import tempfile

import gymnasium as gym
import numpy as np
import pytest

from quintain.agents.games.learners import PolicyGradient, QLearner
from quintain.agents.policies import MLP, Layer, Policy, TablePolicy, load_policy
from quintain.errors import ConfigurationError, RecordError
from quintain.files import load_arrays
from quintain.training import TRAINERS
from quintain.training.control.imitation import ImitationSettings
from quintain.training.control.settings import AdamSettings, PPOSettings, PPOTrainingSettings
from quintain.training.control.tabular import QLearningSettings, ReinforceSettings
from quintain.training.folder import read_metrics
from quintain.training.self_play import Players, SelfPlaySettings
from quintain.training.sources import Matches, Worlds
from quintain.training.trained import Trained

torch = pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")


@dataclasses.dataclass
class Case:
    """A small training.

    Attributes:
        policy: Makes what is trained, as a new process would.
        settings: Settings of a training of three or more logged steps.
        change: A change of them that makes it another training.
        difference: The message about it.
        killed: Steps after which it is killed: in the middle, between two checkpoints, at the end.
        source: Name of its source; that of what the trainer learns from if empty.
    """

    policy: object
    settings: object
    change: dict
    difference: str
    killed: tuple[int, ...]
    source: str = ""


CASES = {
    "ppo": Case(
        lambda: None,
        PPOTrainingSettings(
            steps=96, eval_freq=32, n_eval_episodes=1,
            ppo=PPOSettings(n_envs=2, n_steps=16, batch_size=16, n_epochs=2, net_arch=(4,)),
        ),
        {"n_eval_episodes": 2}, "settings.n_eval_episodes was 1, is 2", (32, 64, 96),
    ),
    "decision-transformer": Case(
        lambda: None,
        ImitationSettings(
            context_length=2, hidden_size=4, n_layer=1, n_head=1, gradient_steps=6, optimiser=AdamSettings(batch_size=4)
        ),
        {"max_grad_norm": 1.0}, "settings.max_grad_norm was 0.25, is 1.0", (2, 5, 6),
    ),
    "q-learning": Case(
        lambda: None, QLearningSettings(episodes=30, horizon=12, eval_every=10), {"epsilon": 0.2},
        "settings.epsilon was 0.1, is 0.2", (10, 20, 30), "finite",
    ),
    "reinforce": Case(
        lambda: None, ReinforceSettings(episodes=30, horizon=12, eval_every=10), {"recent": 4},
        "settings.recent was 5, is 4", (10, 20, 30), "finite",
    ),
    "self-play": Case(
        lambda: {"player_0": QLearner(), "player_1": PolicyGradient()},
        SelfPlaySettings(episodes=101), {"episodes": 102}, "settings.episodes was 101, is 102", (10, 51, 101),
    ),
}  # fmt: skip


class Drift(gym.Env):
    """A walk with noise, in episodes of 11 steps, so that checkpoints lie in the middle of one."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gym.spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at, self.time = self.np_random.normal(size=2), 0
        return self.at.astype(np.float32), {}

    def step(self, action):
        self.time += 1
        self.at = self.at + np.array([float(action[0]), self.np_random.normal()])
        return self.at.astype(np.float32), -abs(float(self.at[0])), False, self.time == 11, {}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    from quintain.training.control.demonstrations import record_demonstrations

    patch = pytest.MonkeyPatch()
    patch.setenv("MINARI_DATASETS_PATH", str(tmp_path_factory.mktemp("minari")))
    cart = gym.make("Pendulum-v1", max_episode_steps=8)
    network = MLP([Layer(np.ones((1, 3)), np.zeros(1), "identity")])
    policy = Policy(network, cart.observation_space, cart.action_space)
    make = lambda: gym.make("Pendulum-v1", max_episode_steps=8)  # noqa: E731
    yield {
        "environment": Worlds(Drift),
        "finite": Worlds("Tabular/Chain-v0", {"n_right": 3, "n_left": 6}),
        "data set": record_demonstrations(make, policy, "test/contract-v0", episodes=3),
        "game": Matches("RepeatedGame-v0", env_kwargs={"rounds": 3}),
    }
    patch.undo()


def test_every_trainer_has_a_case():
    assert set(CASES) == set(TRAINERS.names(language=False))


@pytest.fixture(params=CASES)
def case(request, sources):
    """Train with the method: ``case(**options)``; its settings are ``case.settings``."""

    class Trainer:
        name, facts = request.param, CASES[request.param]
        settings, change, difference, killed = facts.settings, facts.change, facts.difference, facts.killed

        def __call__(self, policy=None, settings=None, **options):
            source = sources[self.facts.source or TRAINERS.facts(self.name).learns_from]
            policy = self.facts.policy() if policy is None else policy
            return TRAINERS.load(self.name)(policy, source, settings or self.settings, progress=False, **options)

    return Trainer()


def weights(trained):
    """Return the arrays of a trained policy by name."""
    policy = trained.policy
    if isinstance(policy, Players):
        return {seat: player.table for seat, player in policy.players.items()}
    if isinstance(policy, TablePolicy):
        return {"table": policy.probabilities}
    layers = getattr(policy.network, "layers", None)
    if layers is None:
        return policy.network.network.arrays()
    return {str(i): layer.weight for i, layer in enumerate(layers)} | {"mean": policy.normaliser.mean}


def equal(first, second):
    """Whether two trained policies are equal to the bit."""
    one, other = weights(first), weights(second)
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_it_returns_an_agent_and_writes_a_run_with_the_policy(case, tmp_path):
    rows = []
    trained = case(out=tmp_path, seed=4, on_log=rows.append)
    assert isinstance(trained, Trained)
    assert (trained.facts["method"], trained.facts["seed"]) == (case.name, 4)
    assert rows == list(trained.curve) == read_metrics(tmp_path)
    assert [row["step"] for row in rows] == sorted({row["step"] for row in rows})
    assert set(case.killed) <= {row["step"] for row in rows}
    assert rows[-1]["step"] == case.killed[-1]
    manifest = json.loads((tmp_path / "run.json").read_text())
    assert (manifest["kind"], manifest["config"]["method"]) == ("train", case.name)
    if isinstance(trained.policy, Players):
        tables, _ = load_arrays(tmp_path / "tables.npz")
        assert all(np.array_equal(tables[seat], table) for seat, table in weights(trained).items())
    elif isinstance(trained.policy, TablePolicy):
        assert equal(Trained(TablePolicy.load(tmp_path / "policy.npz")), trained)
    else:
        again, facts = load_policy(tmp_path / "policy.npz")
        assert equal(Trained(again), trained)
        assert facts == json.loads(json.dumps(trained.facts))


def test_equal_seeds_give_equal_policies_and_others_do_not(case):
    found = [case(seed=seed) for seed in (1, 1, 2)]
    assert equal(found[0], found[1])
    assert not equal(found[0], found[2])


def test_a_finished_training_is_not_trained_on(case, tmp_path):
    first = case(out=tmp_path)
    before = read_metrics(tmp_path)
    again = case(out=tmp_path, resume=True)
    assert equal(first, again)
    assert read_metrics(tmp_path) == before == list(again.curve)


@pytest.mark.parametrize("when", range(3))
def test_a_training_that_was_killed_and_resumed_equals_one_that_was_not(case, tmp_path, when):
    whole = case(out=tmp_path / "whole")

    def kill(row):
        if row["step"] == case.killed[when]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        case(out=tmp_path / "killed", on_log=kill)
    np.random.rand(3)  # noqa: NPY002  # the process's own random numbers go on
    torch.rand(3)
    resumed = case(out=tmp_path / "killed", resume=True)
    assert equal(whole, resumed)
    assert whole.curve == resumed.curve
    assert read_metrics(tmp_path / "killed") == read_metrics(tmp_path / "whole")
    assert len(list((tmp_path / "killed" / "checkpoints").iterdir())) <= 2


def test_a_training_is_resumed_with_its_own_settings_only(case, tmp_path):
    case(out=tmp_path)
    other = dataclasses.replace(case.settings, **case.change)
    with pytest.raises(RecordError, match=case.difference):
        case(settings=other, out=tmp_path, resume=True)
    with pytest.raises(RecordError, match="seed was 0, is 1"):
        case(seed=1, out=tmp_path, resume=True)
    with pytest.raises(RecordError, match="already holds a training"):
        case(out=tmp_path)


def test_the_last_good_checkpoint_survives_a_full_disk(case, tmp_path, monkeypatch):
    whole, written = case(), []

    def full(path, content):
        written.append(path.name)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    from quintain.training import checkpoints

    write = checkpoints.write_atomically
    monkeypatch.setattr(checkpoints, "write_atomically", full)
    with pytest.raises(RecordError, match="make room and continue with resume=True"):
        case(out=tmp_path)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == written[:1]
    monkeypatch.undo()
    assert equal(whole, case(out=tmp_path, resume=True))


def test_a_training_leaves_no_trace_in_the_process(case, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), torch.get_num_threads()  # noqa: NPY002
    case()
    after = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), torch.get_num_threads()  # noqa: NPY002
    assert before == after
    assert not list(tmp_path.iterdir())


def test_a_policy_that_cannot_be_trained_is_refused(case):
    with pytest.raises(ConfigurationError, match=r"takes no policy|tabular learners"):
        case(policy="random")


def test_self_play_goes_on_with_what_it_returned(sources):
    train = TRAINERS.load("self-play")
    trained = train(QLearner(), sources["game"], SelfPlaySettings(episodes=5))
    table = trained.policy.players["player_0"].table
    before = table.copy()
    assert train(trained, sources["game"], SelfPlaySettings(episodes=5)).policy.players["player_0"].table is table
    assert not np.array_equal(before, table)


def test_ppo_is_not_resumed_where_the_environment_does_not_repeat_itself(tmp_path):
    class Fickle(Drift):
        noise = np.random.default_rng(0)

        def reset(self, **options):
            _, info = super().reset(**options)
            self.at += self.noise.random()
            return self.at.astype(np.float32), info

    case, source = CASES["ppo"], Worlds(Fickle)
    train = TRAINERS.load("ppo")

    def kill(row):
        if row["step"] == 64:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(None, source, case.settings, out=tmp_path, on_log=kill)
    with pytest.raises(RecordError, match="does not repeat an episode"):
        train(None, source, case.settings, out=tmp_path, resume=True)
