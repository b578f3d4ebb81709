"""Strategies: moves, declared properties, registration."""

import math

import numpy as np
import pytest
from gymnasium import spaces

import quintain
from quintain.agents import Seat
from quintain.agents.games import (
    STRATEGIES,
    StrategyAgent,
    machine,
    memory_one,
    opponent,
    strategy,
    strategy_arguments,
    strategy_names,
)
from quintain.agents.games.machines import Machine, Traits
from quintain.envs.games import RepeatedGame
from quintain.errors import CapabilityError, ConfigurationError, UnknownNameError

PD = [[8, 0], [10, 5]]
BOS = [[10, 0], [0, 7]]
RPS = [[0, -1, 1], [1, 0, -1], [-1, 1, 0]]
SPACES = (spaces.Box(0, 1, (6,)), spaces.Discrete(2))


def rules(own=PD, **changes):
    names = [[f"o{k}" for k in range(size)] for size in np.shape(own)]
    return {"game": "test", "payoffs": [own], "options": names, "history": "public"} | changes


def answers(name, others, own=PD, seed=0, actions=None, **changes):
    """Return the strategy's moves against a fixed list of opponent moves, one more than the list has."""
    actor = strategy(name).begin(Seat("test", "player_0", SPACES[0], actions or SPACES[1], seed))
    played = [actor.act(None, {"moves": None, "rules": rules(own, **changes)})]
    for other in others:
        own_move = played[-1] if isinstance(played[-1], int) else int(played[-1][1:])
        played.append(actor.act(None, {"moves": (own_move, other)}))
    return played


def text(moves):
    return "".join("CD"[move] for move in moves)


@pytest.mark.parametrize(
    ("name", "others", "expected"),
    [
        ("always-cooperate", "DDD", "CCCC"),
        ("always-defect", "CCC", "DDDD"),
        ("defect-once", "DCD", "DCCC"),
        ("false-defector", "DCD", "DCCC"),
        ("alternator", "DDDD", "CDCDC"),
        ("tit-for-tat", "CDDC", "CCDDC"),
        ("suspicious-tit-for-tat", "CDDC", "DCDDC"),
        ("reverse-tit-for-tat", "CDDC", "DDCCD"),
        ("tit-for-two-tats", "DCDDDC", "CCCCDDC"),
        ("hard-tit-for-tat", "DCCCCDCDCCC", "CDDDCCDDDDDC"),
        ("grim", "CDCCC", "CCDDDD"),
        ("win-stay-lose-shift", "CDDC", "CCDCC"),
        ("memory-one:1,0,0,1", "CDDC", "CCDCC"),
        ("memory-one:0,1,0,1,0", "CDCD", "DDCDC"),
        ("naive-prober:0", "CDDC", "CCDDC"),
        ("naive-prober:1", "CCC", "CDDD"),
        ("joss:1", "CDDC", "CCDDC"),
        ("generous-tit-for-tat:1", "DDD", "CCCC"),
        ("generous-tit-for-tat:0", "CDDC", "CCDDC"),
        ("tester", "CCCCCC", "DCCDCDC"),
        ("tester", "DCDDC", "DCCDDC"),
        ("tester", "CCCDCDC", "DCCDCCDC"),
        ("random:1", "DDD", "CCCC"),
        ("random:0", "CCC", "DDDD"),
    ],
)
def test_expected_moves(name, others, expected):
    assert text(answers(name, ["CD".index(move) for move in others])) == expected


@pytest.mark.parametrize(
    ("name", "own", "others", "expected"),
    [
        ("best-response", BOS, [1, 1, 0], [0, 1, 1, 0]),
        ("best-response", PD, [0, 1, 0], [1, 1, 1, 1]),
        ("fictitious-play", BOS, [1, 0, 1], [0, 1, 0, 1]),  # option 1 where 7 n_1 > 10 n_0, from n = (1, 1)
        ("best-response", RPS, [0, 1, 2], [0, 1, 2, 0]),
    ],
)
def test_expected_moves_of_adaptive_strategies(name, own, others, expected):
    actions = spaces.Discrete(len(own))
    assert answers(name, others, own, actions=actions) == expected


