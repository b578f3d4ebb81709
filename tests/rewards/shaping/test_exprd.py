"""EXPRD and its rivals: gaps by hand, invariance by value iteration, greedy support, ties, bad input."""

import gymnasium as gym
import numpy as np
import pytest

from quintain.envs.tabular import line_key, room
from quintain.errors import ConfigurationError
from quintain.mdp import MDP, mdp_of, optimal_actions, value_iteration
from quintain.rewards import REWARDS, WithRewardTerms
from quintain.rewards.shaping import (
    EXPRDSettings,
    Problem,
    RewardTable,
    certify,
    design_craft,
    design_exprd,
    design_invariant,
    design_on_states,
    design_potential,
    gap_matrix,
    informativeness,
    original_reward,
)
from quintain.rewards.shaping.exprd import _Program


def corridor(n=3, gamma=0.5):
    """A row of cells: action 1 goes right and pays 1 at the end, action 0 stays."""
    transitions, rewards = np.zeros((n + 1, 2, n + 1)), np.zeros((n + 1, 2))
    for cell in range(n):
        transitions[cell, 0, cell] = transitions[cell, 1, cell + 1] = 1
    transitions[n, :, n] = 1
    rewards[n - 1, 1] = 1
    states = np.arange(n + 1)
    return MDP(transitions, rewards, gamma, (states == 0) * 1.0, states == n)


@pytest.fixture(scope="module")
def designed():
    """Every design for LineKey."""
    mdp = line_key()
    return {
        "exprd": design_exprd(mdp),
        "exprd all": design_exprd(mdp, EXPRDSettings(budget=None)),
        "exprd one": design_exprd(mdp, EXPRDSettings(budget=1, ties="one", l1=0.0)),
        "pbrs": design_potential(mdp),
        "invariance": design_invariant(mdp),
        "original": original_reward(mdp),
        "given": design_on_states(mdp, [1, 2]),
    }


def test_margins_by_hand():
    problem = Problem.of(corridor())
    # Staying loses half of the value: V = 1/4, 1/2, 1.
    np.testing.assert_allclose(problem.margins, [1 / 8, 1 / 4, 1 / 2, 0], atol=1e-9)
    assert problem.policy[:3].tolist() == [1, 1, 1]


@pytest.mark.parametrize(("terms", "expected"), [(None, [1 / 8, 1 / 4, 1 / 2]), (1, [0, 0, 1]), (2, [0, 1 / 2, 1 / 2])])
def test_gaps_by_hand(terms, expected):
    mdp = corridor()
    gaps = (gap_matrix(Problem.of(mdp), terms) @ mdp.rewards.reshape(-1)).reshape(4, 2)
    np.testing.assert_allclose(gaps[:3, 0], expected, atol=1e-9)
    np.testing.assert_allclose(gaps[:, 1], 0, atol=1e-9)


def test_informativeness_by_hand():
    problem = Problem.of(corridor())
    # H = 0: the gap falls short by 1/8 and 1/4 in the first two states.
    assert informativeness(problem, problem.mdp.rewards, (0,)) == pytest.approx(-(1 / 8 + 1 / 4) / 3)
    assert informativeness(problem, problem.mdp.rewards, (32,)) == pytest.approx(0, abs=1e-9)


def test_every_design_keeps_what_is_optimal(designed):
    mdp = line_key()
    before = value_iteration(mdp).action_values
    margins, states = Problem.of(mdp).margins, ~mdp.terminal
    for name, found in designed.items():
        after = value_iteration(mdp.with_rewards(found.rewards)).action_values
        assert (optimal_actions(after) == optimal_actions(before))[states].all(), name
        gaps = np.where(optimal_actions(before), np.inf, after.max(axis=1, keepdims=True) - after)
        assert (gaps.min(axis=1) >= margins - 1e-4)[states].all(), name
        assert found.certificate.invariant, name
        assert found.certificate.same_optimal, name


