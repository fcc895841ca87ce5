from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from agent.cli.aggregation_request import (
    FLAGS,
    ORIGIN,
    SITE,
    checked_job_id,
    combined,
    count_origins,
    domain_of,
    only_origin,
    read_request,
)
from agent.model.errors import UsageError
from tests.aggregation.jobs import batch, record

NOTHING: dict[str, str | None] = dict.fromkeys(FLAGS)


def request_file(folder: Path, document: object) -> Path:
    path = folder / "request.json"
    path.write_text(json.dumps(document))
    return path


def test_a_create_job_request_gives_its_parameters_and_its_id(tmp_path: Path) -> None:
    parameters = {"attribution_report_to": "https://adtech.test", "debug_run": "true", "filtering_ids": "1,2"}
    locations = {"output_domain_bucket_name": "b", "output_domain_blob_prefix": "d"}
    request = {
        "job_request_id": "job-9",
        "input_data_blob_prefix": "reports/",
        "input_data_bucket_name": "bucket",
        "job_parameters": {**parameters, **locations},
    }
    assert read_request(request_file(tmp_path, request)) == (parameters, "job-9")


def test_job_parameters_may_stand_alone(tmp_path: Path) -> None:
    path = request_file(tmp_path, {"debug_privacy_epsilon": "1.5"})
    assert read_request(path) == ({"debug_privacy_epsilon": "1.5"}, None)


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ([], "no JSON object"),
        ({"job_parameters": []}, "job_parameters is no object"),
        ({"job_parameters": {}, "job_request_id": 7}, "job_request_id is no text"),
        ({"epsilon": "1"}, "no such job parameter: epsilon"),
        ({"debug_run": True}, "debug_run is no text but true"),
        ({"filtering_ids": [1]}, "filtering_ids is no text but [1]"),
    ],
)
def test_what_is_no_request_is_told_with_its_file(tmp_path: Path, document: object, what: str) -> None:
    path = request_file(tmp_path, document)
    with pytest.raises(UsageError) as raised:
        read_request(path)
    assert raised.value.what == what
    assert raised.value.where == str(path)
    assert raised.value.rule


def test_files_that_are_no_json_or_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_request(tmp_path / "nowhere.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(UsageError, match="no JSON"):
        read_request(tmp_path / "bad.json")


def test_a_flag_wins_over_the_file() -> None:
    file = {"debug_privacy_epsilon": "1", "debug_run": "true"}
    assert combined(file, NOTHING | {"debug_privacy_epsilon": "5"}) == {
        "debug_privacy_epsilon": "5",
        "debug_run": "true",
    }


def test_a_flag_for_whom_the_reports_are_wins_over_either_of_the_file() -> None:
    assert combined({SITE: "https://a.test"}, NOTHING | {ORIGIN: "https://b.test"}) == {ORIGIN: "https://b.test"}
    assert combined({ORIGIN: "https://a.test"}, NOTHING | {SITE: "https://b.test"}) == {SITE: "https://b.test"}


def test_what_the_file_says_wrongly_is_left_to_the_job() -> None:
    assert combined({"debug_privacy_epsilon": "0"}, NOTHING) == {"debug_privacy_epsilon": "0"}


def test_what_a_flag_says_wrongly_is_told_with_the_flag() -> None:
    with pytest.raises(UsageError) as raised:
        combined({}, NOTHING | {"filtering_ids": "1,x"})
    assert raised.value.where == "--filtering-ids"
    assert raised.value.rule


def test_the_one_origin_of_all_reports_is_found(tmp_path: Path) -> None:
    path = batch(tmp_path, [record(1), record(2), record(3)._replace(shared_info="{}")])
    found = count_origins([path])
    assert found == Counter({"https://adtech.test": 2})
    assert only_origin(found, "reports.avro") == "https://adtech.test"


def test_several_origins_are_named_with_their_site_where_they_share_one() -> None:
    found = Counter({"https://a.adtech.test": 1, "https://b.adtech.test": 5})
    with pytest.raises(UsageError) as raised:
        only_origin(found, "reports.avro")
    assert "https://b.adtech.test (5), https://a.adtech.test (1)" in raised.value.what
    assert raised.value.fix.startswith("--reporting-site https://adtech.test, or ")


def test_origins_of_several_sites_or_none_have_no_site_in_the_fix() -> None:
    for other in ("https://news.test", "nonsense"):
        with pytest.raises(UsageError) as raised:
            only_origin(Counter({"https://adtech.test": 1, other: 1}), "")
        assert raised.value.fix.startswith("--attribution-report-to ")


def test_many_origins_are_counted_and_not_listed() -> None:
    with pytest.raises(UsageError) as raised:
        only_origin(Counter({f"https://a{number}.test": 1 for number in range(25)}), "")
    assert "25 reporting origins" in raised.value.what
    assert raised.value.what.endswith("and 15 more")


def test_an_origin_that_is_none_is_told_on_one_line_however_long_it_is() -> None:
    with pytest.raises(UsageError) as raised:
        only_origin(Counter({"https://a.test\nerror: \x1b[2J": 2, "https://b.test/" + "x" * 10_000: 1}), "")
    for text in (raised.value.what, raised.value.fix):
        assert text.isprintable()
        assert len(text) < 400


def test_reports_without_an_origin_are_told() -> None:
    with pytest.raises(UsageError, match="no report names a reporting origin"):
        only_origin(Counter(), "reports.avro")


def test_a_job_has_a_name_that_the_service_takes() -> None:
    assert checked_job_id("job_1/a") == "job_1/a"
    for name in ("two words", "", "j" * 129):
        with pytest.raises(UsageError) as raised:
            checked_job_id(name)
        assert raised.value.where == "--job"
        assert raised.value.rule


def test_a_domain_is_asked_for_in_one_way_or_the_other(tmp_path: Path) -> None:
    csv = tmp_path / "d.csv"
    csv.write_text("bucket\n5\n")
    structure = tmp_path / "keys.toml"
    structure.write_text("[s.dimensions]\na = {offset = 0, bits = 4, values = [5, 6]}\n")
    assert domain_of(csv, None, no_domain=False).buckets == (5,)
    assert domain_of(None, structure, no_domain=False).buckets == (5, 6)
    named = domain_of(csv, structure, no_domain=False)
    open_ended = domain_of(None, structure, no_domain=True)
    assert (named.buckets, open_ended.buckets) == ((5,), None)
    for domain in (named, open_ended):
        name = domain.name_of(6)
        assert name is not None
        assert name.label == "s: a 6"
    for files in ((csv, None, True), (None, None, False)):
        with pytest.raises(UsageError):
            domain_of(files[0], files[1], no_domain=files[2])


def test_a_key_structure_that_is_given_as_a_domain_is_told_its_flag(tmp_path: Path) -> None:
    structure = tmp_path / "keys.toml"
    structure.write_text("[s.dimensions]\n")
    with pytest.raises(UsageError) as raised:
        domain_of(structure, None, no_domain=False)
    assert "--key-structure" in raised.value.fix
