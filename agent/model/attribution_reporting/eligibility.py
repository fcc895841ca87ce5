"""What a request may register, and the response that registers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Eligibility(StrEnum):
    """What the response to a request may register (Attribution Reporting, "eligibility")."""

    UNSET = "unset"
    """A plain subresource request: triggers alone, and no request header."""
    EMPTY = "empty"
    """Asked for neither: the request header is there, and empty."""
    TRIGGER = "trigger"
    EVENT_SOURCE = "event-source"
    EVENT_SOURCE_OR_TRIGGER = "event-source-or-trigger"
    NAVIGATION_SOURCE = "navigation-source"

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of ``Attribution-Reporting-Eligible``."""
        if self is Eligibility.EVENT_SOURCE_OR_TRIGGER:
            return ("event-source", "trigger")
        return () if self in (Eligibility.UNSET, Eligibility.EMPTY) else (self.value,)


REGISTER_SOURCE = "Attribution-Reporting-Register-Source"
REGISTER_TRIGGER = "Attribution-Reporting-Register-Trigger"
REGISTER_OS_SOURCE = "Attribution-Reporting-Register-OS-Source"
REGISTER_OS_TRIGGER = "Attribution-Reporting-Register-OS-Trigger"
INFO = "Attribution-Reporting-Info"
RESPONSE_FIELDS = (REGISTER_SOURCE, REGISTER_TRIGGER, REGISTER_OS_SOURCE, REGISTER_OS_TRIGGER, INFO)


@dataclass(frozen=True, slots=True)
class RegistrationResponse:
    """A response (one hop of it) that carries fields of Attribution Reporting, as the browser vouches for it."""

    context_origin: str
    """Serialised origin of the top-level document of the request's client."""
    url: str
    """URL of this hop; its origin is the reporting origin."""
    eligibility: Eligibility
    fields: Mapping[str, bytes] = field(default_factory=dict)
    """By canonical name (``RESPONSE_FIELDS``), lines of one name joined by ``, ``."""
    fenced: bool = False
    navigation: str = ""
    """Names the navigation that the request belongs to, for the rule on scopes of one navigation; "" for none."""
    debug_permission: bool = False
    """Whether the reporting origin may use cookies on the context site (the cookie-based debug permission)."""
    arrived_at: int | None = None
    """When the response arrived, on the agent's clock; None for now. It may be registered a little later."""
    http: Mapping[str, Any] | None = None
    """How it came, as :func:`agent.model.http_record.http_record` keeps it; None where no network was asked."""
