"""Self-training: metrics and selection by hand on stored samples, and the loop in small."""

import json

import pytest
from text_worlds import LOWER, SayLetter, equal, weights

from quintain.errors import ConfigurationError, EngineError
from quintain.training.language.b_star import SELF_TRAINING, BStarSettings, train_b_star
from quintain.training.language.b_star_selection import (
    Sample,
    balance_score,
    best_configuration,
    diversity,
    pass_at,
    reward_at,
    sample_reward,
    select_samples,
    smallest_cap,
)
from quintain.training.language.settings import OptimizerSettings
from quintain.training.sources import Draw, Problems, Worlds

#: Two queries with four samples each. The first has two different right answers, one of them twice; the second one.
TABLE = [
    *(Sample(0, t, t != "c", r, k) for k, (t, r) in enumerate((("a", 1.1), ("a", 1.1), ("b", 0.9), ("c", 0.1)))),
    *(Sample(1, t, t == "e", r, k) for k, (t, r) in enumerate((("d", 0.2), ("e", 0.8), ("f", -0.1), ("f", -0.1)))),
]
#: All samples of a query equal.
EQUAL = [Sample(0, "a", True, 1.0, k) for k in range(4)]
#: A policy that solves everything, in different ways.
SOLVED = [Sample(q, f"{k}", True, 1.0, k) for q in range(3) for k in range(4)]


def test_pass_at_counts_different_right_answers():
    assert [pass_at(TABLE, s) for s in (1, 2, 3)] == [1.0, 0.5, 0.0]
    assert [pass_at(EQUAL, s) for s in (1, 2)] == [1.0, 0.0]
    assert pass_at(SOLVED, 4) == 1.0
    assert pass_at([]) == 0.0


def test_reward_at_looks_at_the_samples_of_the_highest_reward():
    assert [reward_at(TABLE, s) for s in (1, 2, 3, 4, 5)] == [1.0, 0.5, 0.5, 0.0, 0.0]
    assert reward_at([Sample(0, "a", False, 2.0), Sample(0, "b", True, 1.0)]) == 0.0


def test_diversity_is_the_share_of_different_equations():
    assert diversity(TABLE) == 0.75  # texts without equations: 3 of 4 in both
    assert diversity(EQUAL) == 0.25
    assert diversity([]) == 0.0


def test_rewards_add_the_weakest_step():
    assert sample_reward(True) == 1.0
    assert sample_reward(False, [0.5, -1.0, 2.0]) == pytest.approx(-0.2)
    assert sample_reward(True, [0.5], weight=0.0) == 1.0
    for odd in (float("nan"), float("inf")):
        with pytest.raises(ConfigurationError, match="step scores must be finite"):
            sample_reward(True, [0.5, odd])


def test_selection_takes_the_best_different_samples_above_the_threshold():
    assert [s.text for s in select_samples(TABLE, 0.0, cap=2)] == ["a", "b", "e", "d"]
    assert [s.text for s in select_samples(TABLE, 0.5, cap=9)] == ["a", "b", "e"]
    assert [s.text for s in select_samples(TABLE, 1.0, cap=1)] == ["a"]
    assert select_samples(TABLE, 5.0, cap=1) == []


@pytest.mark.parametrize(("size", "cap"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (6, 64)])
def test_the_cap_is_the_smallest_that_fills_the_training_set(size, cap):
    """Above 0 the first query has three different samples and the second two."""
    assert smallest_cap(TABLE, 0.0, size) == cap


def test_the_balance_score_by_hand():
    # Query 0 keeps a, b, c: 2 of 3 right; query 1 keeps d, e: 1 of 2.
    assert balance_score(select_samples(TABLE, 0.0, 9), target=2) == pytest.approx((2 / 3 + 1 / 2 * 1 / 2) / 2)
    assert balance_score(select_samples(TABLE, 0.5, 9), target=2) == pytest.approx((1 + 1 / 2) / 2)
    assert balance_score(select_samples(TABLE, 1.0, 9), target=2) == 0.5  # the second query is left out
    assert balance_score(select_samples(TABLE, 1.0, 9), target=2, queries=2) == 0.25
    assert balance_score([], target=2) == balance_score([], target=2, queries=3) == 0.0
    assert balance_score(select_samples(EQUAL, 0.0, 9), target=2) == 0.5  # duplicates are one answer
    assert balance_score(select_samples(SOLVED, 0.0, 9), target=4) == 1.0


