"""What a person sees at a terminal: progress bars, messages and prompts do not write over each other."""

import json
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


def test_a_person_plays_a_game_with_payoffs_score_and_progress(terminal, tmp_path):
    (tmp_path / "consent.txt").write_text("We record your choices.\n")
    screen = terminal(
        "games", "play", "--terminal", "--opponent", "grim", "--rounds", 2, "--order", "reversed",
        "--consent", "consent.txt", "--participant", "anna", "-o", "people.jsonl",
    )  # fmt: skip
    screen.answer("Do you agree? [yes/no]> ", "yes")
    for reply in ("3", "1", "cooperate"):
        screen.answer("choose [1-2]> ", reply)
    screen.answer("[human/machine]> ", "m")
    screen.answer("Play again? [y/n]> ", "y")
    for reply in ("2", "2"):
        screen.answer("choose [1-2]> ", reply)
    screen.answer("[human/machine]> ", "human")
    screen.answer("Play again? [y/n]> ", "n")
    assert screen.finish() == 0
    assert screen.lines[0] == "We record your choices."
    for line in (
        "             cooperate  defect", "  defect         10, 0    5, 5", "  cooperate       8, 8   0, 10",
        "Round 1 of 2   you 0, the other player 0", "Round 2 of 2   you 10, the other player 0",
        "please enter one of: 1, 2, defect, cooperate; not '3'", "The match is over.   you 10, the other player 10",
        "2 matches in people.jsonl",
    ):  # fmt: skip
        assert line in screen.lines, line
    lines = [json.loads(line) for line in (tmp_path / "people.jsonl").read_text().splitlines()]
    assert [line["moves"] for line in lines] == [[[1, 0], [0, 1]], [[0, 0], [0, 0]]]
    assert {line["participant"] for line in lines} == {"anna"}
    assert all(len(line["response_s"]) == 2 for line in lines)


def test_conditions_of_people_are_compared_from_the_shell(terminal, tmp_path):
    study = {"seat": 0, "game": "prisoners_dilemma", "guess": "human"}
    records = [
        study | {"condition": name, "participant": f"{name}{k}", "moves": [[int(k > kind), 0]] * 4,
                 "scores": [30 + k, 20], "response_s": [1.0 + k]}
        for kind, name in ((0, "grim"), (1, "joss")) for k in range(3)
    ]  # fmt: skip
    (tmp_path / "people.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    screen = terminal("games", "people", "people.jsonl", "--csv", "matches.csv")
    assert screen.finish() == 0
    assert "grim: 3 matches, 3 participants mean 95% interval cooperation 33.3%" in screen.text
    assert "cooperation: grim - joss -33.3%" in screen.text
    assert len((tmp_path / "matches.csv").read_text().splitlines()) == 7
