"""Agents made of SB3 models, exported networks, human input and recorded runs."""

import functools

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import quintain
from quintain.agents import as_agent, make_agent
from quintain.agents.agent import Seat
from quintain.agents.human import HumanAgent
from quintain.agents.policies import MLP, Layer, Policy, save_policy
from quintain.agents.policies.sb3_agent import NetworkAgent, PredictAgent
from quintain.agents.replay import ReplayAgent
from quintain.errors import AgentError, CapabilityError, ConfigurationError, RecordError


def seat(observation_space=None, action_space=None, **fields):
    return Seat(
        "X-v0", "agent", observation_space or spaces.Discrete(3), action_space or spaces.Discrete(3), 7, **fields
    )


def test_each_seat_has_its_own_generator():
    draws = {
        (seed, name): Seat("X-v0", name, spaces.Discrete(2), spaces.Discrete(2), seed).generator().integers(2**60)
        for seed in range(20)
        for name in ("player_0", "player_1")
    }
    assert len(set(draws.values())) == 40
    assert seat().generator().integers(2**60) == seat().generator().integers(2**60)


def test_random_actions_respect_the_mask():
    actor = make_agent("random").begin(seat())
    mask = np.array([0, 1, 0], dtype=np.int8)
    assert {int(actor.act(0, {"action_mask": mask})) for _ in range(20)} == {1}
    assert {int(actor.act(0, {})) for _ in range(60)} == {0, 1, 2}


def test_a_mask_that_allows_everything_changes_no_random_action():
    actors = [make_agent("random").begin(seat()) for _ in range(2)]
    masks = [{}, {"action_mask": np.ones(3, dtype=np.int8)}]
    assert (
        len({tuple(int(actor.act(0, mask)) for _ in range(20)) for actor, mask in zip(actors, masks, strict=True)}) == 1
    )
    with pytest.raises(AssertionError, match="shape"):  # Gymnasium's own check
        actors[0].act(0, {"action_mask": np.ones(4, dtype=np.int8)})


def test_an_oracle_without_a_solution_raises_capability_error():
    with pytest.raises(CapabilityError, match="offers no solution"):
        make_agent("oracle").begin(seat())


@pytest.fixture(scope="module")
def ppo():
    sb3 = pytest.importorskip("stable_baselines3")
    pytest.importorskip("torch").set_num_threads(1)
    return sb3.PPO("MlpPolicy", "CartPole-v1", n_steps=64, batch_size=64, seed=0).learn(64)


def test_an_sb3_model_can_be_evaluated(ppo):
    agent = as_agent(ppo)
    assert isinstance(agent, PredictAgent)
    batched = quintain.evaluate("CartPole-v1", agent, episodes=4, concurrency=2)
    assert batched.errors == 0
    expected = []
    for episode in batched.episodes:
        env = gym.make("CartPole-v1")
        observation, _ = env.reset(seed=episode.seed)
        total, over = 0.0, False
        while not over:
            action, _ = ppo.predict(observation, deterministic=True)
            observation, reward, terminated, truncated, _ = env.step(action)
            total, over = total + reward, terminated or truncated
        expected.append(total)
    assert [e.reward for e in batched.episodes] == expected


@pytest.mark.parametrize("name", ["PPO", "DQN", "RecurrentPPO", "QRDQN"])
def test_model_files_of_every_sb3_algorithm_can_be_evaluated(tmp_path, name):
    libraries = pytest.importorskip("stable_baselines3"), pytest.importorskip("sb3_contrib")
    kind = next(getattr(library, name) for library in libraries if hasattr(library, name))
    policy = "MlpLstmPolicy" if name == "RecurrentPPO" else "MlpPolicy"
    model = kind(policy, "CartPole-v1", seed=0, policy_kwargs={"net_arch": [8]})
    model.save(tmp_path / "model.zip")
    agent = as_agent(str(tmp_path / "model.zip"))
    assert type(agent.model) is kind
    played = [quintain.evaluate("CartPole-v1", a, episodes=2) for a in (agent, model)]
    from_file, direct = ([[int(s["action"]) for s in e.steps] for e in report.episodes] for report in played)
    assert from_file == direct


@pytest.fixture
def normalised(tmp_path):
    """A model trained with ``VecNormalize``, with both of its files."""
    sb3 = pytest.importorskip("stable_baselines3")
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    venv = VecNormalize(DummyVecEnv([lambda: gym.make("CartPole-v1")]))
    model = sb3.PPO("MlpPolicy", venv, n_steps=64, batch_size=64, seed=0).learn(64)
    venv.obs_rms.mean, venv.obs_rms.var = np.array([0.0, 1.0, 0.0, -1.0]), np.full(4, 0.01)  # makes a difference
    model.save(tmp_path / "model.zip")
    venv.save(str(tmp_path / "statistics.pkl"))
    return model, tmp_path / "model.zip", tmp_path / "statistics.pkl"


