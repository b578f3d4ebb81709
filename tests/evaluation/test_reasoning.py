"""Reasoning of models is recorded, counted and never parsed; the tables say how many replies max_tokens cut off."""

import io
import json

import pytest
from rich.console import Console

import quintain
from quintain.agents import make_agent
from quintain.agents.games import LLMPlayer
from quintain.cli.tables import print_report
from quintain.engines import Reply, Request, ScriptedEngine
from quintain.engines.openai_answers import read_replies
from quintain.evaluation.html.page import render
from quintain.evaluation.summary import metric_rows
from quintain.experiments.games import ScheduledMatch, play_matches
from quintain.messages import user
from quintain.replies import split_reasoning

ENV = {"tasks": "letters"}


def run(name, *replies, episodes=4, **options):
    left = list(replies)

    def serve(request):
        return left.pop(0) if len(left) > 1 else left[0]

    agent = make_agent(name, engine=ScriptedEngine(serve), extract=False)
    return quintain.evaluate(
        "CodeReason-v0", agent, episodes=episodes, concurrency=1, env_kwargs=ENV | {"max_turns": 1}, **options
    )


@pytest.mark.parametrize(
    ("reply", "reasoning", "text"),
    [
        ("<think>a</think> b", "a", "b"),
        ("a</think>\n\nb", "a", "b"),
        ("<think>a, cut", "a, cut", ""),
        ("<think>a</think>b<think>c</think>d", "a\nc", "bd"),
        ("[THINK]a[/THINK]b", "a", "b"),
        ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b", "a", "b"),
        ("no reasoning, `<think>` is a tag", "", "no reasoning, `<think>` is a tag"),
        ("```\n<think>in a block</think>\n```\nb", "", "```\n<think>in a block</think>\n```\nb"),
        ("", "", ""),
    ],
)
def test_a_reply_is_split_into_reasoning_and_text(reply, reasoning, text):
    assert split_reasoning(reply) == (reasoning, text)


def test_reasoning_tokens_are_those_of_the_server_or_the_share_of_characters():
    message = {"message": {"content": "b", "reasoning_content": "thoughts"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 5, "completion_tokens": 30, "completion_tokens_details": {"reasoning_tokens": 21}}
    request = Request(messages=[user("a")], n=2)
    both = read_replies({"choices": [message, message], "usage": usage}, request)
    assert [reply.reasoning_tokens for reply in both] == [11, 10]
    (alone,) = read_replies({"choices": [message], "usage": {"completion_tokens": 18}}, Request(messages=[user("a")]))
    assert alone.reasoning_tokens is None
    assert alone.thinking_tokens == 16  # 8 of 9 characters
    assert Reply("<think>abc</think>d", completion_tokens=8).thinking_tokens == 6
    assert Reply("abc", completion_tokens=8).thinking_tokens == 0


def test_tokens_of_reasoning_are_in_records_and_tables(tmp_path):
    reply = Reply("<<<7>>>", completion_tokens=40, reasoning="Is it <<<8>>>?", reasoning_tokens=30)
    report = run("chat", reply, out=tmp_path / "run")
    assert [episode.reasoning_tokens for episode in report.episodes] == [30] * 4
    assert {episode.info["answer"] for episode in report.episodes} == {"7"}
    assert report.to_dict()["reasoning_tokens"] == 120
    stored = json.loads((tmp_path / "run" / "episodes.jsonl").read_text().splitlines()[0])
    assert stored["calls"][0]["replies"][0]["reasoning"] == "Is it <<<8>>>?"
    assert {row.name: row.interval.estimate for row in metric_rows(report)}["reasoning tokens"] == 30
    assert "160 generated, 120 of them reasoning" in shown(report)


def shown(report):
    screen = Console(file=io.StringIO(), width=120)
    print_report(screen, report)
    return screen.file.getvalue()


def test_replies_that_max_tokens_cut_off_are_in_the_tables():
    whole, cut = Reply("<<<7>>>", completion_tokens=3), Reply("I think", finish_reason="length", completion_tokens=3)
    report = run("chat", cut, cut, whole)
    assert (report.results.replies, report.results.replies_cut_off) == (4, 2)
    assert report.to_dict()["replies_cut_off"] == 2
    assert {row.name: row.interval.estimate for row in metric_rows(report)}["replies cut off at max_tokens"] == 0.5
    assert "replies cut off at max_tokens" in shown(report)
    assert "2 of 4 replies cut off at max_tokens" in shown(report)
    assert "2 of 4 replies cut off at max_tokens" in " ".join(render(report).split())
    complete = run("chat", whole)
    assert complete.results.replies_cut_off == 0
    assert "replies cut off at max_tokens 0" in shown(complete)


def test_agents_without_a_model_have_no_such_rows():
    report = quintain.evaluate("CodeReason-v0", "oracle", episodes=2, env_kwargs=ENV)
    assert not {"reasoning tokens", "replies cut off at max_tokens"} & {row.name for row in metric_rows(report)}


def test_a_player_that_writes_freely_is_read_after_its_reasoning():
    player = LLMPlayer(ScriptedEngine("<think>J? F?</think>J"), constrained=False)
    (match,) = play_matches(
        [ScheduledMatch("prisoners_dilemma", ("m", "always-defect"))], {"m": player}, env={"rounds": 2}
    )
    assert match.moves[:, 0].tolist() == [0, 0]
