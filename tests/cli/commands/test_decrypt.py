from __future__ import annotations

import asyncio
import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest

from agent.cli.control import control_endpoint
from agent.crypto.aggregatable_payload import encode_payload, seal_payload
from agent.crypto.hpke import derive_key_pair
from agent.model.attribution_reporting.reports import Contribution
from agent.model.rng import SeededRng
from agent.runtime import Agent
from tests.cli.conftest import Tallyhost
from tests.conformance_data import conformance_file

PRIVATE_KEY, PUBLIC_KEY = derive_key_pair(b"a coordinator".ljust(32))
SHARED_INFO = '{"api":"attribution-reporting","version":"1.0"}'
PLAINTEXT = encode_payload([Contribution(0x559, 32_768, 3)], id_bytes=1, length=2)
OPENED = {
    "key_id": "k1",
    "operation": "histogram",
    "data": [{"bucket": "0x559", "value": 32_768, "id": 3}, {"bucket": "0x0", "value": 0, "id": 0}],
    "cbor_base64": base64.b64encode(PLAINTEXT).decode(),
}


def keys_file(folder: Path, *entries: object) -> str:
    file = folder / "KEYS.json"
    file.write_text(
        json.dumps({"keys": entries or [{"id": "k1", "private_key": base64.b64encode(PRIVATE_KEY).decode()}]})
    )
    return str(file)


def sealed(plaintext: bytes = PLAINTEXT, shared_info: str = SHARED_INFO, public_key: bytes = PUBLIC_KEY) -> str:
    return base64.b64encode(seal_payload(plaintext, shared_info, public_key, SeededRng(1))).decode()


def report(*, key_id: str = "k1", **changes: object) -> dict[str, Any]:
    payload = {"key_id": key_id, "payload": sealed()}
    return {"aggregation_service_payloads": [payload], "shared_info": SHARED_INFO, **changes}


def lines(out: str) -> list[Any]:
    return [json.loads(line) for line in out.splitlines()]


def test_each_payload_of_a_report_is_one_line_of_json(tallyhost: Tallyhost, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report(), indent=2))
    run = tallyhost("decrypt", "--keys", keys_file(tmp_path), str(file))
    assert (run.code, run.err) == (0, "")
    assert lines(run.out) == [OPENED]


def test_a_file_may_have_one_report_a_line_and_there_may_be_several_files(tallyhost: Tallyhost, tmp_path: Path) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "b.json"
    first.write_text("\n" + json.dumps(report()) + "\n\n" + json.dumps(report()))
    second.write_text(json.dumps(report()) + "\n")
    run = tallyhost("decrypt", str(first), str(second), "--keys", keys_file(tmp_path))
    assert lines(run.out) == [OPENED] * 3


def test_a_list_of_reports_is_opened_as_reports_export_writes_it(tallyhost: Tallyhost, tmp_path: Path) -> None:
    file = tmp_path / "reports.json"
    file.write_text("[\n" + ",\n".join([json.dumps(report())] * 2) + "\n]\n")
    run = tallyhost("decrypt", "--keys", keys_file(tmp_path), str(file))
    assert (run.code, lines(run.out)) == (0, [OPENED] * 2)


def test_standard_input_is_read_for_a_dash(
    tallyhost: Tallyhost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(report()).encode()), "utf-8"))
    assert lines(tallyhost("decrypt", "--keys", keys_file(tmp_path), "-").out) == [OPENED]


def test_json_asked_for_is_one_document(tallyhost: Tallyhost, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report()))
    run = tallyhost("decrypt", "--keys", keys_file(tmp_path), str(file), "--json")
    assert run.document == {"payloads": [OPENED]}


def test_without_keys_the_agents_own_open_what_was_sealed_to_them(
    tallyhost: Tallyhost, profile: str, tmp_path: Path
) -> None:
    (own,) = json.loads((Path(profile) / "keys.json").read_text())["keys"]
    public_key = base64.b64decode(own["public_key"])
    file = tmp_path / "report.json"
    payload = {"key_id": own["id"], "payload": sealed(public_key=public_key)}
    file.write_text(json.dumps(report(aggregation_service_payloads=[payload])))
    run = tallyhost("decrypt", "--profile", profile, str(file))
    assert lines(run.out) == [{**OPENED, "key_id": own["id"]}]