@pytest.mark.parametrize("name", ["regret-matching", "hedge", "fictitious-play"])
def test_adaptive_strategies_learn_the_best_reply_to_a_constant_player(name):
    played = answers(name, [2] * 60, RPS, actions=spaces.Discrete(3))
    assert set(played[-10:]) == {0}  # rock beats scissors


@pytest.mark.parametrize("name", ["regret-matching", "hedge"])
def test_no_regret_strategies_have_small_regret_in_self_play(name):
    """Average external regret of both bounds falls like sqrt(k / T); 0.15 is about three times the bound's scale."""
    actions, rounds = spaces.Discrete(3), 3000
    seats = [strategy(name).begin(Seat("test", f"player_{k}", SPACES[0], actions, 7)) for k in (0, 1)]
    info = [{"moves": None, "rules": rules(RPS)}, {"moves": None, "rules": rules(RPS)}]
    gains = np.zeros(3)
    earned = 0.0
    for _ in range(rounds):
        first, second = (seat.act(None, own) for seat, own in zip(seats, info, strict=True))
        info = [{"moves": (first, second)}, {"moves": (second, first)}]
        gains += np.array(RPS)[:, second]
        earned += RPS[first][second]
    assert (gains.max() - earned) / rounds < 0.15


def test_q_learning_learns_to_defect_against_a_cooperator():
    played = answers("q-learning:0.3,0.5,0.05", [0] * 800)
    assert np.mean(played[-100:]) > 0.9


def test_regret_sums_the_payoff_differences_to_the_played_option():
    from quintain.agents.games.adaptive import RegretMatching

    player = RegretMatching(PD, np.random.default_rng(0))
    player.learn([0, 1])
    player.learn([1, 0])
    assert player.regret.tolist() == [0 + (8 - 10), (5 - 0) + 0]


@pytest.mark.parametrize("name", strategy_names())
def test_declared_properties_agree_with_play(name):
    """Determinism, memory and dependence on the opponent are checked by play."""
    if name == "memory-one":
        name = "memory-one:0.7,0.2,0.9,0.4"
    traits = strategy(name).traits
    rng = np.random.default_rng(3)
    others = [int(move) for move in rng.integers(2, size=300)]
    plays = {tuple(answers(name, others, seed=seed)) for seed in range(4)}
    assert (len(plays) > 1) == traits.stochastic
    assert not traits.knows_horizon
    if not traits.watches_others:
        mirrored = [1 - move for move in others]
        assert answers(name, others, seed=1) == answers(name, mirrored, seed=1)
    elif math.isfinite(traits.memory) and not traits.stochastic:
        tails = {}
        played = answers(name, others)
        depth = int(traits.memory)
        for t in range(depth, len(others)):
            seen = tuple(played[t - depth : t]), tuple(others[t - depth : t])
            assert tails.setdefault(seen, played[t]) == played[t]


def test_registered_properties_equal_those_of_the_strategies():
    for name in STRATEGIES:
        made = strategy(f"{name}:0.7,0.2,0.9,0.4" if name == "memory-one" else name)
        assert STRATEGIES.facts(name) == made.traits, name
    assert "fictitious-play" in STRATEGIES.names(two_options=False)


def test_a_strategy_can_be_registered(monkeypatch):
    class Accountant:
        def __init__(self, own, rng, limit=0.5):
            self.limit, self.moves = limit, [0]

        def choose(self):
            return int(np.mean(self.moves) > self.limit)

        def learn(self, moves):
            self.moves.append(moves[1])

    monkeypatch.setattr(STRATEGIES, "_entries", dict(STRATEGIES._entries))
    STRATEGIES.add("accountant", Accountant)
    assert strategy_arguments("accountant") == ("limit",)
    assert answers("accountant", [1, 1, 0, 0], actions=spaces.Discrete(2)) == [0, 0, 1, 0, 0]
    assert answers("accountant:0.3", [1, 1, 0, 0]) == [0, 1, 1, 1, 1]
    with pytest.raises(UnknownNameError, match="accountant is not a finite-state machine"):
        machine("accountant")


