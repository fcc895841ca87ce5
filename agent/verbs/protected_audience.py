"""The verbs of Protected Audience: groups are joined and left, bids and wins are counted.

Each function takes the connection of a running transaction; the caller appends the events.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from typing import Final

from agent.engines.protected_audience.arguments import win_of
from agent.engines.protected_audience.auction import Bid
from agent.engines.protected_audience.interest_groups import joined
from agent.model.clock import format_instant
from agent.model.events import Check, Event, Trace
from agent.model.protected_audience import AudienceEvent, InterestGroup, JoinedGroup
from agent.model.protected_audience_limits import ProtectedAudienceLimits
from agent.model.site import schemeful_site, site_of_origin
from agent.verbs.attribution import Outcome
from storage import interest_groups as store

JOINED: Final = "joined"
LEFT: Final = "left"
ABSENT: Final = "absent"
CLEARED: Final = "cleared"


def join(
    connection: sqlite3.Connection,
    group: InterestGroup,
    joining_origin: str,
    limits: ProtectedAudienceLimits,
    *,
    now: int,
) -> Outcome:
    """Join ``group`` on a page of ``joining_origin``; a lifetime of 0 or less leaves it.

    Where the owner has too many, those go that expire first.
    """
    store.remove_expired(connection, now=now)
    if group.lifetime <= 0:
        return leave(connection, group.owner, group.name, joining_origin, now=now)
    stored = joined(group, store.get(connection, group.owner, group.name, now=now), joining_origin, now=now)
    store.put(connection, stored)
    gone = store.make_room(
        connection,
        group.owner,
        groups=limits.max_groups_per_owner,
        size=limits.max_bytes_per_owner,
        owners=limits.max_owners,
    )
    checks = (
        Check(
            "bidding logic", group.bidding_logic_url is not None, group.bidding_logic_url or "", "set biddingLogicURL"
        ),
        Check("ads", bool(group.ads), str(len(group.ads)), "set ads: without any it does not bid"),
        Check(
            "room",
            not gone,
            f"{len(gone)} groups of the owner that expire first made room" if gone else "",
            f"leave groups: an owner has at most {limits.max_groups_per_owner:,}" if gone else "",
        ),
        Check("lifetime", passed=True, detail=f"until {format_instant(stored.expires)}"),
    )
    data = {"joinCount": stored.join_count, "priority": group.priority, "ads": [ad.render_url for ad in group.ads]}
    return _outcome(AudienceEvent.JOIN, JOINED, group.owner, group.name, joining_origin, now, data, checks)


def leave(connection: sqlite3.Connection, owner: str, name: str, joining_origin: str, *, now: int) -> Outcome:
    """Leave the group; the verdict tells whether there was one."""
    there = store.remove(connection, owner, name)
    check = Check("interest group", there, "" if there else "there is none of that owner and name", "join it first")
    verdict = LEFT if there else ABSENT
    return _outcome(AudienceEvent.LEAVE, verdict, owner, name, joining_origin, now, {}, (check,))


def clear_joined(
    connection: sqlite3.Connection, owner: str, joining_origin: str, kept: Collection[str], *, now: int
) -> Outcome:
    """Leave every group of ``owner`` that was joined on ``joining_origin``, but those ``kept``."""
    names = store.remove_joined(connection, owner, joining_origin, kept)
    return _outcome(AudienceEvent.CLEAR, CLEARED, owner, "", joining_origin, now, {"groups": names}, ())


def bidding_groups(connection: sqlite3.Connection, buyers: Collection[str], *, now: int) -> list[JoinedGroup]:
    """The unexpired groups of ``buyers``."""
    return store.of_owners(connection, buyers, now=now)


def count_bids(connection: sqlite3.Connection, bids: Iterable[InterestGroup], winner: Bid | None, *, now: int) -> None:
    """Count what an auction's groups did: when its winner is shown at ``now``, or at its end without one."""
    store.count_bids(connection, bids)
    if winner is not None:
        store.add_win(connection, winner.group.group, win_of(winner), now=now)


def clear_site_data(connection: sqlite3.Connection, hosts: Iterable[str]) -> None:
    """The user clears the data of sites: the groups that they own, or that were joined on them."""
    sites = {f"{scheme}://{host}" for host in hosts for scheme in ("https", "http")}
    store.remove_pairs(
        connection, [pair for pair in store.origins(connection) if not sites.isdisjoint(map(schemeful_site, pair))]
    )


def clear_origin(connection: sqlite3.Connection, origin: str) -> None:
    """``Clear-Site-Data: "storage"``: the same of one origin."""
    store.remove_pairs(connection, [pair for pair in store.origins(connection) if origin in pair])


def clear_all(connection: sqlite3.Connection) -> None:
    """The user clears everything."""
    store.remove_pairs(connection, store.origins(connection))


def _outcome(
    kind: AudienceEvent,
    verdict: str,
    owner: str,
    name: str,
    joining_origin: str,
    now: int,
    data: dict[str, object],
    checks: tuple[Check, ...],
) -> Outcome:
    what = f"interest group {name!r} of {owner}" if name else f"interest groups of {owner}"
    data = {"owner": owner, "name": name, "joiningOrigin": joining_origin, **data}
    site = site_of_origin(joining_origin)
    return Outcome(verdict, (Event(kind, now, verdict, f"{what}: {verdict}", site, data, Trace(checks)),))
