"""Whether an origin may use an API at all: the user's switch, enrolment, permissions policy."""

from __future__ import annotations

from dataclasses import dataclass

from agent.browser.documents import OPAQUE, Document
from agent.model.events import Check
from agent.model.settings import Settings
from agent.model.site import schemeful_site

DISABLED, NOT_ENROLLED, POLICY_DENIED = "disabled", "not-enrolled", "policy-denied"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why something may not be done."""

    verdict: str
    check: Check


def obstacle(settings: Settings, origin: str) -> Obstacle | None:
    """Why ``origin`` may not use Shared Storage in this profile; None where it may (shared-storage section 10)."""
    return _obstacle(settings, origin, "Shared Storage", enabled=settings.shared_storage)


def audience_obstacle(settings: Settings, origin: str) -> Obstacle | None:
    """Why ``origin`` may not own a group or sell in this profile; None where it may (protected-audience section 5)."""
    return _obstacle(settings, origin, "Protected Audience", enabled=settings.protected_audience)


def _obstacle(settings: Settings, origin: str, api: str, *, enabled: bool) -> Obstacle | None:
    if not enabled:
        fix = "switch it on, in a profile that is neither private nor opted out"
        return Obstacle(DISABLED, Check("enabled", False, f"{api} is switched off", fix))
    enrolled = settings.enrolled_sites
    if enrolled is not None and (origin == OPAQUE or schemeful_site(origin) not in enrolled):
        detail = f"the site of {origin} is not among the enrolled sites"
        return Obstacle(NOT_ENROLLED, Check("enrolled", False, detail, "add it to enrolled_sites"))
    return None


def policy_obstacle(document: Document, feature: str, origin: str) -> Obstacle | None:
    """Why ``document`` may not use ``feature`` for ``origin``; its policy must be known."""
    if document.policy.allows(feature, origin):
        return None
    detail = f"the permissions policy of {document.origin} forbids {feature} for {origin}"
    fix = "look at Permissions-Policy, and at the allow attribute of the frames around it"
    return Obstacle(POLICY_DENIED, Check("permissions policy", False, detail, fix))
