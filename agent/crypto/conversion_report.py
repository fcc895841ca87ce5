"""The sealed conversion report: an envelope of fixed length (seed dialect, section 8; both dialects use it).

Integers are big-endian. The header is in the clear and says only what the page chose or everyone knows:

    offset  bytes  field
         0      4  magic "TLYH"
         4      1  version, 1
         5      1  dialect: 1 level1_2024, 2 current
         6      8  key id
        14      4  histogramSize, 1 or more
        18      2  length n of the service name
        20      n  service name, UTF-8
      20+n     32  HPKE encapsulated key
      52+n         HPKE ciphertext of the plaintext below
               16  HPKE tag

    offset  bytes  plaintext
         0     16  report id
        16      8  time in milliseconds, a multiple of 5,000
        24      4  micro-epsilon, 1 or more
        28      4  maxValue, 1 or more
        32    256  budget source: one byte of length, the host in ASCII, zeros to the end
       288    256  collector: likewise
       544      4  histogramSize, as in the header
       548   8 * s  histogram, s = histogramSize

The HPKE ``info`` is a label followed by the whole header, so version, dialect, service name, key id and histogramSize
cannot be changed without the report ceasing to open. The length depends on histogramSize and service name alone:
hosts, counts and whether anything was attributed do not show.

W3C Attribution announces ``dap-18-histogram``, because pages look for it; until DAP-18 exists here its reports take
this envelope too. :class:`ReportProtocol` is where DAP-18 will enter.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

from agent.crypto import hpke
from agent.crypto.keys import KEY_ID_BYTES, KeyRing, PublicKey
from agent.model.attribution import Dialect
from agent.model.conversion_report import (
    REPORT_ID_BYTES,
    REPORT_TIME_PRECISION,
    ConversionReport,
    ReportRefusal,
    ReportRefusalCode,
)
from agent.model.rng import Draw, Rng

VERSION = 1
_MAGIC = b"TLYH"
_LABEL = b"tallyhost conversion report\x00"
_DIALECT_CODES = {Dialect.LEVEL1_2024: 1, Dialect.CURRENT: 2}
_DIALECTS = {code: dialect for dialect, code in _DIALECT_CODES.items()}
_HEADER = struct.Struct(f">4sBB{KEY_ID_BYTES}sIH")
_PLAINTEXT = struct.Struct(f">{REPORT_ID_BYTES}sQII256s256sI")
_BUCKET_BYTES = 8
_HOST_BYTES = 255
_EPHEMERAL_BYTES = 32


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed report as anyone may read it."""

    dialect: Dialect
    key_id: bytes
    histogram_size: int
    service: str
    header: bytes
    """The header's bytes as they came; HPKE authenticates them."""
    sealed: bytes
    """HPKE encapsulated key, ciphertext and tag."""


class ReportProtocol(Protocol):
    """How a conversion report travels from the agent to the aggregation service."""

    def seal(self, report: ConversionReport, key: PublicKey, rng: Rng) -> bytes:
        """The report's bytes, of a length that depends on service name and histogram size alone."""
        ...

    def open(self, body: bytes, keys: KeyRing) -> ConversionReport | ReportRefusal:
        """The report in clear text, or why it cannot be read."""
        ...


class HpkeEnvelope:
    """The one :class:`ReportProtocol` there is: the envelope of this module."""

    def seal(self, report: ConversionReport, key: PublicKey, rng: Rng) -> bytes:
        """See :func:`seal_report`."""
        return seal_report(report, key, rng)

    def open(self, body: bytes, keys: KeyRing) -> ConversionReport | ReportRefusal:
        """See :func:`open_report`."""
        return open_report(body, keys)


HPKE_ENVELOPE: ReportProtocol = HpkeEnvelope()


def new_report_id(rng: Rng) -> bytes:
    """16 bytes of ``Draw.REPORT_ID``."""
    return rng.bytes(Draw.REPORT_ID, REPORT_ID_BYTES)


def sealed_length(histogram_size: int, service: str) -> int:
    """Bytes of every sealed report of ``histogram_size`` buckets for ``service``."""
    plaintext = _PLAINTEXT.size + _BUCKET_BYTES * histogram_size
    return _HEADER.size + len(service.encode()) + plaintext + hpke.OVERHEAD_BYTES


def seal_report(report: ConversionReport, key: PublicKey, rng: Rng) -> bytes:
    """The envelope of ``report``, sealed to ``key`` with one draw of ``Draw.HPKE_EPHEMERAL``.

    Raises ValueError or struct.error for a report that the layout cannot hold (our bug, never the page's doing).
    """
    _require_layout(report)
    service = report.service.encode()
    header = (
        _HEADER.pack(_MAGIC, VERSION, _DIALECT_CODES[report.dialect], key.id, report.histogram_size, len(service))
        + service
    )
    plaintext = _PLAINTEXT.pack(
        report.report_id,
        report.time,
        report.micro_epsilon,
        report.max_value,
        _pack_host(report.budget_source),
        _pack_host(report.collector),
        report.histogram_size,
    ) + struct.pack(f">{report.histogram_size}Q", *report.histogram)
    ephemeral_ikm = rng.bytes(Draw.HPKE_EPHEMERAL, _EPHEMERAL_BYTES)
    return header + hpke.seal(key.public_key, plaintext, info=_LABEL + header, ephemeral_ikm=ephemeral_ikm)


