"""Training of control policies, compared with hand-computed values: settings, checkpoints, demonstrations, updates."""

import math
from dataclasses import asdict, replace

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("stable_baselines3")
torch = pytest.importorskip("torch")

from stable_baselines3.common.vec_env import DummyVecEnv  # noqa: E402

from quintain.agents.policies import MLP, Layer, Normaliser, Policy  # noqa: E402
from quintain.errors import ConfigurationError  # noqa: E402
from quintain.seeding import SeedStream  # noqa: E402
from quintain.training.control import demonstrations, imitation, ppo, reference  # noqa: E402
from quintain.training.control.demonstrations import _noisy  # noqa: E402
from quintain.training.control.episodes import Episode, play_episodes  # noqa: E402
from quintain.training.control.ppo import SEED_NAME  # noqa: E402
from quintain.training.control.recipes import RECIPES, Recipe  # noqa: E402
from quintain.training.control.settings import AdamSettings, PPOSettings, PPOTrainingSettings  # noqa: E402
from quintain.training.control.threads import one_thread  # noqa: E402
from quintain.training.folder import TrainingRun  # noqa: E402
from quintain.training.sources import Worlds  # noqa: E402
from quintain.training.trained import NEW, Trained  # noqa: E402

ODD = PPOSettings(
    n_envs=3, n_steps=8, batch_size=12, n_epochs=4, learning_rate=2e-3, gamma=0.9, gae_lambda=0.8, clip_range=0.3,
    ent_coef=0.01, vf_coef=0.7, max_grad_norm=0.6, net_arch=(5, 3), activation_fn="relu", log_std_init=-1.0,
    ortho_init=False,
)  # fmt: skip


def pendulum(steps=20):
    return gym.make("Pendulum-v1", max_episode_steps=steps)


def model(settings=ODD, **options):
    return ppo.make_ppo(DummyVecEnv([pendulum] * settings.n_envs), settings, seed=2**31 + 7, **options)


def test_every_setting_is_passed_to_stable_baselines3_under_its_name():
    made = model()
    settings = asdict(ODD)
    policy = {name: settings.pop(name) for name in ("net_arch", "activation_fn", "log_std_init", "ortho_init")}
    assert settings.pop("n_envs") == made.n_envs
    assert settings.pop("clip_range") == made.clip_range(0.5)
    assert made.lr_schedule(0.5) == 2e-3
    assert {name: getattr(made, name) for name in settings} == settings
    assert made.policy_kwargs == {
        "net_arch": [5, 3], "activation_fn": torch.nn.ReLU, "log_std_init": policy["log_std_init"], "ortho_init": False
    }  # fmt: skip
    assert (made.seed, made.device.type) == (7, "cpu")
    assert model(replace(ODD, activation_fn="tanh")).policy_kwargs["activation_fn"] is torch.nn.Tanh
    assert model(learning_rate=0.5).lr_schedule(1.0) == 0.5
    assert type(made).__name__ == "PPO"
    assert ODD.rollout_size == 24


@pytest.mark.parametrize("name", ["n_envs", "n_steps", "batch_size", "n_epochs"])
def test_counts_of_zero_are_refused(name):
    assert getattr(PPOSettings(**{name: 1}), name) == 1
    with pytest.raises(ConfigurationError, match="must be >= 1"):
        PPOSettings(**{name: 0})