async def test_the_keys_of_a_running_agent_in_memory_are_its_own(tallyhost: Tallyhost, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    async with Agent.open_profile(":memory:") as agent, control_endpoint(agent, ":memory:"):
        key = agent.service_keys.current
        payload = {"key_id": key.id.hex(), "payload": sealed(public_key=key.public_key)}
        file.write_text(json.dumps(report(aggregation_service_payloads=[payload])))
        run = await asyncio.to_thread(tallyhost, "decrypt", str(file))
    assert lines(run.out) == [{**OPENED, "key_id": key.id.hex()}]


def test_every_golden_is_opened_with_its_published_key(tallyhost: Tallyhost, tmp_path: Path) -> None:
    cases = map(json.loads, conformance_file("payload/goldens.jsonl").read_text().splitlines())
    goldens = [case for case in cases if case["kind"] == "encrypted_report"]
    file = tmp_path / "goldens.jsonl"
    file.write_text("".join(json.dumps(golden["report"]) + "\n" for golden in goldens))
    key = {"id": goldens[0]["key_id"], "private_key": goldens[0]["private_key_b64"]}
    opened = lines(tallyhost("decrypt", "--keys", keys_file(tmp_path, key), str(file)).out)
    assert len(opened) == len(goldens) > 0
    assert [line["cbor_base64"] for line in opened] == [golden["cleartext_cbor_b64"] for golden in goldens]
    for line, golden in zip(opened, goldens, strict=True):
        assert (line["key_id"], line["operation"]) == ("example_id", "histogram")
        assert [(int(c["bucket"], 16), c["value"], c["id"]) for c in line["data"] if any((c["id"], c["value"]))] == [
            (int(c["bucket"], 16), c["value"], c.get("id", 0)) for c in golden["contributions_non_null"]
        ]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "report.json", "no report in it"),
        ("{", "report.json", "no JSON"),
        ("{}\n{", "report.json:1", "no aggregatable report"),
        (json.dumps(report()) + "\n{", "report.json:2", "no JSON"),
        ("[1]", "report.json:1", "no aggregatable report"),
        (json.dumps([report(), 1]), "report.json:1[1]", "no aggregatable report"),
        ("[]", "report.json:1", "no report in it"),
        ("[" * 5_000, "report.json", "no JSON"),
        (json.dumps(report(shared_info={})), "report.json:1", "no aggregatable report"),
        (json.dumps(report(aggregation_service_payloads=[1])), "aggregation_service_payloads[0]", "key_id"),
        (json.dumps(report(key_id="k2")), "aggregation_service_payloads[0]", "no key 'k2'"),
        (
            json.dumps(report(aggregation_service_payloads=[{"key_id": "k1", "payload": "?"}])),
            "aggregation_service_payloads[0]",
            "no base64",
        ),
        (json.dumps(report(shared_info="{}")), "aggregation_service_payloads[0]", "does not open with key 'k1'"),
        (
            json.dumps(report(aggregation_service_payloads=[{"key_id": "k1", "payload": sealed(b"\x01")}])),
            "aggregation_service_payloads[0]",
            "it opens, but",
        ),
    ],
)
def test_what_cannot_be_opened_is_told_with_its_place(
    tallyhost: Tallyhost, tmp_path: Path, text: str, where: str, what: str
) -> None:
    file = tmp_path / "report.json"
    file.write_text(text)
    run = tallyhost("decrypt", "--keys", keys_file(tmp_path), str(file))
    assert run.code == 2
    assert where in run.err
    assert what in run.err
    assert "rule" in run.err


def test_what_stands_before_a_fault_is_opened(tallyhost: Tallyhost, tmp_path: Path) -> None:
    file = tmp_path / "reports.jsonl"
    file.write_text(json.dumps(report()) + "\n" + json.dumps(report(key_id="k2")) + "\n")
    run = tallyhost("decrypt", "--keys", keys_file(tmp_path), str(file))
    assert (run.code, lines(run.out)) == (2, [OPENED])


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ("{", "no JSON"),
        ("[" * 5_000, "no JSON"),
        ("[]", 'no list "keys"'),
        ('{"keys":[{"id":"a"}]}', "keys[0] is no key"),
        ('{"keys":[{"id":"a","private_key":"AAAA"}]}', "keys[0] is no key"),
    ],
)
def test_a_file_without_keys_is_refused(tallyhost: Tallyhost, tmp_path: Path, keys: str, what: str) -> None:
    file = tmp_path / "KEYS.json"
    file.write_text(keys)
    run = tallyhost("decrypt", "--keys", str(file), "-")
    assert run.code == 2
    assert what in run.err
    assert str(file) in run.err


def test_a_file_that_cannot_be_read_is_told(tallyhost: Tallyhost, tmp_path: Path) -> None:
    run = tallyhost("decrypt", "nowhere.json")  # told before anybody is asked for keys
    assert run.code == 2
    assert "'nowhere.json' does not exist" in run.err
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    run = tallyhost("decrypt", "--keys", keys_file(tmp_path), str(binary))
    assert run.code == 2
    assert "no UTF-8" in run.err
