"""Which server stands behind which host: nothing leaves the machine unasked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from aiohttp import web

from agent.browser.network.serving import Serving, folder_app
from agent.model.errors import UsageError
from agent.model.interfaces import NetworkError

DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_NAME = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


class Tls(StrEnum):
    """How a connection to an upstream is protected."""

    NONE = "none"
    UNVERIFIED = "unverified"
    """TLS with whatever certificate a server of this machine has."""
    VERIFIED = "verified"


@dataclass(frozen=True, slots=True)
class Upstream:
    """The server that answers: host name or address (no brackets), port, and how the connection is protected."""

    host: str
    port: int
    tls: Tls = Tls.NONE

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.tls is Tls.NONE else 'https'}://{host}:{self.port}"


class RefusalKind(StrEnum):
    """Why a request was not sent."""

    NOT_MAPPED = "host not mapped"
    UNREACHABLE = "upstream not reachable"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was not sent, or not answered: why, in plain words, and what to do."""

    kind: RefusalKind
    what: str
    fix: str
    error: NetworkError = NetworkError.OTHER
    """What the network said of a server that is not reachable."""


class HostMap:
    """The hosts that browser and agent can reach; shared by all fronts of a process or owned by one.

    Mapped hosts go to their target, loopback hosts go through as they are, all others are refused unless
    ``allow_network``: then the real host is asked and its certificate verified. As a context manager it stops
    the applications it runs.
    """

    def __init__(self, *, allow_network: bool = False) -> None:
        self.allow_network = allow_network
        self._targets: dict[str, Upstream] = {}
        self._defaults: dict[str, Upstream] = {}
        self._serving = Serving()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop the applications and folders that were mapped."""
        await self._serving.close()

    def map(self, host: str, target: str | Path | web.Application) -> Upstream:
        """Put ``target`` behind ``host``, on every port, instead of what was there before.

        ``host`` is a name such as ``shop.test``, or ``*.shop.test`` for all names below it. ``target`` is a server's
        URL without path (``http://localhost:3000``), an aiohttp application, or a folder of static files; the latter
        two need a running loop. Raises UsageError for a host or target that is none of these.
        """
        self._targets[host_name(host)] = upstream = self._upstream_of(target)
        return upstream

    def map_by_default(self, hosts: Iterable[str], target: web.Application) -> Upstream:
        """Put ``target`` behind each of ``hosts`` like :meth:`map`, but for what that maps, before or later."""
        upstream = self._upstream_of(target)
        self._defaults.update(dict.fromkeys(map(host_name, hosts), upstream))
        return upstream

    def mapped(self) -> list[str]:
        """The hosts that :meth:`map` was called for, sorted."""
        return sorted(self._targets)

    def _upstream_of(self, target: str | Path | web.Application) -> Upstream:
        if isinstance(target, web.Application):
            return Upstream("127.0.0.1", self._serving.start(target))
        if isinstance(target, str) and target.startswith(("http://", "https://")):
            return parse_target(target)
        folder = Path(target)
        if not folder.is_dir():
            raise UsageError(
                f"{str(target)!r} is neither a URL nor a folder",
                where="map",
                rule="a target is the URL of a server or an existing folder",
                fix="http://localhost:3000 or ./site",
            )
        return Upstream("127.0.0.1", self._serving.start(folder_app(folder)))

    def resolve(self, scheme: str, host: str, port: int) -> Upstream | Refusal:
        """The server for ``scheme`` (``http`` or ``https``), ``host`` (no brackets) and ``port``, or why there is none.

        Fast and without effect: no name is looked up and nothing is connected.
        """
        name = host.lower().rstrip(".")
        if (target := self._mapped(name)) is not None:
            return target
        secure = scheme == "https"
        if is_loopback(name):
            return Upstream(name, port, Tls.UNVERIFIED if secure else Tls.NONE)
        if self.allow_network:
            return Upstream(name, port, Tls.VERIFIED if secure else Tls.NONE)
        return Refusal(
            RefusalKind.NOT_MAPPED,
            f"{name} is not mapped to a server, and nothing leaves this machine unasked.",
            f"--map {name}=http://localhost:3000 puts your own server behind this host; "
            "--allow-network lets pages reach the real one.",
        )

    def _mapped(self, name: str) -> Upstream | None:
        if (exact := self._targets.get(name)) is not None:
            return exact
        labels = name.split(".")
        patterns = ("*." + ".".join(labels[start:]) for start in range(1, len(labels)))
        found = next((self._targets[pattern] for pattern in patterns if pattern in self._targets), None)
        return found or self._defaults.get(name)


def unreachable(upstream: Upstream, reason: str) -> Refusal:
    """The refusal for a server that does not answer."""
    return Refusal(
        RefusalKind.UNREACHABLE, f"{upstream} did not answer: {reason}.", "Is the server running, and on that port?"
    )


def host_name(host: str) -> str:
    """``host`` as it is looked up. Raises UsageError for what is no name of a host, nor ``*.`` before one."""
    name = host.strip().lower().rstrip(".")
    if not _HOST_NAME.fullmatch(name) or ".." in name:
        raise UsageError(
            f"{host!r} is no host name", where="map", rule="a host without scheme, port and path", fix="shop.test"
        )
    return name


def is_loopback(host: str) -> bool:
    """Whether ``host`` (lower case, no brackets) names this machine: localhost, a name below it, a loopback address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_target(target: str) -> Upstream:
    """The server that a URL names. Raises UsageError for one that names more, or none."""
    fault = UsageError(
        f"{target!r} is no address of a server",
        where="map",
        rule="scheme, host and port, nothing after them",
        fix="http://localhost:3000",
    )
    try:
        parts = urlsplit(target)
        port = parts.port
    except ValueError:
        raise fault from None
    if not parts.hostname or parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise fault
    tls = Tls.NONE
    if parts.scheme == "https":
        tls = Tls.UNVERIFIED if is_loopback(parts.hostname) else Tls.VERIFIED
    return Upstream(parts.hostname, port or DEFAULT_PORTS[parts.scheme], tls)