def test_recipes_equal_their_sources():
    """RL Baselines3 Zoo's hyper-parameters of HalfCheetah, and the returns that the sources report."""
    cheetah = asdict(RECIPES["halfcheetah"].ppo)
    assert cheetah == asdict(PPOSettings()) | {
        "n_envs": 1, "n_steps": 512, "batch_size": 64, "n_epochs": 20, "learning_rate": 2.0633e-5, "gamma": 0.98,
        "gae_lambda": 0.92, "clip_range": 0.1, "ent_coef": 0.000401762, "vf_coef": 0.58096, "max_grad_norm": 0.8,
        "net_arch": (256, 256), "activation_fn": "relu", "log_std_init": -2.0, "ortho_init": False,
    }  # fmt: skip
    published = {name: sorted(recipe.published.values()) for name, recipe in RECIPES.items() if recipe.published}
    assert published == {"hopper": [2410, 3167], "halfcheetah": [5819, 7117], "walker2d": [3479, 4472]}
    steps = {name: RECIPES[name].steps for name in ("hopper", "reacher", "halfcheetah", "walker2d", "reach", "push")}
    assert steps == {"hopper": 10**6, "reacher": 2 * 10**5, "halfcheetah": 2 * 10**5, "walker2d": 10**6,
                     "reach": 2 * 10**5, "push": 2 * 10**5}  # fmt: skip
    for name in ("reach", "push", "slide-handle", "turn-lever"):
        plain, mirrored = RECIPES[name], RECIPES[f"{name}-mirrored"]
        assert (plain.env_kwargs, mirrored.env_kwargs) == ({}, {"mirrored": True})
        assert plain.env_id == mirrored.env_id == f"Tabletop/{name.title().replace('-', '')}-v0"
        table = {"n_envs": 16, "n_steps": 120, "batch_size": 240, "learning_rate": 1e-3, "gamma": 0.95}
        assert asdict(plain.ppo) == asdict(PPOSettings()) | table
        assert (plain.eval_freq, plain.n_eval_episodes) == (20_000, 20)
    assert (RECIPES["slide-handle"].steps, RECIPES["turn-lever"].steps) == (100_000, 200_000)
    imitator = RECIPES["push-dt"]
    assert (imitator.steps, imitator.n_eval_episodes, imitator.demonstrator) == (4000, 20, "push")
    assert imitator.n_demonstrations == 200


def episode(reward, success=None, length=1):
    return Episode(0, reward, length, success)


def test_the_success_rate_is_over_episodes_that_report_success():
    assert ppo.success_rate([episode(0, True), episode(0, False), episode(0), episode(0, False)]) == pytest.approx(
        1 / 3
    )
    assert ppo.success_rate([episode(1), episode(2)]) is None


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([(1.0, 0.5), (9.0, 0.25), (0.0, 0.75), (5.0, 0.5)], 2),  # success decides
        ([(1.0, 0.5), (3.0, 0.5), (2.0, 0.5), (3.0, 0.5)], 1),  # then the return, the earlier of two
        ([(-9.0, None), (-7.0, None), (-8.0, None), (-9.0, None)], 1),
    ],
)
def test_the_best_checkpoint_is_kept_and_evaluated_on_other_episodes(monkeypatch, scores, best):
    seen, seeds, policies = iter(scores), [], []

    def scripted(make_env, policy, given, **_):
        seeds.append(list(given))
        policies.append(policy)
        if len(seeds) > 4:
            return [episode(2.0, True), episode(4.0, False)]
        reward, share = next(seen)
        flags = [None] * 4 if share is None else [i < 4 * share for i in range(4)]
        return [episode(reward + shift, flag) for shift, flag in zip((-1, 1, -2, 2), flags, strict=True)]

    monkeypatch.setattr(ppo, "play_episodes", scripted)
    reports = []
    small = replace(ODD, n_envs=2, n_steps=16, n_epochs=1, batch_size=32, net_arch=(4,))
    settings = PPOTrainingSettings(steps=112, ppo=small, eval_freq=32, n_eval_episodes=4)
    short = Worlds("Pendulum-v1", {"max_episode_steps": 20})
    trained = ppo.train_ppo(None, short, settings, seed=3, on_log=reports.append)
    policy, facts = trained.policy, trained.facts
    assert policy is policies[4] is policies[best]
    rows = [{"step": 32 * (i + 1), "reward": r, "success": s} for i, (r, s) in enumerate(scores)]
    assert reports == list(trained.curve) == [{n: v for n, v in row.items() if v is not None} for row in rows]
    assert facts["return"] == {"mean": 3.0, "std": 1.0, "episodes": 2}
    assert facts["success"] == 0.5
    root = SeedStream(3, SEED_NAME)
    assert seeds[:4] == [[root.child("evaluation")[i] for i in range(4)]] * 4
    assert seeds[4] == [root.child("test")[i] for i in range(20)]
    assert (policy.name, facts["seed"]) == ("Pendulum-v1", 3)


