"""Why a report could not be read or counted: the common mistakes, each found out and named with what to do.

All work is bounded: a report costs at most some fifty tries to open it, and callers ask for the first few alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from agent.engines.aggregation.report_checks import reporting_site
from agent.model.aggregation import JobParameters, SharedInfo

LABEL = b"aggregation_service"
"""What stands before shared_info in the HPKE ``info`` of every version but the oldest."""
_OVERHEAD = 32 + 16
"""Encapsulated key and tag: no sealed payload is shorter."""
_TRIED_KEYS = 8
_LONGEST_ORIGIN = 256
_NAMED_KEYS = 4
_BASE64 = re.compile(rb"[A-Za-z0-9+/_\-\s]++={0,2}\s*")
"""``++`` never looks back: else blanks before a wrong byte would be tried in every way."""
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2})+\s*")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
_DECODE = "decode it into bytes before it is written to the batch"
_CLEAR_TEXT = (b"operation", b"histogram", b"data")
_FRAME_BYTES = 6 + 20
"""Of the clear text around the contributions: ``{"data": [``, and ``], "operation": "histogram"}``."""
_ENTRY_BYTES = (36, *range(41, 49))
"""Of one contribution: without a filtering id, and with one of 1 to 8 bytes."""

Opens = Callable[[str, bytes, bytes], bool]
"""Whether HPKE opens a payload with the private key of a key id, under a whole ``info``: (key id, payload, info)."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake that explains what was seen, and what to do about it."""

    what: str
    fix: str
    certain: bool = True
    """False where the same is seen of a batch that is as it should be."""

    def __str__(self) -> str:
        return f"{self.what}; {self.fix}"


def unknown_key(key_id: str, key_ids: Collection[str]) -> Mistake:
    """What it means that the key of a report is not among ``key_ids`` (DECRYPTION_KEY_NOT_FOUND)."""
    known = sorted(key_ids)
    named = ", ".join(repr(one) for one in known[:_NAMED_KEYS]) + (", ..." if len(known) > _NAMED_KEYS else "")
    keys = f"it is none of the {len(known):,} keys given ({named})" if known else "no key is given"
    return Mistake(
        f"the report is sealed to key {key_id!r}, {keys}: another coordinator's, or one of another profile or key file",
        "give the keys of the coordinator that the report names, or aggregate its reports in a job of their own",
    )


def unreadable_shared_info(shared_info: str) -> Mistake | None:
    """Why ``shared_info`` cannot be read, where it was changed in a known way on its way into the batch."""
    again = "keep the string as the report has it: it is sealed into the payload byte for byte"
    text = shared_info.strip()
    if not text:
        return Mistake("shared_info is empty", again)
    if text.startswith('{\\"'):
        return Mistake("shared_info still has the backslashes of the report's JSON", f"decode that JSON once; {again}")
    if text.startswith("{'"):
        return Mistake("shared_info is the print of a Python dict", again)
    value = _parsed(text)
    if isinstance(value, str) and isinstance(_parsed(value), dict):
        return Mistake("shared_info is a JSON string in a JSON string", f"decode it once; {again}")
    if isinstance(value, dict) and "shared_info" in value:
        return Mistake("shared_info holds the whole report", "take its member shared_info, as it stands")
    return None


def undecryptable(
    payload: bytes, shared_info: str, key_id: str, *, key_ids: Collection[str], opens: Opens
) -> Mistake | None:
    """Why ``payload`` does not open with the key of ``key_id`` (DECRYPTION_ERROR); None where no known mistake does it.

    ``key_ids``: those that ``opens`` has private keys for. It is asked at most some fifty times.
    """
    content = _parsed(shared_info)
    if isinstance(content, dict) and content.get("version") == "":
        return Mistake(
            'the report\'s version is "": it is of a browser before version 0.1, which the service no longer opens',
            "leave such reports out",
        )
    info = LABEL + _bytes(shared_info)
    if (misread := _misread(payload)) is not None:
        return misread
    for original, what in _serialisations(shared_info, content):
        if opens(key_id, payload, LABEL + _bytes(original)):
            return Mistake(
                f"shared_info was re-serialised: the payload opens {what}",
                "store shared_info as the string that the report has, and never as a parsed object",
            )
    for wrong, what in ((_bytes(shared_info), "without a label"), (LABEL + b"\0" + info[len(LABEL) :], "with a NUL")):
        if opens(key_id, payload, wrong):
            return Mistake(
                f"the payload was sealed under another HPKE info: shared_info {what} before it",
                'seal with info = "aggregation_service" followed by shared_info, and no associated data',
            )
    for other in sorted(set(key_ids) - {key_id})[:_TRIED_KEYS]:
        if opens(other, payload, info):
            return Mistake(
                f"the payload is sealed to key {other!r}, and says that it is to {key_id!r}",
                "keep each payload with the key_id of its own element of aggregation_service_payloads",
            )
    return _odd_length(payload)


def unreadable_payload(payload: bytes, *, clear_text: bool) -> Mistake | None:
    """Why ``payload``, opened or given as clear text, holds no contributions (REPORT_PARSING_ERROR)."""
    if not payload:
        return Mistake("the payload is empty", "take the bytes of the report")
    if (kept_as_text := _as_text(payload)) is not None and not _looks_clear(payload):
        return kept_as_text
    if clear_text and not _looks_clear(payload):
        return Mistake(
            "the payload is no clear text: the job reads debug_cleartext_payload, and this is a sealed payload",
            "run the job without clear text, or give it the reports' debug_cleartext_payload",
        )
    return None


