"""Reading a copy of a response body that passes compressed, up to a limit."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import IO, Protocol, cast

import brotli
import zstandard

Decode = Callable[[bytes], bytes]
"""Takes the next part of a body and gives what it says."""


class _TooLongError(Exception):
    """The body says more than anyone wants to read."""


class _Decoder(Protocol):
    def __call__(self, data: bytes, room: int, /) -> bytes:
        """What ``data`` says, or not much more than its first ``room`` bytes."""
        ...


class BodyReader:
    """Passes what a body says to ``tell``, part by part, until ``limit`` bytes or until something is odd."""

    def __init__(self, coding: str, tell: Callable[[bytes], None], limit: int) -> None:
        self._decode = _DECODERS[coding]() if coding in _DECODERS else None
        self._tell = tell
        self._room = limit

    def __call__(self, data: bytes) -> None:
        """Take the next part as it is on the wire."""
        if self._decode is None:
            return
        try:
            said = self._decode(data, self._room)[: self._room]
        except (zlib.error, brotli.error, zstandard.ZstdError, _TooLongError):
            self._decode = None
            return
        self._room -= len(said)
        if said:
            self._tell(said)
        if self._room <= 0:
            self._decode = None


def _identity() -> _Decoder:
    return lambda data, _room: data


def _gzip() -> _Decoder:
    return zlib.decompressobj(31).decompress


class _Deflate:
    """``deflate`` is zlib's format by its standard, and the bare one with some servers."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj()
        self._began = False

    def __call__(self, data: bytes, room: int) -> bytes:
        if not self._began and data:
            self._began = True
            if data[0] & 15 != 8:
                self._inflate = zlib.decompressobj(-15)
        return self._inflate.decompress(data, room)


def _brotli() -> _Decoder:
    decompressor = brotli.Decompressor()

    def decode(data: bytes, room: int) -> bytes:
        said: bytes = decompressor.process(data, output_buffer_limit=room)
        return said

    return decode


class _Zstandard:
    def __init__(self) -> None:
        self._said: list[bytes] = []
        self._room = 0
        self._writer = zstandard.ZstdDecompressor().stream_writer(cast("IO[bytes]", self), write_size=1 << 16)

    def __call__(self, data: bytes, room: int) -> bytes:
        self._room = room
        self._writer.write(data)
        said, self._said = b"".join(self._said), []
        return said

    def write(self, said: bytes) -> int:
        """Take a part of what was decoded; the decoder calls this."""
        if self._room <= 0:
            raise _TooLongError
        self._room -= len(said)
        self._said.append(bytes(said))
        return len(said)


_DECODERS: dict[str, Callable[[], _Decoder]] = {
    "": _identity,
    "identity": _identity,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _Deflate,
    "br": _brotli,
    "zstd": _Zstandard,
}
