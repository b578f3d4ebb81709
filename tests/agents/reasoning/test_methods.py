"""Every method by name on a question, with a scripted model: what it asks, what it answers, and what it records."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable
from typing import Any

import pytest

import quintain
from quintain.agents import make_agent
from quintain.agents.reasoning import METHODS
from quintain.agents.reasoning.methods import LINES, WAYS
from quintain.agents.registry import AGENTS
from quintain.engines import ReplayEngine, Reply, Request, ScriptedEngine
from quintain.errors import AgentError, CapabilityError, ConfigurationError, UnknownNameError
from quintain.evaluation.requests import decisions_of
from quintain.records import EpisodeRecord, read_episodes

#: Methods that evaluate whole replies; tests of tree search are in a folder of their own.
OF_REPLIES = [name for name in METHODS if name != "mcts-star"]


def decision_of(record: EpisodeRecord) -> dict[str, Any]:
    (decision,) = decisions_of(record)
    return decision


def test_self_consistency_takes_the_most_frequent_answer_and_its_first_reply(game: Any) -> None:
    record = game(["It is <<<8>>>", "I say <<<7.0>>>", "<<<7>>>", "no idea, none"]).play(
        "self-consistency", n=4, extract=False
    )
    decision = decision_of(record)
    assert record.steps[0]["action"] == "I say <<<7.0>>>"
    assert record.outcome == "success"
    assert decision["votes"] == {"8": 1.0, "7": 2.0}
    assert [c["answer"] for c in decision["candidates"]] == ["8", "7", "7", None]
    assert decision["chosen"] == 1
    assert decision["spent"] == {"calls": 4, "tokens": record.completion_tokens}
    assert decision["agreement"]["distinct"] == pytest.approx(2 / 3)


def test_all_candidates_are_sampled_in_one_request(game: Any) -> None:
    one = game(["<<<7>>>"])
    one.play("self-consistency", n=5)
    assert [request.n for request in one.asked] == [5]


@pytest.mark.parametrize("n", [1, 3])
def test_with_equal_candidates_every_selection_returns_them(game: Any, made_reply: Any, n: int) -> None:
    for method in ("self-consistency", "best-of-n", "borda", "weighted-vote", "soft-self-consistency", "first-answer"):
        record = game([made_reply("<<<7>>>")]).play(method, n=n)
        assert record.steps[0]["action"] == "<<<7>>>", method
        assert decision_of(record)["chosen"] == 0


@pytest.mark.parametrize("method", [name for name in OF_REPLIES if name != "oracle-of-n"])
def test_without_any_answer_a_method_still_acts(game: Any, made_reply: Any, method: str) -> None:
    def script(request: Request) -> Any:
        return request.choices[0] if request.choices else made_reply("I do not know.")

    record = game(script).play(method, extract=False)
    assert record.outcome == "parse_error"
    assert record.steps[0]["action"] == "I do not know."


def test_best_of_n_takes_the_highest_score_among_those_with_an_answer(game: Any, made_reply: Any) -> None:
    replies = [made_reply("<<<5>>>", 1), made_reply("<<<7>>>", 3), made_reply("hm", 9), made_reply("<<<5>>>", 2)]
    record = game(replies).play("best-of-n", n=4, extract=False)
    assert record.outcome == "success"
    assert [c["scores"] for c in decision_of(record)["candidates"]] == [{"self-certainty": s} for s in (1, 3, 9, 2)]
    assert game(replies).play("first-answer", n=4, extract=False).outcome == "failure"


@pytest.mark.parametrize(
    ("score", "chosen"),
    [
        *(("self-certainty", 1), ("gini", 1), ("perplexity", 0), ("log-probability", 0)),
        *(("entropy", 0), ("distributional-perplexity", 0)),
    ],
)
def test_every_token_score_can_choose(game: Any, made_reply: Any, score: str, chosen: int) -> None:
    record = game([made_reply("<<<1>>>", 1), made_reply("<<<2>>>", 3)]).play("best-of-n", n=2, score=score)
    assert decision_of(record)["chosen"] == chosen


def test_p_true_asks_once_about_each_different_reply(game: Any) -> None:
    def script(request: Request) -> Any:
        if request.choices is None:
            return ["<<<5>>>", "<<<7>>>", "<<<5>>>"]
        likely = math.log(0.8 if "<<<7>>>" in request.messages[0]["content"] else 0.25)
        return Reply("True", "choice", completion_tokens=1, choice_logprobs=(likely, math.log(1 - math.exp(likely))))

    one = game(script)
    decision = decision_of(one.play("best-of-n", n=3, score="p-true"))
    assert [c["scores"]["p-true"] for c in decision["candidates"]] == pytest.approx([0.25, 0.8, 0.25])
    assert decision["chosen"] == 1
    assert decision["spent"]["calls"] == 5


def longest(question: str, reply: str) -> float:
    return len(reply)


async def slow(question: str, reply: str) -> float:
    return -len(reply)


@pytest.mark.parametrize(("model", "chosen"), [(longest, 1), (slow, 0), (f"{__name__}:longest", 1)])
def test_a_reward_model_is_any_function(game: Any, model: Any, chosen: int) -> None:
    if isinstance(model, str):
        pytest.importorskip(__name__.partition(".")[0])
    record = game(["<<<1>>>", "so <<<2>>>"]).play("best-of-n", n=2, score=model)
    assert decision_of(record)["chosen"] == chosen


@pytest.mark.parametrize("value", [math.nan, math.inf, "high", None, True])
def test_a_reward_model_without_a_number_is_an_agent_error(game: Any, value: Any) -> None:
    agent = make_agent("best-of-n", engine=game(["<<<1>>>"]).engine, score=lambda question, reply: value)
    with pytest.raises(AgentError, match="finite number"):
        quintain.evaluate("QuestionAnswering-v0", agent, env_kwargs={"tasks": [{"question": "?", "answer": "1"}]})


def test_scores_are_checked_when_the_agent_is_made(game: Any) -> None:
    engine = ScriptedEngine("x")
    with pytest.raises(CapabilityError, match="token_statistics"):
        make_agent("best-of-n", engine=engine)
    with pytest.raises(CapabilityError, match="logprobs"):
        make_agent("soft-self-consistency", engine=engine)
    with pytest.raises(UnknownNameError, match="self-certainty"):
        make_agent("best-of-n", engine=engine, score="self-certanty")
    with pytest.raises(ConfigurationError, match="reward_model"):
        make_agent("best-of-n", engine=engine, score="reward-model")
    with pytest.raises(ConfigurationError, match="did you mean 'temperature'"):
        make_agent("self-consistency", engine=engine, temprature=1)
    with pytest.raises(ConfigurationError, match="budget_calls"):
        make_agent("self-consistency", engine=engine, budget_calls=0)


def test_borda_p_0_acts_as_self_consistency_and_records_equal_votes(game: Any, made_reply: Any) -> None:
    replies = [made_reply("<<<5>>>", 9), made_reply("<<<7>>>", 1), made_reply("<<<7>>>", 2)]
    vote, zero, two = (
        decision_of(game(replies).play(*method, n=3, **options))
        for method, options in ((["self-consistency"], {}), (["borda"], {"p": 0}), (["borda"], {"p": 2}))
    )
    assert (zero["votes"], zero["chosen"]) == (vote["votes"], vote["chosen"]) == ({"5": 1.0, "7": 2.0}, 1)
    assert two["votes"] == {"5": 9.0, "7": 5.0}


def test_universal_self_consistency_takes_the_named_reply_and_falls_back_to_an_answer(game: Any) -> None:
    for judgement, chosen, how in (("... is Response 2.", 2, "read"), ("all are fine", 1, "unreadable")):

        def script(request: Request, judgement: str = judgement) -> Any:
            return (
                judgement if "Judge these responses" in request.messages[-1]["content"] else ["?", "<<<5>>>", "<<<7>>>"]
            )

        decision = decision_of(game(script).play("universal-self-consistency", n=3, extract=False))
        assert (decision["chosen"], decision["judgement"]) == (chosen, how)


def fobar_script(request: Request) -> Any:
    """Answer 8 twice and 7 once; backward, find the masked number only from the right answer."""
    text = request.messages[-1]["content"]
    if "unknown x" not in text:
        return ["<<<8>>>", "<<<7>>>", "<<<8>>>"]
    right = "4" if "buys x" in text else "3"
    return [f"The value of x is {right if 'above is 7' in text else 9}."] * request.n


def test_fobar_verifies_every_answer_and_number_and_flips_a_wrong_vote(game: Any) -> None:
    one = game(fobar_script)
    record = one.play("fobar", n=3, chains=2)
    decision = decision_of(record)
    assert record.outcome == "success"
    assert decision["facts"] == {"answers": 2, "numbers": 2, "chains": 2, "hits": {"8": 0, "7": 4}}
    assert decision["fobar"]["flipped"] is True
    assert decision["fobar"]["forward"] == pytest.approx({"8": 2 / 3, "7": 1 / 3})
    assert decision["spent"]["calls"] == 3 + 2 * 2 * 2
    backward = [request for request in one.asked if request.n == 2]
    assert len(backward) == 4
    assert all(request.temperature == 0.7 for request in one.asked)


def test_fobar_never_shows_the_right_answer_unless_a_candidate_gives_it(game: Any) -> None:
    def script(request: Request) -> Any:
        return ["<<<8>>>", "<<<9>>>"] if "unknown x" not in request.messages[-1]["content"] else "The value of x is 1."

    one = game(script)
    one.play("fobar", question="I have 3 cars and 4 vans.", answer="7777", n=2, chains=1)
    assert not any("7777" in message["content"] for request in one.asked for message in request.messages)


def test_alpha_1_is_the_vote_and_alpha_0_the_backward_choice(game: Any) -> None:
    assert game(fobar_script).play("fobar", n=3, chains=1, alpha=1).outcome == "failure"
    assert game(fobar_script).play("fobar", n=3, chains=1, alpha=0).outcome == "success"


@pytest.mark.parametrize(
    ("question", "answers", "options", "skipped"),
    [
        ("I have 3 cars.", ["<<<7>>>"], {}, "one answer"),
        ("How many?", ["<<<7>>>", "<<<8>>>"], {}, "no number"),
        ("I have 3 cars.", ["<<<7>>>", "<<<8>>>"], {"min_votes": 9}, "too few votes"),
        ("I have 3 cars.", ["<<<7>>>", "<<<8>>>"], {"budget_calls": 5}, "budget"),
    ],
)
def test_fobar_skips_the_backward_step(game: Any, question: str, answers: Any, options: Any, skipped: str) -> None:
    one = game(answers)
    decision = decision_of(one.play("fobar", question=question, n=4, **options))
    assert decision["facts"]["skipped"] == skipped
    assert [request.n for request in one.asked] == [4]
    assert decision["candidates"][decision["chosen"]]["answer"] == "7"


def test_self_verification_masks_the_rewritten_statement(game: Any) -> None:
    def script(request: Request) -> Any:
        text = request.messages[-1]["content"]
        if text.startswith("Rewrite"):
            answer = "7" if "Answer: 7\nStatement:" in text else "8"
            return f"Ann has 3 apples and buys 4 more, and now she has {answer} apples."
        if "unknown x" in text:
            return "The value of x is 3." if "x apples and buys" in text and "has 7" in text else "The value of x is 0."
        return ["<<<8>>>", "<<<7>>>"]

    one = game(script)
    record = one.play("self-verification", n=2, chains=1)
    assert record.outcome == "success"
    assert decision_of(record)["facts"]["hits"] == {"8": 0, "7": 1}


def test_the_option_of_a_multiple_choice_question_is_shown_as_its_text(game: Any) -> None:
    def script(request: Request) -> Any:
        if "unknown x" in request.messages[-1]["content"]:
            return "The value of x is 2."
        return ["<<<A>>>", "<<<B>>>"]

    one = game(script)
    agent = make_agent("fobar", engine=one.engine, n=2, chains=1)
    rows = [{"question": "Double of 2 cars?", "answer": "B", "choices": ["three cars", "four cars"]}]
    quintain.evaluate("QuestionAnswering-v0", agent, env_kwargs={"tasks": rows})
    asked = "\n".join(r.messages[-1]["content"] for r in one.asked if "unknown x" in r.messages[-1]["content"])
    assert "above is three cars" in asked
    assert "above is four cars" in asked


def test_self_refine_keeps_the_history_and_stops_when_there_is_nothing_to_change(game: Any) -> None:
    critiques = iter(["4 and 3 is 7, not 8.", "NO CHANGES NEEDED"])

    def script(request: Request) -> Any:
        last = request.messages[-1]["content"]
        if last.startswith("Check your solution"):
            return next(critiques)
        return "<<<7>>>" if last.startswith("Write the whole") else "<<<8>>>"

    one = game(script)
    record = one.play("self-refine", rounds=4)
    decision = decision_of(record)
    assert record.outcome == "success"
    assert decision["spent"]["calls"] == 4
    assert [c["answer"] for c in decision["history"][0]["candidates"]] == ["8"]
    assert decision["history"][0]["feedback"] == ["4 and 3 is 7, not 8."]
    contents = [message["content"] for message in one.asked[-1].messages]
    assert contents.index("<<<8>>>") < contents.index("4 and 3 is 7, not 8.") < contents.index("<<<7>>>")


def test_rci_reviews_a_fixed_number_of_times(game: Any) -> None:
    one = game(["<<<7>>>"])
    one.play("rci", rounds=2)
    assert [request.messages[-1]["content"][:6] for request in one.asked[1:]] == [
        "Review",
        "Based ",
        "Review",
        "Based ",
    ]


def test_progressive_hints_end_when_an_answer_is_given_twice(game: Any) -> None:
    answers = iter(["<<<5>>>", "<<<7>>>", "<<<7>>>", "<<<1>>>"])
    one = game(lambda request: next(answers))
    assert one.play("progressive-hints").outcome == "success"
    assert len(one.asked) == 3
    assert one.asked[2].messages[-1]["content"].endswith("the answer is near to 5, 7.")


def test_in_a_debate_agents_read_the_others_and_the_last_round_votes(game: Any) -> None:
    def script(request: Request) -> Any:
        return "<<<7>>>" if "other agents" in request.messages[-1]["content"] else ["<<<5>>>", "<<<7>>>", "<<<9>>>"]

    one = game(script)
    record = one.play("multi-agent-debate", agents=3, rounds=1)
    assert record.outcome == "success"
    second = [request.messages for request in one.asked[1:]]
    assert [messages[-2]["content"] for messages in second] == ["<<<5>>>", "<<<7>>>", "<<<9>>>"]
    assert "<<<7>>>" in second[0][-1]["content"]
    assert "<<<5>>>" not in second[0][-1]["content"]
    assert decision_of(record)["votes"] == {"7": 3.0}


def test_rcot_corrects_what_the_reconstructed_question_lacks(game: Any) -> None:
    def script(request: Request) -> Any:
        last = request.messages[-1]["content"]
        if last.startswith("Here is the solution"):
            return "Ann has 3 apples. How many has she?"
        if last.startswith("Compare"):
            return (
                "Overlooked: she buys 4 more." if "she buys 4 more" not in last.partition("Reconstruction")[2] else "?"
            )
        return "3 + 4 = 7 <<<7>>>" if "does not fit" in last else "<<<3>>>"

    one = game(script)
    record = one.play("rcot")
    decision = decision_of(record)
    assert record.outcome == "success"
    assert decision["spent"]["calls"] == 4
    assert decision["history"][0]["feedback"] == ["Overlooked: she buys 4 more."]
    assert decision["history"][0]["facts"]["reconstruction"] == "Ann has 3 apples. How many has she?"
    same = game(lambda request: "NO DIFFERENCES <<<3>>>").play("rcot", rounds=3)
    assert decision_of(same)["spent"]["calls"] == 3


def test_dola_asks_for_tokens_of_a_contrast_between_layers(game: Any) -> None:
    one = game(["<<<7>>>", "<<<8>>>", "<<<7>>>"])
    record = one.play("dola", n=3, temperature=0.7)
    assert record.outcome == "success"
    assert [request.contrast_layers for request in one.asked] == ["low"]
    other = game(["<<<7>>>"])
    other.play("dola", layers=[2, 4])
    assert other.asked[0].contrast_layers == (2, 4)
    assert other.asked[0].temperature == 0
    with pytest.raises(CapabilityError, match="contrast_layers"):
        make_agent("dola", engine=ScriptedEngine("x"))
    with pytest.raises(ConfigurationError, match="'low', 'high'"):
        make_agent("dola", engine=one.engine, layers="middle")


def test_the_oracle_takes_the_right_answer_and_is_named_in_the_manifest(game: Any) -> None:
    record = game(["<<<5>>>", "<<<7>>>", "<<<5>>>"]).play("oracle-of-n", n=3)
    assert record.outcome == "success"
    assert AGENTS.facts("oracle-of-n").uses_solution


def test_reread_states_the_question_twice(game: Any) -> None:
    one = game(["<<<7>>>"])
    one.play("self-consistency", n=2, reread=True)
    assert one.asked[0].messages[-1]["content"].count("Ann has 3 apples") == 2


def test_budgets_limit_calls_and_tokens(game: Any, made_reply: Any) -> None:
    replies = [made_reply("<<<7>>>", tokens=10)]
    assert decision_of(game(replies).play("self-consistency", n=8, budget_calls=3))["spent"]["calls"] == 3
    spent = decision_of(game(replies).play("self-consistency", n=8, budget_tokens=45, max_tokens=10))["spent"]
    assert spent == {"calls": 5, "tokens": 50}  # the last reply was granted 5 tokens, which this script ignores
    debate = game(replies).play("multi-agent-debate", budget_calls=4)
    assert decision_of(debate)["spent"]["calls"] == 3


def test_unmarked_answers_are_extracted_as_the_chat_agent_extracts_them(game: Any) -> None:
    def script(request: Request) -> Any:
        return "7" if request.prefill.endswith("<<<") else ["she has 7", "<<<8>>>"]

    record = game(script).play("self-consistency", n=2)
    decision = decision_of(record)
    assert [c["answer"] for c in decision["candidates"]] == ["7", "8"]
    assert record.steps[0]["action"] == "she has 7\nThe final answer is <<<7>>>"
    assert decision["spent"]["calls"] == 2


def test_a_stop_string_inside_the_text_is_continued(game: Any) -> None:
    def script(request: Request) -> Any:
        if request.prefill:
            return Reply(" so <<<7", stop_string=">>>", completion_tokens=3)
        return Reply("Form: <<<number", stop_string=">>>", completion_tokens=3)

    record = game(script).play("self-consistency", n=1, question="How many? Write it as <<<number>>>.")
    assert record.steps[0]["action"] == "Form: <<<number>>> so <<<7>>>"


def test_methods_play_code_reason_and_answers_are_read_as_it_reads_them(tmp_path: Any) -> None:
    engine = ScriptedEngine(lambda request: [f"<<<{k % 2}>>>" for k in range(request.n)])
    report = quintain.evaluate(
        "CodeReason-v0",
        make_agent("self-consistency", engine=engine, n=3),
        episodes=4,
        env_kwargs={"tasks": "leg_counting"},
        out=tmp_path / "run",
    )
    assert report.errors == 0
    for record in read_episodes(tmp_path / "run"):
        assert decision_of(record)["votes"] == {"0": 2.0, "1": 1.0}


def test_decisions_are_recorded_once_and_replayed(game: Any, made_reply: Any, tmp_path: Any) -> None:
    long = "A long thought about apples that fills more than one line of text. " * 3
    replies = [made_reply(f"{long}{k} <<<{k}>>>", k) for k in range(3)]
    options = {"n": 3, "extract": False}
    rows = [{"question": "How many?", "answer": "2"}]
    folder = tmp_path / "run"
    first = quintain.evaluate(
        "QuestionAnswering-v0",
        make_agent("best-of-n", engine=game(replies).engine, **options),
        env_kwargs={"tasks": rows},
        out=folder,
    )
    (stored,) = read_episodes(folder)
    assert [c["text"] for c in decision_of(stored)["candidates"]] == [f"{long}{k} <<<{k}>>>" for k in range(3)]
    assert stored.to_line().count("A long thought") == 3 * 4  # 3 in each reply, and 3 in the action
    again = quintain.evaluate(
        "QuestionAnswering-v0",
        make_agent("best-of-n", engine=ReplayEngine(folder), **options),
        env_kwargs={"tasks": rows},
    )
    assert again.episodes[0].decisions == first.episodes[0].decisions
    json.dumps(stored.decisions, allow_nan=False)


NUMBERS = {"answers": 2, "numbers": 2}


@pytest.mark.parametrize("name", OF_REPLIES)
def test_declared_facts_are_those_of_the_agent(game: Any, made_reply: Callable[..., Reply], name: str) -> None:
    facts = METHODS.facts(name)
    engine = ScriptedEngine("x", capabilities=["logprobs", "token_statistics", "contrast_layers"])
    agent = make_agent(name, engine=engine)
    assert AGENTS.load(name) is METHODS.load(name)
    assert AGENTS.facts(name).uses_solution == facts.oracle
    assert facts.line in LINES
    assert facts.way in WAYS
    grey = {"logprobs", "token_statistics", "choices"} & agent.evaluate.needs
    white = "contrast_layers" in agent.evaluate.needs
    assert facts.access == ("white-box" if white else "grey-box" if grey else "black-box")
    if name not in ("oracle-of-n", "first-answer", "progressive-hints"):
        assert facts.signal == agent.evaluate.kind

    def script(request: Request) -> Any:  # answers differ, critiques always find something, statements hold 2 numbers
        if request.messages[-1]["content"].startswith("Rewrite"):
            return "Ann has 3 apples and buys 4 more."
        if request.choices:
            return request.choices[0]
        return [
            made_reply(f"<<<{10 + (k + len(request.messages)) % 2}>>> the value of x is 3", 1) for k in range(request.n)
        ]

    names = {node.id for node in ast.walk(ast.parse(facts.calls)) if isinstance(node, ast.Name)}
    options = {"n": 3} if "n" in names else {}
    decision = decision_of(game(script).play(name, **options))
    values = {**NUMBERS, "chains": 8, "agents": 3, "n": 3, "rounds": agent.rounds}
    most = eval(facts.calls, {"__builtins__": {}}, {name: values[name] for name in names})  # a formula of ours
    if name == "progressive-hints":  # it may end earlier
        assert decision["spent"]["calls"] <= most
    else:
        assert decision["spent"]["calls"] == most
