"""agent.aggregation.report_files: every form of input gives its reports, in shards of any size; others are named."""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.aggregation.avro import Record, write_domain, write_reports
from agent.aggregation.report_files import MAX_LINE_BYTES, Form, plan_shards, read_records
from agent.aggregation.unreadable import InputUnreadableError
from tests.aggregation.batches import body, plaintext, shared_info

RECORDS = [Record(bytes([number]) * 400, "k1", shared_info(number)) for number in range(200)]


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Avro file of 200 reports in blocks of some 20."""
    path = tmp_path_factory.mktemp("batch") / "reports.avro"
    write_reports(path, RECORDS)
    return path


def read(*paths: Path, reports: int = 10_000, clear_text: bool = False) -> list[Record]:
    shards = plan_shards(paths, reports=reports)
    return [record for shard in shards for record in read_records(shard, clear_text=clear_text)]


def told(*paths: Path) -> InputUnreadableError:
    with pytest.raises(InputUnreadableError) as caught:
        read(*paths)
    assert caught.value.rule
    assert caught.value.fix
    return caught.value


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def as_lines(bodies: list[Any]) -> str:
    return "".join(json.dumps(one) + "\n" for one in bodies)


def infos(records: list[Record]) -> list[str]:
    return [record.shared_info for record in records]


@given(reports=st.integers(1, 250))
def test_an_avro_file_is_split_at_blocks_and_keeps_order_and_positions(batch: Path, reports: int) -> None:
    expected = [record._replace(where=f"reports.avro[{number}]") for number, record in enumerate(RECORDS)]
    assert read(batch, reports=reports) == expected


def test_shards_hold_no_more_reports_than_asked_for_where_blocks_allow_it(batch: Path) -> None:
    shards = plan_shards([batch], reports=50)
    assert len(shards) > 4
    assert all(len(list(read_records(shard))) <= 50 for shard in shards)
    assert pickle.loads(pickle.dumps(shards)) == shards  # noqa: S301


def test_a_file_that_cannot_be_split_as_asked_is_split_at_each_block(batch: Path) -> None:
    assert len(plan_shards([batch], reports=1)) == len(plan_shards([batch], reports=2)) > 4


def test_an_avro_file_without_reports_is_one_shard_without_reports(tmp_path: Path) -> None:
    write_reports(tmp_path / "none.avro", [])
    (shard,) = plan_shards([tmp_path / "none.avro"])
    assert list(read_records(shard)) == []


@pytest.mark.parametrize("name", ["reports.avro", "reports"])
def test_an_avro_file_is_known_by_its_first_bytes(tmp_path: Path, name: str) -> None:
    write_reports(tmp_path / name, RECORDS[:1])
    assert plan_shards([tmp_path / name])[0].form is Form.AVRO


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("one.json", body(0)),
        ("array.json", [body(0)]),
        ("object.json", {"reports": [body(0)]}),
        ("envelopes.json", {"reports": [{"id": 1, "report": body(0)}]}),
        ("one.jsonl", as_lines([body(0)])),
        ("indented.json", json.dumps(body(0), indent=2)),
    ],
)
def test_a_report_is_found_in_every_form_that_collectors_keep(tmp_path: Path, name: str, content: Any) -> None:
    (record,) = read(write(tmp_path / name, content))
    assert (record.key_id, record.shared_info, len(record.payload)) == ("k1", shared_info(0), 895)
    assert record.where == f"{name}[0]"


@pytest.mark.parametrize("name", ["many.jsonl", "many.ndjson", "many.json", "many"])
@pytest.mark.parametrize("reports", [1, 3, 100])
def test_json_lines_are_split_at_line_ends(tmp_path: Path, name: str, reports: int) -> None:
    bodies = [body(number) for number in range(7)]
    path = write(tmp_path / name, as_lines(bodies[:3]) + "\n" + as_lines(bodies[3:]).rstrip("\n"))
    records = read(path, reports=reports)
    assert infos(records) == [shared_info(number) for number in range(7)]
    assert [record.where for record in records] == [f"{name}[{line}]" for line in (0, 1, 2, 4, 5, 6, 7)]
    assert len(plan_shards([path], reports=reports)) == -(-8 // reports)


def test_each_payload_of_a_report_is_a_report(tmp_path: Path) -> None:
    report = body(0)
    report["aggregation_service_payloads"] += body(0)["aggregation_service_payloads"]
    records = read(write(tmp_path / "two.json", [body(1), report]))
    assert infos(records) == [shared_info(1), shared_info(0), shared_info(0)]
    assert records[2].where == "two.json[1].aggregation_service_payloads[1]"


def test_a_job_over_clear_text_takes_the_clear_text(tmp_path: Path) -> None:
    path = write(tmp_path / "clear.json", body(0, [(7, 3)]))
    assert read(path, clear_text=True)[0].payload == plaintext((7, 3))


def test_a_report_without_clear_text_or_with_bad_base64_is_left_to_be_refused_by_itself(tmp_path: Path) -> None:
    report = body(0)
    payload = report["aggregation_service_payloads"][0]
    del payload["debug_cleartext_payload"]
    payload["payload"] = "no base64!"
    path = write(tmp_path / "bad.json", report)
    assert read(path, clear_text=True)[0].payload == b""
    assert read(path)[0].payload == b"no base64!"


def test_a_shared_info_that_was_parsed_is_given_as_json_to_be_refused_by_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "parsed.json", body(0) | {"shared_info": json.loads(shared_info(0))})
    assert json.loads(read(path)[0].shared_info) == json.loads(shared_info(0))


@pytest.mark.parametrize("member", ["key_id", "payload", "shared_info"])
def test_a_member_that_nests_deeper_than_is_written_is_left_to_be_refused_by_itself(
    tmp_path: Path, member: str
) -> None:
    report = body(0)
    (report if member in report else report["aggregation_service_payloads"][0])[member] = "DEEP"
    text = json.dumps(report).replace('"DEEP"', "[" * 500 + "]" * 500)
    first, second = read(write(tmp_path / "deep.json", f"[{text},{json.dumps(body(1))}]"))
    assert getattr(first, member) == (b"" if member == "payload" else "")
    assert second.shared_info == shared_info(1)


def test_json_lines_may_begin_with_a_blank_one(tmp_path: Path) -> None:
    path = write(tmp_path / "lines.json", "\n \n" + as_lines([body(0), body(1)]))
    assert infos(read(path)) == [shared_info(0), shared_info(1)]


def test_a_folder_is_its_files_by_name_without_hidden_and_empty_ones(tmp_path: Path, batch: Path) -> None:
    write(tmp_path / "b.json", body(1))
    write(tmp_path / "a.json", body(0))
    write(tmp_path / ".hidden", "no report")
    write(tmp_path / "_SUCCESS", "")
    (tmp_path / "folder").mkdir()
    records = read(tmp_path, batch)
    assert infos(records) == [shared_info(0), shared_info(1), *infos(RECORDS)]


def test_a_link_of_a_folder_that_leads_nowhere_is_named_for_its_reports_would_be_missing(
    tmp_path: Path, batch: Path
) -> None:
    (tmp_path / "a.avro").symlink_to(batch)
    assert len(read(tmp_path)) == len(RECORDS)
    (tmp_path / "b.avro").symlink_to(tmp_path / "nowhere")
    assert told(tmp_path).where == str(tmp_path / "b.avro")


def test_a_folder_without_files_is_named(tmp_path: Path) -> None:
    error = told(tmp_path)
    assert (error.what, error.where) == ("there are no reports", str(tmp_path))


def test_nothing_but_empty_files_is_named(tmp_path: Path) -> None:
    assert told(write(tmp_path / "empty.avro", "")).what == "there are no reports"


def test_no_input_at_all_is_named() -> None:
    assert told().what == "there are no reports"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    error = told(tmp_path / "gone.avro")
    assert error.what == "cannot be read: No such file or directory"
    assert error.where == str(tmp_path / "gone.avro")


@pytest.mark.parametrize("form", ["avro", "json", "jsonl"])
def test_a_file_that_vanishes_after_planning_is_named(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"reports.{form}"
    if form == "avro":
        write_reports(path, RECORDS)
    else:
        write(path, body(0))
    shards = plan_shards([path])
    path.unlink()
    with pytest.raises(InputUnreadableError, match="cannot be read: No such file"):
        list(read_records(shards[0]))


def test_a_file_that_is_cut_after_planning_is_named(tmp_path: Path) -> None:
    path = tmp_path / "reports.avro"
    write_reports(path, RECORDS)
    shards = plan_shards([path], reports=50)
    path.write_bytes(path.read_bytes()[:-1000])
    assert len(list(read_records(shards[0]))) > 0
    with pytest.raises(InputUnreadableError, match="the file ends within a block"):
        list(read_records(shards[-1]))


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("reports.avro", "no Avro", "it does not begin as an Avro file"),
        ("reports.json", "no JSON", "it is no JSON"),
        ("reports.json", '{"aggregation_service_payloads": [', "it is no JSON"),
        ("reports.jsonl", as_lines([body(0)]) + "broken\n", "it is no JSON"),
        ("reports.json", "[" * 100_000, "it is no JSON"),
        ("reports.json", {"trigger_data": "1"}, 'it has no "aggregation_service_payloads"'),
        ("reports.json", {"reports": [{"shared_info": "{}"}]}, 'it has no "aggregation_service_payloads"'),
        ("reports.json", [body(0), 7], 'it has no "aggregation_service_payloads"'),
        ("reports.json", {"aggregation_service_payloads": 1}, 'it has no "aggregation_service_payloads"'),
        ("reports.json", {"aggregation_service_payloads": [1]}, 'it has no "aggregation_service_payloads"'),
        ("reports.json", "\ufeff[]", "it is no JSON"),
    ],
)
def test_a_file_that_holds_something_else_is_named(tmp_path: Path, name: str, content: Any, what: str) -> None:
    error = told(write(tmp_path / name, content))
    assert error.what.startswith(what)
    assert error.where.startswith(str(tmp_path / name))


def test_a_domain_in_place_of_reports_is_named(tmp_path: Path) -> None:
    write_domain(tmp_path / "domain.avro", [1, 2])
    assert told(tmp_path / "domain.avro").what == "its records have no 'payload' of bytes"


def test_a_line_without_end_is_named_and_not_held(tmp_path: Path) -> None:
    path = tmp_path / "endless.jsonl"
    with path.open("wb") as file:
        file.truncate(MAX_LINE_BYTES + 2)
    assert told(path).what == f"a line has more than {MAX_LINE_BYTES:,} bytes"


def test_a_document_that_is_too_large_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.aggregation.report_files.MAX_DOCUMENT_BYTES", 100)
    assert told(write(tmp_path / "large.json", [body(0)])).what == "a JSON document of more than 100 bytes"


def test_the_payload_is_the_base64_of_the_report(tmp_path: Path) -> None:
    report = body(0)
    (record,) = read(write(tmp_path / "one.json", report))
    assert base64.b64encode(record.payload).decode() == report["aggregation_service_payloads"][0]["payload"]
