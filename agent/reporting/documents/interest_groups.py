"""The interest groups that the agent remembers, as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.model.clock import format_instant
from agent.model.protected_audience import JoinedGroup
from agent.reporting.documents.stored import listed

if TYPE_CHECKING:
    from agent.runtime import Agent

Document = dict[str, Any]


async def interest_group_documents(agent: Agent, limit: int | None) -> Document:
    """The first ``limit`` interest groups that have not expired, by owner and name."""
    groups = await agent.interest_groups.read(limit)
    return listed("interest_groups", map(_group, groups), max(0, await agent.interest_groups.count() - len(groups)))


def _group(joined: JoinedGroup) -> Document:
    group = joined.group
    return {
        "owner": group.owner,
        "name": group.name,
        "joining_origin": joined.joining_origin,
        "joined": format_instant(joined.joined),
        "expires": format_instant(joined.expires),
        "join_count": joined.join_count,
        "bid_count": joined.bid_count,
        "win_count": len(joined.wins),
        "bidding_logic_url": group.bidding_logic_url,
        "ads": [ad.render_url for ad in group.ads],
    }
