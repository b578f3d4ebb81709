import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quintain.notation import readings
from quintain.replies import Move, placeholders_in, read_reply, split_reasoning


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("<<<42>>>", "42"),
        ("It is <<< 42 >>>, surely.", "42"),
        ("<<<a\nb>>>", "a\nb"),
        ("<<<1>>> or <<<2>>>", "1"),  # the first answer is used
        ("<<<<<<7>>>>>>", "7>>>"),  # closing marks belong to the answer
        ("<<<x <<<7>>>", "7"),
        ("<<<] > >>>>", "] > >"),
        (r"so \boxed{42}", "42"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        ("<<<>>>", ""),
        ("```text\n<<<no>>>\n```\n<<<yes>>>", "yes"),
        ("a stray ``` fence <<<5>>>", "5"),
        ("```\nnever closed <<<5>>>", "5"),
    ],
)
def test_answers_are_extracted(reply, answer):
    assert read_reply(reply) == Move("answer", answer)


@pytest.mark.parametrize(
    ("reply", "program"),
    [
        ("```python\nprint(1)\n```", "print(1)\n"),
        ("think\n```py\nprint(1)\n```\nmore", "print(1)\n"),
        ("```Python3  \r\nprint(1)\r\n```", "print(1)\r\n"),
        ("  ```python\n  print(1)\n  ```", "print(1)\n"),
        ("```python\nprint('<<<42>>>')\n```", "print('<<<42>>>')\n"),  # a marker inside code is code
        ("```python\nprint(1)\n```\n<<<42>>>", "print(1)\n"),  # the block came first
        ("```python\n```", ""),
    ],
)
def test_programs_are_extracted(reply, program):
    assert read_reply(reply) == Move("code", program)


def test_an_answer_in_the_form_asked_for_takes_precedence_over_a_boxed_one_in_the_same_section():
    assert read_reply(r"So x = \boxed{1}. Hence <<<2>>>.") == Move("answer", "2")
    assert read_reply(r"Hence <<<2>>>, that is \boxed{1}.") == Move("answer", "2")
    # A block or reasoning ends the section: the boxed answer came first.
    assert read_reply("\\boxed{1}\n```python\nprint(3)\n```\n<<<2>>>") == Move("answer", "1")
    assert read_reply(r"\boxed{1} <think>so</think> <<<2>>>") == Move("answer", "1")
    # While the reply is still being generated, the answer asked for may follow.
    assert read_reply(r"So x = \boxed{1}. Hence", complete=False).kind == "malformed"
    assert read_reply(r"So x = \boxed{1}. Hence").text == "1"


FENCED = ["```\n[1, 2]\n```", "```json\n[1, 2]\n```", "~~~\n[1, 2]\n~~~", "````text\n[1, 2]\n````"]


@pytest.mark.parametrize("block", FENCED)
@pytest.mark.parametrize("before", ["", "\n", "\n  "])
@pytest.mark.parametrize("after", ["", "\n", " "])
def test_an_answer_may_be_a_fenced_block(block, before, after):
    reply = f"The list is <<<{before}{block}{after}>>>."
    assert read_reply(reply) == Move("answer", block)
    assert read_reply(reply + "\n```python\nprint(1)\n```\n") == Move("answer", block)
    move = read_reply(reply)
    assert read_reply(reply[: move.end]) == move
    assert "[1, 2]" in readings(move.text)
    echo = reply.replace("[1, 2]", "list")
    assert read_reply(f"{echo}\n<<<[3]>>>", placeholders={"list"}) == Move("answer", "[3]")


def test_a_python_block_at_the_start_of_a_line_between_answer_marks_is_a_program():
    reply = "<<<\n```python\n[1]\n```\n>>>"
    assert read_reply(reply) == Move("code", "[1]\n")
    assert read_reply(reply, code=False) == Move("answer", "```python\n[1]\n```")


def test_a_block_after_an_opening_mark_that_is_never_closed_is_no_answer():
    assert read_reply("<<<\n```\n1\n```\nand <<<2>>>") == Move("answer", "2")


def test_an_answer_before_a_code_block_is_used():
    assert read_reply("<<<42>>>\n```python\nprint(1)\n```") == Move("answer", "42")


def test_only_the_first_of_two_code_blocks_is_run_and_the_other_is_reported():
    reply = "```python\nprint(1)\n```\nthen\n```python\nprint(2)\n```"
    assert read_reply(reply) == Move("code", "print(1)\n", ignored=1)


@pytest.mark.parametrize("reply", ["", "no idea", "<<<42", "42>>>", "```text\n<<<42>>>\n```", r"\boxed{42"])
def test_replies_without_answer_or_program(reply):
    move = read_reply(reply)
    assert move.kind == "malformed"
    assert "neither" in move.text


