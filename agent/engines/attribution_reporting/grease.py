"""The request headers of Attribution Reporting, and the meaningless variety in them ("greasing").

Servers must read ``Attribution-Reporting-Eligible`` and ``-Support`` as structured dictionaries in which the presence
of a key is all that matters. So that they do, Chromium varies everything else with eight random bits for each header.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.model.attribution_reporting.eligibility import Eligibility

ELIGIBLE = "Attribution-Reporting-Eligible"
SUPPORT = "Attribution-Reporting-Support"
PLAIN = 0
"""The bits that vary nothing."""
COMBINATIONS = 1 << 8
"""How many sets of bits there are."""

_SUPPORTED = ("web",)
_MEANINGLESS_SUPPORT = ("os",)
_MEANINGLESS = {
    Eligibility.EMPTY: ("event-source", "trigger"),
    Eligibility.TRIGGER: ("navigation-source", "event-source"),
    Eligibility.EVENT_SOURCE: ("trigger", "navigation-source"),
    Eligibility.EVENT_SOURCE_OR_TRIGGER: ("navigation-source",),
    Eligibility.NAVIGATION_SOURCE: ("event-source", "trigger"),
}
"""The words that say nothing where they are no key, for the two places of a header."""


def eligible_header(eligibility: Eligibility, bits: int) -> str | None:
    """The value of ``Attribution-Reporting-Eligible``; None where the request has no such header.

    ``bits`` is below :data:`COMBINATIONS`; :data:`PLAIN` gives the plain form.
    """
    if eligibility is Eligibility.UNSET:
        return None
    return _greased(eligibility.keys, _MEANINGLESS[eligibility], bits)


def support_header(bits: int) -> str:
    """The value of ``Attribution-Reporting-Support``: reports of the web alone, not of the operating system."""
    return _greased(_SUPPORTED, _MEANINGLESS_SUPPORT, bits)


@dataclass(slots=True)
class _Member:
    key: str
    value: str = ""
    parameters: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "".join((self.key, f"={self.value}" if self.value else "", *(f";{name}" for name in self.parameters)))


def _greased(keys: tuple[str, ...], words: tuple[str, ...], bits: int) -> str:
    members = [_Member(key) for key in (reversed(keys) if bits & 1 else keys)]
    ordered = words[::-1] if bits & 2 and len(words) > 1 else words
    for place, word in enumerate(ordered):
        kind, at_front = bits >> (2 + 2 * place) & 3, bits >> (6 + place) & 1
        if kind == 1:
            members.insert(0 if at_front else len(members), _Member(f"not-{word}"))
        elif kind and members:
            member = members[0 if at_front else -1]
            if kind == 2:
                member.value = word
            else:
                member.parameters.append(word)
    return ", ".join(map(str, members))
