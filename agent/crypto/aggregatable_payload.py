"""The payload of an aggregatable report: padded contributions as canonical CBOR, sealed to a coordinator's key.

The plaintext is the map ``{"data": [{"id", "value", "bucket"}, ...], "operation": "histogram"}``, in this order of
keys, which canonical CBOR gives; the three are byte strings, big-endian: ``id`` of the report's own width, ``value`` of
4 bytes, ``bucket`` of 16. It always has as many entries as its report may have; those that are missing are zeros at
the end. HPKE's ``info`` is a label followed by shared_info as it stands in the report, the associated data is empty.

Encoding is a template, and so is reading what browsers seal, an order of magnitude faster than a CBOR library: cbor2
judges both in the tests, and decodes what differs from the template by a byte.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct

import cbor2

from agent.crypto import hpke
from agent.model.attribution_reporting.reports import Contribution
from agent.model.conversion_report import ReportRefusal, ReportRefusalCode
from agent.model.rng import Draw, Rng

OPERATION = "histogram"
VALUE_BYTES = 4
BUCKET_BYTES = 16
MAX_ID_BYTES = 8
_LABEL = b"aggregation_service"
_OLDEST_VERSION = ""
_EPHEMERAL_BYTES = 32
_DATA = b"\xa2\x64data"
_ARRAY, _SHORT = 0x80, 23
"""Head of an array, and the most entries that it counts by itself."""
_ID = b"\xa3\x62id"
_WITHOUT_ID = b"\xa2"
_VALUE = b"\x65value\x44"
_BUCKET = b"\x66bucket\x50"
_OPERATION = b"\x69operation\x69histogram"


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload as it was opened."""

    operation: str
    data: tuple[Contribution, ...]
    """Every entry, padding included; those of versions without filtering ids have filtering id 0."""


def encode_payload(contributions: Sequence[Contribution], *, id_bytes: int, length: int) -> bytes:
    """The plaintext of ``contributions``, padded to ``length`` entries whose ids take ``id_bytes`` (1 to 8).

    Raises ValueError for more contributions than ``length`` and OverflowError for numbers that their bytes cannot
    hold. Payload section 3.
    """
    missing = length - len(contributions)
    if missing < 0:
        raise ValueError(f"{len(contributions)} contributions are more than the {length} that the payload has")
    identifier = _identifier(id_bytes)
    parts = [_DATA, _array_head(length)]
    for contribution in contributions:
        parts += (
            identifier,
            contribution.filtering_id.to_bytes(id_bytes, "big"),
            _VALUE,
            contribution.value.to_bytes(VALUE_BYTES, "big"),
            _BUCKET,
            contribution.bucket.to_bytes(BUCKET_BYTES, "big"),
        )
    parts += (_padding(id_bytes, missing), _OPERATION)
    return b"".join(parts)


def seal_payload(plaintext: bytes, shared_info: str, public_key: bytes, rng: Rng) -> bytes:
    """``plaintext`` sealed to an X25519 ``public_key`` of 32 bytes, with one draw of ``Draw.HPKE_EPHEMERAL``.

    Gives the encapsulated key, ciphertext and tag. Raises ValueError for a key that is none. Payload section 4.
    """
    ephemeral_ikm = rng.bytes(Draw.HPKE_EPHEMERAL, _EPHEMERAL_BYTES)
    info = _LABEL + shared_info.encode()
    return hpke.seal(public_key, plaintext, info=info, ephemeral_ikm=ephemeral_ikm, aead=hpke.Aead.CHACHA20_POLY1305)


def open_payload(sealed: bytes, shared_info: str, private_key: bytes) -> bytes | None:
    """The plaintext of a payload of any version, or None where key, ``shared_info`` or a byte is not the sealed one.

    ``private_key``: 32 bytes of X25519.
    """
    if _version(shared_info) == _OLDEST_VERSION:
        return open_under(sealed, _LABEL + b"\0" + shared_info.encode("utf-8", "surrogatepass"), private_key)
    return open_as_service(sealed, shared_info, private_key)


def open_as_service(sealed: bytes, shared_info: str, private_key: bytes) -> bytes | None:
    """What :func:`open_payload` gives, but for version "": the service of today knows no label of its own for it."""
    info = _LABEL + shared_info.encode("utf-8", "surrogatepass")
    return hpke.open_sealed(private_key, sealed, info=info, aead=hpke.Aead.CHACHA20_POLY1305)


def open_under(sealed: bytes, info: bytes, private_key: bytes) -> bytes | None:
    """What ``sealed`` opens to under a whole HPKE ``info``, label included, or None."""
    return hpke.open_sealed(private_key, sealed, info=info, aead=hpke.Aead.CHACHA20_POLY1305)


def contributions_of(plaintext: bytes) -> tuple[str, list[tuple[int, int, int]]] | ReportRefusal:
    """The operation and the (bucket, value, filtering id) of each entry that is no padding, or why there are none.

    Padding is an entry whose bucket and value are 0. Any version and any CBOR encoding, as :func:`read_payload`.
    """
    entries = _template_entries(plaintext)
    if entries is not None:
        return OPERATION, entries
    payload = read_payload(plaintext)
    if isinstance(payload, ReportRefusal):
        return payload
    entries = [(entry.bucket, entry.value, entry.filtering_id) for entry in payload.data if entry.bucket or entry.value]
    return payload.operation, entries


