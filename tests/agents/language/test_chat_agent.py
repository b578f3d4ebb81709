"""The chat agent in text environments of any kind: what the model is shown, and what becomes an action."""

import json

import gymnasium as gym
import pytest
from gymnasium import spaces

import quintain
from quintain.agents import ChatAgent, agent_names, make_agent
from quintain.agents.agent import Agent
from quintain.agents.language.few_shot import few_shot_messages
from quintain.agents.language.history import HistoryLimits
from quintain.engines import ScriptedEngine
from quintain.engines.engine import Reply
from quintain.errors import CapabilityError, ConfigurationError
from quintain.messages import assistant, system, user
from quintain.spaces import UnicodeText


class Guess(gym.Env):
    """A number game of six turns in a text of its own; it knows nothing of answer markers."""

    metadata = {}

    def __init__(self):
        self.observation_space = self.action_space = UnicodeText(10_000)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.turn = 0
        return "Guess a number from 1 to 9.", {}

    def step(self, action):
        self.turn += 1
        success = action == "7"
        return f"{action!r} is wrong.", float(success), success, self.turn == 6, {"success": success}


def chat(*replies, engine=None, **options):
    """Return an agent, and the requests that its engine gets."""
    asked, left = [], list(replies)

    def serve(request):
        asked.append(request)
        reply = left.pop(0) if len(left) > 1 else left[0]
        return reply if isinstance(reply, Reply) else Reply(reply, prompt_tokens=10, completion_tokens=3)

    return make_agent("chat", engine=engine or ScriptedEngine(serve), **options), asked


def play(agent, env=Guess, **options):
    return quintain.evaluate(env, agent, episodes=1, **options).episodes[0]


def test_the_agent_is_exported_and_listed():
    assert "chat" in agent_names()
    assert isinstance(ChatAgent("scripted:7"), Agent)
    assert play(ChatAgent("scripted:7")).outcome == "success"


def test_a_reply_is_the_action_whole():
    text = "I saw >>> and\n```\na block\n```\nand <<<7>>> and more"
    agent, asked = chat(text)
    episode = play(agent)
    assert [step["action"] for step in episode.steps] == [text] * 6
    assert {request.stop for request in asked} == {()}
    assert {request.prefill for request in asked} == {""}  # nothing is extracted where no answer is marked


def test_a_reply_is_cut_where_the_environment_reads_it():
    agent, asked = chat("It is <<<7>>> and more")
    episode = play(agent, "CodeReason-v0", env_kwargs={"tasks": "letters"})
    assert episode.steps[0]["action"] == "It is <<<7>>>"
    assert asked[0].stop == ("```\n", ">>>")


@pytest.mark.parametrize(
    "reply",
    ["<think>Perhaps 3? Or 4?</think>\n7", "Perhaps 3?\n</think>\n\n7", Reply("7", reasoning="Perhaps 3?")],
    ids=["marked", "opened by the template", "apart"],
)
def test_reasoning_is_not_part_of_the_action_nor_of_later_messages(reply):
    agent, asked = chat(reply)
    assert play(agent).outcome == "success"
    agent, asked = chat("<think>Perhaps 7?</think>3", "4")
    play(agent)
    assert asked[1].messages[1] == assistant("3")


def test_reasoning_that_was_cut_off_is_not_an_action():
    agent, _ = chat(Reply("<think>Perhaps 7", finish_reason="length"))
    assert play(agent).steps[0]["action"] == ""


def test_settings_reach_the_requests():
    agent, asked = chat("7", temperature=0.25, top_p=0.5, max_tokens=9, stop="\n")
    play(agent)
    assert (asked[0].temperature, asked[0].top_p, asked[0].max_tokens) == (0.25, 0.5, 9)
    assert asked[0].stop == ("\n",)


def test_a_stop_string_ends_the_reply_and_is_left_out():
    engine = ScriptedEngine("7. Next question")
    assert play(chat(engine=engine, stop=[". "])[0]).steps[0]["action"] == "7"
    engine = ScriptedEngine("so <<<7 stop here>>>")
    kwargs = {"tasks": "letters"}
    found = play(chat(engine=engine, stop=[" stop"], extract=False)[0], "CodeReason-v0", env_kwargs=kwargs)
    assert found.steps[0]["action"] == "so <<<7"