def test_vecnormalize_statistics_are_applied_to_observations(normalised):
    model, file, statistics = normalised
    agent = make_agent(str(file), normaliser=str(statistics))
    batched = quintain.evaluate("CartPole-v1", agent, episodes=3, concurrency=3)
    single = [quintain.evaluate("CartPole-v1", {"name": str(file), "normaliser": statistics}, episodes=3)]
    in_memory = quintain.evaluate("CartPole-v1", model, episodes=3)
    for episode in batched.episodes:
        env = gym.make("CartPole-v1")
        observation, _ = env.reset(seed=episode.seed)
        actions, over = [], False
        while not over:
            action, _ = model.predict(model.get_vec_normalize_env().normalize_obs(observation), deterministic=True)
            observation, _, terminated, truncated, _ = env.step(action)
            actions.append(int(action))
            over = terminated or truncated
        for report in (batched, *single, in_memory):
            assert [int(step["action"]) for step in report.episodes[episode.index].steps] == actions
    raw = quintain.evaluate("CartPole-v1", str(file), episodes=3)
    assert [e.steps for e in raw.episodes] != [e.steps for e in batched.episodes]
    assert agent.describe()["normaliser"] == PredictAgent(model).describe()["normaliser"]
    assert "normaliser" not in as_agent(str(file)).describe()


def test_statistics_for_other_observations_are_refused(normalised):
    sb3 = pytest.importorskip("stable_baselines3")
    _, _, statistics = normalised
    other = sb3.PPO("MlpPolicy", "Pendulum-v1", n_steps=64, batch_size=64)
    with pytest.raises(ConfigurationError, match="normaliser is for observations"):
        PredictAgent(other, normaliser=statistics)
    with pytest.raises(ConfigurationError, match="no normaliser statistics at"):
        PredictAgent(other, normaliser="nowhere.pkl")
    with pytest.raises(ConfigurationError, match="its arguments: deterministic, normaliser"):
        make_agent("model.zip", normalizer=statistics)


def test_a_saved_policy_can_be_evaluated(tmp_path):
    space = gym.make("CartPole-v1").observation_space
    weight = np.array([[0.0] * 4, [0.0, 0.0, 10.0, 1.0]])
    policy = Policy(MLP([Layer(weight, np.zeros(2), "identity")]), space, spaces.Discrete(2), head="categorical")
    save_policy(policy, tmp_path / "policy.npz")
    played = [quintain.evaluate("CartPole-v1", a, episodes=2) for a in (policy, str(tmp_path / "policy.npz"))]
    direct, from_file = ([[int(s["action"]) for s in e.steps] for e in report.episodes] for report in played)
    assert direct == from_file


