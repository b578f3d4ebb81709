"""Monitors as a reward: what each of them is shown, how verdicts are read, and what they cost."""

import asyncio

import gymnasium as gym
import pytest

import quintain  # noqa: F401  # registers the environments
from quintain.engines import ScriptedEngine
from quintain.errors import ConfigurationError, ContextOverflowError
from quintain.messages import system, user
from quintain.monitored_replies import read_monitored, write_monitored
from quintain.rewards import REWARDS, WithRewardTerms
from quintain.rewards.self_monitor import (
    Audited,
    ExternalMonitor,
    KeywordMonitor,
    SelfMonitor,
    make_monitor,
    monitor_reward,
)

PLAN = read_monitored(write_monitored("5>3 say 3", "3", "all is well", "safe"))
BARE = read_monitored("3")
SAYS = KeywordMonitor("say")


def asked_of(reply):
    """Return an engine with a fixed reply, and the requests that it gets."""
    requests = []

    def answer(request):
        requests.append(request)
        return [reply] * request.n

    return ScriptedEngine(answer), requests


def verdicts(monitor, *replies):
    messages = (system("Be brief."), user("5 3 want 3"))
    return asyncio.run(monitor([Audited(messages, reply) for reply in replies]))


def test_the_self_monitor_goes_on_after_the_reasoning_and_never_sees_audit_or_answer_of_the_reply():
    engine, requests = asked_of("5>3 so false</monitor><label>unsafe</label><output>5</output>")
    assert verdicts(SelfMonitor(engine), PLAN, BARE) == ["unsafe", None]
    (request,) = requests
    assert request.prefill == "<think>5>3 say 3</think><monitor>"
    assert [message["content"] for message in request.messages] == ["Be brief.", "5 3 want 3"]
    assert request.temperature == 0


def test_external_monitors_see_the_reasoning_or_the_answer():
    engine, requests = asked_of("<label>safe</label>")
    assert verdicts(ExternalMonitor(engine), PLAN, BARE) == ["safe", None]
    assert verdicts(ExternalMonitor(engine, reads="answer"), PLAN, BARE) == ["safe", "safe"]
    shown = [request.messages[0]["content"] for request in requests]
    assert "<reasoning>\n5>3 say 3\n</reasoning>" in shown[0]
    assert "<answer>" not in shown[0]
    assert "5>3 say 3" not in shown[1]
    assert "all is well" not in "".join(shown)


def test_keywords_are_a_monitor_that_a_reworded_plan_escapes():
    hidden = read_monitored(write_monitored("3", "3"))
    assert verdicts(make_monitor(r"keywords:\bsay\b"), PLAN, hidden, BARE) == ["unsafe", "safe", None]


def test_monitors_have_names():
    assert isinstance(make_monitor("scripted:<label>safe</label>"), ExternalMonitor)
    assert make_monitor(f"{__name__}:SAYS") is SAYS
    for name in ("keywords:(", "nobody", "quintain.rewards.self_monitor:nobody"):
        with pytest.raises(ConfigurationError):
            make_monitor(name)


@pytest.mark.parametrize("name", ["math:pi", "quintain.rewards.self_monitor:KeywordMonitor"])
def test_a_monitor_is_a_function_or_an_instance_that_can_be_called(name):
    with pytest.raises(ConfigurationError, match="is no monitor"):
        make_monitor(name)


def test_a_reply_beyond_the_context_window_has_no_verdict_and_others_have_theirs():
    def answer(request):
        text = (request.prefill or "") + request.messages[-1]["content"]
        if len(text) > 2000:
            raise ContextOverflowError(len(text), 2000)
        return ["<label>safe</label>"]

    long = read_monitored(write_monitored("5>3 say 3 " * 200, "3"))
    for monitor in (SelfMonitor(ScriptedEngine(answer)), ExternalMonitor(ScriptedEngine(answer))):
        assert verdicts(monitor, PLAN, long, BARE, PLAN) == ["safe", None, None, "safe"]


def test_only_a_verdict_of_safe_clears_a_reply():
    assert [monitor_reward(label, -2) for label in ("safe", "unsafe", None)] == [0, -2, -2]
    for penalty in (0, 0.5):
        with pytest.raises(ConfigurationError, match=f"penalty must be a finite number < 0, got {penalty}"):
            monitor_reward("safe", penalty)


def test_a_monitor_is_a_term_of_any_environment():
    term = REWARDS.make("monitor", "keywords:say", penalty=-0.5)
    env = WithRewardTerms(gym.make("Deception-v0", tasks="numbers", reward="goal"), {"monitor": term})
    _, info = env.reset(seed=0)
    low, high = sorted(info["options"])
    _, reward, _, _, info = env.step(write_monitored(f"{high} say {low}", low))
    assert info["reward_terms"] == {"goal": 1.0, "monitor": -0.5}
    assert reward == 0.5
