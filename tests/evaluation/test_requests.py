"""What a model was asked is in the record: every request can be rebuilt, and every text is stored once."""

import json

import pytest

import quintain
from quintain.agents import make_agent
from quintain.agents.games import LLMPlayer
from quintain.engines import ReplayEngine, ScriptedEngine
from quintain.engines.engine import Exchange, Reply, Request
from quintain.evaluation.observations import without_observations
from quintain.evaluation.requests import expand, pack, requests_of
from quintain.experiments.games import ScheduledMatch, play_matches
from quintain.messages import assistant, system, user
from quintain.records import EpisodeRecord, read_episodes, read_manifest
from quintain.redaction import add_secret

RULES = "You are told a question, and answer it in one sentence that ends with a full stop. " * 3
PROGRAM = "```python\nprint(6 * 7 + 0 * 1000000007)\n```\n"


def record_of(exchanges, steps=()):
    packed = pack(exchanges, steps)
    one = EpisodeRecord(0, 1, "finished", {}, steps=list(steps), calls=packed.calls, messages=packed.messages)
    return EpisodeRecord.from_line(one.to_line())


def engine(*replies):
    asked, left = [], list(replies)

    def serve(request):
        asked.append(request)
        if request.choices:
            return request.choices[0]
        reply = left.pop(0) if len(left) > 1 else left[0]
        text, stop = reply if isinstance(reply, tuple) else (reply, None)
        return Reply(text, stop_string=stop, completion_tokens=len(text.split()), prompt_tokens=1)

    made = ScriptedEngine(serve)
    made.asked = asked
    return made


REPLIES = {
    "chat": ["It is <<<Count: 1, Positions: [1]>>>"],
    "all-text": ["I think that it is forty-two, or something that is close to it.", "Count: 1, Positions: [3]"],
    "all-code": [(PROGRAM.removesuffix("```\n"), "```\n")],
    "code-interpreter": [
        (PROGRAM.removesuffix("```\n"), "```\n"),
        ("so it must be <<<Count: 1, Positions: [1]", ">>>"),
    ],
    "codesteer": [(PROGRAM.removesuffix("```\n"), "```\n"), ("so it must be <<<Count: 1, Positions: [1]", ">>>")],
}


@pytest.mark.parametrize("name", REPLIES)
def test_every_request_of_an_agent_can_be_rebuilt_from_its_run(name, tmp_path):
    """System prompt, second requests for an unmarked answer and the guide's questions included."""
    one = engine(*REPLIES[name])
    agent = make_agent(name, engine=one, **({"prompt": RULES} if name == "chat" else {}))
    run = tmp_path / "run"
    quintain.evaluate("CodeReason-v0", agent, episodes=2, concurrency=1, env_kwargs={"tasks": "letters"}, out=run)
    shared = read_manifest(run).get("texts")
    found = [request for record in read_episodes(run) for request in requests_of(record, shared)]
    assert found == one.asked
    assert [request.key for request in found] == [r.key for r in one.asked]


@pytest.mark.parametrize("options", [{}, {"predict_first": True, "debias": "order"}, {"constrained": False}])
def test_the_questions_of_a_player_can_be_rebuilt(options, tmp_path):
    def serve(request):
        asked.append(request)
        return Reply(request.choices[0], choice_logprobs=(-0.1, -3.0)) if request.choices else Reply("J")

    asked = []
    player = LLMPlayer(ScriptedEngine(serve), **options)
    schedule = [ScheduledMatch("prisoners_dilemma", ("model", "model"))]
    play_matches(schedule, {"model": player}, env={"rounds": 8}, out=tmp_path / "run")
    (record,) = read_episodes(tmp_path / "run")
    keys = [request.key for request in requests_of(record, read_manifest(tmp_path / "run").get("texts"))]
    assert sorted(keys) == sorted(request.key for request in asked[-len(keys) :])


def test_fields_of_requests_are_kept():
    messages = (system(RULES), user("What is the capital of France, of which the Seine is a river?"))
    requests = [
        Request(messages=messages, max_tokens=7, temperature=0, stop=("\n", ">>>"), seed=2**53 - 1),
        Request(messages=(*messages, assistant("Paris is its capital.", "Paris? Yes.")), n=2, logprobs=True),
        Request(messages=messages, choices=("a", "b"), prefill="Paris is its capital. The answer is (", top_p=0.5),
        Request(prompt=RULES + "Question: 1 + 1?"),
        Request(prompt=RULES + "Question: 1 + 2?", top_logprobs=3),
    ]
    record = record_of([Exchange(request, [Reply("Paris is its capital.")] * request.n) for request in requests])
    assert requests_of(record) == requests
    assert [request.key for request in requests_of(record)] == [call["key"] for call in record.calls]
    assert requests_of(expand(record)) == requests
    assert all(isinstance(message["content"], str) for message in expand(record).messages)


