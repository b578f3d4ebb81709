"""The frames that host and child exchange: four length bytes, then one JSON object.

The child is hostile as soon as a snippet has run in it, so the host's reader bounds everything: the size of a frame,
the type of its content, the depth and the numbers the JSON parser will accept.
"""

from __future__ import annotations

import json
import os
from typing import Any

__all__ = ["FrameReader", "ProtocolError", "encode_frame", "read_frame", "write_all"]

HEADER = 4
READ_SIZE = 1 << 16

# The encoder is bound before any snippet runs, so patching ``json.dumps`` later changes nothing here.
_encode = json.JSONEncoder(ensure_ascii=True, check_circular=True, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


class ProtocolError(Exception):
    """The peer sent something that is not a frame."""


def encode_frame(message: dict[str, Any]) -> bytes:
    """Return the bytes of one frame."""
    body = _encode(message).encode("ascii")
    return len(body).to_bytes(HEADER, "big") + body


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte to a blocking descriptor."""
    sent = os.write(descriptor, data)
    if sent < len(data):
        view = memoryview(data)
        while sent < len(view):
            sent += os.write(descriptor, view[sent:])


def read_frame(descriptor: int) -> dict[str, Any] | None:
    """Read one frame from a trusted peer that waits for an answer to each, blocking; ``None`` at the end."""
    data = os.read(descriptor, READ_SIZE)
    while len(data) < HEADER or len(data) < HEADER + int.from_bytes(data[:HEADER], "big"):
        more = os.read(descriptor, READ_SIZE)
        if not more:
            return None
        data += more
    message: dict[str, Any] = _decode(data[HEADER:].decode("ascii"))
    return message


class FrameReader:
    """Cut frames out of an untrusted byte stream.

    Args:
        limit: Largest frame body accepted, in bytes.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> dict[str, Any] | None:
        """Add bytes; return the next complete frame, or ``None`` when more bytes are needed.

        Raises:
            ProtocolError: If the stream cannot be a sequence of frames within the limit.
        """
        self._buffer += data
        if len(self._buffer) < HEADER:
            return None
        size = int.from_bytes(self._buffer[:HEADER], "big")
        if size > self.limit:
            raise ProtocolError(f"a frame of {size} bytes exceeds the limit of {self.limit}")
        if len(self._buffer) < HEADER + size:
            return None
        body = bytes(self._buffer[HEADER : HEADER + size])
        del self._buffer[: HEADER + size]
        try:
            message = _decode(body.decode("ascii"))
        except (ValueError, RecursionError, MemoryError) as error:
            raise ProtocolError(f"a frame is not JSON: {type(error).__name__}") from None
        if not isinstance(message, dict):
            raise ProtocolError(f"a frame holds {type(message).__name__}, not an object")
        return message

    @property
    def pending(self) -> int:
        """How many bytes wait for the rest of their frame."""
        return len(self._buffer)
