"""The chat agents with a scripted engine: requests and parsing of replies."""

import pytest

import quintain
from quintain.agents import make_agent
from quintain.agents.language.conversation import program_answer, program_output
from quintain.engines import ScriptedEngine
from quintain.engines.engine import Reply
from quintain.errors import CapabilityError, ConfigurationError

ENV = {"tasks": "letters"}


def run(agent, episodes=1, **kwargs):
    return quintain.evaluate("CodeReason-v0", agent, episodes=episodes, env_kwargs=ENV | kwargs)


def engine(*replies):
    """Return an engine with these replies in order; a pair is text and the stop string that ended it."""
    asked = []
    left = list(replies)

    def serve(request):
        asked.append(request)
        reply = left.pop(0)
        text, stop = reply if isinstance(reply, tuple) else (reply, None)
        return Reply(text, stop_string=stop, completion_tokens=len(text.split()), prompt_tokens=1)

    made = ScriptedEngine(serve)
    made.asked = asked
    return made


def actions(report):
    return [step["action"] for step in report.episodes[0].steps]


def test_a_reply_with_answer_markers_is_the_action():
    one = engine(("I count two. <<<Count: 2, Positions: [1, 2]", ">>>"))
    report = run(make_agent("all-text", engine=one))
    assert actions(report) == ["I count two. <<<Count: 2, Positions: [1, 2]>>>"]
    (request,) = one.asked
    assert [m["role"] for m in request.messages] == ["system", "user"]
    assert request.stop == ("```\n", ">>>")
    assert (request.temperature, request.max_tokens) == (0.6, 512)


def test_the_output_of_a_program_is_the_next_user_message():
    one = engine(("```python\nprint(6*7)\n", "```\n"), ("<<<42", ">>>"))
    report = run(make_agent("code-interpreter", engine=one))
    assert actions(report) == ["```python\nprint(6*7)\n```\n", "<<<42>>>"]
    assert [m["role"] for m in one.asked[1].messages] == ["system", "user", "assistant", "user"]
    assert one.asked[1].messages[-1]["content"] == "Code Execution Results:\n42"


def test_a_stop_string_inside_a_code_block_does_not_end_the_reply():
    # The fence may yet close, and the marker then belongs to its block; here the model ends its turn instead.
    one = engine(("the shell shows ", ">>>"), ("\nA fence:\n", "```\n"), ("text <<<1", ">>>"), "")
    report = run(make_agent("code-interpreter", engine=one))
    assert actions(report) == ["the shell shows >>>\nA fence:\n```\ntext <<<1>>>"]
    assert [r.prefill for r in one.asked][:3] == ["", "the shell shows >>>", "the shell shows >>>\nA fence:\n```\n"]
    assert one.asked[2].max_tokens == 512 - 3 - 2


def test_markers_inside_a_program_do_not_end_it():
    one = engine(("```python\nprint('<<<1", ">>>"), ("')\n", "```\n"), ("<<<1", ">>>"))
    assert actions(run(make_agent("code-interpreter", engine=one)))[0] == "```python\nprint('<<<1>>>')\n```\n"


def test_a_missing_closing_fence_is_added_unless_the_reply_was_truncated():
    one = engine("```python\nprint(1)", ("<<<1", ">>>"))
    assert actions(run(make_agent("code-interpreter", engine=one)))[0] == "```python\nprint(1)\n```"
    cut = ScriptedEngine(lambda request: Reply("```python\nprint(", finish_reason="length"))
    report = run(make_agent("code-interpreter", engine=cut))
    assert report.episodes[0].info["parse_error"] == "the code block is not closed"


def test_an_unmarked_answer_is_extracted():
    one = engine("I think it is 42.", "Count: 1, Positions: [3]")
    report = run(make_agent("all-text", engine=one))
    assert actions(report) == ["I think it is 42.\nThe final answer is <<<Count: 1, Positions: [3]>>>"]
    assert one.asked[1].prefill == "I think it is 42.\nThe final answer is <<<"
    assert one.asked[1].stop == (">>", "\n")


def test_without_extraction_an_unmarked_answer_is_a_parse_error():
    report = run(make_agent("all-text", engine=engine("I think it is 42."), extract=False))
    assert report.episodes[0].outcome == "parse_error"


