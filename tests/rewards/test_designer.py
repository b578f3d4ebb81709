"""Designer, critic and analyzer: drafts that must be stopped, designs that must pass, causes that must be named."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from quintain.engines import make_engine
from quintain.engines.scripted import ScriptedEngine
from quintain.errors import ConfigurationError, EngineError
from quintain.reward_signature import RewardInput, RewardSignature, Target
from quintain.rewards.designer import (
    Brief,
    Critic,
    Design,
    EngineAnalyzer,
    EngineDesigner,
    EngineReviewer,
    Evidence,
    Finding,
    PatternAnalyzer,
    TemplateDesigner,
    Trajectory,
    Transcript,
    make_roles,
)

SIGNATURE = RewardSignature(
    "walk up to a tree in the plains, without dying in lava",
    (
        RewardInput("nearby_blocks", "places", "visible blocks", ("grass", "log", "lava")),
        RewardInput("position", "vector", "(x, y, z)", size=3),
        RewardInput("pitch", "number", "degrees"),
        RewardInput("goal_reached", "flag", "done"),
        RewardInput("is_dead", "flag", "dead"),
    ),
    failure="is_dead",
    targets=(Target("nearby_blocks", "log"),),
    hazards=(("nearby_blocks", "lava"),),
    words={"tree": "log"},
    max_steps=100,
)
HEAD = f"def {SIGNATURE.header}:\n"
SPARSE = "    s = -1 if is_dead else 1 if goal_reached else 0\n"
GOOD = (
    HEAD + SPARSE + "    gap = math.hypot(*nearby_blocks['log']) if 'log' in nearby_blocks else 99.0\n"
    "    closer = gap < memory.get('best', 99.0) - 0.1\n    memory['best'] = min(gap, memory.get('best', 99.0))\n"
    "    return s, int(closer) - 5 * ('lava' in nearby_blocks)\n"
)


def inputs(**changes: Any) -> dict[str, Any]:
    base = {"nearby_blocks": {"grass": (0.0, -1.6, 1.0)}, "position": (0.0, 4.0, 0.0), "pitch": 0.0}
    return {**base, "goal_reached": False, "is_dead": False, **changes}


RECORDED = [[inputs(position=(0.2 * step + k, 4.0, 0.0)) for step in range(6)] for k in range(3)]


def verdict(source: str, critic: Critic | None = None) -> Any:
    return asyncio.run((critic or Critic(RECORDED)).check(Brief(SIGNATURE), Design(source)))


def test_a_good_function_is_accepted():
    assert verdict(GOOD).accepted


@pytest.mark.parametrize(
    ("source", "stage", "words"),
    [
        (GOOD.replace("s = -1", "s = = -1"), "parse", "syntax"),
        (GOOD.replace("pitch, ", ""), "signature", "expected def reward"),
        ("import os\n" + GOOD, "signature", "one function"),
        (GOOD.replace("'log' in", "'lava' in"), "run", "KeyError"),
        (GOOD.replace("['log']", "['logs']"), "signature", "has no 'logs'; did you mean 'log'"),
        (HEAD + SPARSE + "    key = 'tree' + 's'\n    return s, key in nearby_blocks\n", "run", "has no 'trees'"),
        (HEAD + SPARSE + "    return s, future_position[0]\n", "signature", "future_position is no input"),
        (GOOD.replace("int(closer)", "-int(closer)"), "consistency", "sign is reversed"),
        (GOOD.replace("s = -1 if is_dead else 1", "s = 1 if is_dead else -1"), "consistency", "on success"),
        (GOOD.replace("- 5 *", "+ 5 *"), "consistency", "lava nearby is rewarded"),
        (HEAD + SPARSE + "    return s, 1\n", "consistency", "standing still is paid"),
        (HEAD + SPARSE + "    return s, math.inf - math.inf\n", "run", "two finite numbers"),
        (HEAD + SPARSE + "    return s\n", "run", "TypeError"),
        (HEAD + "    print('x')\n    return 0, 0\n", "signature", "print is not allowed"),
        (HEAD + "    return 0, memory['never']\n", "run", "KeyError: 'never'"),
        (HEAD + "    return 0, (lambda: 0).__globals__['x']\n", "signature", "__globals__ is not allowed"),
        (HEAD + "    [0 for eval in ()]\n    return 0, eval('1')\n", "signature", "eval is not allowed"),
        (HEAD + "    f = lambda open: 0\n    return 0, len(open('x').read())\n", "signature", "open is not allowed"),
        (
            HEAD + "    match memory:\n        case dict(__reduce_ex__=r):\n            return 0, len(r(2))\n"
            "    return 0, 0\n",
            "signature",
            "match is not allowed",
        ),
        (
            HEAD + "    try:\n        return 0, 0\n    except* ValueError as e:\n        pass\n",
            "signature",
            "trystar is not allowed",
        ),
        (HEAD + "    math.pi = 3\n    return 0, 0\n", "signature", "pi cannot be assigned"),
        (HEAD + "    assert pitch\n    return 0, 0\n", "signature", "assert is not allowed"),
    ],
)
def test_bad_functions_are_stopped_at_their_stage(source: str, stage: str, words: str):
    found = verdict(source)
    assert found.stage == stage, found
    assert any(words in objection for objection in found.objections), found


def test_endless_loops_and_hoarding_are_stopped():
    assert "timeout" in verdict(HEAD + "    while True:\n        pass\n").objections[0]
    assert "MemoryError" in verdict(HEAD + "    x = [0] * 10**9\n    return 0, len(x)\n").objections[0]


def test_review_is_advice_after_the_executed_checks():
    critic = Critic(RECORDED, EngineReviewer(make_engine("scripted:OBJECTION: the lava term is too weak")))
    assert verdict(GOOD, critic).objections == ("the lava term is too weak",)
    assert verdict(GOOD, Critic(RECORDED, EngineReviewer(make_engine("scripted:OK")))).accepted
    assert verdict("nonsense", critic).stage == "signature"


@pytest.mark.parametrize(
    ("reply", "objections"),
    [
        ("OK", 0),
        ("OK\nThe signs match.", 0),
        ("OBJECTION: lava is rewarded\nOBJECTION: memory is read first\nas said", 2),
        ("Okay, but lava is rewarded.", 1),  # no verdict: the designer reads the words
        ("", 1),
    ],
)
def test_the_first_line_of_a_review_is_its_verdict(reply: str, objections: int):
    reviewer = EngineReviewer(ScriptedEngine(lambda request: reply))
    found = asyncio.run(reviewer.review(Brief(SIGNATURE), Design(GOOD)))
    assert len(found) == objections
    assert ("no verdict" in "".join(found)) == (not reply.startswith("O") or reply.startswith("Okay"))


@pytest.mark.parametrize("options", [{}, {"progress": "closer", "explore": False}, {"look_guard": False}])
def test_designs_of_the_templates_pass_the_critic(options: dict[str, Any]):
    designer = TemplateDesigner(**options)
    findings = (Finding("hazard", "nearby_blocks", "lava"), Finding("look_away"), Finding("oscillation"))
    for known in ((), findings[:1], findings):
        design = asyncio.run(designer.design(Brief(SIGNATURE, findings=known)))
        assert verdict(design.source).accepted
        assert ("lava" in design.source) == bool(known)
        assert "no language model" in design.label


def test_templates_pay_for_the_record_once_the_loop_was_found():
    closer = TemplateDesigner("closer")
    first, second = (
        asyncio.run(closer.design(Brief(SIGNATURE, findings=known))).source for known in ((), (Finding("oscillation"),))
    )
    assert "before" in first
    assert "best" in second
    with pytest.raises(ConfigurationError, match="progress"):
        TemplateDesigner("other")  # type: ignore[arg-type]


def trajectory(outcome: str = "failure", *, near: str = "grass", pitch: float = 0.0, **more: Any) -> Trajectory:
    steps = [inputs(nearby_blocks={near: (0.5, -0.5, 0.5)}, pitch=pitch, position=(k, 0.0, 0.0)) for k in range(4)]
    return Trajectory(outcome, "", 50, steps, ["forward"] * 4, [0.0] * 4, [0.0] * 4, **more)


def analysis(*trajectories: Trajectory) -> Any:
    dead = sum(each.outcome == "death" for each in trajectories) / len(trajectories)
    evidence = Evidence(len(trajectories), 0.0, dead, 50.0, {}, trajectories)
    return asyncio.run(PatternAnalyzer().analyze(SIGNATURE, Design(GOOD), evidence))


def test_the_analyzer_names_what_kills():
    found = analysis(*[trajectory("death", near="lava")] * 3, *[trajectory("success")] * 3)
    assert [(f.code, f.name) for f in found.findings] == [("hazard", "lava")]
    assert "lava" in found.words


def test_what_is_near_in_every_episode_is_no_hazard():
    found = analysis(*[trajectory("death")] * 3, *[trajectory("success")] * 3)
    assert "hazard" not in {f.code for f in found.findings}


def test_the_analyzer_names_reward_gaming():
    looping = trajectory(dense_sum=25.0, paid=30, unearned=28)
    assert {f.code for f in analysis(looping).findings} >= {"oscillation"}
    honest = trajectory("success", near="log", dense_sum=25.0, paid=30, unearned=2)
    assert not analysis(honest).findings
    assert {f.code for f in analysis(trajectory(pitch=75.0)).findings} >= {"look_away"}


def test_an_engine_designs_and_a_transcript_replays_it(tmp_path: Path):
    log = Transcript(tmp_path / "log.jsonl")
    seen = []

    def script(request: Any) -> str:
        seen.append(request.messages)
        return f"Here it is:\n```python\n# Thoughts: go.\n{GOOD}```"

    engine = ScriptedEngine(script)
    brief = Brief(SIGNATURE, objections=[("def x(): ...", "signature: no")])
    design = asyncio.run(EngineDesigner(engine, log=log).design(brief))
    assert design.source.endswith(GOOD)
    assert "go." in design.thoughts
    assert "signature: no" in seen[0][1]["content"]
    assert SIGNATURE.header in seen[0][0]["content"]
    asyncio.run(
        EngineAnalyzer(make_engine("scripted:avoid lava"), log=log).analyze(
            SIGNATURE, design, Evidence(1, 0.0, 1.0, 50.0, {"lava": 1}, [trajectory("death", near="lava")])
        )
    )
    replayed = make_roles(f"transcript:{log.path}")
    assert "recorded transcript" in replayed.label
    assert asyncio.run(replayed.designer.design(Brief(SIGNATURE))).source == design.source
    with pytest.raises(EngineError, match="no further reply"):
        asyncio.run(replayed.designer.design(Brief(SIGNATURE)))


def test_roles_are_made_by_name():
    assert make_roles("template", progress="closer").label.startswith("offline template")
    with pytest.raises(ConfigurationError, match="look_guard"):
        make_roles("template", wrong=1)
    assert "scripted" in make_roles("scripted:x").label


def test_recorded_inputs_decide_over_the_order_of_episodes():
    """A function whose value depends on anything but its own episode is found: here, on the order of calls."""
    counting = HEAD + "    memory['n'] = memory.get('n', 0) + 1\n    return 0, memory['n'] % 2\n"
    assert verdict(counting).stage == "consistency"  # a function of its episode alone, which pays for standing still


def test_values_that_are_not_of_the_episode_are_found():
    """A draft that pays the bits of an address: no two episodes, and no two processes, agree on all 47."""
    address = "int(str(memory.get).split(' ')[-1].replace('>', ''), 16)"
    odd = f"    n = memory.get('n', 0)\n    memory['n'] = n + 1\n    return 0, {address} // 2 ** n % 2\n"
    critic = Critic([[inputs()] * 64 for _ in range(2)])
    assert verdict(HEAD + odd, critic).objections == ("equal episodes get unequal rewards in a second process",)
