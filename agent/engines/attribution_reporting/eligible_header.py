"""``Attribution-Reporting-Eligible``, read as a server or the interop stories do (registration section 2.4)."""

from __future__ import annotations

from typing import Final

from agent.engines.attribution_reporting.json_node import Problems
from agent.engines.attribution_reporting.structured_text import Item, read_dictionary, warn_of_unknown_keys
from agent.model.attribution_reporting.eligibility import Eligibility
from agent.model.attribution_reporting.registrations import Issue, Parsed, Severity

_BY_KEYS: Final = {frozenset(kind.keys): kind for kind in Eligibility if kind is not Eligibility.UNSET}


def parse_eligible(field: bytes) -> Parsed[Eligibility]:
    """What the field allows to register. Presence of a key is all that counts; unknown keys are ignored."""
    problems = Problems()
    members = read_dictionary(field, problems)
    if members is None:
        return Parsed(None, tuple(problems.errors))
    known = {key for keys in _BY_KEYS for key in keys}
    warn_of_unknown_keys(members, known, problems)
    present = known & members.keys()
    for key in (key for key in members if key in present):
        _warn_of_value(key, members[key], problems)
    kind = _BY_KEYS.get(frozenset(present))
    if kind is None:
        rule = "navigation-source excludes event-source and trigger"
        problems.add(Issue((), f"allows {', '.join(sorted(present))} together", rule))
    return problems.result(kind or Eligibility.EMPTY)


def _warn_of_value(key: str, item: Item, problems: Problems) -> None:
    if item[0] is not True:
        problems.add(Issue((key,), "has a value, which is ignored", severity=Severity.WARNING))
    if item[1]:
        problems.add(Issue((key,), "has parameters, which are ignored", severity=Severity.WARNING))
