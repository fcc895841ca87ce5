"""The two interfaces in WebIDL, and what a test needs to know of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

ATTRIBUTION = """
[SecureContext, Exposed=Window]
interface Attribution {
  [SameObject] readonly attribute AttributionAggregationServices aggregationServices;
  Promise<AttributionImpressionResult> saveImpression(AttributionImpressionOptions options);
  Promise<AttributionConversionResult> measureConversion(AttributionConversionOptions options);
};
dictionary AttributionImpressionOptions {
  required unsigned long histogramIndex;
  unsigned long matchValue = 0;
  sequence<USVString> conversionSites = [];
  sequence<USVString> conversionCallers = [];
  unsigned long lifetimeDays = 30;
  long priority = 0;
};
dictionary AttributionConversionOptions {
  required USVString aggregationService;
  double epsilon = 1.0;
  required unsigned long histogramSize;
  unsigned long lookbackDays;
  sequence<unsigned long> matchValues = [];
  sequence<USVString> impressionSites = [];
  sequence<USVString> impressionCallers = [];
  sequence<double> credit;
  unsigned long value = 1;
  unsigned long maxValue = 1;
};
[SecureContext, Exposed=Window]
interface AttributionAggregationServices {
  readonly maplike<USVString, AttributionAggregationService>;
};
"""
"""W3C Attribution Level 1, draft of 2026-05-14, section 1."""

PRIVATE_ATTRIBUTION = """
[SecureContext, Exposed=Window]
interface PrivateAttribution {
  [SameObject] readonly attribute FrozenArray<PrivateAttributionAggregationService> aggregationServices;
  undefined saveImpression(PrivateAttributionImpressionOptions options);
  Promise<Uint8Array> measureConversion(PrivateAttributionConversionOptions options);
};
dictionary PrivateAttributionImpressionOptions {
  required unsigned long histogramIndex;
  required DOMString ad;
  required DOMString conversionSite;
  unsigned long lifetimeDays;
};
dictionary PrivateAttributionConversionOptions {
  required DOMString aggregator;
  double epsilon = 1.0;
  required unsigned long histogramSize;
  PrivateAttributionLogic logic = "last-touch";
  unsigned long value = 1;
  unsigned long lookbackDays;
  sequence<DOMString> ads = [];
  sequence<DOMString> impressionSites = [];
};
"""
"""Privacy-Preserving Attribution Level 1, 2024-09-26, section 1, with the open points O1 and O2 as decided."""


@dataclass(frozen=True)
class Member:
    """One member of a dictionary."""

    name: str
    type: str
    required: bool


@dataclass(frozen=True)
class Operation:
    """One operation of an interface, with the dictionary it takes."""

    interface: str
    name: str
    returns: str
    dictionary: str
    members: tuple[Member, ...]

    @property
    def object(self) -> str:
        """Where a page finds the interface's object."""
        return f"navigator.{self.interface[0].lower()}{self.interface[1:]}"

    @property
    def context(self) -> str:
        """What precedes the message of every exception."""
        return f"Failed to execute '{self.name}' on '{self.interface}': "

    @property
    def throws(self) -> str:
        """How an exception comes: ``rejected`` or ``thrown``."""
        return "rejected" if self.returns.startswith("Promise<") else "thrown"

    def __str__(self) -> str:
        return f"{self.interface}.{self.name}"


def _members(text: str, dictionary: str) -> tuple[Member, ...]:
    body = re.search(rf"dictionary {dictionary} {{(.*?)}};", text, re.DOTALL)
    assert body is not None
    found = re.findall(r"^ *(required )?(\S[\w <>]*) (\w+)(?: = [^;]+)?;", body[1], re.MULTILINE)
    return tuple(Member(name, kind, bool(required)) for required, kind, name in found)


def _operations(text: str) -> list[Operation]:
    return [
        Operation(interface, name, returns, options, _members(text, options))
        for interface, body in re.findall(r"interface (\w+) {(.*?)};", text, re.DOTALL)
        for returns, name, options in re.findall(r"^  (\S+) (\w+)\((\w+) options\);", body, re.MULTILINE)
    ]


OPERATIONS = _operations(ATTRIBUTION) + _operations(PRIVATE_ATTRIBUTION)
VALID = {
    "conversionSite": "shop.example",
    "logic": "last-touch",
    "aggregationService": "a",
    "aggregator": "a",
    "ad": "a",
}
"""Values of required members that are text; any number will do for the others."""


def valid(operation: Operation) -> dict[str, object]:
    """Options with the required members alone."""
    return {member.name: VALID.get(member.name, 3) for member in operation.members if member.required}