def origin_mismatch(info: SharedInfo, parameters: JobParameters) -> Mistake | None:
    """Why the reporting origin is not the job's, or not of its site, where what the job says comes near."""
    found, site = info.reporting_origin, parameters.reporting_site
    asked = site if site is not None else parameters.attribution_report_to
    if asked is None or found == asked or max(len(found), len(asked)) > _LONGEST_ORIGIN:
        return None
    return _other_origin(found, asked) if site is None else _other_site(found, asked)


def _other_origin(found: str, asked: str) -> Mistake | None:
    named, write, host = f"attribution_report_to {asked!r}", f"write {found!r}", _host(asked)
    if asked.startswith(f"{found}/"):
        return Mistake(f"{named} goes on after the origin: the two are compared character by character", write)
    if host is None:
        return Mistake(f"{named} is no origin: it has a scheme and a host", write)
    if host == _host(found):
        return Mistake(f"{named} is another scheme, port or spelling of the reports' origin", write)
    site = reporting_site(found)
    if site is not None and site == reporting_site(asked):
        return Mistake(f"{named} is another origin of the reports' site", f"{write}, or reporting_site {site!r}")
    return None


def _other_site(found: str, asked: str) -> Mistake | None:
    site = reporting_site(found)
    host, asked_host = _host(site or ""), _host(asked if "://" in asked else f"https://{asked}")
    if site == asked or host is None or asked_host is None:
        return None
    if asked_host == host or asked_host.endswith(f".{host}"):
        return Mistake(
            f"reporting_site {asked!r} is not written as a site: https:// and the registrable domain", f"write {site!r}"
        )
    return None


def _host(origin: str) -> str | None:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.hostname if parts.scheme else None


def _misread(payload: bytes) -> Mistake | None:
    """What the bytes show by themselves."""
    if _looks_clear(payload):
        return Mistake(
            "the payload is clear text: debug_cleartext_payload stands in a batch of sealed payloads",
            "put the report's payload into the batch, or run the job over clear text",
        )
    if len(payload) < _OVERHEAD:
        return Mistake(
            f"the payload was cut off: {len(payload)} bytes are fewer than the {_OVERHEAD} that sealing adds",
            "take all of its bytes",
        )
    return _as_text(payload)


def _serialisations(shared_info: str, content: object) -> Iterator[tuple[str, str]]:
    """Texts that say the same as ``shared_info`` and may have been sealed in its place, each with its difference."""
    if not isinstance(content, dict) or any(isinstance(value, dict | list) for value in content.values()):
        return  # browsers write it flat
    seen = {shared_info}
    for members, members_said in _members(content):
        for separators, spaces_said in (((",", ":"), "without spaces"), ((", ", ": "), "with spaces")):
            for ascii_only, ascii_said in ((True, "with other characters escaped"), (False, "")):
                plain = json.dumps(members, separators=separators, ensure_ascii=ascii_only)
                for text, slash_said in ((plain, ""), (plain.replace("/", r"\/"), "with slashes escaped")):
                    if text not in seen:
                        seen.add(text)
                        yield text, f"{spaces_said}{_and(members_said)}{_and(ascii_said)}{_and(slash_said)}"


def _members(content: dict[str, object]) -> Iterator[tuple[dict[str, object], str]]:
    """The members of a shared_info as they may have been, each way with its difference."""
    alphabetical = dict(sorted(content.items()))
    yield alphabetical, "with its members sorted"
    yield content, ""
    texts = {name: f"{value}" if isinstance(value, int) else value for name, value in alphabetical.items()}
    if texts != alphabetical:
        yield texts, "with its numbers as strings"
    if "debug_mode" not in content:
        yield dict(sorted({**content, "debug_mode": "enabled"}.items())), "with debug_mode, which it has lost"


def _and(said: str) -> str:
    return f", {said}" if said else ""


def _odd_length(payload: bytes) -> Mistake | None:
    """A payload whose length is none that browsers make."""
    rest = len(payload) - _OVERHEAD - _FRAME_BYTES
    for head, counts in ((1, range(24)), (2, range(24, 256)), (3, range(256, 65_536))):
        if any((rest - head) % size == 0 and (rest - head) // size in counts for size in _ENTRY_BYTES):
            return None
    return Mistake(
        f"{len(payload):,} bytes are no length of a browser's payload: some were cut off or added",
        "take all bytes of the payload and no others; 20 contributions make 895",
    )


def _looks_clear(payload: bytes) -> bool:
    return payload[:1] in {b"\xa2", b"\xbf", b"\xb9", b"\xba"} and all(word in payload for word in _CLEAR_TEXT)


def _as_text(payload: bytes) -> Mistake | None:
    """Bytes that were kept as text: sealed ones are no text by chance."""
    if _HEX.fullmatch(payload):
        return Mistake("the payload is hexadecimal text", _DECODE)
    if _BASE64.fullmatch(payload):
        return Mistake("the payload is still base64 text", _DECODE)
    try:
        payload.decode()
    except UnicodeDecodeError:
        if _REPLACEMENT not in payload:
            return None
    return Mistake("the payload's bytes were read as text and written as text", "keep them as bytes all the way")


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
