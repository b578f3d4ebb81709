"""CodeSteer: decisions of the guide model and their effects, with scripted models."""

import pytest

import quintain
from quintain.agents.language.codesteer import CodeSteerAgent, code_richness
from quintain.engines import ScriptedEngine
from quintain.engines.engine import Reply
from quintain.errors import CapabilityError, ConfigurationError

RIGHT = "<<<Count: 1, Positions: [1]"


def guide(*decisions):
    left, seen = list(decisions), []

    def decide(request):
        seen.append(request)
        return Reply(left.pop(0), finish_reason="choice")

    made = ScriptedEngine(decide)
    made.seen = seen
    return made


def model(*replies):
    left, seen = list(replies), []

    def serve(request):
        seen.append(request)
        text, stop = left.pop(0)
        return Reply(text, stop_string=stop, completion_tokens=1)

    made = ScriptedEngine(serve)
    made.seen = seen
    return made


def play(agent):
    report = quintain.evaluate("CodeReason-v0", agent, episodes=1, env_kwargs={"tasks": "letters"})
    assert report.errors == 0, report.episodes[0].error
    return [step["action"] for step in report.episodes[0].steps]


def test_an_accepted_text_answer_is_submitted():
    chief, worker = guide("text", "submit"), model((RIGHT, ">>>"))
    assert play(CodeSteerAgent(worker, guide=chief)) == [RIGHT + ">>>"]
    assert [r.choices for r in chief.seen] == [("code", "text"), ("submit", "code", "text")]
    assert "Do not write code" in worker.seen[0].messages[0]["content"]


def test_a_revision_in_code_then_its_output_is_submitted():
    program = "```python\nfor i in range(3):\n    if i: print('<<<Count: 1, Positions: [9]>>>')\n"
    chief = guide("text", "code", "submit")
    worker = model((RIGHT, ">>>"), (program, "```\n"))
    actions = play(CodeSteerAgent(worker, guide=chief))
    assert actions == [program + "```\n", "<<<Count: 1, Positions: [9]>>>"]
    assert "Revise your solution with one complete Python program" in worker.seen[1].messages[-1]["content"]
    assert "Code Execution Results" in chief.seen[2].messages[1]["content"]


def test_only_what_the_program_printed_is_submitted():
    program = "```python\nimport sys\nprint('Count: 1')\nprint('<<<x>>>', file=sys.stderr)\nsys.exit()\n"
    assert play(CodeSteerAgent(model((program, "```\n")), guide=guide("code", "submit")))[1] == "<<<Count: 1>>>"


def test_a_program_that_does_not_compute_gets_the_hint_to_compute():
    poor = "```python\nprint('<<<Count: 1, Positions: [1]>>>')\n"
    worker = model((poor, "```\n"), (poor, "```\n"))
    play(CodeSteerAgent(worker, guide=guide("code", "code", "submit")))
    assert "hardly computed anything" in worker.seen[1].messages[-1]["content"]


def test_the_number_of_guidance_rounds_is_bounded():
    worker = model(*[(RIGHT, ">>>")] * 4)
    chief = guide("text", "text", "text", "text", "text")
    assert play(CodeSteerAgent(worker, guide=chief, rounds=3)) == [RIGHT + ">>>"]
    assert len(worker.seen) == 4
    assert len(chief.seen) == 4


@pytest.mark.parametrize(
    ("program", "score"),
    [
        ("print(42)", 0),
        ("x = [i for i in range(9)]\nwhile x: x.pop()", 2),
        ("from sympy import solve\ndef f(x):\n    return x if x else f(x)", 2),
        ("not python at all (", 0),
        ("(" * 5000, 0),
        ("\x00", 0),
    ],
)
def test_the_score_of_a_program_counts_its_computations(program, score):
    assert code_richness(program) == score


def test_invalid_settings_are_refused():
    mute = model()
    mute.capabilities = frozenset({"chat", "stop", "prefill"})
    with pytest.raises(CapabilityError, match="choices"):
        CodeSteerAgent(model(), guide=mute)
    with pytest.raises(ConfigurationError, match="rounds"):
        CodeSteerAgent(model(), rounds=-1)
    assert quintain.make_agent("codesteer", engine=model(), rounds=2, guide="scripted").rounds == 2