class Short(gym.Env):
    """The reward is the action; the episode of seed s ends after 1 + s % 3 steps, with success if s is even."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float64)
    action_space = gym.spaces.Box(-10, 10, (1,), np.float64)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.start, self.time = seed or 0, 0
        return np.array([float(self.start)]), {}

    def step(self, action):
        self.time += 1
        over = self.time > self.start % 3
        name = "success" if self.start % 4 < 2 else "is_success"
        info = {name: self.start % 2 == 0} if over and self.start < 40 else {}
        return np.array([float(self.start)]), float(action[0]), over, False, info


def test_episodes_are_returned_in_the_order_of_their_seeds():
    policy = Policy(
        MLP([Layer(np.array([[0.1]]), np.zeros(1), "identity")]), Short.observation_space, Short.action_space
    )
    seeds = list(range(45))  # more than one vector environment
    for seed, played in zip(seeds, play_episodes(Short, policy, seeds), strict=True):
        assert (played.seed, played.length) == (seed, 1 + seed % 3)
        assert played.reward == pytest.approx(0.1 * seed * (1 + seed % 3))
        assert played.success is (None if seed >= 40 else seed % 2 == 0)
    assert play_episodes(Short, policy, []) == []


def test_threads_are_restored_also_after_an_error():
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(3)
    try:
        with pytest.raises(ZeroDivisionError):
            one_thread()(lambda: seen.append(torch.get_num_threads()) or 1 / 0)()
        assert seen == [1]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_noise_is_in_units_of_half_the_range():
    box = gym.spaces.Box(np.float32([-4, 0]), np.float32([4, 1]))
    rng = np.random.default_rng(0)
    actions = np.tile(np.float32([[0.0, 0.5]]), (20_000, 1))
    spread = _noisy(actions, box, 0.1, rng).std(0)
    np.testing.assert_allclose(spread, [0.4, 0.05], rtol=0.03)
    wide = _noisy(actions, box, 5.0, rng)
    np.testing.assert_array_equal([wide.min(0), wide.max(0)], [box.low, box.high])
    free = gym.spaces.Box(-np.inf, np.inf, (2,), np.float64)
    np.testing.assert_allclose(_noisy(actions.astype(float), free, 0.3, rng).std(0), 0.3, rtol=0.03)
    five = gym.spaces.Discrete(5, start=10)
    chosen = np.full(20_000, 12)
    changed = _noisy(chosen, five, 0.5, rng)
    assert (changed != 12).mean() == pytest.approx(0.4, abs=0.02)  # a fifth of the random ones are 12 again
    assert set(changed) == set(range(10, 15))
    np.testing.assert_array_equal(_noisy(chosen, five, 0.0, rng), chosen)


class Recorded:
    def __init__(self, rewards, observations, actions):
        self.rewards, self.observations, self.actions = map(np.array, (rewards, observations, actions))


EPISODES = [
    Recorded([1.0, 2.0, 3.0], [[0.0], [1.0], [2.0], [99.0]], [[-1.0], [0.0], [1.0]]),
    Recorded([4.0], [[3.0], [99.0]], [[0.5]]),
]


def test_windows_contain_returns_to_go_and_start_with_padding():
    box = gym.spaces.Box(-2.0, 2.0, (1,), np.float64)
    data = imitation._windows(EPISODES, Normaliser(np.array([1.0]), np.array([2.0])), box, 3, 2.0)
    np.testing.assert_allclose(data.returns, [0, 0, 3.0, 2.5, 1.5, 0, 0, 2.0])
    np.testing.assert_allclose(data.states[:, 0], [0, 0, -0.5, 0, 0.5, 0, 0, 1])
    np.testing.assert_allclose(data.actions[:, 0], [0, 0, -0.5, 0, 0.5, 0, 0, 0.25])
    np.testing.assert_array_equal(data.times, [-1, -1, 0, 1, 2, -1, -1, 0])


def recording(reports):
    """Return a training run that appends its rows of metrics to a list and writes nothing."""
    none = dict.fromkeys(("env", "env_kwargs", "out"))
    return TrainingRun("test", policy=NEW, seed=0, settings={}, steps=1, on_log=reports.append, **none)


class Probe:
    """A network of one weight that records its inputs."""

    def __init__(self):
        self.weights = {"w": torch.zeros(1)}
        self.batches = []

    def __call__(self, returns, states, actions, times, valid):
        self.batches.append((returns.clone(), times.clone(), valid.clone()))
        return self.weights["w"] * torch.ones_like(actions)


def test_the_learning_rate_has_a_warm_up_of_a_twentieth_and_decays_to_0(monkeypatch):
    rates, clipped = [], []
    step = torch.optim.AdamW.step

    def recorded(optimiser, *args, **kwargs):
        group = optimiser.param_groups[0]
        rates.append(group["lr"])
        assert group["weight_decay"] == 0.25
        return step(optimiser, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", recorded)
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda _, norm: clipped.append(norm))
    settings = imitation.ImitationSettings(
        context_length=3, gradient_steps=40, max_grad_norm=0.125,
        optimiser=AdamSettings(learning_rate=0.8, batch_size=5, weight_decay=0.25),
    )  # fmt: skip
    box = gym.spaces.Box(-2.0, 2.0, (1,), np.float64)
    data = imitation._windows(EPISODES, Normaliser(np.zeros(1), np.ones(1)), box, 3, 2.0)
    reports, network = [], Probe()
    with recording(reports) as run:
        imitation._fit(network, data, settings, False, np.random.default_rng(0), run)
    assert rates == pytest.approx([0.4, 0.8, *(0.8 * left / 39 for left in range(38, 0, -1))])
    assert clipped == [0.125] * 40
    assert [row["step"] for row in reports] == list(range(1, 41))
    # The first loss is the mean square of the actions that are not padding.
    _, times, valid = network.batches[0]
    np.testing.assert_array_equal(times.shape, (5, 3))
    rows = np.random.default_rng(0).choice([2, 3, 4, 7], 5)[:, None] + np.arange(-2, 1)
    np.testing.assert_array_equal(valid, data.times[rows] >= 0)
    np.testing.assert_array_equal(times, np.maximum(data.times[rows], 0))
    assert reports[0]["loss"] == pytest.approx((data.actions[rows][data.times[rows] >= 0] ** 2).mean())
    assert not network.weights["w"].requires_grad


def test_progress_reports_the_mean_loss_of_each_fiftieth():
    settings = imitation.ImitationSettings(context_length=1, gradient_steps=110, optimiser=AdamSettings(batch_size=2))
    box = gym.spaces.Box(-2.0, 2.0, (1,), np.float64)
    data = imitation._windows(EPISODES, Normaliser(np.zeros(1), np.ones(1)), box, 1, 2.0)
    reports = []
    imitation._fit(Probe(), data, settings, False, np.random.default_rng(0), recording(reports))
    assert [row["step"] for row in reports] == list(range(2, 111, 2))
    assert all(math.isfinite(row["loss"]) for row in reports)


def test_the_target_return_is_a_quantile_of_the_demonstrations(monkeypatch):
    class Source:
        id = "toy"
        observation_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float64)
        action_space = gym.spaces.Box(-2.0, 2.0, (1,), np.float64)

        def iterate_episodes(self):
            return iter(EPISODES)

    monkeypatch.setattr(imitation, "_open", lambda _: Source())
    settings = imitation.ImitationSettings(
        context_length=2, hidden_size=4, gradient_steps=1, target_quantile=0.25, action_std=0.3
    )
    trained = imitation.train_decision_transformer(None, "toy", settings)
    policy, facts = trained.policy, trained.facts
    # Returns 6 and 4: the quantile 0.25 is 4.5; states before actions are 0, 1, 2, 3.
    assert facts["target"] == pytest.approx(4.5)
    assert facts["data"] == {
        "name": "toy", "episodes": 2, "transitions": 4, "return": {"mean": 5.0, "std": 1.0, "max": 6.0}
    }  # fmt: skip
    assert (policy.network.target, policy.network.scale, policy.network.context) == (4.5, 6.0, 2)
    np.testing.assert_allclose(policy.normaliser.mean, [1.5])
    np.testing.assert_allclose(policy.normaliser.scale, [np.std([0, 1, 2, 3])])
    assert policy.normaliser.clip == 10
    np.testing.assert_array_equal(policy.std_source, [0.3])
    assert policy.head == "scaled"


def test_an_imitation_is_evaluated_on_five_times_n_eval_episodes(monkeypatch):
    calls = {}

    def record(*args, **kwargs):
        calls["record"] = args, kwargs

    def imitate(policy, data, settings, *, seed, name, progress, on_log):
        on_log({"step": 1, "loss": 0.5})
        return Trained("policy", {"settings": settings.gradient_steps, "seed": seed, "target": 1.0, "data": {}})

    def measure(make, policy, seed, episodes):
        calls["tested"] = policy, seed, episodes
        return {"return": {"mean": 2.0}, "success": 0.5}

    monkeypatch.setattr(reference, "load_reference", lambda name, seed: (name, {}))
    for name, stub in (
        ("record_demonstrations", record), ("train_decision_transformer", imitate), ("measure_policy", measure)
    ):  # fmt: skip
        monkeypatch.setattr(reference, name, stub)
    reports = []
    recipe = Recipe("Pendulum-v1", steps=7, n_eval_episodes=3, demonstrator="swing", n_demonstrations=11)
    policy, facts = reference.train_recipe(recipe, 4, name="a", progress=lambda *report: reports.append(report))
    assert calls["tested"] == ("policy", 4, 15)
    args, kwargs = calls["record"]
    assert (args[1], args[2], kwargs["episodes"]) == ("swing", "quintain/swing-seed4-v0", 11)
    assert kwargs["seed"] == SeedStream(4, SEED_NAME, "demonstrations").seed
    assert (policy, facts["settings"], facts["curve"]) == ("policy", 7, [(7, 2.0, 0.5)])
    assert reports[0][0] == 1
    assert math.isnan(reports[0][1])


@pytest.mark.parametrize(("quantile", "target"), [(0.0, 4.0), (1.0, 6.0)])
def test_the_bounds_of_the_settings_are_allowed(monkeypatch, quantile, target):
    class Source:
        id = "toy"
        observation_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float64)
        action_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float64)

        def iterate_episodes(self):
            return iter(EPISODES)

    monkeypatch.setattr(imitation, "_open", lambda _: Source())
    settings = imitation.ImitationSettings(
        context_length=1, hidden_size=2, gradient_steps=1, n_head=2, n_layer=1, target_quantile=quantile
    )
    trained = imitation.train_decision_transformer(None, "toy", settings)
    assert trained.facts["target"] == target
    assert trained.policy.head == "deterministic"


def test_the_imitators_optimiser_is_that_of_its_docstring():
    assert imitation.ImitationSettings().optimiser == AdamSettings(learning_rate=1e-3, batch_size=64, weight_decay=1e-4)
    assert asdict(Recipe("a").ppo) == asdict(PPOSettings())


def test_a_demonstrator_with_a_memory_remembers_what_it_did():
    """A policy that returns its last reward, plus one: the recorded actions count up with the rewards."""
    from quintain.agents.policies.sequence import SequencePolicy

    class Last:
        def __init__(self, rows):
            self.reward = np.zeros((rows, 1))

        def reset(self, rows):
            self.reward[rows] = 0

        def network(self, rows):
            return lambda x: self.reward[rows] + 1

        def observe(self, x, rows):
            pass

        def record(self, actions, rewards, rows):
            self.reward[rows] = rewards[:, None]

    class Memory(SequencePolicy):
        def new_history(self, rows):
            return Last(rows)

    policy = Policy(Memory(), Short.observation_space, Short.action_space)
    played = demonstrations._play(Short(), policy, 2, 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(played["actions"][:, 0], [1, 2, 3])
    assert (played["rewards"], played["terminations"]) == ([1, 2, 3], [False, False, True])
    assert played["truncations"] == [False] * 3
    np.testing.assert_array_equal(played["observations"][:, 0], [2, 2, 2, 2])