def test_a_conversation_is_stored_once():
    """The size grows with the length of a conversation, and not with its square; steps are not stored again."""
    steps, exchanges, messages = [], [], [system(RULES)]
    for turn in range(40):
        steps.append({"observation": f"turn {turn}: {RULES}", "action": f"action {turn}: {RULES}", "reward": 0.0})
        messages.append(user(steps[-1]["observation"]))
        exchanges.append(Exchange(Request(messages=tuple(messages), seed=turn), [Reply(steps[-1]["action"])]))
        messages.append(assistant(steps[-1]["action"]))
    record = record_of(exchanges, steps)
    assert requests_of(record) == [exchange.request for exchange in exchanges]
    asked = json.dumps([record.messages, [call["asked"] for call in record.calls]])
    assert asked.count(RULES) == 1
    assert len(asked) < 40 * 150 + len(RULES)


def test_prompts_that_grow_are_stored_by_what_they_add():
    texts = ["".join(f"In round {k} you chose J and the other chose F.\n" for k in range(n)) for n in range(1, 60)]
    record = record_of([Exchange(Request(messages=(user(RULES + text),)), [Reply("J")]) for text in texts])
    assert [request.messages[0]["content"] for request in requests_of(record)] == [RULES + text for text in texts]
    assert len(json.dumps(record.messages)) < 60 * 120 + len(RULES)


def test_records_of_earlier_versions_have_no_requests():
    record = EpisodeRecord(0, 1, "finished", {}, calls=[{"key": "abc", "replies": [{"text": "a"}]}])
    assert requests_of(record) == [None]


def test_a_recorded_run_can_still_be_replayed(tmp_path):
    one = engine(*REPLIES["code-interpreter"])
    kwargs = {"episodes": 1, "env_kwargs": {"tasks": "letters"}}
    first = quintain.evaluate(
        "CodeReason-v0", make_agent("code-interpreter", engine=one), out=tmp_path / "run", **kwargs
    )
    again = quintain.evaluate(
        "CodeReason-v0", make_agent("code-interpreter", engine=ReplayEngine(tmp_path / "run")), **kwargs
    )
    assert [e.steps for e in again.episodes] == [e.steps for e in first.episodes]


def test_texts_that_all_conversations_share_are_stored_once_a_run(tmp_path):
    shots = [{"question": f"{RULES} {k}?", "answer": f"{k}. {RULES}"} for k in range(3)]
    agent = make_agent("chat", engine=engine("It is <<<1>>>"), prompt=RULES, few_shot=shots)
    options = {"env_kwargs": {"tasks": "letters"}, "out": tmp_path / "run"}
    quintain.evaluate("CodeReason-v0", agent, episodes=4, **options)
    quintain.evaluate("CodeReason-v0", agent, episodes=6, resume=True, **options)
    assert RULES not in (tmp_path / "run" / "episodes.jsonl").read_text()
    texts = read_manifest(tmp_path / "run")["texts"]
    assert len(texts) == 7
    for record in read_episodes(tmp_path / "run"):
        (request,) = requests_of(record, texts)
        assert [m["content"] for m in request.messages][:3] == [RULES, shots[0]["question"], shots[0]["answer"]]
        assert request.key == record.calls[0]["key"]


def test_requests_survive_secrets_missing_observations_and_scoring_again(tmp_path):
    add_secret("sk-request-0123456789")
    agent = make_agent("chat", engine=engine("It is <<<1>>>"), prompt=f"Your key is sk-request-0123456789. {RULES}")
    options = {"episodes": 1, "env_kwargs": {"tasks": "letters"}}
    quintain.evaluate("CodeReason-v0", agent, out=tmp_path / "secret", **options)
    (record,) = read_episodes(tmp_path / "secret")
    (request,) = requests_of(record)
    assert request.messages[0]["content"] == f"Your key is ***. {RULES}"
    question = request.messages[1]["content"]
    quintain.evaluate("CodeReason-v0", agent, out=tmp_path / "none", observations="none", **options)
    (record,) = read_episodes(tmp_path / "none")
    assert record.steps[0]["observation"] is None
    assert requests_of(record)[0].messages[1]["content"] == question
    (after,) = quintain.rescore(tmp_path / "secret").after.episodes
    assert requests_of(after) == [request]


def test_expanding_observations_leaves_other_references():
    steps = [{"observation": RULES, "action": RULES + "!", "reward": 0.0}]
    messages = (user(RULES), assistant(RULES + "!"))
    record = record_of([Exchange(Request(messages=messages), [Reply("ok")])], steps)
    expanded = expand(record, kinds="o")
    assert [message["content"] for message in expanded.messages] == [RULES, ["a0"]]
    assert requests_of(without_observations(record)) == requests_of(record)