def test_the_configuration_of_the_highest_balance_is_chosen_and_of_equal_ones_the_first():
    found = best_configuration({0.5: EQUAL, 1.0: SOLVED}, (0.0, 5.0), size=12, target=4)
    assert (found.temperature, found.threshold, found.cap, found.balance, found.kept) == (1.0, 0.0, 4, 1.0, 12)
    assert best_configuration({0.5: SOLVED, 1.0: SOLVED}, (0.0,), size=1).temperature == 0.5
    nothing = best_configuration({1.0: TABLE}, (5.0,), size=4)
    assert (nothing.kept, nothing.balance) == (0, 0.0)
    # What is left out without a kept sample makes a strict threshold look good, unless it counts.
    strict = {"size": 9, "target": 1}
    assert best_configuration({1.0: TABLE}, (1.0, -1.0), count_unanswered=False, **strict).threshold == 1.0
    lost = best_configuration({1.0: [*TABLE, Sample(2, "x", False, 0, 0)]}, (1.0, 0.5), **strict)
    assert lost.threshold == 0.5


def test_by_default_a_temperature_that_solves_more_queries_has_the_higher_balance():
    """50 queries with 8 answers: so many queries are solved, each with so many different right answers."""

    def balance(solved, right):
        table = [Sample(q, str(k), ok := q < solved and k < right, float(ok), k) for q in range(50) for k in range(8)]
        chosen = BStarSettings()
        size = chosen.wanted * chosen.monitored_queries // chosen.num_queries
        found = best_configuration(
            {1.0: table}, chosen.thresholds, size=size, target=chosen.target, maximum=chosen.max_cap,
            count_unanswered=chosen.count_unanswered,
        )  # fmt: skip
        assert found == best_configuration({1.0: table}, (0.0,), size=size)  # the defaults are the same
        return found.balance, found.kept

    # min(n' / 3, 1) as a mean over 50 queries; the training set keeps two a query where there are enough.
    assert balance(50, 5) == (pytest.approx(1), 100)
    assert balance(50, 2) == (pytest.approx(2 / 3), 100)
    assert balance(25, 4) == (pytest.approx(1 / 2), 100)
    assert balance(6, 8) == (pytest.approx(6 / 50), 48)


