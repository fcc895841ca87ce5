"""Bad input to the aggregation service: "Corrupt Avro, truncated shards, unknown keys, wrong versions, empty domains,
duplicate job ids, reports of two coordinators: the real service's codes and counters, never a traceback, nothing
consumed that must not be."
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from agent.aggregation.avro import Record, read_facts
from agent.cli.main import main
from agent.crypto.keys import KeyRing, generate_key
from agent.model.aggregation import ReturnCode, SpentUnit
from agent.model.clock import format_instant
from agent.model.rng import SeededRng
from agent.runtime import Agent
from tests.aggregation.jobs import BUCKET, KEY, NOW, ORIGIN, batch, domain_file, job, record, run

REPORTS = 20
OTHER_KEY = generate_key(SeededRng(2))
SUCCESS, REFUSED, USAGE = 0, 1, 2
"""Exit codes of the command."""


def reports(count: int = REPORTS) -> list[Record]:
    """Reports of one hour, each with one contribution of 100."""
    return [record(number) for number in range(count)]


class Service:
    """The command on a profile, whose ledger outlives it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.keys = folder / "keys.json"
        self.keys.write_text(KeyRing(KEY).to_json())
        self.domain = domain_file(folder, [BUCKET, 7])

    def run(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of one command."""
        self._capsys.readouterr()
        code = main([*map(str, arguments), "--profile", str(self.folder / "profile")])
        out, err = self._capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    def command(self, job: str, inputs: Iterable[Path], *flags: str | Path) -> tuple[int, str, str]:
        """Run a job of the files ``inputs`` without noise; ``flags`` stand behind the usual ones and win."""
        usual = ("--domain", self.domain, "--keys", self.keys, "--output", self.folder / job, "--now")
        asked = ("--noise=off", "--attribution-report-to", ORIGIN, "--workers", "1", "--json")
        return self.run("aggregate", *inputs, "--job", job, *usual, format_instant(NOW), *asked, *flags)

    def job(self, job: str, inputs: Iterable[Path], *flags: str | Path) -> dict[str, Any]:
        """The result of such a job, which is the same as its result_info.json."""
        code, out, _ = self.command(job, inputs, *flags)
        document: dict[str, Any] = json.loads(out)
        kept = json.loads((self.folder / job / "result_info.json").read_text())
        assert kept["return_code"] == document["return_code"]
        assert code == (SUCCESS if document["return_code"].startswith("SUCCESS") else REFUSED)
        counts = {one["category"]: one["count"] for one in kept["error_summary"]["error_counts"]}
        return {"return_code": kept["return_code"], "error_counts": counts}

    def spent(self) -> list[SpentUnit]:
        """Every unit that any job spent, as the ledger has it."""

        async def ask() -> list[SpentUnit]:
            async with Agent.open_profile(self.folder / "profile") as agent:
                jobs = await agent.aggregation.jobs(after=0, limit=1000)
                return [unit for job in jobs for unit in await agent.aggregation.spent(job.job_request_id)]

        return asyncio.run(ask())

    def explained(self, job: str) -> str:
        """What `explain` prints of a job."""
        code, out, _ = self.run("explain", f"job:{job}")
        assert code == SUCCESS
        return out

    def consumed_nothing(self) -> None:
        """No job before spent anything, and a good one over the same reports has them all."""
        assert self.spent() == []
        good = batch(self.folder, reports(), "good.avro")
        assert self.job("good", [good]) == {"return_code": "SUCCESS", "error_counts": {}}
        assert read_facts(self.folder / "good" / "output.avro") == {7: 0, BUCKET: 100 * REPORTS}
        assert [one.job_request_id for one in self.spent()] == ["good"]


@pytest.fixture
def service(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Service(tmp_path, capsys)


def ended(code: str, **counts: int) -> dict[str, Any]:
    """A result with these counters and their total."""
    return {"return_code": code, "error_counts": counts}


# "Corrupt Avro"

Spoil = Callable[[bytes], bytes]


def _header(file: bytes) -> int:
    """Where the header of ``file`` ends, behind the first of the marks that end it and each block."""
    mark = file[-16:]
    return file.index(mark) + 16


CORRUPT: dict[str, Spoil] = {
    "no Avro": lambda _: b"bucket,value\n1,2\n",
    "noise": lambda file: bytes(range(256)) * (len(file) // 256),
    "zeros": lambda file: bytes(len(file)),
    "magic alone": lambda file: file[:4],
    "another magic": lambda file: b"Obj\x02" + file[4:],
    "a schema that is no JSON": lambda file: file.replace(b'"fields"', b'"fields,', 1),
    "another record": lambda file: file.replace(b"shared_info", b"shared_data", 1),
    "an unknown codec": lambda file: file.replace(b"\x08null", b"\x08zstd", 1),
    "a wrong mark behind the block": lambda file: file[:-1] + bytes([file[-1] ^ 1]),
    "more behind the last block": lambda file: file + b"x",
    "a block of a negative count": lambda file: file[: (at := _header(file))] + b"\x01" + file[at + 1 :],
    "a block of a huge size": lambda file: file[: (at := _header(file))] + b"\x28" + b"\xfe" * 8 + b"\x7f" + file[at:],
    "a block of noise": lambda file: file[: (at := _header(file) + 4)] + b"\xff" * (len(file) - at - 16) + file[-16:],
}


@pytest.mark.parametrize("spoil", CORRUPT.values(), ids=CORRUPT)
def test_corrupt_avro_fails_the_job_as_unreadable_and_consumes_nothing(service: Service, spoil: Spoil) -> None:
    path = batch(service.folder, reports())
    path.write_bytes(spoil(path.read_bytes()))
    assert service.job("bad", [path]) == ended("INPUT_DATA_READ_FAILED")
    assert path.name in service.explained("bad")
    service.consumed_nothing()


def test_one_corrupt_avro_file_among_good_ones_fails_the_job_and_consumes_nothing(service: Service) -> None:
    shards = service.folder / "shards"
    for number in range(3):
        batch(shards, reports()[number::3], f"{number}.avro")
    damaged = shards / "1.avro"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    assert service.job("bad", [shards]) == ended("INPUT_DATA_READ_FAILED")
    assert "1.avro" in service.explained("bad")
    service.consumed_nothing()


def test_corrupt_avro_as_a_domain_is_unreadable_too_and_consumes_nothing(service: Service) -> None:
    path = batch(service.folder, reports())
    service.domain.write_bytes(service.domain.read_bytes()[:-20])
    assert service.job("bad", [path]) == ended("INPUT_DATA_READ_FAILED")
    assert service.domain.name in service.explained("bad")
    service.domain = domain_file(service.folder, [BUCKET, 7])
    service.consumed_nothing()


def test_a_corrupt_payload_leaves_out_its_report_alone(service: Service) -> None:
    batch_of = reports()
    batch_of[3] = batch_of[3]._replace(payload=batch_of[3].payload[:-1] + bytes([batch_of[3].payload[-1] ^ 1]))
    result = service.job("bad", [batch(service.folder, batch_of)])
    assert result == ended("SUCCESS_WITH_ERRORS", DECRYPTION_ERROR=1, NUM_REPORTS_WITH_ERRORS=1)
    assert read_facts(service.folder / "bad" / "output.avro")[BUCKET] == 100 * (REPORTS - 1)
    assert "reports.avro[3]" in service.explained("bad")


# "truncated shards"


def test_truncated_shards_fail_the_job_as_unreadable_wherever_they_end_and_consume_nothing(service: Service) -> None:
    path = batch(service.folder, reports())
    whole = path.read_bytes()
    header = _header(whole)
    ends = {1, 3, 4, 5, header - 17, header - 1, header + 1, header + 2}
    ends |= {len(whole) - 17, len(whole) - 16, len(whole) - 1, *range(header + 7, len(whole), len(whole) // 50)}

    async def run_all() -> None:
        async with Agent.open_profile(service.folder / "profile") as agent:
            for end in sorted(ends):
                path.write_bytes(whole[:end])
                finished = await run(job(service.folder, f"cut-{end}"), agent.aggregation.ledger)
                assert finished.result_info.return_code is ReturnCode.INPUT_DATA_READ_FAILED, end

    asyncio.run(run_all())
    service.consumed_nothing()


def test_shards_truncated_to_nothing_are_skipped_and_none_left_is_unreadable(service: Service) -> None:
    empty = service.folder / "empty.avro"
    empty.write_bytes(b"")
    assert service.job("bad", [empty]) == ended("INPUT_DATA_READ_FAILED")
    service.consumed_nothing()
    beside = batch(service.folder, [record(number, scheduled_report_time=str(NOW // 1000)) for number in range(3)])
    assert service.job("beside", [empty, beside]) == ended("SUCCESS")


# "unknown keys"


def test_reports_under_unknown_keys_are_counted_and_too_many_of_them_consume_nothing(service: Service) -> None:
    path = batch(service.folder, [one._replace(key_id="unknown") for one in reports()])
    assert service.job("bad", [path]) == ended(
        "REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD", DECRYPTION_KEY_NOT_FOUND=REPORTS, NUM_REPORTS_WITH_ERRORS=REPORTS
    )
    assert "sealed to key 'unknown'" in service.explained("bad")
    service.consumed_nothing()


@pytest.mark.parametrize("key_id", ["", "\0", "é" * 1000, "../../keys", "%s{0}[bold]"])
def test_unknown_keys_of_any_name_leave_out_their_report_alone(service: Service, key_id: str) -> None:
    batch_of = reports()
    batch_of[0] = batch_of[0]._replace(key_id=key_id)
    result = service.job("bad", [batch(service.folder, batch_of)])
    assert result == ended("SUCCESS_WITH_ERRORS", DECRYPTION_KEY_NOT_FOUND=1, NUM_REPORTS_WITH_ERRORS=1)
    assert len(service.explained("bad")) < 10_000


# "wrong versions"


@pytest.mark.parametrize("version", ["2.0", "2.1", "10.0", "99999999999999999999.0"])
def test_one_report_of_a_newer_major_version_fails_the_whole_job_and_consumes_nothing(
    service: Service, version: str
) -> None:
    path = batch(service.folder, [*reports()[1:], record(0, version=version)])
    assert service.job("bad", [path])["return_code"] == "UNSUPPORTED_REPORT_VERSION"
    assert f"version {version}" in service.explained("bad")
    service.consumed_nothing()


BOTH = {"REQUIRED_SHAREDINFO_FIELD_INVALID", "UNSUPPORTED_SHAREDINFO_VERSION"}
WRONG_VERSIONS = {
    "": BOTH,
    "0.0": BOTH,
    "1": {"UNSUPPORTED_SHAREDINFO_VERSION"},
    "1.0.0": {"UNSUPPORTED_SHAREDINFO_VERSION"},
    "v1.0": {"UNSUPPORTED_SHAREDINFO_VERSION"},
    "-1.0": {"UNSUPPORTED_SHAREDINFO_VERSION"},
    "1.0\n": {"UNSUPPORTED_SHAREDINFO_VERSION"},
}


@pytest.mark.parametrize(("version", "counters"), WRONG_VERSIONS.items(), ids=map(repr, WRONG_VERSIONS))
def test_reports_of_wrong_versions_are_counted_and_too_many_of_them_consume_nothing(
    service: Service, version: str, counters: set[str]
) -> None:
    path = batch(service.folder, [record(number, version=version) for number in range(REPORTS)])
    result = service.job("bad", [path])
    assert result["return_code"] == "REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD"
    assert counters <= result["error_counts"].keys()
    assert set(result["error_counts"].values()) == {REPORTS}, "each validator counts, the report once in the total"
    service.consumed_nothing()


@pytest.mark.parametrize("version", ["0.1", "1.0", "1.9"])
def test_versions_that_the_service_knows_are_no_wrong_versions(service: Service, version: str) -> None:
    path = batch(service.folder, [record(number, version=version) for number in range(REPORTS)])
    assert service.job("fine", [path]) == ended("SUCCESS")


# "empty domains"


@pytest.mark.parametrize("name", ["empty.avro", "empty.csv"])
def test_empty_domains_fail_the_job_as_unreadable_and_consume_nothing(service: Service, name: str) -> None:
    path = batch(service.folder, reports())
    empty = domain_file(service.folder, [], name)
    if empty.suffix == ".csv":
        empty.write_text("bucket,label\n")
    assert service.job("bad", [path], "--domain", empty) == ended("INPUT_DATA_READ_FAILED")
    assert "output domain" in service.explained("bad")
    service.consumed_nothing()


# "duplicate job ids"


def test_duplicate_job_ids_are_refused_and_consume_nothing_more(service: Service) -> None:
    first = batch(service.folder, reports(), "first.avro")
    assert service.job("same", [first]) == ended("SUCCESS")
    summary = (service.folder / "same" / "output.avro").read_bytes()
    before = service.spent()
    later = batch(service.folder, [record(number, scheduled_report_time=str(NOW // 1000)) for number in range(3)], "2")
    for inputs, flags in (([first], ()), ([later], ()), ([later], ("--epsilon", "1"))):
        code, out, err = service.command("same", inputs, *flags)
        assert code == USAGE
        assert "job same is finished: SUCCESS" in out + err
    assert service.spent() == before
    assert (service.folder / "same" / "output.avro").read_bytes() == summary
    assert service.job("other", [later]) == ended("SUCCESS")


def test_duplicate_reports_count_once_and_are_no_error(service: Service) -> None:
    path = batch(service.folder, [*reports(), *reports()])
    assert service.job("twice", [path]) == ended("SUCCESS")
    assert read_facts(service.folder / "twice" / "output.avro")[BUCKET] == 100 * REPORTS


# "reports of two coordinators"


def of_two_coordinators(theirs: int) -> list[Record]:
    """A batch of which the first ``theirs`` reports are sealed to the other coordinator's key."""
    return [one._replace(key_id=OTHER_KEY.id.hex()) if number < theirs else one for number, one in enumerate(reports())]


def test_reports_of_two_coordinators_half_and_half_are_counted_and_consume_nothing(service: Service) -> None:
    path = batch(service.folder, of_two_coordinators(REPORTS // 2))
    assert service.job("bad", [path]) == ended(
        "REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD",
        DECRYPTION_KEY_NOT_FOUND=REPORTS // 2,
        NUM_REPORTS_WITH_ERRORS=REPORTS // 2,
    )
    assert "two coordinators" in service.explained("bad")
    service.consumed_nothing()


def test_a_few_reports_of_another_coordinator_are_left_out_and_named(service: Service) -> None:
    path = batch(service.folder, of_two_coordinators(2))
    result = service.job("bad", [path])
    assert result == ended("SUCCESS_WITH_ERRORS", DECRYPTION_KEY_NOT_FOUND=2, NUM_REPORTS_WITH_ERRORS=2)
    assert read_facts(service.folder / "bad" / "output.avro")[BUCKET] == 100 * (REPORTS - 2)
    assert "two coordinators" in service.explained("bad")


# "nothing consumed that must not be"

PARAMETERS = {
    "epsilon": {"debug_privacy_epsilon": "65"},
    "no origin": {"attribution_report_to": " "},
    "two owners": {"reporting_site": "https://adtech.test"},
    "threshold": {"report_error_threshold_percentage": "101"},
    "count": {"input_report_count": "-1"},
    "filtering ids": {"filtering_ids": "0,-1"},
}


@pytest.mark.parametrize("wrong", PARAMETERS.values(), ids=PARAMETERS)
def test_invalid_parameters_are_an_invalid_job_that_consumes_nothing(service: Service, wrong: dict[str, str]) -> None:
    file = service.folder / "parameters.json"
    file.write_text(json.dumps({"attribution_report_to": ORIGIN} | wrong))
    path = batch(service.folder, reports())
    usual = ("--domain", service.domain, "--keys", service.keys, "--output", service.folder / "bad", "--json")
    code, out, _ = service.run("aggregate", path, "--job", "bad", *usual, "--parameters", file)
    assert code == REFUSED
    assert json.loads(out)["return_code"] == "INVALID_JOB"
    assert next(iter(wrong)) in service.explained("bad")
    service.consumed_nothing()


def test_an_exhausted_budget_is_named_by_job_and_consumes_nothing_of_what_is_left(service: Service) -> None:
    service.consumed_nothing()
    later = [record(100 + number, scheduled_report_time=str(NOW // 1000)) for number in range(3)]
    mixed = batch(service.folder, [record(50), *later], "mixed.avro")
    assert service.job("bad", [mixed]) == ended("PRIVACY_BUDGET_EXHAUSTED")
    assert "spent by job 'good'" in service.explained("bad")
    assert len(service.spent()) == 1
    assert service.job("later", [batch(service.folder, later, "later.avro")]) == ended("SUCCESS")
