import pytest

from quintain.errors import ConfigurationError
from quintain.records import EpisodeRecord
from quintain.training.language.sequences import NOT_WRITTEN, Call, join_calls, sequences_of, turn_rewards


def _call(step, prompt, reply, seat="agent", **other):
    logprobs = [-float(t) for t in reply]
    return {
        "key": "k",
        "step": step,
        "seat": seat,
        "replies": [{"text": "x", "prompt_token_ids": prompt, "token_ids": reply, "logprobs": logprobs, **other}],
    }


def _record(calls, steps):
    return EpisodeRecord(3, 0, "success", {"agent": 1.0}, steps=steps, calls=calls)


def _step(reward, seat=None):
    return {"observation": "o", "action": "a", "reward": reward} | ({"seat": seat} if seat else {})


def test_turns_of_one_conversation_join_in_one_sequence():
    # Prompt 1 2, reply 3 4; the template adds 5, the environment says 6, the template opens the turn with 7.
    record = _record([_call(0, [1, 2], [3, 4]), _call(1, [1, 2, 3, 4, 5, 6, 7], [8])], [_step(0), _step(1)])
    (sequence,) = sequences_of(record)
    assert sequence.token_ids == (1, 2, 3, 4, 5, 6, 7, 8)
    assert sequence.turns == (-1, -1, 0, 0, -1, -1, -1, 1)
    assert sequence.logprobs == (0, 0, -3, -4, 0, 0, 0, -8)
    assert (sequence.prompt_length, sequence.written) == (2, 3)


def test_a_reply_whose_text_is_encoded_differently_begins_a_new_sequence():
    """The sampled 3 4 come back as the single token 34: what was sampled stays, the next turn has its own prompt."""
    first, second = sequences_of(_record([_call(0, [1], [3, 4]), _call(1, [1, 34, 5], [6])], [_step(0), _step(1)]))
    assert (first.token_ids, first.turns) == ((1, 3, 4), (NOT_WRITTEN, 0, 0))
    assert (second.token_ids, second.turns) == ((1, 34, 5, 6), (-1, -1, -1, 1))


def test_two_requests_of_one_turn_belong_to_it():
    record = _record([_call(0, [1], [2]), _call(0, [1, 2, 9], [3]), _call(1, [1, 2, 9, 3, 4], [5])], [_step(0)] * 2)
    (sequence,) = sequences_of(record)
    assert sequence.turns == (-1, 0, -1, 0, -1, 1)


def test_the_seats_of_a_game_have_sequences_and_turns_of_their_own():
    steps = [_step(1, "a"), _step(2, "b"), _step(3, "a"), _step(4, "b")]
    calls = [
        _call(0, [1], [2], "a"),
        _call(0, [7], [8], "b"),
        _call(2, [1, 2, 3], [4], "a"),
        _call(2, [7, 9], [8], "b"),
    ]
    record = _record(calls, steps)
    assert [s.token_ids for s in sequences_of(record, "a")] == [(1, 2, 3, 4)]
    assert sequences_of(record, "a")[0].turns == (-1, 0, -1, 1)
    assert [s.token_ids for s in sequences_of(record, "b")] == [(7, 8), (7, 9, 8)]
    assert turn_rewards(record, "b") == [2, 4]


def test_a_record_without_tokens_says_what_is_missing():
    record = _record([{"key": "k", "replies": [{"text": "x"}]}], [_step(0)])
    with pytest.raises(ConfigurationError, match="episode 3 was recorded without tokens"):
        sequences_of(record)


def test_replies_drawn_from_choices_are_refused():
    with pytest.raises(ConfigurationError, match="fixed replies"):
        sequences_of(_record([_call(0, [1], [2], finish_reason="choice")], [_step(0)]))


def test_no_call_gives_no_sequence():
    assert join_calls([]) == []
    assert join_calls([Call(0, [], [1], [0.0])])[0].prompt_length == 0
