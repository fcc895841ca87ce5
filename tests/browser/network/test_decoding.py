"""Reading compressed bodies in passing (RFC 9110 section 8.4.1, RFC 7932, RFC 8878)."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard

from agent.browser.network.decoding import BodyReader

TEXT = b"<img attributionsrc>" * 500


def _bare_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


ENCODED = {
    "": TEXT,
    "identity": TEXT,
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "br": brotli.compress(TEXT),
    "zstd": zstandard.ZstdCompressor().compress(TEXT),
}


def _read(coding: str, data: bytes, *, size: int, limit: int = 1 << 20) -> bytes:
    said: list[bytes] = []
    reader = BodyReader(coding, said.append, limit)
    for start in range(0, len(data), size):
        reader(data[start : start + size])
    return b"".join(said)


@pytest.mark.parametrize("size", [1, 10, 1 << 16])
@pytest.mark.parametrize("coding", ENCODED)
def test_every_coding_is_read_however_it_is_cut(coding: str, size: int) -> None:
    assert _read(coding, ENCODED[coding], size=size) == TEXT


def test_deflate_without_its_wrapping_is_read() -> None:
    assert _read("deflate", _bare_deflate(TEXT), size=10) == TEXT


@pytest.mark.parametrize("coding", ENCODED)
def test_no_more_than_the_limit_is_read(coding: str) -> None:
    bomb = bytes(1 << 24)
    packed = {
        "": bomb, "identity": bomb, "gzip": gzip.compress(bomb), "x-gzip": gzip.compress(bomb),
        "deflate": zlib.compress(bomb), "br": brotli.compress(bomb), "zstd": zstandard.ZstdCompressor().compress(bomb),
    }[coding]  # fmt: skip
    assert len(_read(coding, packed, size=1 << 14, limit=1 << 20)) <= 1 << 20


@pytest.mark.parametrize("coding", [*ENCODED, "unheard-of"])
def test_what_is_no_such_coding_is_left_alone(coding: str) -> None:
    said = _read(coding, b"\x00nonsense" * 10, size=7)
    assert coding in ("", "identity") or said == b""