@pytest.mark.parametrize("grids", [({}, (0.0,)), ({1.0: TABLE}, ())])
def test_an_empty_grid_is_refused(grids):
    with pytest.raises(ConfigurationError, match="nothing to choose from"):
        best_configuration(*grids, size=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperatures": ()}, "temperatures is empty"),
        ({"thresholds": ()}, "thresholds is empty"),
        ({"temperatures": (0.0,)}, "temperatures"),
        ({"monitored_queries": 7}, "among the num_queries"),
        ({"continuation": "never"}, "continuation"),
        ({"selection_size": 0}, "selection_size"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        small(**changes)


torch = pytest.importorskip("torch")
pytest.importorskip("trl")

WORLD = Worlds(SayLetter)


def small(**changes):
    sizes = {"iterations": 2, "steps": 2, "num_queries": 6, "monitored_queries": 3, "num_generations": 4}
    return BStarSettings(
        **{**sizes, "temperatures": (1.0,), "max_completion_length": 3, "batch_size": 4, "distinct": 2,
           "optimizer": OptimizerSettings(learning_rate=2e-3), **changes}
    )  # fmt: skip


def test_it_learns_from_what_it_gets_right_and_keeps_its_samples(fresh, tmp_path):
    settings = small(iterations=3, steps=12, num_queries=16, temperatures=(0.7, 1.0), eval_every=3, eval_episodes=16)
    trained = train_b_star(fresh(), WORLD, settings, seed=1, out=tmp_path, evaluation=WORLD)
    rows = [row for row in trained.curve if "kept" in row]
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert {row["temperature"] for row in rows} <= {0.7, 1.0}
    assert rows[-1]["success"] > rows[0]["success"] + 0.2
    assert trained.facts["eval/sampled"] > trained.curve[0]["eval/sampled"] + 0.2
    lines = [json.loads(line) for line in (tmp_path / "samples" / "iteration-1.jsonl").read_text().splitlines()]
    assert len(lines) == settings.episodes
    kept = [line for line in lines if line["kept"]]
    assert len(kept) == rows[0]["kept"]
    assert all(line["text"][0] in LOWER for line in kept)  # right ones alone
    samples = [Sample(*(line[name] for name in ("query", "text", "right", "reward", "number"))) for line in lines]
    assert pass_at(samples, 2) == rows[0]["pass@4-2"]  # metrics can be computed again
    selected = [sample for sample, line in zip(samples, lines, strict=True) if line["kept"]]
    assert diversity(selected) == rows[0]["diversity"]


def test_an_iteration_that_keeps_nothing_changes_nothing_and_says_so(fresh):
    engine = fresh()
    before = weights(engine)
    with pytest.warns(UserWarning, match="keeps none of 24 samples"):
        trained = train_b_star(engine, WORLD, small(iterations=1, thresholds=(2.0,)))
    assert equal(before, weights(engine))
    # Diversity is that of what is kept, not of the 24 samples.
    assert [(row["step"], row["kept"], row["balance"], row["diversity"]) for row in trained.curve] == [(1, 0, 0, 0)]


def test_step_scores_are_a_part_of_the_reward(fresh):
    """Above 1 there are right answers with a positive score alone."""
    settings = small(iterations=1, thresholds=(1.0,), process_weight=0.5)
    lucky = train_b_star(fresh(), WORLD, settings, step_scores=lambda record: [3.0, 1.0]).curve
    assert lucky[0]["kept"] > 0
    with pytest.warns(UserWarning, match="keeps none"):
        train_b_star(fresh(), WORLD, settings, step_scores=lambda record: [3.0, -1.0])


@pytest.mark.parametrize("name", SELF_TRAINING)
def test_rivals_are_settings_of_the_same_loop(fresh, name):
    changes = dict(SELF_TRAINING[name])
    curve = train_b_star(fresh(), WORLD, small(num_queries=12, **changes), seed=3).curve
    assert [row["step"] for row in curve] == [1, 2]
    assert all(row["threshold"] == 0.0 for row in curve)


def test_continuations_differ_from_the_second_iteration_on(fresh):
    found = {}
    for continuation in ("online", "weights", "start"):
        for iterations in (1, 2):
            engine = fresh()
            decay = OptimizerSettings(learning_rate=2e-3, lr_scheduler_type="constant")
            train_b_star(engine, WORLD, small(iterations=iterations, continuation=continuation, optimizer=decay))
            found[continuation, iterations] = weights(engine)
    assert equal(found["online", 1], found["start", 1])
    assert equal(found["online", 1], found["weights", 1])
    second = [found[name, 2] for name in ("online", "weights", "start")]
    assert not any(equal(second[a], second[b]) for a, b in ((0, 1), (1, 2), (0, 2)))


def test_problems_are_the_queries(fresh, tmp_path):
    from quintain.records import read_episodes

    train_b_star(fresh(), Problems(WORLD, [Draw(5), Draw(6)]), small(num_queries=2, monitored_queries=1), out=tmp_path)
    assert [record.seed for record in read_episodes(tmp_path)] == ([5] * 4 + [6] * 4) * 2


def test_when_every_episode_fails_the_training_stops(fresh):
    with pytest.raises(EngineError, match="all 24 episodes"):
        train_b_star(fresh(), Worlds(SayLetter, {"fail": 1.0}), small())