def test_the_model_sees_prompt_examples_and_observations_in_this_order(tmp_path):
    (tmp_path / "prompt.txt").write_text("Guess well.\n")
    lines = [{"question": "From 1 to 2?", "answer": "1"}, user("From 1 to 3?"), assistant("2")]
    (tmp_path / "examples.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    agent, asked = chat("7", prompt=tmp_path / "prompt.txt", few_shot=str(tmp_path / "examples.jsonl"))
    play(agent)
    shown = [system("Guess well.\n"), user("From 1 to 2?"), assistant("1"), user("From 1 to 3?"), assistant("2")]
    assert list(asked[0].messages) == [*shown, user("Guess a number from 1 to 9.")]
    described = agent.describe()
    assert described["prompt"] == "Guess well.\n"
    assert described["few_shot"] == shown[1:]


def test_conversations_are_few_shot_examples_too():
    both = [user("a"), assistant("b")]
    assert few_shot_messages([{"messages": both, "source": "made up"}]) == tuple(both)
    assert few_shot_messages([{"question": "a", "answer": "b", "topic": "letters"}]) == tuple(both)


@pytest.mark.parametrize(
    ("few_shot", "message"),
    [
        ([assistant("b")], "entry 1: turns alternate, beginning with the user's"),
        ([user("a"), user("b")], "entry 2: .* expected a message of the assistant, got one of the user"),
        ([user("a")], "must end with a message of the assistant"),
        ([system("a")], "a system message goes in prompt"),
        ([{"question": "a", "anwser": "b"}], "did you mean 'answer'"),
        (["a"], "expected .*question.*got 'a'"),
        ("nowhere.jsonl", "cannot read 'nowhere.jsonl'"),
        (3, "a list or the path of a JSONL file, got 3"),
    ],
)
def test_examples_of_another_form_are_refused(few_shot, message):
    with pytest.raises(ConfigurationError, match=message):
        ChatAgent("scripted:7", few_shot=few_shot)


def test_a_damaged_line_of_examples_is_named(tmp_path):
    (tmp_path / "examples.jsonl").write_text('{"question": "a", "answer": "b"}\n{"question":\n')
    with pytest.raises(ConfigurationError, match="line 2: not JSON"):
        ChatAgent("scripted:7", few_shot=tmp_path / "examples.jsonl")


def test_history_turns_keep_the_first_observation_and_the_last_turns():
    agent, asked = chat("1", "2", "3", "4", "5", "6", prompt="Guess.", history_turns=2)
    play(agent)
    shown = [[message["content"] for message in request.messages] for request in asked]
    first = ["Guess.", "Guess a number from 1 to 9."]
    assert shown[2] == [*first, "1", "'1' is wrong.", "2", "'2' is wrong."]
    assert shown[5] == [*first, "4", "'4' is wrong.", "5", "'5' is wrong."]


def test_history_tokens_leave_out_the_oldest_turns():
    # 4 characters a message and one token a character: first observation, two turns and the next one take 20 tokens.
    messages = [user("rule"), *(m for k in range(3) for m in (assistant(f"act{k}"), user(f"obs{k}")))]
    assert HistoryLimits(tokens=20).shown(messages, 1, 1.0) == [messages[0], *messages[3:]]
    assert HistoryLimits(tokens=28).shown(messages, 1, 1.0) == messages
    assert HistoryLimits(tokens=1).shown(messages, 1, 1.0) == [messages[0], *messages[5:]]
    assert HistoryLimits(tokens=20).shown(messages, 1, 0.5) == messages


def test_history_tokens_are_estimated_from_the_counts_of_earlier_requests():
    def replies(tokens):
        return [Reply("guess", prompt_tokens=tokens, completion_tokens=1)]

    cheap, many = chat(*replies(3), history_tokens=60)
    play(cheap)
    dear, few = chat(*replies(60), history_tokens=60)
    play(dear)
    assert len(many[-1].messages) == 11
    assert len(few[-1].messages) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1}, "temperature must be a finite number >= 0, got -1; use 0 for greedy decoding"),
        ({"temperature": "hot"}, "temperature must be a finite number >= 0, got 'hot'"),
        ({"top_p": 0}, "top_p must be a finite number > 0 and <= 1, got 0"),
        ({"max_tokens": 0}, "max_tokens must be an integer >= 1, got 0"),
        ({"stop": [""]}, "stop must be"),
        ({"history_turns": 0}, "history_turns must be an integer >= 1, got 0"),
        ({"history_tokens": 2.5}, "history_tokens must be an integer >= 1, got 2.5"),
        ({"prompt": 3}, "prompt must be a string or a path, got 3"),
        ({"temprature": 1}, "did you mean 'temperature'"),
    ],
)
def test_settings_are_checked_when_the_agent_is_made(options, message):
    with pytest.raises(ConfigurationError, match=message):
        make_agent("chat", engine="scripted:7", **options)


def test_environments_without_text_are_refused_before_the_run():
    with pytest.raises(CapabilityError, match=r"takes actions of Discrete"):
        quintain.evaluate("CartPole-v1", ChatAgent("scripted:7"), episodes=1)


def test_a_stop_string_needs_an_engine_that_stops():
    mute = ScriptedEngine("7")
    mute.capabilities = frozenset({"chat"})
    with pytest.raises(CapabilityError, match="cannot do: stop"):
        ChatAgent(mute, stop=["\n"])
    assert isinstance(ChatAgent(mute), ChatAgent)


def test_the_reasoning_agents_and_the_environment_agree_on_programs():
    """The environment's question mentions programs if, and only if, the agent's prompt does."""
    for name in ("all-text", "all-code", "code-interpreter", "codesteer"):
        for env, kwargs in (("CodeReason-v0", {"tasks": "letters"}), ("CodeReason-v0", {"tasks": "game24"})):
            asked = []

            def serve(request, asked=asked):
                asked.append(request)
                return request.choices[0] if request.choices else Reply("<<<1>>>")

            agent = make_agent(name, engine=ScriptedEngine(serve))
            play(agent, env, env_kwargs=kwargs)
            question = next(m["content"] for m in asked[-1].messages if m["role"] == "user")
            assert ("```python" in question or "Python program" in question) == (name != "all-text")


def test_spaces_of_gymnasium_are_text_too():
    class Plain(Guess):
        def __init__(self):
            self.observation_space = self.action_space = spaces.Text(100)

    assert play(ChatAgent("scripted:7"), Plain).outcome == "success"
