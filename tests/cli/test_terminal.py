"""What a person sees at a terminal: progress bars, messages and prompts do not write over each other."""

import re

BAR = re.compile(r"^episodes [━╸╺ ]+")


def bars(screen):
    return [line for line in screen.lines if "━" in line]


def test_the_progress_bar_stays_below_messages_and_leaves_one_line(terminal):
    screen = terminal(
        "eval", "CodeReason-v0", "-a", "oracle", "--tasks", "letters", "-n", 30, "-o", "run", "--no-report"
    )
    assert screen.finish() == 0
    assert screen.lines[0] == "run folder: run"
    assert [BAR.sub("", line) for line in bars(screen)] == ["30/30 0:00:00 success 100%"]


def test_a_person_is_asked_one_episode_at_a_time_and_no_bar_covers_the_prompt(terminal):
    screen = terminal(
        "eval", "PrisonersDilemma-v0", "-a", "human", "--env-arg", "view=both", "--env-arg", "rounds=2", "-n", 2,
        "-o", "run", "--no-report",
    )  # fmt: skip
    for reply in ("7", "0", "1", "1", "1"):
        screen.answer("agent [0-1]> ", reply)
    assert screen.finish() == 0
    assert [line for line in screen.lines if line.startswith("agent [")] == [
        f"agent [0-1]> {reply}" for reply in "70111"
    ]
    assert "enter a number from 0 to 1, not '7'" in screen.lines
    assert [BAR.sub("", line)[:3] for line in bars(screen)] == ["0/2", "1/2", "2/2"]
    prompts = [k for k, line in enumerate(screen.lines) if line.startswith("agent [")]
    first_of_second = next(k for k, line in enumerate(screen.lines) if BAR.sub("", line).startswith("1/2"))
    assert prompts[2] < first_of_second < prompts[3], "the second episode began before the first had ended"


def test_a_person_reads_the_text_of_an_observation_with_arrays(terminal):
    screen = terminal(
        "eval", "PrisonersDilemma-v0", "-a", "human", "--env-arg", "view=both", "--env-arg", "rounds=1", "-n", 1,
        "--no-report",
    )  # fmt: skip
    screen.answer("agent [0-1]> ", "0")
    assert screen.finish() == 0
    assert "Your options: cooperate, defect." in screen.lines
    assert "array(" not in screen.text


def test_a_person_is_told_how_a_reply_ends(terminal):
    screen = terminal("eval", "CodeReason-v0", "-a", "human", "--tasks", "letters", "-n", 1, "--no-report")
    screen.answer("agent> ", "I do not know")
    screen.answer("... ", "")
    assert screen.finish() == 0
    end = screen.lines.index("agent> I do not know")
    assert "Enter your reply; an empty line ends it." in screen.lines[:end]


def test_quantities_that_do_not_vary_are_one_line(terminal):
    screen = terminal("eval", "CodeReason-v0", "-a", "oracle", "--tasks", "letters", "-n", 30, "--no-report")
    assert screen.finish() == 0
    assert "Reward terms" not in screen.text
    assert "Per episode" not in screen.text
    assert (
        "The same in every episode: task letters, suite symbench, split test, correctness 1, format 0.1, efficiency 0, "
        "code calls 0, code errors 0, strict 1, turns 1" in screen.text
    )


def test_quantities_that_vary_keep_their_tables(terminal):
    screen = terminal("eval", "CartPole-v1", "-a", "random", "-n", 30, "--no-report")
    assert screen.finish() == 0
    assert "Per episode estimate 95% interval n steps" in screen.text
    assert "The same in every episode" not in screen.text