class Counts:
    """A recurrent model: its action is the parity of the number of steps so far."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        seen = 0 if state is None or episode_start.all() else state
        return np.int64(seen % 2), seen + 1


def test_the_state_of_a_recurrent_model_is_reset_per_episode():
    report = quintain.evaluate("CartPole-v1", Counts(), episodes=3, concurrency=2)
    assert report.errors == 0
    for episode in report.episodes:
        actions = [int(step["action"]) for step in episode.steps]
        assert len(actions) > 2
        assert actions == [k % 2 for k in range(len(actions))]


def test_recurrent_models_are_stateful_and_feed_forward_ones_are_not(ppo):
    contrib = pytest.importorskip("sb3_contrib")
    recurrent = contrib.RecurrentPPO("MlpLstmPolicy", "CartPole-v1", n_steps=8, policy_kwargs={"lstm_hidden_size": 4})
    assert as_agent(recurrent).is_stateful
    assert as_agent(recurrent.policy).is_stateful
    assert not as_agent(ppo).is_stateful
    assert not as_agent(ppo.policy).is_stateful
    assert quintain.evaluate("CartPole-v1", recurrent, episodes=1).errors == 0


def test_a_model_with_incompatible_spaces_is_refused(ppo):
    with pytest.raises(CapabilityError, match=r"observation_space.*does not fit"):
        PredictAgent(ppo).begin(seat(spaces.Box(-1, 1, (2,)), spaces.Discrete(2)))
    with pytest.raises(CapabilityError, match=r"observation_space.*does not fit"):
        quintain.evaluate("Pendulum-v1", ppo, episodes=2)


def test_a_torchscript_network_can_be_evaluated(tmp_path):
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(4, 2)
    torch.nn.init.zeros_(layer.weight)
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([0.0, 1.0]))
    torch.jit.script(layer).save(str(tmp_path / "policy.pt"))
    report = quintain.evaluate("CartPole-v1", str(tmp_path / "policy.pt"), episodes=2)
    assert {int(s["action"]) for e in report.episodes for s in e.steps} == {1}


def test_a_missing_network_file_is_explained(tmp_path):
    with pytest.raises(ConfigurationError, match="no network at"):
        NetworkAgent(tmp_path / "missing.pt")


@pytest.mark.parametrize(
    ("inputs", "outputs", "reads", "action_space", "message"),
    [
        (4, 2, None, spaces.Discrete(2), ""),
        (4, 2, None, spaces.Discrete(2, start=3), ""),
        (4, 2, None, spaces.Box(-1, 1, (2,)), ""),
        (4, 5, None, spaces.Discrete(2), r"action_space Discrete\(5\) does not fit"),
        (4, 2, None, spaces.Discrete(5), r"action_space Discrete\(2\) does not fit"),
        (4, 2, None, spaces.Box(-1, 1, (1,)), r"action_space Box.* does not fit"),
        (4, 2, "argmax", spaces.Discrete(2), r"action_space Box.* does not fit"),
        (4, 2, None, spaces.MultiDiscrete([2, 2]), "Discrete or Box action spaces"),
        (3, 2, None, spaces.Discrete(2), "does not take observations"),
        (4, 2, "dictionary", spaces.Discrete(2), "takes arrays"),
    ],
)
def test_a_network_for_other_spaces_is_refused_before_the_first_episode(
    tmp_path, inputs, outputs, reads, action_space, message
):
    torch = pytest.importorskip("torch")

    class Argmax(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(inputs, outputs)

        def forward(self, x):
            return self.layer(x).argmax(1)

    module = Argmax() if reads == "argmax" else torch.nn.Linear(inputs, outputs)
    torch.jit.script(module).save(str(tmp_path / "policy.pt"))
    box = spaces.Box(-1, 1, (4,))

    class Toy(gym.Env):
        observation_space = spaces.Dict({"a": box}) if reads == "dictionary" else box

        def __init__(self):
            self.action_space = action_space

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            return self.np_random.uniform(-1, 1, 4).astype(np.float32), {}

        def step(self, action):
            assert action in action_space
            return np.zeros(4, np.float32), 1.0, True, False, {}

    play = functools.partial(quintain.evaluate, Toy, str(tmp_path / "policy.pt"), episodes=3, progress=False)
    if message:
        with pytest.raises(CapabilityError, match=message):
            play()
    else:
        assert play().reward.estimate == 1.0


def scripted_terminal(*lines):
    left, shown = list(lines), []

    def read(prompt):
        shown.append(prompt)
        if not left:
            raise EOFError
        return left.pop(0)

    return HumanAgent(read, shown.append), shown


def test_a_human_agent_plays_a_text_environment():
    agent, shown = scripted_terminal("first I think", "<<<Count: 1, Positions: [1]>>>", "")
    report = quintain.evaluate("CodeReason-v0", agent, episodes=1, concurrency=1, env_kwargs={"tasks": "letters"})
    assert report.episodes[0].steps[0]["action"] == "first I think\n<<<Count: 1, Positions: [1]>>>"
    assert any("How many times" in text for text in shown)


def test_a_human_agent_is_prompted_again_after_an_invalid_action():
    agent, shown = scripted_terminal("left", "7", "1")
    actor = agent.begin(seat())
    import asyncio

    assert asyncio.run(actor.act(0, {})) == 1
    assert "enter a number from 0 to 2, not 'left'" in shown


def test_end_of_file_raises_agent_error():
    agent, _ = scripted_terminal()
    with pytest.raises(AgentError, match="the only episode failed in the agent's code"):
        quintain.evaluate("CodeReason-v0", agent, episodes=1, concurrency=1, env_kwargs={"tasks": "letters"})
    with pytest.raises(CapabilityError, match="text and discrete"):
        agent.begin(seat(action_space=spaces.Box(-1, 1, (2,))))


def test_recorded_actions_can_be_replayed(tmp_path):
    live = quintain.evaluate("CartPole-v1", "random", episodes=3, out=tmp_path / "run")
    again = quintain.evaluate("CartPole-v1", ReplayAgent(tmp_path / "run"), episodes=3)
    assert [e.returns for e in again.episodes] == [e.returns for e in live.episodes]
    with pytest.raises(AgentError, match="has no episode with seed"):
        quintain.evaluate("CartPole-v1", ReplayAgent(tmp_path / "run"), episodes=1, seed=9)
    with pytest.raises(RecordError, match=r"expected a folder with episodes\.jsonl"):
        ReplayAgent(tmp_path)


def test_recorded_array_actions_can_be_replayed(tmp_path):
    live = quintain.evaluate("Pendulum-v1", "random", episodes=2, out=tmp_path / "run")
    again = quintain.evaluate("Pendulum-v1", ReplayAgent(tmp_path / "run"), episodes=2)
    assert [e.returns for e in again.episodes] == [e.returns for e in live.episodes]