def test_unmarked_answers_are_extracted_if_the_engine_supports_it():
    server = ScriptedEngine("I think it is 42.")
    server.capabilities = frozenset({"chat", "stop"})
    agent = make_agent("all-text", engine=server)
    assert not agent.describe()["extract"]
    assert run(agent).episodes[0].outcome == "parse_error"
    assert make_agent("all-text", engine=engine("x")).describe()["extract"]
    with pytest.raises(CapabilityError, match="leave extract out"):
        make_agent("all-text", engine=server, extract=True)


def test_all_code_submits_what_the_program_prints():
    one = engine(("```python\nprint('result <<<Count: 1, Positions: [3]>>>')\n", "```\n"))
    report = run(make_agent("all-code", engine=one))
    assert actions(report)[1] == "<<<Count: 1, Positions: [3]>>>"
    assert len(one.asked) == 1
    unmarked = engine(("```python\nprint('a')\nprint('b')\n", "```\n"))
    assert actions(run(make_agent("all-code", engine=unmarked)))[1] == "<<<b>>>"


@pytest.mark.parametrize(
    "program",
    [
        "print('a')",
        "import sys\nprint('a')\nsys.exit(0)",
        "import warnings\nwarnings.warn('careful')\nprint('a')",
        "import sys\nprint('a')\nprint('<<<b>>>', file=sys.stderr)",
        "print('a')\nimport os\nos._exit(0)",
        "print('a')\n1 / 0",
        "print('a')\n'b'",
        "import io, sys\nprint('a')\nsys.stdout = io.StringIO()\nprint('b')",
        "print('a')\n```\nand then\n```python\nprint('b')",
    ],
)
def test_all_code_submits_nothing_but_what_the_program_printed(program):
    one = engine((f"```python\n{program}\n", "```\n"))
    one_shot = engine(f"```python\n{program}\n```")
    one_shot.capabilities = frozenset({"chat"})
    for asked in (one, one_shot):
        assert actions(run(make_agent("all-code", engine=asked)))[1] == "<<<a>>>"


@pytest.mark.parametrize("program", ["x = 5", "1 / 0", "exit()", "'b'"])
def test_all_code_submits_nothing_where_the_program_printed_nothing(program):
    report = run(make_agent("all-code", engine=engine((f"```python\n{program}\n", "```\n"))))
    assert actions(report)[1] == "<<<>>>"
    assert report.episodes[0].outcome == "parse_error"


def test_all_code_submits_a_long_result_whole():
    one = engine(("```python\nprint('1' * 9000)\n", "```\n"))
    assert actions(run(make_agent("all-code", engine=one)))[1] == f"<<<{'1' * 9000}>>>"


def test_all_code_reads_the_observation_where_an_environment_tells_nothing_apart():
    assert program_output("42\n", {}) == "42\n"


@pytest.mark.timeout(10)
def test_output_with_many_markers_is_parsed_in_linear_time():
    assert program_answer("<<<" * 33_000 + ">>>")[:7] == "<<<<<<<"
    assert program_answer("<<<" * 33_000) == "<<<" * 33_001 + ">>>"
    reply = engine("<<<" * 33_000)
    assert run(make_agent("all-text", engine=reply, extract=False)).episodes[0].outcome == "parse_error"


def test_every_request_has_its_own_reproducible_seed():
    def seeds():
        one = engine(*[("<<<1", ">>>")] * 5)
        run(make_agent("all-text", engine=one), episodes=5)
        return [r.seed for r in one.asked]

    assert len(set(seeds())) == 5
    assert seeds() == seeds()


def test_token_counts_and_model_calls_are_recorded():
    one = engine(("```python\nprint(6*7)\n", "```\n"), ("it is <<<42", ">>>"))
    episode = run(make_agent("code-interpreter", engine=one)).episodes[0]
    assert (episode.prompt_tokens, episode.completion_tokens) == (2, 5)
    assert [c["key"] for c in episode.calls] == [r.key for r in one.asked]
    assert episode.calls[1]["replies"][0]["text"] == "it is <<<42"


def test_a_run_does_not_close_an_engine_passed_as_an_object():
    closed = []
    one = ScriptedEngine("<<<1>>>")
    one.close = lambda: closed.append(one)
    for _ in range(2):
        assert run({"name": "all-text", "engine": one}).errors == 0
    assert not closed