def test_a_truncated_code_block_is_not_run():
    assert read_reply("```python\nprint(1)") == Move("malformed", "the code block is not closed")


def test_without_an_interpreter_code_blocks_are_ignored():
    reply = "```python\nprint('<<<1>>>')\n```\n<<<2>>>"
    assert read_reply(reply, code=False) == Move("answer", "2")


PIECES = ["<", ">", "`", "\n", " ", "a", "}", "```python\n", "```\n", "<<<", ">>>", "\\boxed{"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_every_text_is_parsed_to_exactly_one_kind_of_move(reply):
    move = read_reply(reply)
    assert move.kind in ("code", "answer", "unmarked", "malformed")
    assert move.kind == "malformed" or move.text in reply


@pytest.mark.parametrize(
    "part", ["<<<", ">>>", "```\n", "```python\n", "\\boxed{", "<<<\n```python\n", "<<<\n```\n", "<<<```\nx\n", "`"]
)
def test_parsing_time_is_linear(part):
    def seconds(repeats: int) -> float:
        start = time.process_time()
        read_reply(part * repeats)
        return time.process_time() - start

    small = min(seconds(2_000) for _ in range(3))
    large = min(seconds(40_000) for _ in range(3))
    assert large < 20 * small * 8 + 0.05  # quadratic growth would be a factor of 400


TAGS = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<Reasoning>", "</Reasoning>"),
    ("[THINK]", "[/THINK]"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("◁think▷", "◁/think▷"),
    ("<|channel|>analysis<|message|>", "<|end|>"),
]
DRAFTS = [
    "Perhaps <<<1>>>? No.",
    r"So \boxed{1}, or not.",
    "Let me run\n```python\nprint('draft')\n```\n",
    "Let me run\n```python\nprint('draft')\n",  # the block is left open
    "```\n<<<1>>>\n```",
    "",
]
FINALS = [("<<<2>>>", Move("answer", "2")), ("```python\nprint(2)\n```", Move("code", "print(2)\n"))]


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize(("opening", "closing"), TAGS)
def test_reasoning_is_ignored(opening, closing, draft):
    for final, move in FINALS:
        assert read_reply(f"{opening}\n{draft}\n{closing}\n{final}") == move
        assert read_reply(f"{draft}\n{closing}\n{final}") == move  # the chat template opened it
        assert read_reply(f"{opening}{draft}\n{closing} then {opening} again {draft}\n{closing}\n{final}") == move


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize(("opening", "closing"), TAGS)
def test_unterminated_reasoning_contains_no_answer(opening, closing, draft):
    reply = f"{opening}\n{draft}\nThe answer is <<<2>>>"
    move = read_reply(reply)
    assert move.kind == "malformed"
    assert "reasoning" in move.text
    # Closing it with what the reader names leaves room for an answer.
    assert read_reply(f"{reply}\n{move.missing}\n<<<3>>>") == Move("answer", "3")


def test_reasoning_tags_quoted_or_in_code_are_ignored():
    assert read_reply("I write no `<think>` tags. <<<2>>>") == Move("answer", "2")
    program = "text = '<think>'\nprint('</think>')\n"
    assert read_reply(f"```python\n{program}```") == Move("code", program)


def test_an_answer_before_later_reasoning_is_used():
    assert read_reply("<<<2>>> <think>was it <<<3>>>?</think>") == Move("answer", "2")


QUESTION = "Write your final answer between <<< and >>>.\n\nWhat is 1 + 1?\nWrite the number as <<<number>>>."


@pytest.mark.parametrize(
    "echo",
    ["<<<number>>>", "<<< Number >>>", "`<<<number>>>`", "<<<**number**>>>", "between <<< and >>>", r"\boxed{number}",
     r"\boxed{\text{number}}", QUESTION],
)  # fmt: skip
def test_the_answer_format_shown_in_the_question_is_no_answer(echo):
    forms = placeholders_in(QUESTION)
    assert read_reply(f"The form is {echo}.\nIt is <<<2>>>.", placeholders=forms) == Move("answer", "2")
    alone = read_reply(f"The form is {echo}.", placeholders=forms)
    assert alone.kind == "malformed"
    assert "form" in alone.text
    assert read_reply("<<<number>>>") == Move("answer", "number")  # without a question, it may be an answer


@pytest.mark.parametrize(
    ("before", "inside"),
    [
        ("   ", "   "),
        ("\t", "\t"),
        ("> ", "> "),
        ("- ", "  "),
        ("1. ", "   "),
        ("* ", ""),
        ("  ", ""),
        (">   ", ">   "),
    ],
)
@pytest.mark.parametrize("fence", ["```", "````", "~~~"])
@pytest.mark.parametrize("language", ["python", "Python3", "py", "ipython", "python title=a.py", "{python}", " python"])
def test_markdown_fences_of_every_style_are_recognised(before, inside, fence, language):
    lines = ["if 1:", "    print(2)"]
    block = "".join(f"{inside}{line}\n" for line in lines)
    reply = f"Run this:\n\n{before}{fence}{language}\n{block}{inside}{fence}\nThen <<<3>>>."
    assert read_reply(reply) == Move("code", "if 1:\n    print(2)\n")


@pytest.mark.parametrize("language", ["text", "json", "bash", "c", "pycon", "output", "javascript"])
def test_code_blocks_in_other_languages_are_ignored(language):
    block = f"```{language}\nprint('<<<1>>>')\n```\n"
    assert read_reply(f"{block}<<<2>>>") == Move("answer", "2")
    assert read_reply(f"{block}```python\nprint(2)\n```") == Move("code", "print(2)\n")
    assert read_reply(block).kind == "malformed"


def test_a_code_block_without_language_is_reported_if_code_is_executed():
    block = "```\nprint('<<<1>>>')\n```\n"
    assert read_reply(block) == Move("unmarked", "print('<<<1>>>')\n")
    assert read_reply(f"{block}<<<2>>>") == Move("answer", "2")
    assert read_reply(block, code=False).kind == "malformed"


def test_a_fence_at_the_end_of_a_line_of_code_closes_it():
    assert read_reply("```python\nprint(1)```\n") == Move("code", "print(1)")
    assert read_reply("```python\nx = 'a'```\n<<<1>>>") == Move("code", "x = 'a'")
    assert read_reply("```python\ns = '```'\nprint(1)\n```") == Move("code", "s = '```'\nprint(1)\n")
    assert read_reply('```python\ns = """```\n"""\n```\n').text == 's = """```\n"""\n'


@pytest.mark.parametrize(
    "reply",
    [
        "It will look like\n```\n<<<7>>>\n```\nLet me compute.\n```python\nprint(20)\n```\nThen more. <<<1>>>",
        "```\nprint('<<<5>>>')\n```\n",
        "Code: ```python\nprint(1)\n```\n<<<1>>>",
        "<think>\n```python\nprint('draft')\n```\n<<<1>>></think> <<<2>>> and <<<3>>>",
        r"So \boxed{3}." + "\n```python\nprint(1)\n```\n<<<4>>>",
        "<<<number>>> is the form. <<<2>>> then",
        "- ```python\n  print(1)```\n<<<2>>>",
        "nothing at all",
    ],
)
def test_truncating_a_reply_after_its_move_gives_the_same_move(reply):
    forms = placeholders_in(QUESTION)
    whole = read_reply(reply, placeholders=forms)
    cut = reply[: whole.end] if whole.end >= 0 else reply
    assert read_reply(cut, placeholders=forms) == whole
    # A model that writes on is stopped at each closing mark; it is cut where the whole reply would be.
    for stop in [i for i in range(len(reply)) if reply[:i].endswith(("```\n", ">>>"))]:
        so_far = read_reply(reply[:stop], placeholders=forms, complete=False)
        if so_far.end >= 0:
            assert so_far == whole if not so_far.ignored else so_far.text == whole.text
            break


@given(st.lists(st.sampled_from([*PIECES, "<think>", "</think>", "> ", "x\n"]), max_size=30).map("".join))
def test_cutting_never_changes_a_move(reply):
    whole = read_reply(reply)
    if whole.end >= 0:
        cut = read_reply(reply[: whole.end])
        assert (cut.kind, cut.text) == (whole.kind, whole.text)


def test_a_mark_that_ends_the_turn_closes_no_reasoning():
    assert read_reply("It is <<<2>>>.<|end|>") == Move("answer", "2")
    assert read_reply("It is <<<1>>>.<|end|>\nNo, <<<2>>>.<|end|>\n") == Move("answer", "2")


@pytest.mark.parametrize(("opening", "closing"), TAGS)
@pytest.mark.parametrize("change", [str, str.upper, str.lower])
def test_reasoning_is_split_off_whatever_its_marks(opening, closing, change):
    for start in (change(opening), ""):
        found = split_reasoning(f"{start}It may be 1.{change(closing)}\nIt is 2.")
        assert (found.reasoning, found.text) == ("It may be 1.", "It is 2.")
    assert split_reasoning("Think: 1 < 2, [3] is a list.\n```\nx\n```").reasoning == ""