def read_payload(plaintext: bytes) -> Payload | ReportRefusal:
    """What an opened payload says, of any version and in any CBOR encoding, or why it says nothing.

    Numbers may be shorter than a browser writes them, members that are not known are skipped, and an entry without
    ``id`` has filtering id 0 (aggregation service, section 3).
    """
    stream = io.BytesIO(plaintext)
    try:
        content = cbor2.CBORDecoder(stream).decode()
    except (cbor2.CBORDecodeError, RecursionError) as error:
        return _malformed(f"it is no CBOR: {error}")
    if rest := len(stream.read()):
        return _malformed(f"{rest} bytes follow its CBOR")
    match content:
        case {"operation": str(operation), "data": list(entries)}:
            pass
        case _:
            return _malformed('it is no map with "operation" and "data"')
    data = []
    for position, entry in enumerate(entries):
        contribution = _contribution(entry)
        if isinstance(contribution, str):
            return _malformed(f"data[{position}] {contribution}")
        data.append(contribution)
    return Payload(operation, tuple(data))


def _contribution(entry: object) -> Contribution | str:
    """What an entry says, or why it says nothing."""
    match entry:
        case {"bucket": bytes(bucket), "value": bytes(value), **rest}:
            identifier = rest.get("id", b"")
        case _:
            return 'has no "bucket" and "value" of bytes'
    if not isinstance(identifier, bytes):
        return 'has an "id" that is not of bytes'
    for name, number, most in (
        ("bucket", bucket, BUCKET_BYTES),
        ("value", value, VALUE_BYTES),
        ("id", identifier, MAX_ID_BYTES),
    ):
        if len(number) > most:
            return f'has a "{name}" of {len(number)} bytes; {most} are allowed'
    return Contribution(*(int.from_bytes(number, "big") for number in (bucket, value, identifier)))


def _template_entries(plaintext: bytes) -> list[tuple[int, int, int]] | None:
    """The entries that are no padding, where ``plaintext`` is what a browser makes; None where a byte differs."""
    template = _template_of(plaintext)
    if template is None:
        return None
    begin, end, id_bytes = template
    shape, labels, padding = _SHAPES[id_bytes]
    entries = []
    may_end = True
    for at in range(begin, end, shape.size):
        before, identifier, value_label, value, bucket_label, high, low = shape.unpack_from(plaintext, at)
        if (before, value_label, bucket_label) != labels:
            return None
        if value or high or low:
            entries.append((high << 64 | low, value, int.from_bytes(identifier, "big")))
        elif may_end:
            if padding.startswith(plaintext[at:end]):
                break
            may_end = False  # zeros between others: each is looked at, but the rest is not compared again
    return entries


def _template_of(plaintext: bytes) -> tuple[int, int, int] | None:
    """Where the entries begin and end and how wide their ids are (0: they have none), by the frame around them."""
    if len(plaintext) < _LEAST_BYTES or not plaintext.startswith(_DATA):
        return None
    code = plaintext[len(_DATA)]
    begin = len(_DATA) + 1
    if code == 0x98:
        length = plaintext[begin]
        begin += 1
    elif code == 0x99:
        length = int.from_bytes(plaintext[begin : begin + 2], "big")
        begin += 2
    else:
        length = code - _ARRAY if code <= _ARRAY + _SHORT else 0
    if not 1 <= length <= _MOST_ENTRIES:
        return None
    id_bytes = plaintext[begin + len(_ID)] - 0x40 if plaintext.startswith(_ID, begin) else 0
    if not 0 <= id_bytes <= MAX_ID_BYTES:
        return None
    end = begin + length * _SHAPES[id_bytes][0].size
    return (begin, end, id_bytes) if plaintext[end:] == _OPERATION else None


def _version(shared_info: str) -> object:
    try:
        content = json.loads(shared_info)
    except (ValueError, RecursionError):
        return None
    return content.get("version") if isinstance(content, dict) else None


def _array_head(length: int) -> bytes:
    if length <= _SHORT:
        return bytes([_ARRAY | length])
    if length < 1 << 8:
        return bytes([0x98, length])
    return b"\x99" + length.to_bytes(2, "big")


def _identifier(id_bytes: int) -> bytes:
    """What an entry begins with, before its id of that width; 0: it has none."""
    return _ID + bytes([0x40 | id_bytes]) if id_bytes else _WITHOUT_ID


@lru_cache(maxsize=256)
def _padding(id_bytes: int, count: int) -> bytes:
    entry = _identifier(id_bytes) + bytes(id_bytes) + _VALUE + bytes(VALUE_BYTES)
    return (entry + _BUCKET + bytes(BUCKET_BYTES)) * count


def _malformed(detail: str) -> ReportRefusal:
    return ReportRefusal(ReportRefusalCode.MALFORMED, detail)


_MOST_ENTRIES = 1_000
"""Of a browser's payload; what has more is read by cbor2."""
_SHAPES = tuple(
    (
        Struct(f">{len(_identifier(id_bytes))}s{id_bytes}s{len(_VALUE)}sI{len(_BUCKET)}sQQ"),
        (_identifier(id_bytes), _VALUE, _BUCKET),
        _padding(id_bytes, _MOST_ENTRIES),
    )
    for id_bytes in range(MAX_ID_BYTES + 1)
)
"""How an entry with an id of each width is read, what stands between its numbers, and the longest padding of such."""
_LEAST_BYTES = len(_DATA) + 1 + _SHAPES[0][0].size + len(_OPERATION)
