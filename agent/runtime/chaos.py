"""Chaos as an agent's owner switches it on: kept in memory, and gone with the agent."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from agent.browser.network.hooks import Exchange
from agent.browser.network.urls import shown_url
from agent.model.chaos import (
    STATUS,
    ChaosRule,
    Trouble,
    chaos_event,
    offline_event,
    rule_document,
    rule_event,
)
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
        self._offline = False

    @property
    def offline(self) -> bool:
        """Whether the profile was taken offline; :meth:`Agent.set_offline` does that."""
        return self._offline

    @offline.setter
    def offline(self, offline: bool) -> None:
        if offline != self._offline:
            self._tell(offline_event(self._clock.now(), offline=offline))
        self._offline = offline

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
        self._set(rule)
        return rule

    def put(self, document: Mapping[str, Any]) -> ChaosRule:
        """Put a rule in force as JSON has it: its members are what :meth:`set` takes. Raises UsageError likewise."""
        rule = chaos_rule_of(document)
        self._set(rule)
        return rule

    def document(self) -> dict[str, Any]:
        """The rules in force, and whether the profile is offline, as JSON values."""
        return {"offline": self.offline, "rules": [rule_document(rule) for rule in self.rules]}

    def clear(self, host: str | None = None) -> None:
        """End the rule of ``host``, or all. Raises UsageError where there is none of that host."""
        pattern = None if host is None else host_pattern(host)
        ended = [rule for rule in self.rules if pattern in (None, rule.host)]
        for rule in ended:
            self.in_force.remove(rule.host)
            self._tell(rule_event(rule, self._clock.now(), ended=True))
        if pattern is not None and not ended:
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
            self._tell(chaos_event(trouble, exchange.method, url, now=self._clock.now(), site=site))
        return trouble

    def _set(self, rule: ChaosRule) -> None:
        self.in_force.set(rule)
        self._tell(rule_event(rule, self._clock.now()))

    def _tell(self, event: Event) -> None:
        self._tasks.start(self._note(event), "tell of chaos")


def _host_of(url: str) -> str:
    """The host of a URL as the front writes it; an IPv6 address keeps its brackets."""
    authority = url.split("/")[2]
    return authority.partition("]")[0] + "]" if authority.startswith("[") else authority.partition(":")[0]
