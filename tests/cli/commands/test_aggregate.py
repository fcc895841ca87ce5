"""The whole command on sealed reports: what it prints, keeps and writes, and how it ends."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from agent.aggregation.avro import Record, read_facts
from agent.cli.control import control_endpoint
from agent.model.clock import DAY, Clock, format_instant
from agent.runtime import Agent
from tests.aggregation.jobs import BUCKET, KEY, KEY_ID, NOW, ORIGIN, batch, clear, domain_file, record
from tests.cli.conftest import Run, Tallyhost
from tests.conformance_data import conformance_file

AT = ("--now", format_instant(NOW), "--workers", "1", "--seed", "3")


@pytest.fixture
def keys(tmp_path: Path) -> tuple[str, str]:
    """The flag that names the keys of the batches."""
    file = tmp_path / "KEYS.json"
    entry = {"id": KEY_ID, "private_key": base64.b64encode(KEY.private_key).decode()}
    file.write_text(json.dumps({"keys": [entry]}))
    return "--keys", str(file)


@pytest.fixture
def reports(tmp_path: Path) -> str:
    """A batch of two reports, of 100 each in one bucket."""
    return str(batch(tmp_path, [record(1), record(2)]))


def facts(run: Run) -> dict[int, dict[str, Any]]:
    """The rows of a JSON answer by bucket."""
    return {int(fact["bucket"], 16): fact for fact in run.document["summary"]["facts"]}


def test_a_summary_without_noise_is_the_sums(tallyhost: Tallyhost, reports: str, keys: tuple[str, str]) -> None:
    run = tallyhost("aggregate", reports, "--no-domain", "--noise=off", *keys, *AT)
    assert (run.code, run.err) == (0, "")
    assert "2 reports for https://adtech.test" in run.out
    assert " 1369 " in run.out
    assert " 0x559 " in run.out
    assert " 200 " in run.out
    assert "2 reports counted, epsilon 10, noise off, 1 budget unit spent" in run.out
    assert read_facts(Path("tallyhost-summary/output.avro")) == {BUCKET: 200}


def test_noise_and_workers_are_settings_like_others(
    tallyhost: Tallyhost, reports: str, keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYHOST_NOISE", "off")
    Path("tallyhost.toml").write_text("workers = 1\n")
    run = tallyhost("aggregate", reports, "--no-domain", *keys, "--now", format_instant(NOW))
    assert "noise off" in run.out
    Path("tallyhost.toml").write_text("workers = 0\n")
    wrong = tallyhost("aggregate", reports, "--no-domain", *keys)
    assert (wrong.code, "tallyhost.toml:1: workers = 0" in wrong.err) == (2, True)


def test_noise_is_repeated_by_its_seed_and_stands_in_every_file(
    tallyhost: Tallyhost, reports: str, keys: tuple[str, str], tmp_path: Path
) -> None:
    domain = str(domain_file(tmp_path, [BUCKET, 7]))
    first = tallyhost("aggregate", reports, "--domain", domain, "--json", *keys, *AT)
    again = tallyhost("aggregate", reports, "--domain", domain, "--json", *keys, *AT)
    assert [*facts(first)] == [7, BUCKET]
    assert facts(first) == facts(again)
    written = read_facts(Path("tallyhost-summary/output.avro"))
    assert written == {bucket: fact["metric"] for bucket, fact in facts(first).items()}
    assert facts(first)[BUCKET]["metric"] != 200
    # The 90 % interval of a discrete Laplace of scale 6553.6 is 6553.6 * ln 10 = 15,090 wide to each side.
    assert facts(first)[7]["p95"] - facts(first)[7]["metric"] == pytest.approx(15_090, abs=1)


def test_the_true_sums_are_told_where_asked_for_and_in_no_file_of_the_summary(
    tallyhost: Tallyhost, tmp_path: Path, keys: tuple[str, str]
) -> None:
    reports = str(batch(tmp_path, [record(1, contributions=[(BUCKET, 54_321)])]))
    hidden = tallyhost("aggregate", reports, "--no-domain", "--output", "hidden", *keys, *AT)
    shown = tallyhost("aggregate", reports, "--no-domain", "--output", "shown", "--reveal", *keys, *AT)
    assert "54,321" not in hidden.out
    assert "54,321" in shown.out
    texts = {file.name: file.read_bytes().replace(b",", b"") for file in Path("shown").iterdir()}
    assert [name for name, text in texts.items() if b"54321" in text] == ["summary.html"]
    assert b"54,321" not in Path("hidden/summary.html").read_bytes()


def test_budget_is_kept_in_the_profile_and_a_refusal_says_who_spent_it(
    tallyhost: Tallyhost, reports: str, keys: tuple[str, str]
) -> None:
    first = tallyhost("aggregate", reports, "--no-domain", "--profile", "kept", "--job", "monday", *keys, *AT)
    assert first.code == 0
    assert "tallyhost explain monday" in first.out
    second = tallyhost("aggregate", reports, "--no-domain", "--profile", "kept", "--job", "tuesday", *keys, *AT)
    assert second.code == 1
    assert "tuesday: PRIVACY_BUDGET_EXHAUSTED" in second.out
    assert "nothing was spent" in second.out
    assert "spent by job 'monday'" in second.out
    assert "of an earlier job, in the same folder: output.avro" in second.out
    told, _, spender = tallyhost("explain", "tuesday", "--profile", "kept").out.partition("stops here")
    assert told in second.out
    assert "job monday: 2 of 2 reports" in spender
    other = tallyhost("aggregate", reports, "--no-domain", "--profile", "kept", "--filtering-ids", "1", *keys, *AT)
    assert other.code == 0


def test_a_job_has_one_answer(tallyhost: Tallyhost, reports: str, keys: tuple[str, str]) -> None:
    asked = ("aggregate", reports, "--no-domain", "--profile", "kept", "--job", "monday", *keys, *AT)
    assert tallyhost(*asked).code == 0
    again = tallyhost(*asked)
    assert again.code == 2
    assert "job monday is finished: SUCCESS" in again.err


def test_a_job_that_was_ended_after_its_budget_was_spent_goes_on_under_its_name(
    tallyhost: Tallyhost, reports: str, keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    asked = ("aggregate", reports, "--no-domain", "--profile", "kept", *keys, "--now", format_instant(NOW))
    with monkeypatch.context() as patched:
        patched.setattr("agent.aggregation.outputs.planned_files", ended)
        first = tallyhost(*asked, "--workers", "1")
    assert first.code == 130
    (name,) = [line.removeprefix("job ") for line in first.out.splitlines() if line.startswith("job ")]
    again = tallyhost(*asked, "--job", name, "--workers", "1")
    assert again.code == 0
    assert "2 reports counted" in again.out
    assert "1 budget unit spent" in again.out
    assert "an earlier run of this job had spent its budget" in again.out
    assert Path("tallyhost-summary/output.avro").exists()


def test_in_memory_budget_begins_anew_and_the_output_says_so(
    tallyhost: Tallyhost, reports: str, keys: tuple[str, str]
) -> None:
    for _ in range(2):
        run = tallyhost("aggregate", reports, "--no-domain", *keys, *AT)
        assert run.code == 0
        assert "budgets were in memory and begin anew with the next job: --profile DIR keeps them" in run.out


def test_a_debug_run_spends_nothing_and_shows_the_true_sums(
    tallyhost: Tallyhost, tmp_path: Path, keys: tuple[str, str]
) -> None:
    reports = str(batch(tmp_path, [record(1, debug_mode="enabled")]))
    asked = ("aggregate", reports, "--no-domain", "--profile", "kept", "--debug-run", "--json", *keys, *AT)
    first, second = tallyhost(*asked), tallyhost(*asked)
    assert (first.code, second.code) == (0, 0)
    assert facts(second)[BUCKET]["unnoised_metric"] == 100
    assert second.document["budget_units_spent"] == 0
    assert Path("tallyhost-summary/debug_output.avro").exists()


def test_reports_that_are_left_out_are_told_and_the_job_still_succeeds(
    tallyhost: Tallyhost, tmp_path: Path, keys: tuple[str, str]
) -> None:
    reports = str(batch(tmp_path, [record(1), record(2, report_id="x")]))
    run = tallyhost("aggregate", reports, "--no-domain", "--error-threshold", "50", *keys, *AT)
    assert run.code == 0
    assert "SUCCESS_WITH_ERRORS" in run.out
    assert "1 report left out" in run.out
    assert "INVALID_REPORT_ID" in run.out
    assert "reports.avro[1]" in run.out


def test_too_many_left_out_are_a_refusal(tallyhost: Tallyhost, tmp_path: Path, keys: tuple[str, str]) -> None:
    reports = str(batch(tmp_path, [record(1), record(2, report_id="x")]))
    run = tallyhost("aggregate", reports, "--no-domain", "--json", *keys, *AT)
    assert run.code == 1
    told = run.document
    assert told["return_code"] == "REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD"
    assert told["error_counts"] == {"INVALID_REPORT_ID": 1, "NUM_REPORTS_WITH_ERRORS": 1}
    assert told["summary"] is None
    assert told["event"]["verdict"] == told["return_code"]


def test_clear_text_needs_no_keys_and_spends_nothing(tallyhost: Tallyhost, tmp_path: Path) -> None:
    reports = str(batch(tmp_path, [clear(record(1))]))
    run = tallyhost("aggregate", reports, "--no-domain", "--clear-text", "--noise=off", *AT)
    assert run.code == 0
    assert "no budget spent (clear text)" in run.out
    assert read_facts(Path("tallyhost-summary/output.avro")) == {BUCKET: 100}


def test_a_key_structure_says_the_buckets_their_names_and_what_a_sum_is(
    tallyhost: Tallyhost, reports: str, keys: tuple[str, str]
) -> None:
    Path("keys.toml").write_text(
        '[sales]\nscale = 16\nunit = "EUR"\n[sales.dimensions]\n'
        'campaign = {offset = 0, bits = 12, values = {1369 = "Summer sale", 1370 = "Newsletter"}}\n'
    )
    run = tallyhost("aggregate", reports, "--key-structure", "keys.toml", "--noise=off", *keys, *AT)
    rows = [line.split() for line in run.out.splitlines() if "sales:" in line]
    assert [row[:4] for row in rows] == [
        ["sales:", "Summer", "sale", "0x559"],
        ["sales:", "Newsletter", "0x55a"][:3] + rows[1][3:4],
    ]
    assert rows[0][-2:] == ["12.50", "EUR"]  # 200 / 16
    assert "Summer sale" in Path("tallyhost-summary/output.csv").read_text()


def test_names_of_a_key_structure_go_with_another_domain(
    tallyhost: Tallyhost, reports: str, keys: tuple[str, str]
) -> None:
    Path("keys.toml").write_text('[s.dimensions]\nc = {offset = 0, bits = 12, values = {1369 = "Summer"}}\n')
    Path("domain.csv").write_text("bucket\n0x559\n5\n")
    asked = ("--key-structure", "keys.toml", "--domain", "domain.csv", "--json")
    told = facts(tallyhost("aggregate", reports, *asked, *keys, *AT))
    assert {bucket: fact.get("name") for bucket, fact in told.items()} == {5: None, BUCKET: "s: Summer"}


def test_a_domain_may_come_in_shards_and_a_folder_without_any_is_an_empty_one(
    tallyhost: Tallyhost, reports: str, keys: tuple[str, str], tmp_path: Path
) -> None:
    for name, buckets in (("1-of-2.avro", [BUCKET, 3]), ("2-of-2.avro", [3, 9])):
        domain_file(tmp_path / "shards", buckets, name)
    asked = ("--domain", str(tmp_path / "shards"), "--noise=off", "--json")
    assert {
        bucket: fact["metric"] for bucket, fact in facts(tallyhost("aggregate", reports, *asked, *keys, *AT)).items()
    } == {
        3: 0,
        9: 0,
        BUCKET: 200,
    }
    (tmp_path / "none").mkdir()
    empty = tallyhost("aggregate", reports, "--domain", str(tmp_path / "none"), *keys, *AT)
    assert (empty.code, "INPUT_DATA_READ_FAILED" in empty.out) == (1, True)


def test_without_a_seed_no_two_jobs_have_the_same_noise(
    tallyhost: Tallyhost, reports: str, keys: tuple[str, str], tmp_path: Path
) -> None:
    domain = str(domain_file(tmp_path, range(5)))
    asked = ("aggregate", reports, "--domain", domain, "--json", "--now", format_instant(NOW), "--workers", "1")
    assert facts(tallyhost(*asked, *keys)) != facts(tallyhost(*asked, *keys))


@pytest.mark.parametrize(("name", "contents"), [("d.avro", b""), ("d.avro", b"Obj\x01"), ("d.csv", b"bucket\n")])
def test_a_domain_that_is_empty_or_broken_is_how_the_job_ends(
    tallyhost: Tallyhost, reports: str, keys: tuple[str, str], name: str, contents: bytes
) -> None:
    Path(name).write_bytes(contents)
    run = tallyhost("aggregate", reports, "--domain", name, *keys, *AT)
    assert (run.code, run.err) == (1, "")
    assert "INPUT_DATA_READ_FAILED" in run.out
    assert "nothing was spent" in run.out


def test_a_create_job_request_says_what_the_flags_do_not(
    tallyhost: Tallyhost, reports: str, keys: tuple[str, str]
) -> None:
    parameters = {"attribution_report_to": ORIGIN, "debug_privacy_epsilon": "1", "filtering_ids": "5"}
    Path("request.json").write_text(json.dumps({"job_request_id": "from-file", "job_parameters": parameters}))
    asked = ("aggregate", reports, "--no-domain", "--parameters", "request.json", "--json", *keys, *AT)
    told = tallyhost(*asked, "--filtering-ids", "0").document
    assert told["job_request_id"] == "from-file"
    assert told["job_parameters"] == parameters | {"filtering_ids": "0"}
    assert (told["summary"]["epsilon"], told["summary"]["scale"]) == (1, 65_536)
    assert tallyhost(*asked, "--job", "own").document["job_request_id"] == "own"


def test_a_parameter_of_the_request_that_the_service_refuses_is_how_the_job_ends(
    tallyhost: Tallyhost, reports: str, keys: tuple[str, str]
) -> None:
    Path("request.json").write_text(json.dumps({"debug_privacy_epsilon": "65"}))
    run = tallyhost("aggregate", reports, "--no-domain", "--parameters", "request.json", *keys, *AT)
    assert run.code == 1
    assert "INVALID_JOB" in run.out
    assert "debug_privacy_epsilon" in run.out


def test_the_service_s_own_batches_give_its_own_summaries(tallyhost: Tallyhost, tmp_path: Path) -> None:
    lines = conformance_file("payload/goldens.jsonl").read_text().splitlines()
    batches = [case for case in map(json.loads, lines) if case["kind"] == "plaintext_batch"]
    assert batches
    for number, case in enumerate(batches):
        folder = tmp_path / str(number)
        records = [
            Record(base64.b64decode(one["payload_b64"]), one["key_id"], one["shared_info"]) for one in case["reports"]
        ]
        path = batch(folder, records)
        domain = str(domain_file(folder, [int(bucket, 16) for bucket in case["domain_hex"]]))
        which = ("--no-domain",) if case["skip_domain"] else ("--domain", domain)
        run = tallyhost("aggregate", str(path), *which, "--clear-text", "--noise=off", "--workers", "1")
        assert run.code == 0, case["name"]
        expected = {int(bucket, 16): metric for bucket, metric in case["expected_summary"].items()}
        assert read_facts(Path("tallyhost-summary/output.avro")) == expected, case["name"]


def test_few_buckets_are_shown_of_many_and_all_where_asked_for(tallyhost: Tallyhost, tmp_path: Path) -> None:
    reports = str(batch(tmp_path, [clear(record(1))]))
    Path("domain.csv").write_text("bucket\n" + "\n".join(map(str, range(1_000, 1_060))) + "\n")
    asked = ("aggregate", reports, "--domain", "domain.csv", "--clear-text", *AT)
    few = tallyhost(*asked, "--limit", "2").out
    assert " 1001 " in few
    assert " 1002 " not in few
    assert "58 more buckets not shown: --limit N or --all shows them" in few
    assert " 1059 " in tallyhost(*asked, "--all").out


async def test_a_running_agent_has_the_keys_keeps_the_budget_and_tells_the_time(
    tallyhost: Tallyhost, tmp_path: Path
) -> None:
    reports = str(batch(tmp_path, [record(1), record(2)]))
    asked = ("aggregate", reports, "--no-domain", "--workers", "1")
    # The seed of KEY: the reports are sealed to this agent.
    async with Agent.open_profile(":memory:", seed=1, clock=Clock.frozen(NOW)) as agent:
        assert agent.service_keys.current.private_key == KEY.private_key
        async with control_endpoint(agent, ":memory:"):
            first = await asyncio.to_thread(tallyhost, *asked)
            second = await asyncio.to_thread(tallyhost, *asked)
            await agent.clock.advance(91 * DAY)
            third = await asyncio.to_thread(tallyhost, *asked)
        events = [event.verdict for event in await agent.events.read() if event.kind == "aggregation-job"]
    assert [run.code for run in (first, second, third)] == [0, 1, 1]
    assert events == ["SUCCESS", "PRIVACY_BUDGET_EXHAUSTED", "REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD"]
    assert "ORIGINAL_REPORT_TIME_TOO_OLD" in third.out


async def test_the_summary_of_many_buckets_passes_the_control_endpoint(
    tallyhost: Tallyhost, tmp_path: Path, keys: tuple[str, str]
) -> None:
    reports = str(batch(tmp_path, [record(1)]))
    structure = tmp_path / "keys.toml"
    structure.write_text('[s.dimensions]\nc = {offset = 0, bits = 20, values = "0-29999"}\n')
    asked = ("aggregate", reports, "--key-structure", str(structure), "--job", "big", *keys, *AT, "-q")
    async with Agent.open_profile(":memory:", clock=Clock.frozen(NOW)) as agent, control_endpoint(agent, ":memory:"):
        run = await asyncio.to_thread(tallyhost, *asked)
        spent = await agent.aggregation.spent("big")
    assert (run.code, run.err) == (0, "")
    assert len(read_facts(Path("tallyhost-summary/output.avro"))) == 30_000
    assert [unit.unit.reporting_origin for unit in spent] == [ORIGIN]


@pytest.mark.parametrize(
    ("flags", "what", "fix"),
    [
        ((), "there is no domain", "--no-domain"),
        (("--domain", "a.csv", "--no-domain"), "--domain and --no-domain contradict each other", "leave one"),
        (("--no-domain", "--epsilon", "65"), "--epsilon", ""),
        (("--no-domain", "--epsilon", "0"), "--epsilon", ""),
        (("--no-domain", "--epsilon", "nan"), "--epsilon", ""),
        (("--no-domain", "--error-threshold", "nan"), "--error-threshold", ""),
        (("--no-domain", "--error-threshold", "101"), "--error-threshold", ""),
        (("--no-domain", "--filtering-ids", "a"), "--filtering-ids", "fix"),
        (("--no-domain", "--filtering-ids", "18446744073709551616"), "--filtering-ids", "fix"),
        (
            ("--no-domain", "--attribution-report-to", "https://a.test", "--reporting-site", "https://a.test"),
            "--attribution-report-to or --reporting-site",
            "",
        ),
        (("--no-domain",), "there are no keys to open the reports with", "--keys FILE"),
        (("--no-domain", "--keys", "nowhere.json"), "nowhere.json: cannot be read", ""),
        (("--no-domain", "--profile", "nowhere"), "no such profile", ""),
    ],
)
def test_what_is_asked_for_wrongly_is_told_before_anything_happens(
    tallyhost: Tallyhost, reports: str, flags: tuple[str, ...], what: str, fix: str
) -> None:
    run = tallyhost("aggregate", reports, *flags)
    assert run.code == 2
    assert what in run.err
    assert fix in run.err
    assert not Path("tallyhost-summary").exists()


def test_reports_that_are_not_there_are_told_before_anything_else(tallyhost: Tallyhost) -> None:
    run = tallyhost("aggregate", "nowhere.avro")
    assert run.code == 2
    assert "'nowhere.avro' does not exist" in run.err


@pytest.mark.parametrize("flag", ["--output", "--html"])
def test_a_folder_that_cannot_be_written_is_told_before_budget_is_spent(
    tallyhost: Tallyhost, reports: str, keys: tuple[str, str], flag: str
) -> None:
    Path("taken").write_text("a file")
    asked = ("aggregate", reports, "--no-domain", "--profile", "kept", *keys, *AT)
    refused = tallyhost(*asked, flag, "taken/summary")
    assert refused.code == 3
    assert "cannot be written" in refused.err
    assert tallyhost(*asked).code == 0
