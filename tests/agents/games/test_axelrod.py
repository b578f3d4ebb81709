"""Strategies compared with the axelrod library; skipped if it is not installed (see scripts/axelrod_venv.sh)."""

from contextlib import nullcontext

import numpy as np
import pytest
from gymnasium import spaces

from quintain.agents import Seat
from quintain.agents.games import StrategyAgent, Traits, machine, strategy
from quintain.envs.games import RepeatedGame
from quintain.errors import CapabilityError, ConfigurationError, MissingDependencyError, UnknownNameError
from quintain.experiments.games import ScheduledMatch, play_matches

axl = pytest.importorskip("axelrod", reason="axelrod is not installed; run: sh scripts/axelrod_venv.sh")
from quintain.agents.games.axelrod_players import (  # noqa: E402
    AxelrodPlayer,
    AxelrodStrategy,
    axelrod_names,
    find_strategy,
)

SEAT = Seat("test", "player_0", spaces.Box(0, 1, (6,)), spaces.Discrete(2), 0)
RULES = {
    "game": "pd", "payoffs": [[[3, 0], [5, 1]]], "options": [["C", "D"]] * 2, "history": "public", "noise": 0.0,
    "rounds": None,
}  # fmt: skip

DETERMINISTIC = {
    "always-cooperate": axl.Cooperator,
    "always-defect": axl.Defector,
    "alternator": axl.Alternator,
    "tit-for-tat": axl.TitForTat,
    "tit-for-two-tats": axl.TitFor2Tats,
    "suspicious-tit-for-tat": axl.SuspiciousTitForTat,
    "reverse-tit-for-tat": axl.Bully,
    "hard-tit-for-tat": axl.HardTitForTat,
    "grim": axl.Grudger,
    "win-stay-lose-shift": axl.WinStayLoseShift,
    "tester": axl.SecondByTester,
    "naive-prober:0": lambda: axl.NaiveProber(0),
    "naive-prober:1": lambda: axl.NaiveProber(1),
    "joss:1": lambda: axl.FirstByJoss(1),
    "generous-tit-for-tat:0": lambda: axl.GTFT(0),
    "memory-one:1,0,0,1": lambda: axl.MemoryOnePlayer((1, 0, 0, 1)),
    "memory-one:0,1,1,0,0": lambda: axl.MemoryOnePlayer((0, 1, 1, 0), axl.Action.D),
}
STOCHASTIC = {
    "naive-prober": axl.NaiveProber,
    "joss": axl.FirstByJoss,
    "generous-tit-for-tat": axl.GTFT,
    "zd-extort": axl.ZDExtort2,
    "zd-generous": axl.ZDGTFT2,
    "random": axl.Random,
}


def ours(name, others):
    actor = strategy(name).begin(SEAT)
    played = [actor.act(None, {"moves": None, "rules": RULES})]
    for other in others[:-1]:
        played.append(actor.act(None, {"moves": (played[-1], other)}))
    return played


def theirs(player, others, seed=0):
    script = axl.MockPlayer([axl.Action.D if other else axl.Action.C for other in others])
    match = axl.Match((player, script), turns=len(others), seed=seed)
    return [int(own == axl.Action.D) for own, _ in match.play()]


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_deterministic_strategies_agree_in_every_turn(name):
    rng = np.random.default_rng(0)
    for cooperation in (0.1, 0.5, 0.9, 1.0):
        others = [int(move) for move in rng.random(200) >= cooperation]
        assert ours(name, others) == theirs(DETERMINISTIC[name](), others)


@pytest.mark.parametrize("name", STOCHASTIC)
def test_stochastic_strategies_agree_state_by_state(name):
    """Frequencies of cooperation after each outcome, 20,000 turns; four standard errors of a fair coin over 500."""
    rng = np.random.default_rng(1)
    others = [int(move) for move in rng.integers(2, size=20_000)]
    played = theirs(STOCHASTIC[name](), others)
    made = machine(name)
    assert played[0] == 0 or made.cooperate[0] < 1
    outcomes = np.array([2 * own + other for own, other in zip(played, others, strict=True)])
    following = np.array(played[1:]) == 0
    vector = made.cooperate[1:] if len(made.cooperate) == 5 else made.cooperate * 4
    for outcome in range(4):
        after = following[outcomes[:-1] == outcome]
        if len(after) >= 500:
            assert abs(after.mean() - vector[outcome]) < 4 * 0.5 / np.sqrt(len(after))


