"""Reports are sealed as the browser does, and then spoilt as people do."""

from __future__ import annotations

import base64
import json
from time import process_time

import pytest

from agent.crypto import hpke
from agent.crypto.aggregatable_payload import encode_payload, open_payload, seal_payload
from agent.engines.aggregation.mistakes import (
    Mistake,
    Opens,
    origin_mismatch,
    undecryptable,
    unknown_key,
    unreadable_payload,
    unreadable_shared_info,
)
from agent.model.aggregation import JobParameters, SharedInfo
from agent.model.attribution_reporting.reports import Contribution
from agent.model.rng import SeededRng

MEMBERS = {
    "api": "attribution-reporting",
    "attribution_destination": "https://shöp.test",
    "report_id": "21abd97f-73e8-4b88-9389-a9fee6abda5e",
    "reporting_origin": "https://adtech.test",
    "scheduled_report_time": "1767603600",
    "version": "1.0",
}
SHARED_INFO = json.dumps(MEMBERS, separators=(",", ":"), ensure_ascii=False)
CLEAR = encode_payload([Contribution(0x559, 5, 0)], id_bytes=1, length=20)
OURS, THEIRS = (hpke.derive_key_pair(bytes([number]) * 32) for number in (1, 2))
PRIVATE = {"ours": OURS[0], "theirs": THEIRS[0]}


def sealed(shared_info: str = SHARED_INFO, public_key: bytes = OURS[1]) -> bytes:
    return seal_payload(CLEAR, shared_info, public_key, SeededRng(1))


class Opener:
    """Opens as the job does, and counts."""

    def __init__(self) -> None:
        self.tries = 0

    def __call__(self, key_id: str, payload: bytes, info: bytes) -> bool:
        self.tries += 1
        return hpke.open_sealed(PRIVATE[key_id], payload, info=info, aead=hpke.Aead.CHACHA20_POLY1305) is not None


def found(payload: bytes, shared_info: str = SHARED_INFO, opens: Opens | None = None) -> Mistake | None:
    assert open_payload(payload, shared_info, PRIVATE["ours"]) is None, "it must be spoilt"
    return undecryptable(payload, shared_info, "ours", key_ids=PRIVATE, opens=opens or Opener())


def what(mistake: Mistake | None) -> str:
    assert mistake is not None
    assert mistake.fix, "a mistake that is named has a way out"
    return mistake.what


RE_SERIALISED = {
    "json.dumps": json.dumps(MEMBERS),
    "json.dumps, UTF-8": json.dumps(MEMBERS, ensure_ascii=False),
    "json.dumps, indented": json.dumps(MEMBERS, indent=2),
    "JSON.stringify of other order": json.dumps(dict(reversed(MEMBERS.items())), separators=(",", ":")),
    "characters escaped": json.dumps(MEMBERS, separators=(",", ":")),
    "slashes escaped": SHARED_INFO.replace("/", r"\/"),
    "a line break at the end": SHARED_INFO + "\n",
}


@pytest.mark.parametrize("text", RE_SERIALISED.values(), ids=RE_SERIALISED)
def test_a_re_serialised_shared_info_is_named(text: str) -> None:
    assert what(found(sealed(), text)).startswith("shared_info was re-serialised")


def test_the_original_may_have_been_escaped_or_spaced_and_the_copy_compact() -> None:
    for original in (json.dumps(MEMBERS), SHARED_INFO.replace("/", r"\/")):
        assert what(found(sealed(original))).startswith("shared_info was re-serialised")


def test_a_copy_through_typed_fields_is_a_re_serialisation_too() -> None:
    numbers = MEMBERS | {"scheduled_report_time": 1767603600}
    typed = json.dumps(numbers, separators=(",", ":"), ensure_ascii=False)
    assert what(found(sealed(), typed)).endswith("with its numbers as strings")
    debug = json.dumps(dict(sorted((MEMBERS | {"debug_mode": "enabled"}).items())), separators=(",", ":"))
    assert "with debug_mode, which it has lost" in what(found(sealed(debug)))


def test_a_changed_member_is_no_re_serialisation() -> None:
    assert found(sealed(), SHARED_INFO.replace("1767603600", "1767603601")) is None


def test_a_payload_that_is_still_base64_is_named() -> None:
    for encoded in (base64.b64encode(sealed()), base64.urlsafe_b64encode(sealed()), base64.encodebytes(sealed())):
        assert what(found(encoded)) == "the payload is still base64 text"


