"""The envelope of agent.crypto.conversion_report, held against the byte tables of its docstring."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.crypto import hpke
from agent.crypto.conversion_report import (
    Envelope,
    new_report_id,
    open_report,
    read_envelope,
    seal_report,
    sealed_length,
)
from agent.crypto.keys import KeyRing, generate_key
from agent.model.attribution import Dialect
from agent.model.conversion_report import ConversionReport, ReportRefusal, ReportRefusalCode
from agent.model.rng import Draw, Rng, SeededRng

KEY = generate_key(SeededRng(1))
KEYS = KeyRing(KEY)
SERVICE = "https://aggregator.test"
REPORT = ConversionReport(
    dialect=Dialect.CURRENT,
    service=SERVICE,
    report_id=bytes(range(16)),
    time=1_767_603_600_000,
    micro_epsilon=500_000,
    max_value=10,
    budget_source="shop.test",
    collector="adtech.test",
    histogram=(0, 0, 7, 0),
)
HEADER_LENGTH = 20 + len(SERVICE)
HOSTS = st.text(st.sampled_from("abz019-."), min_size=1, max_size=255)
REPORTS = st.builds(
    ConversionReport,
    dialect=st.sampled_from(Dialect),
    service=st.text(max_size=40),
    report_id=st.binary(min_size=16, max_size=16),
    time=st.integers(0, 2**40).map(lambda n: n * 5_000),
    micro_epsilon=st.integers(1, 2**32 - 1),
    max_value=st.integers(1, 2**32 - 1),
    budget_source=HOSTS,
    collector=HOSTS,
    histogram=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=9).map(tuple),
)


class CountingRng:
    """Tells which draws were taken."""

    def __init__(self) -> None:
        self.drawn: list[tuple[Draw, int]] = []
        self._rng = SeededRng(0)

    def fraction(self, draw: Draw) -> float:
        raise AssertionError(f"{draw} is not drawn as a fraction here")

    def below(self, draw: Draw, bound: int) -> int:
        raise AssertionError(f"{draw} below {bound} is not drawn here")

    def bytes(self, draw: Draw, count: int) -> bytes:
        self.drawn.append((draw, count))
        return self._rng.bytes(draw, count)


def seal(report: ConversionReport = REPORT, rng: Rng | None = None) -> bytes:
    return seal_report(report, KEY.public, rng or SeededRng(7))


def refusal_of(body: bytes, keys: KeyRing = KEYS) -> ReportRefusalCode:
    refused = open_report(body, keys)
    assert isinstance(refused, ReportRefusal)
    assert refused.detail
    return refused.code


def plaintext_of(body: bytes) -> bytes:
    header = body[:HEADER_LENGTH]
    plaintext = hpke.open_sealed(
        KEY.private_key, body[HEADER_LENGTH:], info=b"tallyhost conversion report\x00" + header
    )
    assert plaintext is not None
    return plaintext


def seal_plaintext(plaintext: bytes) -> bytes:
    """A report whose sealer does not keep to the layout."""
    header = seal()[:HEADER_LENGTH]
    info = b"tallyhost conversion report\x00" + header
    return header + hpke.seal(KEY.public_key, plaintext, info=info, ephemeral_ikm=bytes(32))


@given(REPORTS)
def test_opening_gives_back_every_report(report: ConversionReport) -> None:
    assert open_report(seal(report), KEYS) == report


def test_the_header_is_laid_out_as_documented() -> None:
    body = seal()
    assert body[0:4] == b"TLYH"
    assert body[4] == 1
    assert body[5] == 2
    assert body[6:14] == KEY.id
    assert body[14:18] == (4).to_bytes(4, "big")
    assert body[18:20] == len(SERVICE).to_bytes(2, "big")
    assert body[20:HEADER_LENGTH] == SERVICE.encode()
    assert seal(replace(REPORT, dialect=Dialect.LEVEL1_2024))[5] == 1


def test_the_plaintext_is_laid_out_as_documented() -> None:
    plaintext = plaintext_of(seal())
    assert plaintext[0:16] == REPORT.report_id
    assert int.from_bytes(plaintext[16:24], "big") == REPORT.time
    assert int.from_bytes(plaintext[24:28], "big") == 500_000
    assert int.from_bytes(plaintext[28:32], "big") == 10
    assert plaintext[32:288] == b"\x09shop.test" + bytes(246)
    assert plaintext[288:544] == b"\x0badtech.test" + bytes(244)
    assert int.from_bytes(plaintext[544:548], "big") == 4
    assert struct.unpack(">4Q", plaintext[548:]) == (0, 0, 7, 0)


@given(REPORTS)
def test_the_length_tells_service_name_and_histogram_size_alone(report: ConversionReport) -> None:
    expected = 20 + len(report.service.encode()) + 32 + 548 + 8 * len(report.histogram) + 16
    assert len(seal(report)) == sealed_length(report.histogram_size, report.service) == expected


def test_sealing_draws_one_ephemeral_key_whatever_was_counted() -> None:
    for histogram in ((0, 0, 0, 0), (0, 2**64 - 1, 0, 0)):
        rng = CountingRng()
        seal(replace(REPORT, histogram=histogram), rng)
        assert rng.drawn == [(Draw.HPKE_EPHEMERAL, 32)]


def test_a_report_id_is_16_bytes_of_its_own_draw() -> None:
    rng = CountingRng()
    assert len(new_report_id(rng)) == 16
    assert rng.drawn == [(Draw.REPORT_ID, 16)]


def test_the_same_seed_gives_the_same_bytes_and_the_next_report_shares_none_of_its_ciphertext() -> None:
    rng = SeededRng(7)
    first, second = seal(rng=rng), seal(rng=rng)
    assert first == seal()
    assert first[:HEADER_LENGTH] == second[:HEADER_LENGTH]
    equal = sum(a == b for a, b in zip(first[HEADER_LENGTH:], second[HEADER_LENGTH:], strict=True))
    assert equal < 30  # 628 bytes that are independent agree in 2.5 of them on average


def test_anyone_reads_the_header_and_nothing_else() -> None:
    body = seal()
    envelope = read_envelope(body)
    assert envelope == Envelope(Dialect.CURRENT, KEY.id, 4, SERVICE, body[:HEADER_LENGTH], body[HEADER_LENGTH:])
    assert b"shop.test" not in body
    assert b"adtech.test" not in body
    assert REPORT.report_id not in body


@pytest.mark.parametrize(
    ("position", "value", "code"),
    [
        (0, b"X", ReportRefusalCode.MALFORMED),
        (4, b"\x02", ReportRefusalCode.MALFORMED),
        (5, b"\x03", ReportRefusalCode.MALFORMED),
        (5, b"\x01", ReportRefusalCode.UNDECRYPTABLE),
        (6, b"XXXXXXXX", ReportRefusalCode.UNKNOWN_KEY),
        (14, bytes(4), ReportRefusalCode.MALFORMED),
        (14, b"\x00\x00\x00\x05", ReportRefusalCode.MALFORMED),
        (18, b"\x00\x00", ReportRefusalCode.MALFORMED),
        (20, b"H", ReportRefusalCode.UNDECRYPTABLE),
        (20, b"\xff", ReportRefusalCode.MALFORMED),
    ],
)
def test_a_changed_header_is_refused(position: int, value: bytes, code: ReportRefusalCode) -> None:
    body = seal()
    assert refusal_of(body[:position] + value + body[position + len(value) :]) is code


def test_a_histogram_size_that_is_traded_for_service_name_is_refused() -> None:
    # One bucket less and eight bytes of name more have the same length, so only the seal can tell.
    body = seal()
    shifted = (
        body[:14] + struct.pack(">IH", 3, len(SERVICE) + 8) + SERVICE.encode() + b"/another" + body[HEADER_LENGTH:]
    )
    shifted = shifted[: len(body)]
    assert isinstance(read_envelope(shifted), Envelope)
    assert refusal_of(shifted) is ReportRefusalCode.UNDECRYPTABLE


def test_a_changed_byte_anywhere_in_the_ciphertext_is_refused() -> None:
    body = seal()
    for position in range(HEADER_LENGTH, len(body)):
        changed = bytearray(body)
        changed[position] ^= 1
        assert refusal_of(bytes(changed)) is ReportRefusalCode.UNDECRYPTABLE, position


def test_a_report_cut_anywhere_or_lengthened_is_malformed() -> None:
    body = seal()
    for length in range(len(body)):
        assert refusal_of(body[:length]) is ReportRefusalCode.MALFORMED, length
    assert refusal_of(body + b"\0") is ReportRefusalCode.MALFORMED


def test_a_report_for_a_key_that_is_not_held_is_refused_as_such() -> None:
    assert refusal_of(seal(), KeyRing(generate_key(SeededRng(2)))) is ReportRefusalCode.UNKNOWN_KEY


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_make_the_reader_raise(tail: bytes, begins_well: bool) -> None:
    assert refusal_of((b"TLYH\x01\x02" + KEY.id if begins_well else b"") + tail) is ReportRefusalCode.MALFORMED


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (16, struct.pack(">Q", REPORT.time + 1)),
        (24, bytes(4)),
        (28, bytes(4)),
        (32, b"\x00"),
        (32, b"\x08"),
        (33, b"\xff"),
        (288, b"\x00"),
        (543, b"x"),
        (544, struct.pack(">I", 3)),
    ],
)
def test_a_sealer_that_does_not_keep_to_the_layout_is_refused(position: int, value: bytes) -> None:
    plaintext = plaintext_of(seal())
    broken = plaintext[:position] + value + plaintext[position + len(value) :]
    assert refusal_of(seal_plaintext(broken)) is ReportRefusalCode.MALFORMED


@pytest.mark.parametrize(
    "report",
    [
        replace(REPORT, report_id=bytes(15)),
        replace(REPORT, time=REPORT.time + 1),
        replace(REPORT, micro_epsilon=0),
        replace(REPORT, micro_epsilon=2**32),
        replace(REPORT, max_value=0),
        replace(REPORT, max_value=2**32),
        replace(REPORT, budget_source=""),
        replace(REPORT, collector="a" * 256),
        replace(REPORT, collector="bücher.test"),
        replace(REPORT, histogram=()),
        replace(REPORT, histogram=(-1,)),
        replace(REPORT, histogram=(2**64,)),
    ],
)
def test_a_report_that_the_layout_cannot_hold_is_not_sealed(report: ConversionReport) -> None:
    with pytest.raises((ValueError, struct.error)):
        seal(report)
