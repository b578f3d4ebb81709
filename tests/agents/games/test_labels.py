"""Choosing a label by the ``top_logprobs`` of a reply's first token."""

import math

import pytest

from quintain.agents.games.labels import choose_label
from quintain.engines.engine import Reply


def reply_with(*tokens):
    return Reply("The", "length", top_logprobs=(tokens, (("never read", -0.1),)))


def test_probabilities_of_spellings_of_one_label_are_added():
    choice = choose_label(reply_with((" J", math.log(0.2)), ("J", math.log(0.1)), ("F", math.log(0.25))), ["J", "F"])
    assert choice.text == "J"
    assert choice.choice_logprobs == pytest.approx((math.log(0.3), math.log(0.25)))
    assert choice.finish_reason == "choice"


@pytest.mark.parametrize("labels", [["J", "F"], ["F", "J"]])
def test_a_label_missing_from_top_logprobs_is_scored_below_the_last_token(labels):
    choice = choose_label(reply_with(("The", -0.1), ("So", -3.0), ("F", -4.0)), labels)
    assert choice.text == "F"
    assert dict(zip(labels, choice.choice_logprobs, strict=True)) == pytest.approx({"F": -4.0, "J": -4.0 - math.log(2)})


@pytest.mark.parametrize("reply", [Reply("The"), reply_with(("The", -0.1), ("Just", -2.0), ("f", -2.0))])
def test_without_any_label_the_reply_is_returned_unchanged(reply):
    assert choose_label(reply, ["J", "F"]) is reply


def test_labels_are_sampled_reproducibly_above_temperature_0():
    reply = reply_with(("J", math.log(0.3)), ("F", math.log(0.1)))
    drawn = [choose_label(reply, ["J", "F"], 1.0, seed).text for seed in range(400)]
    assert drawn == [choose_label(reply, ["J", "F"], 1.0, seed).text for seed in range(400)]
    assert drawn.count("J") / 400 == pytest.approx(0.75, abs=0.09)  # four standard deviations
