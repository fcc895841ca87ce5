"""Permissions policy for features that this Chromium does not know, computed by the host.

Permissions Policy sections 9.5 to 9.8: a document's inherited policy comes from its container's document, the
container's ``allow`` attribute and the features' default allowlist, which is ``*`` for every feature here; its
declared policy comes from its own ``Permissions-Policy`` response header.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import http_sf

ATTRIBUTION_REPORTING = "attribution-reporting"
SHARED_STORAGE = "shared-storage"
SHARED_STORAGE_SELECT_URL = "shared-storage-select-url"
PRIVATE_AGGREGATION = "private-aggregation"
JOIN_AD_INTEREST_GROUP = "join-ad-interest-group"
RUN_AD_AUCTION = "run-ad-auction"
TOLD_FEATURES = (
    ATTRIBUTION_REPORTING,
    SHARED_STORAGE,
    SHARED_STORAGE_SELECT_URL,
    PRIVATE_AGGREGATION,
    JOIN_AD_INTEREST_GROUP,
    RUN_AD_AUCTION,
)
"""What a document's own script must know: it answers for them at once, and ``document.featurePolicy`` lists them."""
FEATURES = ("save-impression", "measure-conversion", *TOLD_FEATURES)
"""W3C Attribution section 9, Attribution Reporting, Shared Storage section 10, Protected Audience."""


@dataclass(frozen=True, slots=True)
class Allowlist:
    """Origins for which a feature is allowed; ``self`` and ``src`` are resolved when it is made."""

    everyone: bool = False
    origins: frozenset[str] = frozenset()

    def matches(self, origin: str) -> bool:
        """Whether ``origin`` (serialised, ``null`` when opaque) is allowed."""
        return self.everyone or origin in self.origins


@dataclass(frozen=True, slots=True)
class PermissionsPolicy:
    """The policy of one document: what it inherited for each feature, and what its response declared."""

    origin: str
    inherited: Mapping[str, bool] = field(default_factory=dict)
    declared: Mapping[str, Allowlist] = field(default_factory=dict)

    def allows(self, feature: str, origin: str | None = None) -> bool:
        """Whether ``feature`` is enabled in the document for ``origin`` (its own by default)."""
        if not self.inherited.get(feature, True):
            return False
        allowlist = self.declared.get(feature)
        return allowlist is None or allowlist.matches(self.origin if origin is None else origin)

    def allowlist(self, feature: str) -> list[str] | None:
        """The origins for which ``feature`` is enabled, the document's own first; None where it is for every origin."""
        if not self.inherited.get(feature, True):
            return []
        allowlist = self.declared.get(feature)
        if allowlist is None or allowlist.everyone:
            return None
        return sorted(allowlist.origins, key=lambda origin: (origin != self.origin, origin))


def parse_header(values: list[str], origin: str) -> dict[str, Allowlist]:
    """Declared policy of ``Permissions-Policy`` field values of a document at ``origin``.

    A field that is no structured dictionary declares nothing, as the specification says.
    """
    if not values:
        return {}
    try:
        parsed: Any = http_sf.parse(", ".join(values).encode("latin-1"), tltype="dictionary")
    except (http_sf.StructuredFieldError, ValueError, UnicodeEncodeError):
        return {}
    declared: dict[str, Allowlist] = {}
    for feature in FEATURES:
        if feature in parsed:
            declared[feature] = _allowlist(_members(parsed[feature]), origin, origin)
    return declared


def parse_allow(text: str, container_origin: str, source_origin: str) -> dict[str, Allowlist]:
    """Container policy of an iframe's ``allow`` attribute.

    ``source_origin`` is the origin of the frame's ``src``; a feature without a list is allowed for it alone.
    """
    declared: dict[str, Allowlist] = {}
    for directive in text.split(";"):
        words = directive.split()
        if words and (feature := words[0].lower()) in FEATURES and feature not in declared:
            members = [word.strip("'") if word.startswith("'") else word for word in words[1:]] or ["src"]
            declared[feature] = _allowlist(members, container_origin, source_origin)
    return declared


def inherit(parent: PermissionsPolicy | None, container: Mapping[str, Allowlist], child_origin: str) -> dict[str, bool]:
    """Inherited policy of a document at ``child_origin`` in a container of ``parent`` (None: it is top-level)."""
    if parent is None:
        return dict.fromkeys(FEATURES, True)
    inherited = {}
    for feature in FEATURES:
        allowed = parent.allows(feature) and parent.allows(feature, child_origin)
        if allowed and feature in container:
            allowed = container[feature].matches(child_origin)
        inherited[feature] = allowed
    return inherited


def _members(value: Any) -> list[str]:
    item = value[0] if isinstance(value, tuple) else value
    if isinstance(item, list):
        return [str(member[0]) for member in item]
    return [str(item)]


def _allowlist(members: list[str], self_origin: str, source_origin: str) -> Allowlist:
    if "*" in members:
        return Allowlist(everyone=True)
    named = {"self": self_origin, "src": source_origin}
    return Allowlist(origins=frozenset(named.get(member, member) for member in members if member != "none"))
