"""The vectorised engine compared with the environment, round by round, and with theory."""

import itertools

import numpy as np
import pytest

from quintain.agents import Seat
from quintain.agents.games import machine, memory_one, strategy, strategy_names
from quintain.envs.games import RepeatedGame, load_game
from quintain.errors import ConfigurationError
from quintain.experiments.games.vectorised import play_machines


def machines(stochastic):
    made = []
    for name in strategy_names():
        if name == "memory-one":
            continue
        found = strategy(name).machine
        if found is not None and found.stochastic == stochastic:
            made.append(found)
    return made


def play_in_the_environment(names, rounds, seed=0):
    env = RepeatedGame("prisoners_dilemma_classic", rounds=rounds)
    observations, infos = env.reset(seed=seed)
    seats = env.possible_agents
    actors = {
        seat: strategy(name).begin(Seat("g", seat, env.observation_space(seat), env.action_space(seat), seed))
        for seat, name in zip(seats, names, strict=True)
    }
    while env.agents:
        actions = {seat: actors[seat].act(observations[seat], infos[seat]) for seat in seats}
        observations, _, _, _, infos = env.step(actions)
    return np.array(env.history), env.totals


def test_deterministic_matches_equal_those_of_the_environment():
    players = machines(stochastic=False)
    pairs = list(itertools.product(range(len(players)), repeat=2))
    batch = play_machines(players, pairs, 37, record=True)
    scores = batch.scores(load_game("prisoners_dilemma_classic"))
    for (i, j), moves, score in zip(pairs, batch.moves, scores, strict=True):
        history, totals = play_in_the_environment((players[i].name, players[j].name), 37)
        assert moves.tolist() == (2 * history[:, 0] + history[:, 1]).tolist()
        assert score.tolist() == totals


def test_vectorised_matches_reproduce_the_published_scores():
    players = [machine("grim"), machine("defect-once"), machine("always-cooperate"), machine("alternator")]
    pd, bos = load_game("prisoners_dilemma"), load_game("battle_of_the_sexes")
    batch = play_machines(players, [(0, 1), (3, 2), (3, 3)], 10)
    assert batch.scores(pd)[0].tolist() == [90, 10]
    assert (batch.cells[1, 0] + batch.cells[1, 3]) / 10 == 0.5
    assert batch.scores(bos)[2].tolist() == [85, 85]


def test_memory_one_matches_reach_their_stationary_payoffs():
    """Mean payoff of 400 matches of 2,000 turns against the Markov chain; 0.02 is over six standard errors."""
    rng = np.random.default_rng(5)
    p, q = rng.uniform(0.1, 0.9, 4), rng.uniform(0.1, 0.9, 4)
    q_seen = q[[0, 2, 1, 3]]
    chain = np.stack([p * q_seen, p * (1 - q_seen), (1 - p) * q_seen, (1 - p) * (1 - q_seen)], axis=1)
    stay = np.linalg.matrix_power(chain, 2000)[0]
    batch = play_machines([memory_one("p", p), memory_one("q", q)], [(0, 1)] * 400, 2000, seed=1)
    game = load_game("prisoners_dilemma_classic")
    expected = game.payoffs.reshape(2, 4) @ stay
    assert batch.scores(game).mean(axis=0) / 2000 == pytest.approx(expected, abs=0.02)


def test_noise_equals_that_of_the_environment():
    """Cooperation of tit-for-tat with itself under noise 0.1 falls to one half; the environment agrees within 4 s.e."""
    batch = play_machines([machine("tit-for-tat")], [(0, 0)] * 2000, 50, noise=0.1, seed=2)
    env, late = RepeatedGame(rounds=50, noise=0.1), []
    for seed in range(150):
        env.reset(seed=seed)
        last = (0, 0)
        while env.agents:
            env.step({"player_0": last[1], "player_1": last[0]})
            last = env.history[-1]
        late.append(np.mean([joint[0] == 0 for joint in env.history]))
    share = (batch.cells[:, 0] + batch.cells[:, 1]).mean() / 50
    assert abs(share - np.mean(late)) < 4 * np.std(late) / np.sqrt(len(late))


def test_noise_of_probability_one_flips_every_move():
    batch = play_machines([machine("always-cooperate"), machine("always-defect")], [(0, 1)], 9, noise=1.0)
    assert batch.cells[0].tolist() == [0, 0, 9, 0]


def test_random_lengths_are_geometric_and_capped():
    batch = play_machines([machine("always-cooperate")], [(0, 0)] * 5000, 40, continuation=0.9, seed=3, record=True)
    assert batch.lengths.max() == 40
    assert abs(batch.lengths.mean() - (1 - 0.9**40) / 0.1) < 4 * np.sqrt(90 / 5000)
    assert (batch.cells.sum(axis=1) == batch.lengths).all()
    assert ((batch.moves != 255).sum(axis=1) == batch.lengths).all()


def test_the_cooperation_curve_counts_running_matches_and_repetitions():
    players = [machine("defect-once"), machine("always-defect")]
    batch = play_machines(players, [(0, 1)] * 7 + [(1, 1)], 3)
    assert batch.cooperation[:, 0] == pytest.approx([0, 7 / 8, 7 / 8])
    assert batch.cooperation[:, 1] == pytest.approx([0, 0, 0])


def test_repetitions_of_stochastic_matches_differ_and_seeds_decide():
    players = [machine("random"), machine("tit-for-tat")]
    one, two, other = (play_machines(players, [(0, 1)] * 50, 100, seed=seed).cells for seed in (0, 0, 1))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    assert len({tuple(cells) for cells in one}) > 10


def test_many_chunks_hold_all_matches_in_order():
    players = machines(stochastic=True) + machines(stochastic=False)
    pairs = np.random.default_rng(0).integers(len(players), size=(20_000, 2))
    batch = play_machines(players, pairs, 5)
    fixed = {k for k, player in enumerate(players) if not player.stochastic}
    assert (batch.cells.sum(axis=1) == 5).all()
    for k in range(0, 20_000, 997):
        if set(pairs[k]) <= fixed:
            assert batch.cells[k].tolist() == play_machines(players, [pairs[k]], 5).cells[0].tolist()


@pytest.mark.parametrize(
    "arguments",
    [
        {"pairs": []},
        {"pairs": [(0, 1)]},
        {"rounds": 0},
        {"rounds": 70_000},
        {"noise": -0.1},
        {"continuation": 1.0},
    ],
)
def test_arguments_out_of_range_are_refused(arguments):
    with pytest.raises(ConfigurationError):
        play_machines(**({"machines": [machine("grim")], "pairs": [(0, 0)], "rounds": 5} | arguments))