def test_clear_text_in_a_batch_of_sealed_payloads_is_named() -> None:
    assert what(found(CLEAR)).startswith("the payload is clear text: debug_cleartext_payload")


def test_a_payload_sealed_to_another_key_than_it_names_is_named() -> None:
    assert "sealed to key 'theirs', and says that it is to 'ours'" in what(found(sealed(public_key=THEIRS[1])))


@pytest.mark.parametrize("label", [b"", b"aggregation_service\0", b"aggregation_service_"], ids=repr)
def test_a_payload_under_another_label_is_named_where_the_label_is_known(label: bytes) -> None:
    info = label + SHARED_INFO.encode()
    payload = hpke.seal(OURS[1], CLEAR, info=info, ephemeral_ikm=bytes(32), aead=hpke.Aead.CHACHA20_POLY1305)
    mistake = found(payload)
    if label == b"aggregation_service_":
        assert mistake is None
    else:
        assert what(mistake).startswith("the payload was sealed under another HPKE info")


def test_the_oldest_version_is_named_before_anything_is_tried() -> None:
    opens = Opener()
    old = SHARED_INFO.replace('"1.0"', '""')
    mistake = undecryptable(sealed(), old, "ours", key_ids=PRIVATE, opens=opens)
    assert 'version is ""' in what(mistake)
    assert not opens.tries


@pytest.mark.parametrize("cut", [0, 1, 47])
def test_a_payload_shorter_than_what_sealing_adds_was_cut_off(cut: int) -> None:
    assert what(found(sealed()[:cut])).startswith("the payload was cut off")


def test_a_payload_of_no_browser_s_length_is_named() -> None:
    assert "no length of a browser's payload" in what(found(sealed()[:-1]))


def test_payload_bytes_that_went_through_text_are_named() -> None:
    for written in (sealed().decode("utf-8", "replace").encode(), sealed().decode("latin-1").encode()):
        assert what(found(written)) == "the payload's bytes were read as text and written as text"


def test_a_payload_in_hexadecimal_is_named() -> None:
    assert what(found(sealed().hex().encode())) == "the payload is hexadecimal text"


@pytest.mark.parametrize("length", [2, 20, 100, 1000])
@pytest.mark.parametrize("id_bytes", [1, 2, 8])
def test_every_length_of_a_browser_s_payload_is_known(length: int, id_bytes: int) -> None:
    clear = encode_payload([], id_bytes=id_bytes, length=length)
    info = b"another service" + SHARED_INFO.encode()
    payload = hpke.seal(OURS[1], clear, info=info, ephemeral_ikm=bytes(32), aead=hpke.Aead.CHACHA20_POLY1305)
    assert found(payload) is None


def test_the_work_for_one_report_is_bounded() -> None:
    many = [*PRIVATE, *(f"{number:03}" for number in range(1000))]
    tries = []

    def opens(*tried: object) -> bool:
        tries.append(tried)
        return False

    undecryptable(sealed(), json.dumps(MEMBERS), "ours", key_ids=many, opens=opens)
    assert 0 < len(tries) <= 50


@pytest.mark.parametrize("payload", [b"A" + b" " * 500_000 + b"!", b"=" * 500_000, b"ab" * 250_000 + b"x"])
def test_no_payload_makes_looking_at_it_take_longer_than_its_length_asks_for(payload: bytes) -> None:
    began = process_time()
    undecryptable(payload, SHARED_INFO, "ours", key_ids=(), opens=lambda *_: False)
    assert process_time() - began < 5, "one with the square of its length takes minutes"


NESTED = '{"a":' + "[" * 980 + "]" * 980 + "}"
ODD = ["", "[]", "null", '"', "{", '{"a":' * 2000, '{"version":3}', '{"a":"\\ud800"}', NESTED]


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_no_shared_info_is_too_odd_for_it(text: str) -> None:
    undecryptable(sealed(), text, "ours", key_ids=PRIVATE, opens=Opener())
    unreadable_shared_info(text)


UNREADABLE = {
    "": "shared_info is empty",
    json.dumps(SHARED_INFO): "a JSON string in a JSON string",
    json.dumps(SHARED_INFO)[1:-1]: "backslashes",
    str(MEMBERS): "the print of a Python dict",
    json.dumps({"shared_info": SHARED_INFO}): "the whole report",
}


