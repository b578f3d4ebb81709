"""Hebbian search: edges and failures, order of attempts, behaviour in mazes."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import quintain
from quintain.agents import make_agent
from quintain.agents.agent import Seat
from quintain.agents.online.hebbian import (
    Attempt,
    CognitiveGraph,
    HarmonicCode,
    HebbianSearchAgent,
    HebbianSettings,
    agent,
    check_no_starvation,
)
from quintain.agents.online.hebbian.insertion import direction, proposals
from quintain.agents.online.hebbian.motor import Motor
from quintain.agents.online.hebbian.planning import cheapest_path, spread_from
from quintain.errors import CapabilityError, ConfigurationError


def lived(seed=1, settings=None, **kwargs):
    """Play an episode of Maze-v0; return the actor and the ratios of the visits."""
    env = gym.make("Maze-v0", **kwargs)
    observation, info = env.reset(seed=seed)
    seat = Seat("Maze-v0", "agent", env.observation_space, env.action_space, seed)
    actor, over = HebbianSearchAgent(**(settings or {})).begin(seat), False
    while not over:
        observation, _, terminated, truncated, info = env.step(actor.act(observation, info))
        over = terminated or truncated
    return actor, env.unwrapped.ratios


def graph(**settings):
    return CognitiveGraph(HarmonicCode(), HebbianSettings(**settings))


def test_a_node_is_allocated_once_for_a_place():
    nodes = graph()
    first = nodes.allocate(np.array([1.0, 1.0]))
    assert nodes.winner(np.array([1.2, 1.0])) == first
    assert nodes.winner(np.array([2.0, 1.0])) is None


def test_hebbian_updates_change_one_directed_edge():
    nodes = graph(potentiation=0.5, depression=0.5)
    one, other = (nodes.allocate(np.array([float(x), 0.0])) for x in (0, 1))
    nodes.potentiate(one, other)
    assert nodes.conductance[one, other] == 1.0  # nothing was missing
    assert nodes.tested[one, other]
    assert not nodes.tested[other, one]
    nodes.depress(one, other)
    nodes.depress(one, other)
    assert nodes.conductance[one, other] == 0.25
    assert not nodes.tested[one, other]
    nodes.potentiate(one, other)
    assert nodes.conductance[one, other] == 0.625  # 0.25 + 0.5 (1 - 0.25)
    assert nodes.conductance[other, one] == 1.0
    assert nodes.tried.sum() == 1


@pytest.mark.parametrize(("potentiation", "cost"), [(1.0, 1.02), (0.5, 1 / 0.75 + 0.02), (0.01, 1 / 0.505 + 0.02)])
def test_the_cost_of_an_edge_is_divided_by_its_conductance(potentiation, cost):
    nodes = graph(potentiation=potentiation)
    one, other = (nodes.allocate(np.array([float(x), 0.0])) for x in (0, 1))
    nodes.depress(one, other)
    nodes.potentiate(one, other)
    assert nodes.costs(other)[one, other] == pytest.approx(cost)
    edits = nodes.edits
    nodes.potentiate(one, other)  # lowers the cost as long as conductance is missing
    assert nodes.edits - edits == (potentiation < 1)


def test_costs_stay_finite_however_often_an_edge_fails():
    nodes = graph(depression=0.01)
    one, other = (nodes.allocate(np.array([float(x), 0.0])) for x in (0, 1))
    for _ in range(400):
        nodes.depress(one, other)
    costs = nodes.costs(other)
    assert np.isfinite(costs[one, other])
    assert cheapest_path(one, other, costs, spread_from(other, costs)) == [other]


def test_costs_order_by_length_number_of_edges_failures_and_the_field():
    nodes = graph()
    a, b, c = (nodes.allocate(np.array(place)) for place in ([0.0, 0.0], [1.0, 0.0], [0.0, 1.5]))
    costs = nodes.costs(b)
    assert costs[a, b] == pytest.approx(1.3 + 0.05)
    nodes.potentiate(a, b)
    assert nodes.costs(b)[a, b] == pytest.approx(1.0 + 0.02)
    nodes.add_failure(np.array([0.0, 0.7]), np.array([0.0, 1.0]))
    found = nodes.costs(b)
    assert found[a, c] == pytest.approx(1.3 * 1.5 + 16 + 0.05)  # straight through the failure
    assert found[a, b] == pytest.approx(1.02)  # tested: the field has no say
    nodes.depress(a, c)
    assert nodes.costs(b)[a, c] == pytest.approx(2 * (1.3 * 1.5 + 16) + 0.05)
    assert np.isinf(np.diag(found)).all()


def test_one_failure_informs_every_edge_through_the_same_place():
    nodes = graph()
    left = [nodes.allocate(np.array([0.0, y])) for y in (0.0, 0.5)]
    right = [nodes.allocate(np.array([1.0, y])) for y in (0.0, 0.5)]
    before = nodes.costs(right[0])
    nodes.add_failure(np.array([0.5, 0.25]), np.array([1.0, 0.0]))
    after = nodes.costs(right[0])
    for a in left:
        for b in right:
            assert after[a, b] > before[a, b] + 2
    assert after[left[0], left[1]] == before[left[0], left[1]]  # along the wall, not through it
    unaware = graph(failure_field=False)
    unaware.add_failure(np.array([0.5, 0.25]), np.array([1.0, 0.0]))
    assert unaware.resistance(np.zeros(2), np.array([1.0, 0.5])) == 0.0


def test_a_node_behind_a_known_wall_does_not_win():
    nodes = graph()
    nodes.allocate(np.array([1.1, 0.5]))
    assert nodes.winner(np.array([0.9, 0.5])) == 0
    nodes.add_failure(np.array([1.0, 0.5]), np.array([1.0, 0.0]))
    assert nodes.winner(np.array([0.9, 0.5])) is None


def test_the_cheapest_path_is_found_by_a_wave():
    inf = np.inf
    costs = np.array([[inf, 1, 5, inf], [inf, inf, 1, 5], [inf, inf, inf, 1], [1, inf, inf, inf]], float)
    values = spread_from(3, costs)
    assert values.tolist() == [3, 2, 1, 0]
    assert cheapest_path(0, 3, costs, values) == [1, 2, 3]
    assert cheapest_path(3, 3, costs, values) == [3]


def test_inserted_nodes_become_dense_around_a_failure():
    angles = np.sort([np.arctan2(*direction(k, 2)[::-1]) for k in range(34)])
    assert np.diff(angles).max() < 0.35  # even: 34 angles leave no gap above twice the mean
    places = proposals(np.zeros(3), 2, first=0, number=4, rank=2, reach=1.0)
    assert np.linalg.norm(places, axis=1) == pytest.approx(np.full(4, 0.25))
    assert (places[:, 2] == 0).all()
    assert np.linalg.norm([direction(k, 3) for k in range(9)], axis=1) == pytest.approx(np.ones(9))


def test_an_obstacle_is_felt_as_the_displacement_that_did_not_happen():
    motor = Motor(2, 2)
    for _ in range(3):
        motor.steer(np.array([3.0, 0.0]))
        assert motor.feel(np.array([0.15, 0.0])) is None
    assert motor.speed == pytest.approx(0.15)
    motor.steer(np.array([3.0, 4.0]))
    blocked = motor.feel(np.array([0.0, 0.12]))  # slides along a wall to its right
    motor.steer(np.array([3.0, 4.0]))
    blocked = motor.feel(np.array([0.0, 0.12]))
    assert blocked == pytest.approx([1.0, 0.0], abs=0.05)


def test_the_first_behaviour_is_the_straight_line():
    actor, ratios = lived(layout=["+--+--+--+", "|S      G|", "+--+--+--+"])
    assert actor.attempts[0].path == (1, 0)  # from the node of the place to that of the goal
    assert [attempt.outcome for attempt in actor.attempts] == ["running"]  # until the episode ended
    assert ratios[0] < 1.2


def test_mazes_are_solved_retained_and_no_behaviour_is_put_off_forever():
    firsts, seconds = [], []
    for seed in range(4):
        actor, ratios = lived(seed, {"audit": True}, visits=2)
        assert check_no_starvation(actor.attempts).untried == len(actor.attempts)
        assert [attempt.number for attempt in actor.attempts] == list(range(len(actor.attempts)))
        assert [attempt.outcome for attempt in actor.attempts].count("goal") == 1
        firsts.append(ratios[0])
        seconds.append(ratios[1])
    assert np.median(firsts) < 6
    assert np.median(seconds) < 1.5


def test_the_agent_recovers_from_a_closed_wall():
    _, ratios = lived(0, visits=4, change="wall", change_after=2, openings=0.4)
    assert ratios[2] < 6
    assert ratios[3] < 2


def test_a_log_with_a_neglected_behaviour_is_refused():
    early = Attempt(0, 0, (0, 1), 2.0, 2.5, 4)
    assert check_no_starvation([early, Attempt(1, 0, (0, 2), 2.5, 2.5, 4)]) == (2, 1)
    with pytest.raises(AssertionError, match="costs 3"):
        check_no_starvation([early, Attempt(1, 0, (0, 2), 3.0, 2.5, 4)])
    with pytest.raises(AssertionError, match="cost decreases"):
        check_no_starvation([early, Attempt(1, 0, (0, 2), 1.0, 2.5, 4)])


def test_the_log_of_an_agent_that_always_goes_straight_is_refused(monkeypatch):
    monkeypatch.setattr(agent, "cheapest_path", lambda start, goal, costs, values: [goal])
    actor, _ = lived(1, {"audit": True}, openings=0.1, max_episode_steps=200)
    with pytest.raises(AssertionError, match=r"costs .*, untried"):
        check_no_starvation(actor.attempts)


def test_the_log_of_random_order_is_refused():
    actor, _ = lived(1, {"audit": True, "order": "random"}, openings=0.1, max_episode_steps=200)
    with pytest.raises(AssertionError, match=r"costs .*, untried"):
        check_no_starvation(actor.attempts)


@pytest.mark.parametrize(
    "settings",
    [{"foo": 1}, {"depression": 0}, {"depression": 2}, {"potentiation": 0}, {"threshold": "a"}, {"order": "zzz"},
     {"patience": -5}, {"branches": -1}, {"branches": 1.5}, {"radius": float("nan")}, {"optimism": 1}, {"unit": 0},
     {"failure_field": "no"}],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(settings):
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        HebbianSearchAgent(**settings)


def test_runs_through_evaluate_repeat_and_unusable_spaces_are_refused():
    searcher = make_agent("hebbian-search")
    one, other = (quintain.evaluate("Maze-v0", searcher, episodes=2, seed=3, env_kwargs={"size": 3}) for _ in range(2))
    assert one.success.estimate == 1.0
    assert one.metric("ratio_1").estimate == other.metric("ratio_1").estimate
    box = spaces.Box(-1.0, 1.0, (3,))
    with pytest.raises(CapabilityError, match="even length"):
        searcher.begin(Seat("X-v0", "agent", box, box, 0))


def test_observations_that_are_not_finite_are_survived():
    space = spaces.Box(0.0, 5.0, (4,), np.float64)
    actor = HebbianSearchAgent().begin(Seat("X-v0", "agent", space, spaces.Box(-1.0, 1.0, (2,)), 0))
    assert actor.act(np.array([0.5, np.nan, 4.5, 4.5]), {}).tolist() == [0.0, 0.0]
    assert np.linalg.norm(actor.act(np.array([0.5, 0.5, 4.5, 4.5]), {})) == pytest.approx(1.0)