def test_a_design_on_few_states_is_sparse_and_more_budget_tells_more(designed):
    found = designed["exprd"]
    assert found.certificate.support <= 6
    assert len(found.facts["support"]) == 6
    assert found.facts["support"][:2] == [19, 1]  # the goal, then the cell of the key
    curve = found.facts["curve"]
    assert curve[-1] == pytest.approx(found.certificate.informativeness, abs=1e-7)
    assert (np.diff(curve) > 0).all()
    assert found.rewards[1].argmax() == 2  # picking up the key is rewarded
    assert np.abs(found.rewards).max() <= 10 + 1e-9


def test_informativeness_is_in_the_order_of_freedom(designed):
    told = {name: found.certificate.informativeness for name, found in designed.items()}
    assert told["original"] < told["exprd one"] < told["exprd"] < told["exprd all"]
    assert told["pbrs"] == pytest.approx(0, abs=1e-9)


def test_potential_based_shaping_is_the_advantage(designed):
    q = value_iteration(line_key()).action_values
    np.testing.assert_allclose(designed["pbrs"].rewards[:20], (q - q.max(axis=1, keepdims=True))[:20], atol=1e-6)


def test_of_two_optimal_actions_both_are_kept_or_one():
    mdp = room()
    tied = Problem.of(mdp).optimal[:49].sum(axis=1) == 2
    assert tied.sum() == 6  # the diagonal, but for the goal
    both = design_exprd(mdp, EXPRDSettings(budget=None, l1=0.0))
    one = design_exprd(mdp, EXPRDSettings(budget=None, l1=0.0, ties="one"))
    assert both.certificate.same_optimal
    assert one.certificate.kept_optimal
    assert not one.certificate.same_optimal
    assert one.certificate.invariant


def test_a_reward_made_by_hand_may_break_what_is_optimal():
    mdp = room()
    gates = [9, 15, 37, 19, 33]
    found = design_craft(mdp, gates)
    assert not found.certificate.invariant
    repaired = design_on_states(mdp, gates)
    assert repaired.certificate.invariant
    assert repaired.certificate.informativeness > original_reward(mdp).certificate.informativeness


@pytest.mark.filterwarnings("ignore:the original reward pays in every state")  # CliffWalking
@pytest.mark.parametrize(("env_id", "ignored"), [("FrozenLake-v1", 5), ("CliffWalking-v1", 11)])
def test_gymnasiums_environments_can_be_designed_for(env_id, ignored):
    found = design_exprd(mdp_of(gym.make(env_id)), EXPRDSettings(budget=1))
    assert found.certificate.invariant
    assert found.certificate.ignored == ignored  # holes and goal; cliff and goal, which end the episode


def test_states_that_no_policy_reaches_carry_no_reward():
    mdp = mdp_of(gym.make("FrozenLake-v1"))
    for found in (design_exprd(mdp, EXPRDSettings(budget=None)), design_potential(mdp)):
        assert (found.rewards[~mdp.reachable()] == 0).all()
        assert dict(found.certificate.rows())["never reached"] == "5 states, none with a reward"


def test_the_certificate_counts_rewards_in_states_that_no_policy_reaches():
    # The ten cells of the cliff and the goal pay -1 like all others, and end the episode or restart before anyone acts.
    found = original_reward(mdp_of(gym.make("CliffWalking-v1"))).certificate
    assert (found.ignored, found.ignored_rewarded) == (11, 11)
    assert dict(found.rows())["never reached"] == "11 states, 11 with a reward"


def test_without_any_reward_there_is_nothing_to_design():
    mdp = corridor()
    with pytest.raises(ConfigurationError, match="every action is optimal"):
        design_exprd(mdp.with_rewards(np.zeros((4, 2))))


def test_a_bound_that_is_too_small_is_an_error():
    with pytest.raises(ConfigurationError, match=r"\|r\| <= 0.001 keeps the optimal actions"):
        design_exprd(corridor(), EXPRDSettings(budget=0, r_max=1e-3))


@pytest.mark.parametrize(
    "bad",
    [
        {"budget": -1}, {"r_max": 0}, {"horizons": ()}, {"horizons": (1.5,)}, {"horizons": 5}, {"ties": "none"},
        {"l1": -1},
    ],
)  # fmt: skip
def test_bad_settings_are_refused(bad):
    with pytest.raises(ConfigurationError):
        EXPRDSettings(**bad)


