"""Collected reports become batches; what is written is read back by the service's own readers."""

from __future__ import annotations

import asyncio
import json
import os
import tracemalloc
from pathlib import Path

import fastavro
import pytest

from agent.aggregation.avro import Record, ReportWriter
from agent.aggregation.collected_batches import Export, export_avro, export_json
from agent.aggregation.report_files import plan_shards, read_records
from agent.model.attribution_reporting.collected import CollectedAttributionReport, Selection
from agent.model.clock import HOUR
from agent.model.errors import HostEnvironmentError, UsageError
from agent.model.reports import ReportKind
from tests.aggregation.collected import NOW, Shelf, element, sealed_report, shared_info

AGGREGATABLE = Selection(ReportKind.AGGREGATABLE)


def names(paths: tuple[Path, ...], folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in paths]


def payloads(folder: Path) -> list[bytes]:
    return [record.payload for shard in plan_shards([folder]) for record in read_records(shard)]


def contents(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


async def test_an_avro_batch_is_of_the_schema_of_the_service_with_a_record_for_each_payload(tmp_path: Path) -> None:
    first = sealed_report("a", element(b"one"), element(b"two", "k2"))
    export = await export_avro(Shelf(ReportKind.AGGREGATABLE, first, sealed_report("b")), tmp_path, AGGREGATABLE)
    assert names(export.files, tmp_path) == ["aggregatable/aggregatable-1-of-1.avro"]
    assert (export.reports, export.records, export.left_out, export.clear_text_files) == (2, 3, 0, ())
    with export.files[0].open("rb") as file:
        reader = fastavro.reader(file)
        schema = reader.writer_schema
        assert isinstance(schema, dict)
        assert schema["name"] == "AggregatableReport"
        assert [(field["name"], field["type"]) for field in schema["fields"]] == [
            ("payload", "bytes"),
            ("key_id", "string"),
            ("shared_info", "string"),
        ]
        assert reader.metadata.get("avro.codec", "null") == "null"
        assert list(reader) == [
            {"payload": b"one", "key_id": "k1", "shared_info": shared_info("a")},
            {"payload": b"two", "key_id": "k2", "shared_info": shared_info("a")},
            {"payload": b"sealed", "key_id": "k1", "shared_info": shared_info("b")},
        ]


async def test_shared_info_survives_byte_for_byte_as_avro_and_as_json(tmp_path: Path) -> None:
    odd = '{ "report_id":"a",\t"version" : "1.0", "report_id":"a", "api":"\\u0061", "é":"\\u2028" }'
    body = json.dumps({"shared_info": odd, "aggregation_service_payloads": [element()]}, indent=2).encode()
    shelf = Shelf(ReportKind.AGGREGATABLE, body.replace(b"\n", b"\r\n"))
    for export in (export_avro, export_json):
        await export(shelf, tmp_path / export.__name__, AGGREGATABLE)
        (shard,) = plan_shards([tmp_path / export.__name__ / "aggregatable"])
        ((payload, key_id, info, _),) = read_records(shard)
        assert (payload, key_id, info) == (b"sealed", "k1", odd)


async def test_json_has_each_document_as_it_was_received_on_one_line(tmp_path: Path) -> None:
    bodies = (sealed_report("a"), b' {"x":\n "y\\n"}\r\n', sealed_report("b", element(clear_text=b"clear")))
    export = await export_json(Shelf(ReportKind.AGGREGATABLE, *bodies), tmp_path, AGGREGATABLE)
    assert names(export.files, tmp_path) == ["aggregatable/aggregatable-1-of-1.jsonl"]
    assert export.files[0].read_bytes().split(b"\n") == [bodies[0], b' {"x":  "y\\n"}  ', bodies[2], b""]
    assert (export.reports, export.records) == (3, 3)


async def test_what_debug_reports_have_in_clear_text_is_a_second_batch_in_a_folder_of_its_own(tmp_path: Path) -> None:
    debug = ReportKind.AGGREGATABLE_DEBUG
    shelf = Shelf(debug, sealed_report("a", element(b"one", clear_text=b"cbor")), sealed_report("b", element(b"two")))
    export = await export_avro(shelf, tmp_path, Selection(debug))
    assert names(export.files, tmp_path) == ["aggregatable-debug/aggregatable-debug-1-of-1.avro"]
    assert names(export.clear_text_files, tmp_path) == [
        "aggregatable-debug-clear-text/aggregatable-debug-clear-text-1-of-1.avro"
    ]
    assert payloads(tmp_path / "aggregatable-debug") == [b"one", b"two"]
    assert payloads(tmp_path / "aggregatable-debug-clear-text") == [b"cbor"]
    assert (export.records, export.clear_text_records) == (2, 1)


async def test_a_debug_copy_is_never_in_one_batch_with_its_report(tmp_path: Path) -> None:
    shelf = Shelf(ReportKind.AGGREGATABLE, sealed_report("a", element(b"report")))
    copy = CollectedAttributionReport(2, NOW, ReportKind.AGGREGATABLE_DEBUG, sealed_report("a", element(b"copy")))
    shelf.reports.append(copy)
    for kind in (ReportKind.AGGREGATABLE, ReportKind.AGGREGATABLE_DEBUG):
        await export_avro(shelf, tmp_path, Selection(kind))
    assert payloads(tmp_path / "aggregatable") == [b"report"]
    assert payloads(tmp_path / "aggregatable-debug") == [b"copy"]


async def test_a_shard_has_at_most_so_many_records_and_its_name_says_which_of_how_many_it_is(tmp_path: Path) -> None:
    shelf = Shelf(ReportKind.AGGREGATABLE, *(sealed_report(str(n), element(b"%d" % n)) for n in range(25)))
    export = await export_avro(shelf, tmp_path, AGGREGATABLE, shard_reports=2)
    assert names(export.files, tmp_path)[::12] == [
        "aggregatable/aggregatable-01-of-13.avro",
        "aggregatable/aggregatable-13-of-13.avro",
    ]
    found = []
    for path in export.files:
        with path.open("rb") as file:
            found.append([record["payload"] for record in fastavro.reader(file)])  # type: ignore[index, call-overload]
    assert found == [[b"%d" % n for n in range(25)][start : start + 2] for start in range(0, 25, 2)]


async def test_names_say_what_was_selected(tmp_path: Path) -> None:
    selection = Selection(
        ReportKind.AGGREGATABLE, "attribution-reporting", "https://shop.test", NOW - 8 * HOUR, NOW + HOUR
    )
    export = await export_json(Shelf(ReportKind.AGGREGATABLE, sealed_report()), tmp_path, selection)
    assert export.files[0].name == (
        "aggregatable_attribution-reporting_shop.test_from-2027-01-15T00Z_until-2027-01-15T09Z-1-of-1.jsonl"
    )


async def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    selection = Selection(ReportKind.AGGREGATABLE, destination="https://../../" + "é" * 1_000)
    export = await export_json(Shelf(ReportKind.AGGREGATABLE, sealed_report()), tmp_path, selection)
    assert export.files[0].parent == tmp_path / "aggregatable"
    assert len(os.fsencode(export.files[0].name)) <= 255


GARBLED = [
    (b"[]", "", "no aggregatable report"),
    (b"\xff", "", "no aggregatable report"),
    (b'{"shared_info": 1, "aggregation_service_payloads": []}', "", "no aggregatable report"),
    (sealed_report("a", {"key_id": "k", "payload": "A"}), "aggregation_service_payloads[0]", "no base64"),
    (sealed_report("a", {"key_id": "k", "payload": "AA=="}, "x"), "aggregation_service_payloads[1]", "key_id"),
    (sealed_report("a", {"key_id": "k", "payload": "AA =="}), "aggregation_service_payloads[0]", "no base64"),
    (sealed_report("a", {"key_id": "k", "payload": "_-=="}), "aggregation_service_payloads[0]", "no base64"),
    (sealed_report("a", {"key_id": 1, "payload": "AA=="}), "aggregation_service_payloads[0]", "key_id"),
    (sealed_report("a", {"payload": "AA=="}), "aggregation_service_payloads[0]", "key_id"),
    (sealed_report("a", {"key_id": "\ud800", "payload": "AA=="}), "aggregation_service_payloads[0]", "no base64"),
    (
        sealed_report("a", {"key_id": "k", "payload": "AA==", "debug_cleartext_payload": None}),
        "aggregation_service_payloads[0]",
        "debug_cleartext_payload",
    ),
]


@pytest.mark.parametrize(("body", "where", "why"), GARBLED)
async def test_what_cannot_be_exported_is_told_and_the_rest_is_there(
    tmp_path: Path, body: bytes, where: str, why: str
) -> None:
    shelf = Shelf(ReportKind.AGGREGATABLE, sealed_report("b", element(b"whole")), body)
    export = await export_avro(shelf, tmp_path, AGGREGATABLE)
    assert b"whole" in payloads(tmp_path / "aggregatable")
    assert export.left_out == 1
    ((number, told_where, told_why),) = [(one.id, one.where, one.why) for one in export.told]
    assert (number, told_where) == (2, where)
    assert why in told_why


async def test_of_what_cannot_be_exported_the_first_hundred_are_told_and_all_counted(tmp_path: Path) -> None:
    export = await export_avro(Shelf(ReportKind.AGGREGATABLE, *[b"[]"] * 150), tmp_path, AGGREGATABLE)
    assert (export.left_out, len(export.told), export.reports, export.files) == (150, 100, 150, ())
    assert contents(tmp_path) == []


async def test_an_empty_selection_leaves_no_file(tmp_path: Path) -> None:
    export = await export_avro(Shelf(), tmp_path, AGGREGATABLE)
    assert export == Export()
    assert contents(tmp_path) == []


@pytest.mark.parametrize("kind", [ReportKind.EVENT_LEVEL, ReportKind.VERBOSE_DEBUG])
async def test_reports_without_payloads_are_no_avro_batch_but_json(tmp_path: Path, kind: ReportKind) -> None:
    with pytest.raises(UsageError, match="no payload"):
        await export_avro(Shelf(kind, b"[]"), tmp_path, Selection(kind))
    assert (await export_json(Shelf(kind, b"[]"), tmp_path, Selection(kind))).files[0].read_bytes() == b"[]\n"


async def test_a_folder_that_holds_a_batch_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    shelf = Shelf(ReportKind.AGGREGATABLE, sealed_report())
    await export_avro(shelf, tmp_path, AGGREGATABLE)
    before, shelf.asked = contents(tmp_path), []
    for export in (export_avro, export_json):
        with pytest.raises(UsageError, match="not empty"):
            await export(shelf, tmp_path, AGGREGATABLE)
    assert contents(tmp_path) == before
    assert shelf.asked == []


async def test_a_batch_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk(ReportWriter):
        def write(self, record: Record) -> None:
            if record.payload == b"3":
                raise OSError(28, "No space left on device")
            super().write(record)

    monkeypatch.setattr("agent.aggregation.collected_batches.ReportWriter", FullDisk)
    shelf = Shelf(ReportKind.AGGREGATABLE, *(sealed_report(str(n), element(b"%d" % n)) for n in range(5)))
    with pytest.raises(HostEnvironmentError, match="No space left"):
        await export_avro(shelf, tmp_path, AGGREGATABLE, shard_reports=2)
    assert contents(tmp_path) == []


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(HostEnvironmentError, match="the batch cannot be written"):
            await export_avro(Shelf(ReportKind.AGGREGATABLE, sealed_report()), folder, AGGREGATABLE)
    (tmp_path / "aggregatable").write_bytes(b"a file")
    with pytest.raises(HostEnvironmentError, match="the batch cannot be written"):
        await export_avro(Shelf(ReportKind.AGGREGATABLE, sealed_report()), tmp_path, AGGREGATABLE)
    assert contents(tmp_path) == ["aggregatable", "file"]


async def test_an_export_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    class Endless(Shelf):
        async def page(
            self, *, after: int, limit: int, selection: Selection | None = None
        ) -> list[CollectedAttributionReport]:
            del limit, selection
            await asyncio.sleep(0)
            return [CollectedAttributionReport(after + 1, NOW, ReportKind.AGGREGATABLE, sealed_report())]

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await export_avro(Endless(), tmp_path, AGGREGATABLE)
    assert contents(tmp_path) == []


async def test_memory_is_that_of_a_page_whatever_the_shelf_holds(tmp_path: Path) -> None:
    payload = element(bytes(30_000))

    class Long(Shelf):
        async def page(
            self, *, after: int, limit: int, selection: Selection | None = None
        ) -> list[CollectedAttributionReport]:
            del selection
            numbers = range(after + 1, min(after + limit, 3_000) + 1)
            body = sealed_report("a", payload)
            return [
                CollectedAttributionReport(n, NOW, ReportKind.AGGREGATABLE, bytes(bytearray(body))) for n in numbers
            ]

    tracemalloc.start()
    try:
        export = await export_avro(Long(), tmp_path, AGGREGATABLE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert export.files[0].stat().st_size > 90_000_000
    assert peak < 30_000_000
