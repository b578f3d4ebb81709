"""Read GGUF model files with NumPy alone.

Covers what small instruct models on package registries use: GGUF version 3, little-endian, tensors in F32, F16, Q4_1
and Q8_0. The format is specified at https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from quintain.errors import ConfigurationError

__all__ = ["GGUFFile", "dequantise_q4_1", "dequantise_q8_0"]

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_BLOCK = 32  # weights per quantised block
_Q4_1 = np.dtype([("scale", "<f2"), ("minimum", "<f2"), ("nibbles", "u1", (16,))])
_Q8_0 = np.dtype([("scale", "<f2"), ("quants", "i1", (_BLOCK,))])
# Tensor type code -> (record type, weights per record).
_TENSOR_TYPES: dict[int, tuple[np.dtype[Any], int]] = {
    0: (np.dtype("<f4"), 1),
    1: (np.dtype("<f2"), 1),
    3: (_Q4_1, _BLOCK),
    8: (_Q8_0, _BLOCK),
}

Floats = npt.NDArray[np.float32]


def dequantise_q4_1(blocks: npt.NDArray[Any]) -> Floats:
    """Expand Q4_1 blocks: ``w = q * scale + minimum`` with 4-bit ``q``, low nibbles first."""
    low, high = blocks["nibbles"] & 0x0F, blocks["nibbles"] >> 4
    quants = np.concatenate([low, high], axis=-1).astype(np.float32)
    scale, minimum = (blocks[name].astype(np.float32)[:, None] for name in ("scale", "minimum"))
    return (quants * scale + minimum).reshape(-1)


def dequantise_q8_0(blocks: npt.NDArray[Any]) -> Floats:
    """Expand Q8_0 blocks: ``w = q * scale`` with signed 8-bit ``q``."""
    return (blocks["quants"].astype(np.float32) * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)


@dataclass(frozen=True, slots=True)
class _TensorInfo:
    shape: tuple[int, ...]
    type_code: int
    offset: int


class GGUFFile:
    """An open GGUF file: ``metadata`` and, by name, dequantised tensors.

    Args:
        path: Path of the GGUF file, which is memory-mapped.

    Attributes:
        metadata: Every key of the header; arrays are lists.

    Raises:
        ConfigurationError: If the file is not GGUF version 3 or is cut short.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with self.path.open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._at = 0
        try:
            self.metadata, self._tensors = self._read_header()
        except (struct.error, UnicodeDecodeError, KeyError) as error:
            raise ConfigurationError(f"{self.path} is not a readable GGUF file: {error!r}") from error
        alignment = int(self.metadata.get("general.alignment", 32))
        self._start = -(-self._at // alignment) * alignment

    def __iter__(self) -> Iterator[str]:
        """Iterate over tensor names in file order."""
        return iter(self._tensors)

    def tensor(self, name: str) -> Floats:
        """Return one tensor as float32, in row-major (NumPy) order of axes.

        Raises:
            KeyError: If the file has no such tensor.
            ConfigurationError: If its type is not supported, or the file ends before it.
        """
        info = self._tensors[name]
        if info.type_code not in _TENSOR_TYPES:
            raise ConfigurationError(
                f"tensor {name!r} of {self.path} has GGML type {info.type_code}; supported: F32, F16, Q4_1, Q8_0"
            )
        record, per_record = _TENSOR_TYPES[info.type_code]
        count = int(np.prod(info.shape)) // per_record
        start = self._start + info.offset
        if start + count * record.itemsize > len(self._data):
            raise ConfigurationError(f"{self.path} ends inside tensor {name!r}: the file is cut short")
        raw = np.frombuffer(self._data, dtype=record, count=count, offset=start)
        if record is _Q4_1:
            values = dequantise_q4_1(raw)
        elif record is _Q8_0:
            values = dequantise_q8_0(raw)
        else:
            values = raw.astype(np.float32)
        return values.reshape(info.shape)

    def _read_header(self) -> tuple[dict[str, Any], dict[str, _TensorInfo]]:
        magic, version = self._data[:4], struct.unpack_from("<I", self._data, 4)[0]
        if magic != b"GGUF" or version != 3:
            raise ConfigurationError(f"{self.path} is not a GGUF version 3 file (magic {magic!r}, version {version})")
        self._at = 8
        n_tensors, n_keys = self._scalar("Q"), self._scalar("Q")
        metadata = {self._string(): self._value(self._scalar("I")) for _ in range(n_keys)}
        tensors: dict[str, _TensorInfo] = {}
        for _ in range(n_tensors):
            name = self._string()
            axes = [self._scalar("Q") for _ in range(self._scalar("I"))]
            # GGML lists the fastest axis first.
            tensors[name] = _TensorInfo(tuple(reversed(axes)), self._scalar("I"), self._scalar("Q"))
        return metadata, tensors

    def _scalar(self, code: str) -> Any:
        (value,) = struct.unpack_from(f"<{code}", self._data, self._at)
        self._at += struct.calcsize(code)
        return value

    def _string(self) -> str:
        length = self._scalar("Q")
        end = self._at + length
        if end > len(self._data):
            raise struct.error("string runs past the end of the file")
        text = self._data[self._at : end].decode("utf-8")
        self._at = end
        return text

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            item, length = self._scalar("I"), self._scalar("Q")
            return [self._value(item) for _ in range(length)]
        return self._scalar(_SCALARS[kind])
