"""Any bytes from the sandboxed process are decoded to plain data or raise a protocol error."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quintain.sandbox.jail.protocol import FrameReader, ProtocolError, encode_frame
from quintain.sandbox.jail.values import UnsupportedValueError, decode_value, encode_value
from quintain.sandbox.result import plain_text

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.integers() | st.text() | st.tuples(st.integers()), inner)
        | st.frozensets(st.integers())
        | st.sets(st.text())
    ),
    max_leaves=20,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["tuple", "dict", "set", "frozenset", "int", "float", "bytes", "bytearray", "complex", "x"]
            ),
            inner,
            max_size=2,
        )
    ),
    max_leaves=20,
)


@given(values)
def test_values_round_trip_through_json(value: object) -> None:
    wire = json.loads(json.dumps(encode_value(value)))
    decoded = decode_value(wire)
    assert decoded == value
    assert type(decoded) is type(value)


def test_nan_and_infinity_round_trip() -> None:
    assert math.isnan(decode_value(encode_value(math.nan)))
    assert decode_value(encode_value(-math.inf)) == -math.inf


@given(json_values)
def test_any_json_decodes_to_builtin_types_or_is_refused(data: object) -> None:
    try:
        value = decode_value(data)
    except UnsupportedValueError:
        return
    assert value is None or type(value).__module__ == "builtins"


def test_deeply_nested_values_are_refused() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(UnsupportedValueError, match="deep"):
        encode_value(deep)
    with pytest.raises(UnsupportedValueError, match="deep"):
        decode_value(deep)


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text()), max_size=5), st.data())
def test_frames_are_reassembled_from_any_chunks(messages: list[dict[str, object]], data: st.DataObject) -> None:
    stream = b"".join(encode_frame(message) for message in messages)
    reader = FrameReader(1 << 20)
    received = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        message = reader.feed(stream[:size])
        stream = stream[size:]
        while message is not None:
            received.append(message)
            message = reader.feed(b"")
    assert received == messages


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=64), max_size=8))
def test_any_bytes_give_a_frame_or_a_protocol_error(chunks: list[bytes]) -> None:
    reader = FrameReader(256)
    for chunk in chunks:
        try:
            message = reader.feed(chunk)
        except ProtocolError:
            return
        assert message is None or isinstance(message, dict)
        assert reader.pending <= 256 + 4 + 8 * 64


@given(st.binary(max_size=200))
def test_any_body_gives_a_frame_or_a_protocol_error(body: bytes) -> None:
    reader = FrameReader(256)
    try:
        message = reader.feed(len(body).to_bytes(4, "big") + body)
    except ProtocolError:
        return
    assert isinstance(message, dict)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"1" * 5000, b'{"a":' * 50_000, b"NaN", b"[]", b"\xff", b""])
def test_expensive_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        FrameReader(1 << 20).feed(len(body).to_bytes(4, "big") + body)


def test_frame_size_is_bounded() -> None:
    with pytest.raises(ProtocolError, match="exceeds"):
        FrameReader(1000).feed((1001).to_bytes(4, "big"))


@given(st.binary() | st.text(st.characters(codec=None)))
def test_decoded_output_can_always_be_encoded(data: bytes | str) -> None:
    plain_text(data).encode("utf-8")