@pytest.mark.parametrize("name", ["naive-prober:0.2", "joss:0.6", "generous-tit-for-tat:0.3", "random:0.25"])
def test_move_frequencies_match_the_declared_probabilities(name):
    made, n = machine(name), 4000
    others = [int(move) for move in np.random.default_rng(1).integers(2, size=n)]
    played = answers(name, others, seed=2)
    state, hits, expected = 0, 0.0, 0.0
    for own, other in zip(played, others, strict=False):
        hits += own == 0
        expected += made.cooperate[state]
        state = made.following[state][2 * own + other]
    assert abs(hits - expected) < 4 * math.sqrt(0.25 * n)


@pytest.mark.parametrize(
    ("name", "vector"),
    [("zd-extort", (8 / 9, 1 / 2, 1 / 3, 0)), ("zd-generous", (1, 1 / 8, 1, 1 / 4)), ("joss", (0.9, 0, 0.9, 0))],
)
def test_published_memory_one_vectors(name, vector):
    assert machine(name).cooperate[1:] == pytest.approx(vector)


@pytest.mark.parametrize(("name", "baseline"), [("zd-extort", 1.0), ("zd-generous", 3.0)])
def test_zero_determinant_strategies_enforce_their_linear_payoff_relation(name, baseline):
    """Against any memory-one player, (own - l) = 2 (other - l) or (l - own) = 2 (l - other) in the long run."""
    p = np.array(machine(name).cooperate[1:])
    for q in np.random.default_rng(0).uniform(0.05, 0.95, size=(5, 4)):
        q_seen = q[[0, 2, 1, 3]]
        step = np.stack([p * q_seen, p * (1 - q_seen), (1 - p) * q_seen, (1 - p) * (1 - q_seen)], axis=1)
        stay = np.linalg.lstsq(np.vstack([step.T - np.eye(4), np.ones(4)]), [0, 0, 0, 0, 1], rcond=None)[0]
        own, other = stay @ [3, 0, 5, 1], stay @ [3, 5, 0, 1]
        assert own - baseline == pytest.approx(2 * (other - baseline), abs=1e-9)


def test_equal_seeds_give_equal_moves_and_seats_differ():
    others = [0] * 200
    assert answers("random", others, seed=4) == answers("random", others, seed=4)
    draws = []
    for seat in ("player_0", "player_1"):
        mover = opponent("random", env_id="test", seat=seat, spaces=SPACES, seed=4)
        draws.append([mover(None, {"moves": None, "rules": rules()}) for _ in range(50)])
    assert draws[0] != draws[1]


def test_a_void_round_does_not_change_the_state_of_grim():
    actor = strategy("grim").begin(Seat("test", "player_0", *SPACES, 0))
    assert actor.act(None, {"moves": None, "rules": rules()}) == 0
    assert actor.act(None, {"moves": (0, -1)}) == 0
    assert actor.act(None, {"moves": (0, 1)}) == 1


@pytest.mark.parametrize("view", ["numeric", "text"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alternator", [0, 1, 0, 1]),  # counts rounds, void ones among them
        ("defect-once", [1, 0, 0, 0]),
        ("tit-for-tat", [0, 0, 1, 0]),  # waits for a move to answer
    ],
)
def test_a_void_round_advances_strategies_that_count_rounds(name, expected, view):
    game = RepeatedGame("prisoners_dilemma", rounds=4, view=view)
    script = iter(["pass", "defect", "cooperate", "cooperate"] if view == "text" else [9, 1, 0, 0])
    quintain.play(game, {"player_0": name, "player_1": lambda observation: next(script)}, seed=0)
    assert [joint[0] for joint in game.history] == expected


