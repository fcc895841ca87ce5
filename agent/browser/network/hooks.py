"""What the agent's shell plugs into a front."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.browser.network.headers import Headers
from agent.browser.network.hosts import Refusal


@dataclass(slots=True)
class Exchange:
    """One request and its response on the wire; every hop of a redirect is an exchange of its own."""

    front_id: str
    method: str
    url: str
    """Absolute, as the browser sees it: ``https://shop.test/cart?id=1``; ``ws:`` or ``wss:`` for a WebSocket."""
    request_headers: Headers
    connection_id: int
    """Number of the browser's connection within the front, from 1."""
    status: int = 0
    """Status of the response, 0 until its head is there."""
    reason: bytes = b""
    """What the server's status line says beside the number."""
    response_headers: Headers = field(default_factory=Headers)
    answered_by_front: bool = False
    """Whether the response is the front's own page: host not mapped, or upstream not reachable."""
    withheld: bool = False
    """Set by the request hook where the request must reach no server: the answer is an empty 200."""
    before_body: Callable[[], Awaitable[None]] | None = None
    """Set by the response hook where the body must wait although the head may go; called as the head goes."""
    on_body: Callable[[bytes], None] | None = None
    """Set by a hook that wants to see the response body, each part before the browser gets it, as it is on the wire."""
    cut: Callable[[], None] = lambda: None
    """Set by the front: ends the exchange, and the browser sees a network error."""
    data: dict[str, Any] = field(default_factory=dict)
    """For the shell; the front never looks inside."""


class FrontHooks(Protocol):
    """Called for every exchange of one front. A hook that raises is logged and the exchange goes on."""

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        """Before the request head leaves; may edit ``request_headers``.

        The head waits for the awaitable; None lets it go at once.
        """
        ...

    def on_response(self, exchange: Exchange) -> Awaitable[None] | None:
        """When the response head is there and before a byte of it goes to the browser; may edit ``response_headers``.

        The head waits for the awaitable; None lets it go at once. Informational (1xx) heads but 101 pass unseen.
        An awaitable that has begun is not cancelled when the browser goes away.
        """
        ...

    def on_refusal(self, exchange: Exchange, refusal: Refusal) -> None:
        """When a request that no page shows was not sent, or not answered: a script sees a network error."""
        ...


class NoHooks:
    """Hooks that change nothing."""

    def on_request(self, exchange: Exchange) -> None:
        """See :class:`FrontHooks`."""

    def on_response(self, exchange: Exchange) -> None:
        """See :class:`FrontHooks`."""

    def on_refusal(self, exchange: Exchange, refusal: Refusal) -> None:
        """See :class:`FrontHooks`."""
