"""Votes, scores, masking, backward probabilities and budgets, against values computed by hand."""

from __future__ import annotations

import math
import random

import pytest

from quintain.agents.reasoning.agreement import distinct_ratio, minus_entropy, minus_variance
from quintain.agents.reasoning.backward import backward_messages, backward_probabilities, combined
from quintain.agents.reasoning.budget import Budget, Ledger
from quintain.agents.reasoning.candidate import Candidate
from quintain.agents.reasoning.confidence import TOKEN_SCORES, token_probability
from quintain.agents.reasoning.masking import mask_numbers, normalised_number, predicted_number
from quintain.agents.reasoning.universal import read_choice
from quintain.agents.reasoning.votes import best, borda_weights, first_of, mean_votes, tally, winner
from quintain.engines import Reply, TokenStatistics
from quintain.errors import ConfigurationError


def random_votes(seed: int) -> tuple[list[str | None], list[float]]:
    rng = random.Random(seed)
    n = rng.randint(1, 12)
    return [rng.choice(["a", "b", "c", None]) for _ in range(n)], [
        rng.choice([0.1, 0.5, rng.random()]) for _ in range(n)
    ]


@pytest.mark.parametrize("seed", range(30))
def test_borda_with_p_0_is_majority_voting_to_the_letter(seed: int) -> None:
    answers, scores = random_votes(seed)
    assert tally(answers, borda_weights(scores, 0)) == tally(answers)


@pytest.mark.parametrize("seed", range(30))
def test_borda_with_large_p_selects_the_highest_score(seed: int) -> None:
    answers, scores = random_votes(seed)
    if answers[best([None] * len(scores), scores)] is not None:  # the top-ranked candidate casts a vote
        assert winner(tally(answers, borda_weights(scores, 100))) == answers[best(answers, scores)]


def test_borda_ranks_all_candidates_and_ties_go_to_the_first() -> None:
    # N = 4; ranks: the second is 1, then the two of 0.5 in order, then the last, which has no answer and no vote.
    assert borda_weights([0.5, 0.9, 0.5, 0.1], 1) == [3.0, 4.0, 2.0, 1.0]
    assert tally(["x", "y", "x", None], [3.0, 4.0, 2.0, 1.0]) == {"x": 5.0, "y": 4.0}
    assert winner({"x": 2.0, "y": 2.0}) == "x"
    assert first_of(["y", "x", "x"], "x") == 1
    assert borda_weights([math.nan, 0.0], 1) == [1.0, 2.0]


def test_sums_count_support_and_means_ignore_it() -> None:
    answers, scores = ["a", "a", "b"], [0.4, 0.4, 0.5]
    assert tally(answers, scores) == pytest.approx({"a": 0.8, "b": 0.5})
    assert mean_votes(answers, scores) == pytest.approx({"a": 0.4, "b": 0.5})


def test_the_best_candidate_has_an_answer_unless_none_has() -> None:
    assert best([None, "a", "b"], [9, 1, 2]) == 2
    assert best([None, None], [1, 9]) == 1
    assert winner(tally([None, None])) is None
    assert first_of([None, None], None) == 0


def test_estimators_of_agreement_on_the_surveys_example() -> None:
    values = [4, 3, 3, 3, 4]
    assert minus_variance(values) == pytest.approx(-0.24)
    assert minus_entropy(values) == pytest.approx(-0.971, abs=5e-4)
    assert distinct_ratio(values) == 0.4
    assert (minus_variance([2.0]), minus_entropy(["a", "a"])) == (0, 0)


def test_token_scores_by_hand() -> None:
    numbers = TokenStatistics(self_certainty=(1.0, 3.0), entropy=(0.0, math.log(3)), gini=(1.0, 0.5))
    candidate = Candidate("x", "x", 2, (math.log(0.5), math.log(0.125)), numbers)
    found = {name: score.of(candidate) for name, score in TOKEN_SCORES.items()}
    assert found == pytest.approx(
        {
            "self-certainty": 2.0,
            "log-probability": 0.5 * math.log(1 / 16),
            "perplexity": -4.0,  # the geometric mean of the probabilities is 1/4
            "entropy": -0.5 * math.log(3),
            "gini": 0.75,
            "distributional-perplexity": -2.0,  # (1 + 3) / 2
        }
    )
    assert [token_probability(candidate, how) for how in ("mean", "min", "product")] == pytest.approx(
        [0.3125, 0.125, 0.0625]
    )


