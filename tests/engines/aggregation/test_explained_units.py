from __future__ import annotations

from agent.engines.aggregation.budget_units import budget_units, unit_document
from agent.engines.aggregation.explained_units import exhausted_checks, spent_checks, unit_text, unit_values
from agent.model.aggregation import BudgetUnit, SharedInfo, SpentUnit
from agent.model.clock import DAY, DEFAULT_FROZEN_START, HOUR, MINUTE

NOW = DEFAULT_FROZEN_START
INFO = SharedInfo(
    "1.0",
    "https://adtech.test",
    NOW + 7 * MINUTE,
    "attribution-reporting",
    attribution_destination="https://shop.test",
    source_registration_time=NOW - 5 * DAY,
)
IDS = frozenset({0, 3})
UNITS = budget_units(INFO, IDS)


def test_an_exhausted_unit_is_told_by_what_it_is_made_of_by_which_job_and_when() -> None:
    spent = [SpentUnit(unit, "sunday", NOW - HOUR) for unit in UNITS]
    documents = [unit_document(INFO, filtering_id) for filtering_id in sorted(IDS)]
    checks = list(exhausted_checks("budget", spent, documents, wanted=5))
    assert [check.detail for check in checks] == [
        f"hour from 2026-01-05T09:00:00Z, https://adtech.test, attribution-reporting, https://shop.test,"
        f" filtering id {filtering_id}: spent by job 'sunday' at 2026-01-05T08:00:00+00:00"
        for filtering_id in sorted(IDS)
    ] + ["2 of 5 units spent before: nothing was spent now"]
    assert not any(check.passed for check in checks)
    assert checks[-1].fix


def test_a_unit_that_no_document_tells_of_is_told_by_its_shared_id() -> None:
    (first, _) = exhausted_checks("budget", [SpentUnit(UNITS[0], "sunday", NOW)], [], wanted=1)
    assert f"shared ID {UNITS[0].shared_id[:12]}..." in first.detail


def many(count: int) -> dict[BudgetUnit, int]:
    return {BudgetUnit(f"{number:064}", NOW, "https://adtech.test"): 1 for number in range(count)}


def test_of_many_units_the_first_are_told_and_how_many_there_are() -> None:
    exhausted = list(exhausted_checks("budget", [SpentUnit(unit, "a", NOW) for unit in many(25)], [], wanted=30))
    assert len(exhausted) == 11
    assert exhausted[-1].detail == "25 of 30 units spent before (15 more than are named): nothing was spent now"
    spent = list(spent_checks("budget", many(25)))
    assert len(spent) == 11
    assert spent[-1].detail == "15 more: 25 units spent in all"


def test_each_unit_spent_is_told_with_its_number_of_reports() -> None:
    checks = list(spent_checks("budget", {UNITS[0]: 1, UNITS[1]: 1200}))
    assert [check.detail.partition(": ")[2] for check in checks] == ["spent for 1 report", "spent for 1,200 reports"]
    assert all(check.passed for check in checks)


def test_a_unit_spent_is_told_by_what_it_is_made_of_where_that_is_known() -> None:
    (check,) = spent_checks("budget", {UNITS[0]: 1}, {UNITS[0]: unit_text(INFO, 0)})
    assert check.detail == (
        "hour from 2026-01-05T09:00:00Z, https://adtech.test, attribution-reporting, https://shop.test, filtering id 0:"
        " spent for 1 report"
    )


def test_what_a_unit_is_made_of_is_bounded_and_leaves_out_what_is_absent() -> None:
    assert unit_text(SharedInfo("1.0", "https://adtech.test", NOW, "shared-storage"), 3) == (
        "shared-storage, filtering id 3"
    )
    long = SharedInfo("1.0", "https://adtech.test", NOW, "attribution-reporting", attribution_destination="x" * 10**6)
    assert len(unit_text(long, 0)) < 200


def test_no_report_spends_nothing() -> None:
    (check,) = spent_checks("budget", {})
    assert check.detail == "none spent: no report counts"


def test_a_unit_as_values() -> None:
    assert unit_values(BudgetUnit("ab", NOW, "https://adtech.test")) == {
        "reporting_origin": "https://adtech.test",
        "hour": "2026-01-05T09:00:00Z",
        "shared_id": "ab",
    }


def test_an_hour_past_every_calendar_is_told() -> None:
    (check,) = spent_checks("budget", {BudgetUnit("ab", 10**18, "https://adtech.test"): 1})
    assert "hour from +31690708-" in check.detail
