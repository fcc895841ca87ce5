"""The agent's own requests, to exactly the hosts that its browser sees."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import aiohttp
from yarl import URL

from agent.browser.network.hosts import HostMap, Refusal, Tls, Upstream, unreachable
from agent.model.interfaces import NetworkError

TIMEOUT = 30.0
"""Seconds for a whole request."""
_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_ERRORS = {
    errno.ENETDOWN: NetworkError.INTERNET_DISCONNECTED,
    errno.ETIMEDOUT: NetworkError.CONNECTION_TIMED_OUT,
    errno.ECONNABORTED: NetworkError.CONNECTION_ABORTED,
    errno.ECONNRESET: NetworkError.CONNECTION_RESET,
    errno.EPIPE: NetworkError.CONNECTION_RESET,
}
"""Chromium's names of what the operating system says."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: status, header fields in order, decoded body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class HostClient:
    """Sends requests through a host map, without cookies and without following redirects."""

    def __init__(self, hosts: HostMap) -> None:
        self._hosts = hosts
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            skip_auto_headers=_AUTOMATIC,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def fetch(
        self,
        method: str,
        url: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        *,
        limit: int | None = None,
    ) -> Answer | Refusal:
        """Send one request for an absolute, percent-encoded ``http:`` or ``https:`` URL.

        Gives a Refusal where the host is not mapped or its server does not answer. The server gets the host of
        ``url`` in ``Host``, and no field beyond ``headers`` but what HTTP itself needs. The response's body is cut
        after ``limit`` bytes; with 0 nobody waits for it.
        """
        public = URL(url, encoded=True)
        upstream = self._upstream(public)
        if isinstance(upstream, Refusal):
            return upstream
        try:
            async with self._session.request(
                method,
                _server_url(public, upstream),
                headers=[("Host", public.authority if not public.is_default_port() else _bracketed(public)), *headers],
                data=body or None,
                allow_redirects=False,
                ssl=upstream.tls is not Tls.UNVERIFIED,
            ) as response:
                content = await (response.read() if limit is None else _beginning(response.content, limit))
                return Answer(response.status, tuple(response.headers.items()), content)
        except (aiohttp.ClientError, TimeoutError) as error:
            return replace(unreachable(upstream, str(error) or "not in time"), error=_network_error(error))

    def reaches(self, url: str) -> bool:
        """Whether there is a server to send a request for ``url`` to, whether it answers or not."""
        return not isinstance(self._upstream(URL(url, encoded=True)), Refusal)

    def _upstream(self, public: URL) -> Upstream | Refusal:
        assert public.host is not None
        assert public.port is not None
        return self._hosts.resolve(public.scheme, public.host, public.port)


async def _beginning(content: aiohttp.StreamReader, limit: int) -> bytes:
    parts: list[bytes] = []
    while limit > 0 and (part := await content.read(limit)):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def _network_error(error: Exception) -> NetworkError:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return NetworkError.NAME_NOT_RESOLVED
        case aiohttp.ConnectionTimeoutError():
            return NetworkError.CONNECTION_TIMED_OUT
        case TimeoutError():
            return NetworkError.TIMED_OUT
        case OSError(errno=int(number)):
            return _ERRORS.get(number, NetworkError.OTHER)
        case _:
            return NetworkError.OTHER


def _server_url(public: URL, upstream: Upstream) -> URL:
    scheme = "http" if upstream.tls is Tls.NONE else "https"
    host = f"[{upstream.host}]" if ":" in upstream.host else upstream.host
    return URL(f"{scheme}://{host}:{upstream.port}{public.raw_path_qs}", encoded=True)


def _bracketed(public: URL) -> str:
    host = public.raw_host or ""
    return f"[{host}]" if ":" in host else host
