"""The decision process of SA-RL's and PA-AD's adversary: observations, actions, rewards and ends of episodes."""

import numpy as np
import pytest
from point_env import HALF, NORMALISER, Point, make, victim

from quintain.attacks.adversary_envs import AdversaryEnvs
from quintain.attacks.budget import Ball
from quintain.errors import ConfigurationError, EnvironmentFault


def envs(policy=None, kind="sa-rl", space="raw", objective="return", epsilon=0.2, n=3, make_env=make):
    return AdversaryEnvs(make_env, policy or victim(), kind, Ball(epsilon), space, objective, n, seed=0)


@pytest.mark.parametrize(("space", "scale"), [("raw", np.ones(2)), ("normalised", NORMALISER.scale)])
def test_the_policy_acts_on_the_perturbed_state_and_the_environment_steps_from_the_true_one(space, scale):
    policy = victim(NORMALISER)
    process = envs(policy, space=space)
    seen = process.reset()
    true = process.true.copy()
    np.testing.assert_allclose(seen, policy.normalise(true), rtol=1e-6)
    actions = np.array([[0.5, -1.0], [3.0, 0.0], [-1.4, 0.2]], np.float32)
    perturbed = true + 0.2 * np.clip(actions, -1, 1) * scale
    executed = policy.act_batch(perturbed)
    seen, reward, done, infos = process.step(actions)
    np.testing.assert_allclose(process.true, true + 0.1 * executed, atol=1e-6)
    np.testing.assert_allclose(policy.network.read[-2], policy.normalise(perturbed), atol=1e-6)
    np.testing.assert_allclose(seen, policy.normalise(process.true), rtol=1e-5)
    np.testing.assert_allclose(reward, -process.true[:, 0], rtol=1e-6)  # minus the policy's reward
    assert not done.any()
    assert infos == [{"TimeLimit.truncated": False}] * 3
    process.close()


def test_the_target_objective_is_the_attackers_reward():
    process = envs(objective="target")
    process.reset()
    reward = process.step(np.zeros((3, 2), np.float32))[1]
    np.testing.assert_allclose(reward, -process.true[:, 1], rtol=1e-6)
    process.close()


def test_time_limits_truncate_and_task_ends_terminate():
    process = envs(n=8)
    process.reset()
    kinds = set()
    for _ in range(60):
        before = process.true.copy()
        seen, _, done, infos = process.step(np.zeros((8, 2), np.float32))
        for row in range(8):
            action = np.clip(victim().network(before[row][None])[0], -HALF, HALF)
            last = before[row] + 0.1 * action.astype(np.float32)
            ended = last[0] > 1
            assert infos[row]["TimeLimit.truncated"] == bool(done[row] and not ended)
            if done[row]:
                kinds.add(bool(ended))
                np.testing.assert_allclose(infos[row]["terminal_observation"], last, atol=1e-5)
                assert not np.allclose(seen[row], last, atol=1e-3)  # another episode has begun
            else:
                assert "terminal_observation" not in infos[row]
    # The policy walks towards a first entry of 1 from below: only limits end its episodes.
    assert kinds == {False}
    process.close()


class Edge(Point):
    """Episodes start close to the edge, beyond which the task ends, unless the action turns back."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = np.array([0.99, 0.0])
        return self.state.copy(), {}

    def step(self, action):
        return super().step(np.array([1.0, 0.0], np.float32))


def test_termination_is_not_truncation():
    process = envs(make_env=Edge)
    process.reset()
    _, _, done, infos = process.step(np.zeros((3, 2), np.float32))
    assert done.all()
    for info in infos:
        assert info["TimeLimit.truncated"] is False
        np.testing.assert_allclose(info["terminal_observation"], [1.09, 0.0], atol=1e-6)
    process.close()


def test_termination_at_the_time_limit_is_termination():
    import gymnasium as gym

    process = envs(make_env=lambda: gym.wrappers.TimeLimit(Edge(), 1))
    process.reset()
    assert [info["TimeLimit.truncated"] for info in process.step(np.zeros((3, 2), np.float32))[3]] == [False] * 3
    process.close()


@pytest.mark.parametrize("space", ["raw", "normalised"])
def test_pa_ad_moves_the_output_in_the_chosen_direction_with_the_full_budget(space):
    policy = victim(NORMALISER)
    process = envs(policy, "pa-ad", space)
    assert process.action_space.shape == (2,)
    process.reset()
    process.true = np.array([[0.1, 0.2], [0.3, -0.4], [-0.2, 0.1]])
    scale = 1.0 if space == "raw" else NORMALISER.scale
    # The output is (1 - x_0, x_1 / 2): its first entry rises where x_0 falls, its second where x_1 rises.
    moved = process._perturbations(np.array([[1.0, 0.1], [-1.0, 0.1], [0.1, -1.0]], np.float32))
    np.testing.assert_allclose(np.abs(moved), 0.2)
    before = policy.network(policy.normalise(process.true))
    after = policy.network(policy.normalise(process.true + moved * scale))
    changes = after - before
    assert changes[0, 0] > 0 > changes[1, 0]
    assert changes[2, 1] < 0
    process.close()


def test_incompatible_policies_and_environments_are_refused():
    with pytest.raises(ConfigurationError, match="normalises nothing"):
        envs(space="normalised")

    class Silent(Point):
        def step(self, action):
            *rest, _ = super().step(action)
            return (*rest, {})

    process = envs(objective="target", make_env=Silent)
    process.reset()
    with pytest.raises(EnvironmentFault, match="attacker_reward"):
        process.step(np.zeros((3, 2), np.float32))
    process.close()