def read_envelope(body: bytes) -> Envelope | ReportRefusal:
    """What a sealed report says in the clear; nothing of it is authenticated until the report is opened."""
    if len(body) < _HEADER.size:
        return _malformed(f"{len(body)} bytes are fewer than a header's {_HEADER.size}")
    magic, version, dialect_code, key_id, histogram_size, service_length = _HEADER.unpack_from(body)
    if magic != _MAGIC:
        return _malformed(f"it begins with {magic.hex()}, not with {_MAGIC.hex()}")
    if version != VERSION:
        return _malformed(f"envelope version {version}; this reader knows {VERSION}")
    if dialect_code not in _DIALECTS:
        return _malformed(f"dialect {dialect_code} is none of {sorted(_DIALECTS)}")
    if histogram_size == 0:
        return _malformed("histogramSize is 0")
    end = _HEADER.size + service_length
    try:
        service = body[_HEADER.size : end].decode()
    except UnicodeDecodeError:
        return _malformed("the service name is not UTF-8")
    expected = end + _PLAINTEXT.size + _BUCKET_BYTES * histogram_size + hpke.OVERHEAD_BYTES
    if len(body) != expected:
        return _malformed(f"{len(body)} bytes; {histogram_size} buckets for this service make {expected}")
    return Envelope(_DIALECTS[dialect_code], key_id, histogram_size, service, body[:end], body[end:])


def open_report(body: bytes, keys: KeyRing) -> ConversionReport | ReportRefusal:
    """The report in clear text, or why it cannot be read."""
    envelope = read_envelope(body)
    if isinstance(envelope, ReportRefusal):
        return envelope
    key = keys.find(envelope.key_id)
    if key is None:
        return ReportRefusal(ReportRefusalCode.UNKNOWN_KEY, f"no key {envelope.key_id.hex()} is held here")
    plaintext = hpke.open_sealed(key.private_key, envelope.sealed, info=_LABEL + envelope.header)
    if plaintext is None:
        return ReportRefusal(
            ReportRefusalCode.UNDECRYPTABLE, f"it does not open with key {envelope.key_id.hex()}: changed on its way"
        )
    return _read_plaintext(envelope, plaintext)


def _read_plaintext(envelope: Envelope, plaintext: bytes) -> ConversionReport | ReportRefusal:
    report_id, time, micro_epsilon, max_value, source, collector, size = _PLAINTEXT.unpack_from(plaintext)
    budget_source, collector_host = _unpack_host(source), _unpack_host(collector)
    if size != envelope.histogram_size:
        return _malformed(f"histogramSize {size} inside, {envelope.histogram_size} outside")
    if time % REPORT_TIME_PRECISION:
        return _malformed("its time is not rounded down to 5 s")
    if micro_epsilon == 0 or max_value == 0:
        return _malformed("micro-epsilon or maxValue is 0")
    if budget_source is None or collector_host is None:
        return _malformed("budget source or collector is no padded host")
    return ConversionReport(
        dialect=envelope.dialect,
        service=envelope.service,
        report_id=report_id,
        time=time,
        micro_epsilon=micro_epsilon,
        max_value=max_value,
        budget_source=budget_source,
        collector=collector_host,
        histogram=struct.unpack_from(f">{size}Q", plaintext, _PLAINTEXT.size),
    )


def _require_layout(report: ConversionReport) -> None:
    if len(report.report_id) != REPORT_ID_BYTES:
        raise ValueError(f"a report id has {REPORT_ID_BYTES} bytes, not {len(report.report_id)}")
    if report.time % REPORT_TIME_PRECISION:
        raise ValueError(f"report time {report.time} is not rounded down to {REPORT_TIME_PRECISION} ms")
    for name, value in (("micro_epsilon", report.micro_epsilon), ("max_value", report.max_value)):
        if not 1 <= value < 2**32:
            raise ValueError(f"{name} {value} is not in 1 .. 2^32-1")
    if not report.histogram:
        raise ValueError("a histogram has at least one bucket")


def _pack_host(host: str) -> bytes:
    raw = host.encode("ascii")
    if not 1 <= len(raw) <= _HOST_BYTES:
        raise ValueError(f"a host has 1 .. {_HOST_BYTES} characters, not {len(raw)}")
    return bytes([len(raw)]) + raw.ljust(_HOST_BYTES, b"\0")


def _unpack_host(field: bytes) -> str | None:
    length, raw = field[0], field[1:]
    host, padding = raw[:length], raw[length:]
    if length == 0 or any(padding) or not host.isascii():
        return None
    return host.decode("ascii")


def _malformed(detail: str) -> ReportRefusal:
    return ReportRefusal(ReportRefusalCode.MALFORMED, detail)
