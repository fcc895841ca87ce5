"""Origins and sites: hosts by the URL Standard (ada-url), registrable domains by the Public Suffix List.

A site is a host string: the registrable domain where there is one, else the host itself. The list is the one inside
the installed ``publicsuffixlist``, ICANN and private section, as browsers use it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import ada_url
from publicsuffixlist import PSLFILE, PublicSuffixList

from agent.model.caching import remember_short


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@cache
def _implied_by_wildcards() -> frozenset[str]:
    """The parents of wildcard rules that no rule covers.

    The library takes them for public suffixes (``*.kawasaki.jp`` implying ``kawasaki.jp``); the list's algorithm, which
    browsers follow, does not.
    """
    rules = {line.strip() for line in Path(PSLFILE).read_text("utf-8").splitlines()}
    parents = {rule[2:] for rule in rules if rule.startswith("*.")}
    return frozenset(name for name in parents if rules.isdisjoint((name, "*." + name.partition(".")[2])))


_NOT_HOST = frozenset("/\\?#@:\t\n\r ")
"""What ends or changes the host inside a URL, so that a host alone must not contain it."""


@remember_short
def registrable_domain(host: str) -> str | None:
    """The registrable domain of a parsed host (URL Standard, section 3.2), or None where it has none.

    None for IP addresses, public suffixes and single labels. A trailing dot is kept: it makes another site.
    """
    if is_ip_address(host):
        return None
    dot = "." if host.endswith(".") else ""
    labels = host.removesuffix(".").split(".")
    known = labels
    if "" in labels:  # the list refuses empty labels, the host parser does not
        known = labels[len(labels) - labels[::-1].index("") :]
    name = ".".join(known)
    if name in _implied_by_wildcards() and "." in name:
        name = name.partition(".")[2]
    suffix = _suffixes().publicsuffix(name)
    if suffix is None:
        return None
    count = suffix.count(".") + 1
    return None if count >= len(labels) else ".".join(labels[-count - 1 :]) + dot


def is_ip_address(host: str) -> bool:
    """Whether a parsed host is an IPv4 or (in brackets) IPv6 address."""
    if host.startswith("["):
        return True
    last = host.removesuffix(".").rpartition(".")[2]
    return last.isdigit()  # the host parser gives no domain whose last label is a number


def is_localhost(host: str) -> bool:
    """Whether a host is ``localhost`` or lies below it."""
    return host == "localhost" or host.endswith(".localhost")


@remember_short
def parse_a_site(text: str, allow_localhost: bool = False) -> str | None:
    """The host of the site that ``text`` names, or None where it names none (W3C Attribution, "parse a site").

    ``text`` is a host, nothing else: more labels are reduced to the registrable domain, case is folded,
    internationalised names become A-labels. ``allow_localhost`` is the draft's switch for developers.
    """
    host = _parse_host(text)
    if host is None:
        return None
    if is_localhost(host):
        return (registrable_domain(host) or host) if allow_localhost else None
    return registrable_domain(host)


def _parse_host(text: str) -> str | None:
    if not text or not _NOT_HOST.isdisjoint(text):
        return None
    try:
        host = str(ada_url.URL(f"https://{text}/").hostname)
    except (ValueError, UnicodeError):
        return None
    if any(label.startswith("xn--") and _u_label(label) == label for label in host.split(".")):
        return None  # ada-url lets an A-label pass that decodes to nothing; the standard does not
    return host


def _u_label(label: str) -> str:
    return str(ada_url.idna_to_unicode(label))


@remember_short
def site_of_origin(origin: str) -> str:
    """The host of the schemeful site of ``origin`` (``https://a.shop.test:8443`` gives ``shop.test``).

    IP addresses, ``localhost`` and public suffixes stand as they are. Raises ValueError for an opaque origin
    or anything that is no URL with a host.
    """
    try:
        host = str(ada_url.URL(origin).hostname)
    except (ValueError, UnicodeError):
        host = ""
    if not host:
        raise ValueError(f"{origin!r} is no origin with a host")
    return registrable_domain(host) or host


@remember_short
def is_potentially_trustworthy(url: str) -> bool:
    """Whether a URL's origin is potentially trustworthy (Secure Contexts, section 3.1): https, wss, loopback hosts."""
    try:
        parsed = ada_url.URL(url)
    except (ValueError, UnicodeError):
        return False
    if parsed.protocol in ("https:", "wss:", "file:"):
        return True
    host = str(parsed.hostname)
    loopback = (
        is_localhost(host.removesuffix(".")) or host == "[::1]" or (host.startswith("127.") and is_ip_address(host))
    )
    return parsed.protocol in ("http:", "ws:") and loopback


@remember_short
def serialized_origin(url: str) -> str:
    """The serialised origin of a URL: ``https://shop.test:8443``, or ``null`` where it is opaque or no URL."""
    try:
        return str(ada_url.URL(url).origin)
    except (ValueError, UnicodeError):
        return "null"


@remember_short
def schemeful_site(origin: str) -> str:
    """The serialised schemeful site of an origin or URL (``http://a.shop.test:8080/x`` gives ``http://shop.test``).

    Raises ValueError for an opaque origin or anything that is no URL with a host.
    """
    own = serialized_origin(origin)
    return f"{own.partition(':')[0]}://{site_of_origin(own)}"


@remember_short
def is_suitable_origin(url: str) -> bool:
    """Whether a URL's origin may take part in Attribution Reporting: http or https, and potentially trustworthy."""
    origin = serialized_origin(url)
    return origin.startswith(("https://", "http://")) and is_potentially_trustworthy(origin)
