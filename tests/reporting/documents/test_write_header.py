"""``tallyhost check header --kind shared-storage-write`` (shared-storage section 9)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run, Tallyhost


def check(tallyhost: Tallyhost, value: str, *flags: str) -> Run:
    return tallyhost("check", "header", "--kind", "shared-storage-write", *flags, value)


def test_a_header_that_writes_is_accepted_with_its_writes_in_order(tallyhost: Tallyhost) -> None:
    value = 'clear, set;key="a";value=b;ignore_if_present, append;key=a;value="c", delete;key=d, options;with_lock="l"'
    run = check(tallyhost, value, "--json")
    assert run.code == 0
    assert run.document["normalized"] == {
        "methods": [
            {"method": "clear"},
            {"method": "set", "key": "a", "value": "b", "ignore_if_present": True},
            {"method": "append", "key": "a", "value": "c"},
            {"method": "delete", "key": "d"},
        ],
        "lock": "l",
    }
    assert run.document["warnings"] == []


def test_a_member_that_is_dropped_is_a_warning_with_its_place(tallyhost: Tallyhost) -> None:
    run = check(tallyhost, "bogus, set;key=a;value=5, set;key=a;value=b", "--json")
    assert run.code == 0
    assert [warning["path"] for warning in run.document["warnings"]] == [[0], [1]]
    assert len(run.document["normalized"]["methods"]) == 1


@pytest.mark.parametrize(
    "value",
    [
        "set;key=a;value=b,",
        "set;KEY=a;value=b",
        "set;key=a;value=b;with_lock=x",
        "set;key=n;value=5",
        "(set);key=a;value=b",
        "options;with_lock=x",
        "",
    ],
)
def test_a_header_that_writes_nothing_is_refused_with_an_example(tallyhost: Tallyhost, value: str) -> None:
    run = check(tallyhost, value)
    assert run.code == 1
    assert run.out.splitlines()[-1] == "refused"
    assert "fix   " in run.out


def test_a_value_past_the_limit_of_the_settings_is_dropped(tallyhost: Tallyhost) -> None:
    value = "set;key=a;value=bcd, clear"
    assert len(check(tallyhost, value, "--json").document["normalized"]["methods"]) == 2
    Path("tallyhost.toml").write_text("[shared_storage_limits]\nmax_string_length = 2\n", encoding="utf-8")
    assert check(tallyhost, value, "--json").document["normalized"]["methods"] == [{"method": "clear"}]