def test_every_fast_axelrod_strategy_can_start_a_match():
    quick = [kind.name for kind in axl.short_run_time_strategies]
    assert len(quick) > 200
    assert set(quick) <= set(axelrod_names())
    others = [0, 1, 1, 0, 1, 0, 0, 0]
    for name in quick:
        assert set(ours(f"axelrod:{name}", others)) <= {0, 1}


@pytest.mark.parametrize("name", ["Tit For Tat", "Grudger", "Second by Tester", "Hard Tit For Tat"])
def test_axelrod_opponents_play_as_in_the_library(name):
    kind = {player.name: player for player in axl.strategies}[name]
    others = [int(move) for move in np.random.default_rng(2).integers(2, size=60)]
    assert ours(f"axelrod:{name}", others) == theirs(kind(), others)


def deterministic_users_of(*attributes):
    """Names of the strategies that read an attribute of the match, without random or long computations."""
    kinds = [kind for kind in axl.strategies if kind in axl.short_run_time_strategies]
    return sorted(
        kind.name
        for kind in kinds
        if set(attributes) & set(axl.Classifiers["makes_use_of"](kind())) and not axl.Classifiers["stochastic"](kind())
    )


@pytest.mark.parametrize(
    ("game", "payoffs"), [("prisoners_dilemma_classic", None), ("prisoners_dilemma", (8, 0, 10, 5))]
)
@pytest.mark.parametrize("name", deterministic_users_of("length", "game"))
def test_strategies_that_read_length_or_payoffs_play_as_in_the_library_s_own_match(name, game, payoffs):
    kind = {player.name: player for player in axl.strategies}[name]
    opponents = {"tit-for-tat": axl.TitForTat, "always-defect": axl.Defector, "alternator": axl.Alternator}
    schedule = [ScheduledMatch(game, (f"axelrod:{name}", opponent)) for opponent in opponents]
    ours = play_matches(schedule, {}, env={"rounds": 20}, progress=False)
    for match, opponent in zip(ours, opponents.values(), strict=True):
        library = None if payoffs is None else axl.Game(*payoffs)
        theirs = axl.Match((kind(), opponent()), turns=20, game=library).play()
        assert match.moves.tolist() == [[int(move is axl.Action.D) for move in moves] for moves in theirs]


def test_the_strategies_that_know_the_length_are_among_those_compared():
    assert {"BackStabber", "DoubleCrosser", "First by Stein and Rapoport"} <= set(deterministic_users_of("length"))


@pytest.mark.parametrize(
    ("changes", "length"), [({}, 20), ({"continuation": 0.9}, float("inf")), ({"horizon": "hidden"}, float("inf"))]
)
def test_players_are_told_the_length_the_noise_and_their_own_payoffs(changes, length):
    rules = RepeatedGame("battle_of_the_sexes", rounds=20, noise=0.1, **changes).rules_seen_by(1)
    strategy("axelrod:Tit For Tat").check_rules(rules)
    told = AxelrodPlayer(find_strategy("Tit For Tat", {}), rules, np.random.default_rng(0))._own.match_attributes
    assert told["game"].RPST() == (7, 10, 0, 0)
    assert (told["length"], told["noise"]) == (length, 0.1)


def test_a_strategy_that_is_not_defined_for_the_payoffs_is_refused():
    class Choosy(axl.Cooperator):
        def receive_match_attributes(self):
            if self.match_attributes["game"].RPST()[0] != 3:
                raise ValueError("phi is out of range")

    made = AxelrodStrategy(Choosy, Traits())
    for payoffs, refused in (([[3, 0], [5, 1]], False), ([[8, 0], [10, 5]], True)):
        rules = RULES | {"payoffs": [payoffs]}
        agent = StrategyAgent("choosy", made.traits, lambda rules, rng: AxelrodPlayer(made, rules, rng))
        with pytest.raises(CapabilityError, match="phi") if refused else nullcontext():
            agent.check_rules(rules)


def test_unknown_axelrod_strategies_raise_an_error_with_a_suggestion():
    with pytest.raises(UnknownNameError, match="Tit For Tat"):
        strategy("axelrod:Tit Fro Tat")
    with pytest.raises(ConfigurationError):
        strategy("axelrod:Tit For Tat", colour=1)
    assert issubclass(MissingDependencyError, ImportError)
