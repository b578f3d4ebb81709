import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quintain.envs.text.protocol import Move, read_reply


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("<<<42>>>", "42"),
        ("It is <<< 42 >>>, surely.", "42"),
        ("<<<a\nb>>>", "a\nb"),
        ("<<<1>>> or <<<2>>>", "1"),  # the first counts: hedging does not pay
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
def test_answers(reply, answer):
    assert read_reply(reply) == Move("answer", answer)


@pytest.mark.parametrize(
    ("reply", "program"),
    [
        ("```python\nprint(1)\n```", "print(1)\n"),
        ("think\n```py\nprint(1)\n```\nmore", "print(1)\n"),
        ("```Python3  \r\nprint(1)\r\n```", "print(1)\r\n"),
        ("  ```python\n  print(1)\n  ```", "  print(1)\n"),
        ("```python\nprint('<<<42>>>')\n```", "print('<<<42>>>')\n"),  # a marker inside code is code
        ("```python\nprint(1)\n```\n<<<42>>>", "print(1)\n"),  # the block came first
        ("```python\n```", ""),
    ],
)
def test_programs(reply, program):
    assert read_reply(reply) == Move("code", program)


def test_an_answer_before_a_block_counts():
    assert read_reply("<<<42>>>\n```python\nprint(1)\n```") == Move("answer", "42")


def test_only_the_first_of_two_blocks_counts_and_the_other_is_reported():
    reply = "```python\nprint(1)\n```\nthen\n```python\nprint(2)\n```"
    assert read_reply(reply) == Move("code", "print(1)\n", ignored=1)


@pytest.mark.parametrize("reply", ["", "no idea", "<<<42", "42>>>", "```text\n<<<42>>>\n```", r"\boxed{42"])
def test_neither(reply):
    move = read_reply(reply)
    assert move.kind == "malformed"
    assert "neither" in move.text


def test_a_block_that_was_cut_off_is_not_run():
    assert read_reply("```python\nprint(1)") == Move("malformed", "the code block is not closed")


def test_without_an_interpreter_blocks_are_passed_over():
    reply = "```python\nprint('<<<1>>>')\n```\n<<<2>>>"
    assert read_reply(reply, code=False) == Move("answer", "2")


PIECES = ["<", ">", "`", "\n", " ", "a", "}", "```python\n", "```\n", "<<<", ">>>", "\\boxed{"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_every_text_has_exactly_one_reading(reply):
    move = read_reply(reply)
    assert move.kind in ("code", "answer", "malformed")
    assert move.kind == "malformed" or move.text in reply


@pytest.mark.parametrize("part", ["<<<", ">>>", "```\n", "```python\n", "\\boxed{", "<<<\n```python\n", "`"])
def test_reading_time_is_linear(part):
    def seconds(repeats: int) -> float:
        start = time.perf_counter()
        read_reply(part * repeats)
        return time.perf_counter() - start

    small = min(seconds(2_000) for _ in range(3))
    large = min(seconds(40_000) for _ in range(3))
    assert large < 20 * small * 8 + 0.05  # quadratic growth would be a factor of 400