def test_a_budget_without_effect_is_announced():
    mdp = corridor()
    pays = mdp.rewards - 0.1 * ~mdp.terminal[:, None]
    with pytest.warns(UserWarning, match="pays in every state"):
        found = design_exprd(mdp.with_rewards(pays), EXPRDSettings(budget=2))
    assert sorted(found.facts["support"]) == [0, 1, 2]


@pytest.mark.parametrize("wrong", [np.zeros(3), np.full((3, 2), np.nan)])
def test_a_stored_table_is_of_finite_numbers(wrong, designed, tmp_path):
    RewardTable(wrong, "by hand", designed["pbrs"].certificate).save(tmp_path / "reward.npz")
    with pytest.raises(ConfigurationError, match="must be finite numbers"):
        RewardTable.load(tmp_path / "reward.npz")


def test_a_stored_table_is_a_reward_term(designed, tmp_path):
    designed["exprd"].save(tmp_path / "reward.npz")
    again = RewardTable.load(tmp_path / "reward.npz")
    assert np.array_equal(again.rewards, designed["exprd"].rewards)
    assert again.certificate == designed["exprd"].certificate
    term = REWARDS.make("table", tmp_path / "reward.npz")
    env = WithRewardTerms(gym.make("Tabular/LineKey-v0"), {"designed": term}, keep=False)
    state, _ = env.reset(seed=0)
    assert env.step(0)[1] == again.rewards[state, 0]
    with pytest.raises(ConfigurationError, match="no designed reward"):
        RewardTable.load(tmp_path / "other.npz")


def test_a_certificate_tells_a_wrong_reward():
    problem = Problem.of(corridor())
    found = certify(problem, -problem.mdp.rewards)
    assert not found.kept_optimal
    assert found.slack < 0


@pytest.mark.parametrize("ties", ["all", "one"])
def test_cvxpy_finds_the_same_optimum(ties):
    cvxpy = pytest.importorskip("cvxpy", reason="cvxpy is not installed; run: pip install cvxpy")
    mdp, horizons, support = line_key(), (1, 4, 8), [19, 1, 14]
    found = _Program(Problem.of(mdp), EXPRDSettings(horizons=horizons, ties=ties, l1=0.0)).solve(support)
    # The dense form of the paper, written down once more.
    problem = Problem.of(mdp)
    states, actions = mdp.shape
    n = states * actions
    follow, start = np.zeros((n, n)), np.zeros((n, n))
    for s in range(states):
        for a in range(actions):
            start[s * actions + a, s * actions + problem.policy[s]] = 1
            for after in np.flatnonzero(~mdp.terminal):
                if not mdp.terminal[s]:
                    follow[s * actions + a, after * actions + problem.policy[after]] = mdp.transitions[s, a, after]
    eye = np.eye(n)
    r = cvxpy.Variable(n)
    gaps = (start - eye) @ np.linalg.inv(eye - mdp.gamma * follow) @ r
    rules = [cvxpy.abs(r) <= 10]
    rules += [r[s * actions + a] == 0 for s in range(states) if s not in support for a in range(actions)]
    short = []
    series = {h: sum(np.linalg.matrix_power(mdp.gamma * follow, k) for k in range(h + 1)) for h in horizons}
    for s in np.flatnonzero(problem.states):
        wrong = [s * actions + a for a in range(actions) if not problem.optimal[s, a]]
        right = [s * actions + a for a in range(actions) if problem.optimal[s, a]]
        rules += [gaps[i] >= problem.margins[s] / (1 + 1e-5) for i in wrong]
        rules += [gaps[i] == 0 if ties == "all" else gaps[i] >= 0 for i in right]
        for h in horizons:
            near = ((start - eye) @ series[h])[wrong] @ r
            short.append(cvxpy.pos(cvxpy.max(problem.margins[s] - near)))
    program = cvxpy.Problem(cvxpy.Minimize(sum(short) / len(short)), rules)
    assert program.solve(solver=cvxpy.CLARABEL) == pytest.approx(-found.value, abs=1e-6)
