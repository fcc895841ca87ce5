"""Handing a registration over to the operating system (registration sections 3.2 and 3.3).

No desktop system takes any: an agent does it only where a story says that its platform can.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.engines.attribution_reporting.os_registration import OsRegistration
from agent.model.attribution_reporting.eligibility import REGISTER_OS_SOURCE
from agent.model.attribution_reporting.reports import DebugItem, VerboseContent
from agent.model.site import is_suitable_origin, serialized_origin


def delegation_reports(
    field: str, registrations: tuple[OsRegistration, ...], context_site: str
) -> Iterator[VerboseContent]:
    """The verbose debug reports about what ``field`` hands over, for those that ask for one."""
    kind = "os-source-delegated" if field == REGISTER_OS_SOURCE else "os-trigger-delegated"
    for one in registrations:
        if one.debug_reporting and is_suitable_origin(one.url):
            body = {"context_site": context_site, "registration_url": one.url}
            yield VerboseContent(serialized_origin(one.url), (DebugItem(kind, body),))