def test_a_reply_without_tokens_has_the_lowest_score() -> None:
    assert {score.of(Candidate("", None)) for score in TOKEN_SCORES.values()} == {-math.inf}
    assert token_probability(Candidate("", None), "product") == 0


def test_every_number_of_a_question_is_masked_once() -> None:
    text = "Two boxes hold 1,200 pens, 3.50 dollars each; no-one has the 2nd. Write <<<5>>> or 7."
    masked = mask_numbers(text)
    assert [value for _, value in masked] == ["2", "1200", "3.5", "7"]
    assert masked[0].text.startswith("x boxes hold 1,200 pens")
    assert all(text.count("<<<5>>>") == one.text.count("<<<5>>>") == 1 for one in masked)
    assert mask_numbers("No number here.") == []


def test_numbers_are_normalised_alike_on_both_sides() -> None:
    assert predicted_number("So the value of x is $1,250.00.") == normalised_number("1,250") == "1250"
    assert predicted_number("The value of x is 3. No: the value of x is four.") == "4"
    assert predicted_number("The value of the unknown x is -2") == "-2"
    assert predicted_number("x = 3") is None
    assert normalised_number("0.0") == "0"


def test_the_backward_question_holds_the_candidates_answer() -> None:
    messages = backward_messages("Ann has x apples.", "12")
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert "Ann has x apples." in messages[-1]["content"]
    assert "is 12" in messages[-1]["content"].replace("above is 12", "is 12")


def test_backward_probabilities_are_normalised_across_candidates() -> None:
    assert backward_probabilities({"a": 3, "b": 1, "c": 0}) == pytest.approx({"a": 0.75, "b": 0.25, "c": 0}, abs=1e-7)
    assert backward_probabilities({"a": 0, "b": 0, "c": 0, "d": 0}) == pytest.approx(dict.fromkeys("abcd", 0.25))


@pytest.mark.parametrize("mean", ["geometric", "arithmetic"])
def test_alpha_1_is_the_vote_and_alpha_0_the_backward_signal(mean: str) -> None:
    forward, backward = {"a": 0.7, "b": 0.3}, {"a": 0.2, "b": 0.8}
    assert combined(forward, backward, 1, mean) == pytest.approx(forward)
    assert combined(forward, backward, 0, mean) == pytest.approx(backward)


def test_geometric_and_arithmetic_means_by_hand() -> None:
    forward, backward = {"a": 0.8, "b": 0.2}, {"a": 0.2, "b": 0.8}
    assert combined(forward, backward, 0.5) == pytest.approx({"a": 0.5, "b": 0.5})
    assert combined(forward, backward, 0.25, "arithmetic") == pytest.approx({"a": 0.35, "b": 0.65})
    # Without hits the backward distribution is uniform, and the vote decides.
    assert winner(combined({"a": 0.6, "b": 0.4}, backward_probabilities({"a": 0, "b": 0}), 0.5)) == "a"


def test_the_last_named_response_is_the_choice() -> None:
    assert read_choice("Response 0 is like Response 2. The most consistent response is Response 1.", 3) == 1
    assert read_choice("Response 7", 3) is None
    assert read_choice("all agree", 3) is None


def test_a_ledger_never_grants_more_than_the_budget() -> None:
    ledger = Ledger(Budget(calls=5, tokens=100))
    assert ledger.grant(8, 30) == (3, 30)
    ledger.charge([Reply("x", completion_tokens=30)] * 3)
    assert ledger.grant(8, 30) == (1, 10)
    ledger.charge([Reply("x", completion_tokens=5)], continued=True)
    assert (ledger.calls, ledger.tokens) == (3, 95)
    assert ledger.share(64, among=2) == 2
    assert ledger.each(8, questions=3, max_tokens=1) == 0
    ledger.charge([Reply("x", completion_tokens=5)])
    assert ledger.grant(1, 30).replies == 0


def test_a_budget_below_one_reply_is_refused() -> None:
    for limits in ({"calls": 0}, {"tokens": 0}, {"calls": 1.5}):
        with pytest.raises(ConfigurationError, match="budget_"):
            Budget(**limits)