def test_strategies_react_to_any_defector_among_several_opponents():
    cube = np.zeros((2, 2, 2)).tolist()
    actor = strategy("tit-for-tat").begin(Seat("test", "player_0", *SPACES, 0))
    assert actor.act(None, {"moves": None, "rules": rules(cube)}) == 0
    assert actor.act(None, {"moves": (0, 0, 1)}) == 1
    assert actor.act(None, {"moves": (1, 0, 0)}) == 0


def test_actions_in_text_views_are_option_names():
    assert answers("tit-for-tat", [1], actions=spaces.Text(10)) == ["o0", "o1"]
    assert answers("best-response", [1], BOS, actions=spaces.Text(10)) == ["o0", "o1"]


def test_reactive_strategies_require_a_public_history():
    with pytest.raises(CapabilityError, match="private history"):
        answers("tit-for-tat", [], history="private")
    assert text(answers("alternator", [-1, -1, -1], history="private")) == "CDCD"


def test_finite_state_machines_refuse_games_with_more_options():
    with pytest.raises(CapabilityError, match="two options"):
        answers("tit-for-tat", [], RPS)
    with pytest.raises(CapabilityError, match="two options"):
        strategy("tit-for-tat").check_rules(rules(RPS))
    strategy("tit-for-tat").check_rules(rules())
    strategy("hedge").check_rules(rules(RPS))


@pytest.mark.parametrize(
    ("arguments", "rounds", "continuation"),
    [({}, 3, None), ({"continuation": 0.9}, None, 0.9), ({"horizon": "hidden"}, None, None)],
)
def test_players_are_made_from_the_rules_as_their_seat_sees_them(arguments, rounds, continuation):
    """Among them what a strategy needs beside the payoffs: the number of rounds and the noise."""
    seen = []

    class Constant:
        def choose(self):
            return 0

        def learn(self, moves):
            pass

    def make(rules, rng):
        seen.append(rules)
        return Constant()

    game = RepeatedGame("battle_of_the_sexes", rounds=3, noise=0.25, **arguments)
    agent = StrategyAgent("constant", Traits(), make)
    quintain.play(game, {"player_0": agent, "player_1": agent})
    assert [rules["seat"] for rules in seen] == [0, 1]
    assert [rules["payoffs"][0] for rules in seen] == [[[10, 0], [0, 7]], [[7, 0], [0, 10]]]
    assert {(rules["rounds"], rules["continuation"], rules["noise"]) for rules in seen} == {
        (rounds, continuation, 0.25)
    }


def test_strategies_refuse_environments_that_are_no_repeated_games():
    actor = strategy("tit-for-tat").begin(Seat("CartPole-v1", "agent", *SPACES, 0))
    with pytest.raises(CapabilityError, match="repeated games"):
        actor.act(None, {})
    with pytest.raises(CapabilityError, match="discrete and text"):
        strategy("tit-for-tat").begin(Seat("Pendulum-v1", "agent", SPACES[0], SPACES[0], 0))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("tit-for-tatt", UnknownNameError),
        ("naive-prober:2", ConfigurationError),
        ("naive-prober:a", ConfigurationError),
        ("tit-for-tat:1", ConfigurationError),
        ("memory-one:1,0", ConfigurationError),
        ("hedge:1", ConfigurationError),
        ("zd-extort:2,0.9", ConfigurationError),
    ],
)
def test_invalid_names_and_arguments_are_refused(name, error):
    with pytest.raises(error):
        strategy(name)


def test_a_misspelt_strategy_raises_an_error_with_a_suggestion():
    with pytest.raises(UnknownNameError, match="tit-for-tat"):
        strategy("tit-for-tatt")


@pytest.mark.parametrize("following", [((0, 0, 0),), ((0, 0, 0, 1),), ()])
def test_invalid_finite_state_machines_are_refused(following):
    with pytest.raises(ConfigurationError, match="successors"):
        Machine("odd", (1.0,), following, 1)


def test_a_constant_memory_one_vector_has_memory_0():
    assert memory_one("constant", (0.5,) * 4, 0.5).traits.memory == 0
