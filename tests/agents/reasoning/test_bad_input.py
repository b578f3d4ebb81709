"""Every method under conditions that leave it little to work with: it still acts, or says before it starts why not."""

from __future__ import annotations

from typing import Any

import pytest

from quintain.agents import make_agent
from quintain.agents.reasoning import METHODS
from quintain.engines import Request, ScriptedEngine
from quintain.errors import ConfigurationError
from quintain.evaluation.requests import decisions_of

CAPABILITIES = ["logprobs", "token_statistics", "contrast_layers"]
#: Methods that evaluate whole replies; tests of tree search are in a folder of their own.
OF_REPLIES = [name for name in METHODS if name != "mcts-star"]


def decision_of(record: Any) -> dict[str, Any]:
    (decision,) = decisions_of(record)
    return decision


@pytest.mark.parametrize("method", OF_REPLIES)
def test_a_model_that_repeats_itself_is_answered_with_what_it_says(game: Any, made_reply: Any, method: str) -> None:
    def script(request: Request) -> Any:
        return request.choices[0] if request.choices else made_reply("3 + 4 = 7 <<<7>>>")

    record = game(script).play(method)
    assert record.outcome == "success"
    assert record.steps[0]["action"] == "3 + 4 = 7 <<<7>>>"


@pytest.mark.parametrize("method", OF_REPLIES)
def test_with_a_budget_of_one_reply_the_method_gives_it(game: Any, made_reply: Any, method: str) -> None:
    one = game([made_reply("<<<7>>>")])
    record = one.play(method, budget_calls=1)
    assert record.outcome == "success"
    assert decision_of(record)["spent"]["calls"] == 1
    assert [request.n for request in one.asked] == [1]


@pytest.mark.parametrize("method", OF_REPLIES)
@pytest.mark.parametrize("limit", ["budget_calls", "budget_tokens"])
def test_a_budget_below_one_reply_is_refused_when_the_agent_is_made(method: str, limit: str) -> None:
    engine = ScriptedEngine("x", capabilities=CAPABILITIES)
    with pytest.raises(ConfigurationError, match=limit):
        make_agent(method, engine=engine, **{limit: 0})


@pytest.mark.parametrize("method", [name for name in OF_REPLIES if name != "multi-agent-debate"])
def test_a_budget_of_one_token_is_one_short_reply(game: Any, made_reply: Any, method: str) -> None:
    record = game([made_reply("<<<7>>>", tokens=1)]).play(method, budget_tokens=1, extract=False)
    assert decision_of(record)["spent"] == {"calls": 1, "tokens": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        "Mathematics is beautiful. I like it; do you?",
        "= = = 7 <<<7>>>",
        "x x x + = ) ( <<<",
        "1/0 = 3",
        "9^9^9^9 = 1",
        "√√√ \\frac{1}{ = 2",
        "()" * 500,
        "1+" * 5000 + "1 = 2",
        "\x00\u202e3 + 4 = 7\ud800",
    ],
)
def test_steps_that_are_no_mathematics_are_no_proofs(game: Any, text: str) -> None:
    record = game([text]).play("safe", n=2, extract=False)
    evidence = decision_of(record)["facts"]["verification"][0]
    assert evidence["score"] <= 0.5 or "3 + 4" in text
    assert record.error is None
