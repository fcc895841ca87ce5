"""``docs/coverage.md``: what other people's cases say of tallyhost, by API, feature and judge.

``python -m tests.conformance.coverage`` runs every case that needs no browser, reads what the comparison with captures
of real Chromium came to (:mod:`tests.conformance.captures` makes it), and writes the page. Nothing in it is written by
hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from tests.conformance.attribution_reporting_rows import attribution_reporting_rows
from tests.conformance.attribution_rows import attribution_rows
from tests.conformance.captured_rows import captured_rows
from tests.conformance.coverage_rows import APIS, JUDGES, Row
from tests.conformance.payload_rows import payload_rows
from tests.conformance_data import FOLDER, REPOSITORY, VARIABLE

PAGE = REPOSITORY / "docs" / "coverage.md"
_HEAD = f"""# Coverage

How many of other people's cases give what they expect here, by API, feature and judge. Made from runs by
`python -m tests.conformance.coverage`, and held by a test that runs them again.

The numbers are those of the cases at hand, in the folder that `{VARIABLE}` names: a part of each set. Of the rest
nothing is known here. Where tallyhost is not like Chromium is told by [Limits](../README.md#limits), and capture by
capture by [Against captures of real Chromium](real-chromium.md).
"""
_TAIL = """## Without a judge

Of `navigator.privateAttribution` (Level 1 of September 2024), and of what Protected Audience has beside contributions,
there are no cases of others. Tests of our own hold them to the texts of their specifications.
"""


def rows() -> list[Row]:
    """What every judge says, in the order of the APIs."""
    everything = chain(attribution_rows(), attribution_reporting_rows(), captured_rows(), payload_rows())
    return sorted(everything, key=lambda row: APIS.index(row.api))


def page(found: Sequence[Row]) -> str:
    """The text of the page."""
    return "\n".join(_lines(found))


def _lines(found: Sequence[Row]) -> Iterator[str]:
    yield _HEAD
    yield f"**{sum(row.passed for row in found):,} of {sum(row.total for row in found):,} cases**"
    yield ""
    yield "| Judge | |"
    yield "|---|---|"
    yield from (f"| {judge} | {what} |" for judge, what in JUDGES.items())
    yield ""
    for api in APIS:
        of_api = [row for row in found if row.api == api]
        yield from _table(api, of_api) if of_api else ()
    yield _TAIL


def _table(api: str, found: Sequence[Row]) -> Iterator[str]:
    yield f"## {api}"
    yield ""
    yield "| Feature | Judge | Passed | Of |"
    yield "|---|---|---:|---:|"
    for row in found:
        yield f"| {row.feature} | {row.judge} | {row.passed:,} | {row.total:,} |"
    yield ""
    short = [row for row in found if row.passed < row.total]
    if short:
        yield from (f"- {row.feature}, {row.judge}: {_shortfall(row)}" for row in short)
        yield ""


def _shortfall(row: Row) -> str:
    wrong = row.total - row.passed - row.deliberate
    told = [f"{row.deliberate} decided as Chromium does ({row.why})"] if row.deliberate else []
    return "; ".join([*told, *([f"{wrong} wrong"] if wrong else [])])


if __name__ == "__main__":
    if not FOLDER.is_dir():
        raise SystemExit(f"no conformance data at {FOLDER}: {VARIABLE} names its folder")
    PAGE.write_text(page(rows()), encoding="utf-8")