def test_unknown_names_and_options_raise_errors_with_suggestions():
    with pytest.raises(ConfigurationError, match="did you mean 'all-text'"):
        make_agent("all-tekst", engine=engine())
    with pytest.raises(ConfigurationError, match="did you mean 'temperature'"):
        make_agent("all-text", engine=engine(), temprature=1)


def test_replaying_a_recorded_run_gives_the_identical_table(tmp_path):
    def serve(request):
        turns = sum(m["role"] == "assistant" for m in request.messages)
        if turns == 0 and request.seed % 3 == 0:
            return Reply("```python\nprint(1)\n", stop_string="```\n", completion_tokens=5)
        return Reply(f"<<<Count: {request.seed % 4}, Positions: [1]", stop_string=">>>", completion_tokens=7)

    live = quintain.evaluate(
        "CodeReason-v0",
        make_agent("code-interpreter", engine=ScriptedEngine(serve)),
        episodes=12,
        env_kwargs=ENV,
        out=tmp_path / "live",
    )
    again = quintain.evaluate(
        "CodeReason-v0",
        {"name": "code-interpreter", "engine": f"replay:{tmp_path / 'live'}"},
        episodes=12,
        env_kwargs=ENV,
        concurrency=3,
    )

    def table(report):
        return [(e.seed, e.outcome, e.returns, e.steps, e.info, e.calls, e.completion_tokens) for e in report.episodes]

    assert {len(e.steps) for e in live.episodes} == {1, 2}
    assert table(again) == table(live)
    other = {"name": "all-text", "engine": f"replay:{tmp_path / 'live'}"}
    missing = quintain.evaluate("CodeReason-v0", other, episodes=2, env_kwargs=ENV)
    assert missing.errors == 2
    assert {e.error["boundary"] for e in missing.episodes} == {"engine"}


def test_engine_failures_are_errors_of_the_affected_episodes_only(tmp_path):
    def agent(**options):
        return make_agent("all-text", engine=ScriptedEngine(lambda r: "<<<1>>>", **options))

    report = quintain.evaluate(
        "CodeReason-v0", agent(fail_after=7), episodes=12, env_kwargs=ENV, out=tmp_path / "run", concurrency=1
    )
    assert (report.errors, report.success.n) == (5, 7)
    played = []
    again = quintain.evaluate(
        "CodeReason-v0", agent(), episodes=12, env_kwargs=ENV, out=tmp_path / "run", resume=True, retry_errors=True,
        on_episode=lambda e: played.append(e.index),
    )  # fmt: skip
    assert played == [7, 8, 9, 10, 11]
    assert (again.errors, again.success.n) == (0, 12)


def test_markers_in_a_code_block_are_not_the_answer():
    one = engine(("It will look like\n", "```\n"), ("<<<7", ">>>"), ("\n", "```\n"), ("```python\nprint(2)\n", "```\n"))
    agent = make_agent("code-interpreter", engine=one)
    first = actions(run(agent, max_turns=1))[0]
    assert first.endswith("```python\nprint(2)\n```\n")


def test_drafts_in_reasoning_do_not_end_a_reply():
    one = engine(("<think>Is it <<<1", ">>>"), ("? No.</think> <<<2", ">>>"))
    assert actions(run(make_agent("all-text", engine=one))) == ["<think>Is it <<<1>>>? No.</think> <<<2>>>"]


def test_the_answer_after_truncated_reasoning_is_extracted():
    one = engine("<think>It could be <<<1>>> or", "Count: 2, Positions: [1, 2]")
    assert actions(run(make_agent("all-text", engine=one))) == [
        "<think>It could be <<<1>>> or\n</think>\nThe final answer is <<<Count: 2, Positions: [1, 2]>>>"
    ]


def test_all_code_writes_another_program_after_a_hint():
    one = engine("```\nprint(1)\n```", "```python\nprint('<<<Count: 2, Positions: [1, 2]>>>')\n```")
    assert [action[:9] for action in actions(run(make_agent("all-code", engine=one)))] == [
        "```\nprint", "```python", "<<<Count:",
    ]  # fmt: skip
