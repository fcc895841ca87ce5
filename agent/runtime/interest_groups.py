"""Interest groups behind the pages of one profile: joined, left and cleared, where their owner lets a page do so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from agent.browser.documents import Document
from agent.browser.host_channel import PageCall
from agent.browser.permissions import JOIN_AD_INTEREST_GROUP
from agent.engines.protected_audience.checks import https_origin
from agent.engines.protected_audience.interest_groups import checked_group
from agent.model.errors import PageException
from agent.model.events import Check, Event, Trace
from agent.model.protected_audience import AudienceEvent
from agent.runtime.auction_scripts import Fetches
from agent.runtime.page_worklets import error
from agent.runtime.shared_storage_calls import shown
from agent.runtime.storage_access import Obstacle, audience_obstacle, policy_obstacle
from agent.runtime.stored_interest_groups import StoredInterestGroups
from agent.runtime.worklet_surroundings import Surroundings

Reply = Mapping[str, Any]
_JOIN, _LEAVE, _CLEAR = "joinAdInterestGroup", "leaveAdInterestGroup", "clearOriginJoinedAdInterestGroups"
GROUP_CALLS = frozenset({_JOIN, _LEAVE, _CLEAR})
"""The methods of ``navigator`` that come here."""
_KINDS = {_JOIN: AudienceEvent.JOIN, _LEAVE: AudienceEvent.LEAVE, _CLEAR: AudienceEvent.CLEAR}


class InterestGroups:
    """The groups of one profile, as its pages use them."""

    def __init__(self, around: Surroundings, stored: StoredInterestGroups, fetches: Fetches) -> None:
        self._around, self._stored, self._fetches = around, stored, fetches
        self._turns: WeakValueDictionary[tuple[Document, str], asyncio.Lock] = WeakValueDictionary()
        """Of a document's calls about one owner: they take effect in their order, while the owner is asked or not."""

    async def called(self, call: PageCall, now: int) -> Reply:
        """Do what a page asked for at ``now``; its policy must be known."""
        document = call.caller.document
        denied = policy_obstacle(document, JOIN_AD_INTEREST_GROUP, document.origin)
        if denied is not None:
            await self._refuse(call, call.options.get("owner") or "", denied, now)
            return error("NotAllowedError", policy_message(call.method, JOIN_AD_INTEREST_GROUP))
        owner = (call.options["group"] if call.method == _JOIN else call.options)["owner"]
        turn = self._turns.setdefault((document, https_origin(owner or "") or ""), asyncio.Lock())
        async with turn:
            match call.method:
                case "joinAdInterestGroup":
                    return await self._join(call, now)
                case "leaveAdInterestGroup":
                    return await self._leave(call, now)
                case _:
                    return await self._clear(call, now)

    async def _join(self, call: PageCall, now: int) -> Reply:
        settings, document = self._around.settings, call.caller.document
        limits = settings.protected_audience_limits
        coordinators = settings.private_aggregation_limits.aggregation_coordinator_origins
        group = checked_group(call.options, limits, coordinators)
        if isinstance(group, PageException):
            await self._around.transactions.note(refused_event(call, AudienceEvent.JOIN, group, now))
            return exception_reply(group)
        if (why := audience_obstacle(settings, group.owner)) is not None:
            await self._refuse(call, group.owner, why, now)
            return {}
        if not await self._is_permitted(document, group.owner, _JOIN):
            return await self._denied(call, group.owner, "join", now)
        await self._stored.join(group, document.origin, now=now)
        return {}

    async def _leave(self, call: PageCall, now: int) -> Reply:
        owner, name = call.options["owner"], call.options["name"]
        if owner is None:
            return {}  # outside of the ad of a group there is none to leave
        origin = https_origin(owner)
        if origin is None:
            return await self._bad_owner(call, owner, now)
        if not await self._is_permitted(call.caller.document, origin, _LEAVE):
            return await self._denied(call, origin, "leave", now)
        await self._stored.leave(origin, name, call.caller.document.origin, now=now)
        return {}

    async def _clear(self, call: PageCall, now: int) -> Reply:
        owner, kept = call.options["owner"], call.options["keep"]
        origin = https_origin(owner)
        if origin is None:
            return await self._bad_owner(call, owner, now)
        if not await self._is_permitted(call.caller.document, origin, _LEAVE):
            return await self._denied(call, origin, "leave", now)
        await self._stored.clear(origin, call.caller.document.origin, kept, now=now)
        return {}

    async def _is_permitted(self, document: Document, owner: str, method: str) -> bool:
        """Whether a document may do this with groups of ``owner``, which another origin has to say in a file."""
        if document.origin == owner:
            return True
        return (await self._fetches.permissions(document, owner)).get(method) is True

    async def _denied(self, call: PageCall, owner: str, verb: str, now: int) -> Reply:
        detail = f"{owner} does not let {call.caller.origin} {verb} its groups"
        fix = f"have it say so at /.well-known/interest-group/permissions/, for this origin: {verb}AdInterestGroup"
        check = Check("permission of the owner", False, detail, fix)
        await self._refuse(call, owner, Obstacle("not-permitted", check), now)
        return error("NotAllowedError", f"Permission to {verb} interest group denied.")

    async def _bad_owner(self, call: PageCall, owner: str, now: int) -> Reply:
        text = f"Failed to execute '{call.method}' on 'Navigator': owner '{owner}' for AuctionAdInterestGroup"
        if call.method == _LEAVE:
            text += f" with name '{call.options['name']}'"
        exception = PageException("TypeError", f"{text} must be a valid https origin.")
        await self._around.transactions.note(refused_event(call, _KINDS[call.method], exception, now))
        return exception_reply(exception)

    async def _refuse(self, call: PageCall, owner: str, why: Obstacle, now: int) -> None:
        site = call.caller.document.top_level_site
        summary = f"{call.method} of {shown(owner)} on {site}: {why.verdict}"
        data = {"owner": shown(owner), "joiningOrigin": call.caller.origin}
        kind = _KINDS[call.method]
        await self._around.transactions.note(Event(kind, now, why.verdict, summary, site, data, Trace((why.check,))))


def policy_message(method: str, feature: str) -> str:
    """What a page sees rejected whose permissions policy forbids ``feature``."""
    return f"Failed to execute '{method}' on 'Navigator': Feature {feature} is not enabled by Permissions Policy"


def exception_reply(exception: PageException) -> Reply:
    """What the page sees rejected."""
    return {
        "error": {"name": exception.name, "message": exception.message, "dom": exception.is_dom_exception},
    }


def refused_event(call: PageCall, kind: str, exception: PageException, now: int) -> Event:
    """That a call ended in an exception, be it of the page's own script or of the agent."""
    site = call.caller.document.top_level_site
    check = Check("arguments", False, shown(exception.message), "the page sees this exception; correct the call")
    summary = f"{shown(call.method)}() on {site} refused: {shown(exception.message)}"
    return Event(kind, now, exception.name, summary, site, {"origin": call.caller.origin}, Trace((check,)))
