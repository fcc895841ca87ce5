"""Chaos as an agent's owner switches it on: kept in memory, and gone with the agent."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from agent.browser.network.hooks import Exchange
from agent.browser.network.urls import shown_url
from agent.model.chaos import STATUS, ChaosRule, Trouble, chaos_event, rule_document
from agent.model.chaos_input import chaos_rule, chaos_rule_of, host_pattern
from agent.model.chaos_rules import ChaosRules
from agent.model.clock import Clock
from agent.model.errors import UsageError
from agent.model.events import Event
from agent.model.rng import Rng
from agent.model.site import registrable_domain
from agent.model.tasks import Tasks

_ICON = "/favicon.ico"
"""What Chromium asks for by itself, at a time of its own: it would use up a rule's ``times``, and no page would see."""


class Chaos:
    """What goes wrong with requests of the agent and of its pages, and whether the profile is offline."""

    def __init__(
        self, rng: Rng, clock: Clock, note: Callable[[Event], Coroutine[Any, Any, None]], tasks: Tasks
    ) -> None:
        self._clock, self._note, self._tasks = clock, note, tasks
        self.in_force = ChaosRules(rng)
        """What requests meet."""
        self.offline = False
        """Whether the profile was taken offline; :meth:`Agent.set_offline` does that."""

    @property
    def rules(self) -> tuple[ChaosRule, ...]:
        """The rules in force, in the order in which their hosts were first named."""
        return self.in_force.all

    def set(
        self,
        host: str,
        *,
        fail: float | str = 0.0,
        status: int | str = STATUS,
        reset: float | str = 0.0,
        stall: int | str = 0,
        slow: int | str = 0,
        times: int | str | None = None,
        pages: bool = True,
    ) -> ChaosRule:
        """Let things go wrong for ``host`` (``adtech.test``, ``*.adtech.test`` or ``*``), in the place of its rule.

        ``fail`` and ``reset``: shares of its requests, such as ``"50%"`` or ``0.5``. ``stall`` and ``slow``: durations
        such as ``"30s"``, or milliseconds; see :class:`agent.model.chaos.ChaosRule`. Raises UsageError for what no
        rule can be; nothing changes then.
        """
        rule = chaos_rule(host, fail=fail, status=status, reset=reset, stall=stall, slow=slow, times=times, pages=pages)
        self.in_force.set(rule)
        return rule

    def put(self, document: Mapping[str, Any]) -> ChaosRule:
        """Put a rule in force as JSON has it: its members are what :meth:`set` takes. Raises UsageError likewise."""
        rule = chaos_rule_of(document)
        self.in_force.set(rule)
        return rule

    def document(self) -> dict[str, Any]:
        """The rules in force, and whether the profile is offline, as JSON values."""
        return {"offline": self.offline, "rules": [rule_document(rule) for rule in self.rules]}

    def clear(self, host: str | None = None) -> None:
        """End the rule of ``host``, or all. Raises UsageError where there is none of that host."""
        if host is None:
            for rule in self.rules:
                self.in_force.remove(rule.host)
        elif not self.in_force.remove(host_pattern(host)):
            known = ", ".join(rule.host for rule in self.rules)
            raise UsageError(
                f"there is no chaos for {host}",
                where="chaos clear",
                rule="a host as its rule names it",
                fix=f"name one of {known}" if known else "nothing is left to clear",
            )

    def meet(self, exchange: Exchange) -> Trouble | None:
        """What goes wrong with a page's request, None where nothing does; the owner is told of it."""
        if not self.rules or exchange.url.endswith(_ICON):
            return None
        host = _host_of(exchange.url)
        trouble = self.in_force.strike(host, f"{exchange.method} {exchange.url}", page=True)
        if trouble is not None:
            url, site = shown_url(exchange.url), registrable_domain(host) or ""
            event = chaos_event(trouble, exchange.method, url, now=self._clock.now(), site=site)
            self._tasks.start(self._note(event), "tell of chaos")
        return trouble


def _host_of(url: str) -> str:
    """The host of a URL as the front writes it; an IPv6 address keeps its brackets."""
    authority = url.split("/")[2]
    return authority.partition("]")[0] + "]" if authority.startswith("[") else authority.partition(":")[0]