@pytest.mark.parametrize(("text", "said"), UNREADABLE.items(), ids=UNREADABLE.values())
def test_a_shared_info_that_was_handled_wrongly_is_named(text: str, said: str) -> None:
    assert said in what(unreadable_shared_info(text))


def test_any_other_unreadable_shared_info_is_not() -> None:
    assert unreadable_shared_info('{"api": "attribution-reporting"') is None


def test_an_unknown_key_tells_which_are_known() -> None:
    assert "'k1'" in what(unknown_key("k1", ["k2", "k3"]))
    assert "none of the 2 keys given ('k2', 'k3')" in what(unknown_key("k1", ["k3", "k2"]))
    assert "('0', '1', '2', '3', ...)" in what(unknown_key("k1", [str(number) for number in range(9)]))
    assert "no key is given" in what(unknown_key("k1", []))


def test_a_payload_without_contributions_is_named_by_what_it_is() -> None:
    assert what(unreadable_payload(b"", clear_text=True)) == "the payload is empty"
    assert what(unreadable_payload(base64.b64encode(CLEAR), clear_text=True)) == "the payload is still base64 text"
    assert "this is a sealed payload" in what(unreadable_payload(sealed(), clear_text=True))
    assert unreadable_payload(b"\xff" * 60, clear_text=False) is None


INFO = SharedInfo("1.0", "https://adtech.test", 0)
ORIGINS = {
    "https://adtech.test/": "goes on after the origin",
    "https://adtech.test/path": "goes on after the origin",
    "http://adtech.test": "another scheme, port or spelling",
    "https://adtech.test:8443": "another scheme, port or spelling",
    "https://ADTECH.test": "another scheme, port or spelling",
    "adtech.test": "is no origin",
    "//adtech.test": "is no origin",
}


@pytest.mark.parametrize(("asked", "said"), ORIGINS.items(), ids=ORIGINS)
def test_a_reporting_origin_that_is_nearly_right_is_named(asked: str, said: str) -> None:
    mistake = origin_mismatch(INFO, JobParameters(attribution_report_to=asked))
    assert said in what(mistake)
    assert mistake is not None
    assert "'https://adtech.test'" in mistake.fix


def test_another_reporting_origin_is_no_spelling_mistake() -> None:
    assert origin_mismatch(INFO, JobParameters(attribution_report_to="https://other.test")) is None
    assert origin_mismatch(INFO, JobParameters(attribution_report_to="https://adtech.test")) is None
    assert origin_mismatch(INFO, JobParameters(reporting_site="https://other.test")) is None


def test_another_origin_of_the_reports_site_is_named_with_the_site() -> None:
    mistake = origin_mismatch(INFO, JobParameters(attribution_report_to="https://reports.adtech.test"))
    assert what(mistake).endswith("is another origin of the reports' site")
    assert mistake is not None
    assert "reporting_site 'https://adtech.test'" in mistake.fix


@pytest.mark.parametrize(
    "asked", ["adtech.test", "https://adtech.test/", "http://adtech.test", "https://a.adtech.test"]
)
def test_a_reporting_site_that_is_not_written_as_one_is_named(asked: str) -> None:
    info = SharedInfo("1.0", "https://b.adtech.test", 0)
    mistake = origin_mismatch(info, JobParameters(reporting_site=asked))
    assert what(mistake) == f"reporting_site {asked!r} is not written as a site: https:// and the registrable domain"
    assert mistake is not None
    assert mistake.fix == "write 'https://adtech.test'"


@pytest.mark.parametrize("asked", ["https://other.test", "https://notadtech.test", "https://[", ""])
def test_another_reporting_site_is_no_spelling_mistake(asked: str) -> None:
    assert origin_mismatch(INFO, JobParameters(reporting_site=asked)) is None
    assert origin_mismatch(SharedInfo("1.0", "https://[", 0), JobParameters(reporting_site=asked)) is None


def test_an_origin_that_no_parser_takes_is_no_trouble() -> None:
    assert "is no origin" in what(origin_mismatch(INFO, JobParameters(attribution_report_to="https://[::1")))


def test_a_mistake_reads_as_one_line() -> None:
    assert str(Mistake("it is base64", "decode it")) == "it is base64; decode it"
