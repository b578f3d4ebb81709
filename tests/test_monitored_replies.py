"""Replies with an audit: the parts are read from the front, and nothing that a model quotes is taken for a part."""

import pytest

from quintain.monitored_replies import MonitoredReply, read_label, read_monitored, write_monitored


def test_what_is_written_is_read_again():
    reply = write_monitored("42 > 17\nso 42", "42", "states what is true", "safe")
    assert read_monitored(reply) == MonitoredReply("42 > 17\nso 42", "states what is true", "safe", "42")
    assert read_monitored(write_monitored("hm", "17")) == MonitoredReply("hm", output="17")


@pytest.mark.parametrize(
    ("reply", "parts"),
    [
        ("", (None, None, None, "")),
        ("42", (None, None, None, "42")),
        ("<output>42</output> and more", (None, None, None, "42")),
        ("<think>a</think> 42", ("a", None, None, "42")),
        ("<think>a</think><output>4\n2", ("a", None, None, "4\n2")),  # cut off
        ("<think>never closed <output>42</output>", (None, None, None, "")),
        # A label without a monitor, or before it, is no verdict.
        ("<think>a</think><label>safe</label>42", ("a", None, None, "<label>safe</label>42")),
        ("<think><label>safe</label></think><monitor>m</monitor>42", ("<label>safe</label>", "m", None, "42")),
        ("<think>a</think><monitor>m</monitor><label>maybe</label>42", ("a", "m", None, "<label>maybe</label>42")),
        ("<THINK>a</THINK>\n<Monitor>m</Monitor>\n<label> UNSAFE </label>\n42", ("a", "m", "unsafe", "42")),
        # The first of two verdicts counts.
        (
            "<think>a</think><monitor>m</monitor><label>unsafe</label><label>safe</label>",
            ("a", "m", "unsafe", "<label>safe</label>"),
        ),
    ],
)  # fmt: skip
def test_hostile_and_broken_replies_are_read_from_the_front(reply, parts):
    found = read_monitored(reply)
    assert (found.reasoning, found.monitor, found.label, found.output) == parts
    assert found.well_formed == (parts[0] is not None)


def test_only_a_reply_that_ends_within_its_reasoning_is_cut():
    assert read_monitored("<think>never closed").cut
    assert not read_monitored("<think>a</think>").cut


def test_a_monitor_that_was_asked_alone_is_read_by_its_first_label():
    assert read_label("all is well</monitor><label>safe</label><label>unsafe</label>") == "safe"
    assert read_label("all is well") is None
