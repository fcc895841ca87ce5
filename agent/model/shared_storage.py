"""The words of Shared Storage: what writes say, what is stored, and its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


def storage_bytes(text: str) -> int:
    """What a key or a value counts towards the quota: two bytes for each of its UTF-16 code units."""
    return 2 * len(text) if text.isascii() else len(text.encode("utf-16-le"))


class WrittenBy(StrEnum):
    """Who wrote."""

    PAGE = "page"
    WORKLET = "worklet"
    HEADER = "header"
    """``Shared-Storage-Write`` of a response."""
    OWNER = "owner"
    """The agent's owner, as developer tools do (shared-storage section 11)."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Whose data is written, and on whose behalf."""

    origin: str
    """Serialised, whose entries they are: of the page, a worklet's data origin, or of a response."""
    by: WrittenBy
    site: str = ""
    """The top-level site, as a host name, where there is one."""
    http: Mapping[str, Any] | None = field(default=None, compare=False)
    """The exchange whose response writes, as :func:`agent.model.http_record.http_record` keeps it."""


@dataclass(frozen=True, slots=True)
class SetMethod:
    """``set()``: write ``value``, unless ``ignore_if_present`` and there is an unexpired entry."""

    key: str
    value: str
    ignore_if_present: bool = False


@dataclass(frozen=True, slots=True)
class AppendMethod:
    """``append()``: add ``value`` to the end of what is stored."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class DeleteMethod:
    """``delete()``: remove the entry; one that is not there is no failure."""

    key: str


@dataclass(frozen=True, slots=True)
class ClearMethod:
    """``clear()``: remove every entry of the origin."""


ModifierMethod = SetMethod | AppendMethod | DeleteMethod | ClearMethod
"""One write (shared-storage section 2); keys and values are text without lone surrogates."""


class StorageEvent(StrEnum):
    """The kinds of Shared Storage's events."""

    SET = "shared-storage.set"
    APPEND = "shared-storage.append"
    DELETE = "shared-storage.delete"
    CLEAR = "shared-storage.clear"
    BATCH_UPDATE = "shared-storage.batch-update"
    """Also of a response's ``Shared-Storage-Write``."""
    SELECT_URL = "shared-storage.select-url"
    NAVIGATION = "shared-storage.navigation"
    """A selected URL's frame navigated the tab."""
    RESET_BUDGET = "shared-storage.reset-budget"
    ADD_MODULE = "shared-storage.add-module"
    RUN = "shared-storage.run"


class StorageVerdict(StrEnum):
    """What became of a write."""

    STORED = "stored"
    """The entry is kept."""
    DELETED = "deleted"
    """The entry is gone."""
    CLEARED = "cleared"
    """Every entry of the origin is gone."""
    IGNORED = "ignored"
    """Nothing was to be changed: the entry was present, or a response said nothing that can be applied."""
    ABSENT = "absent"
    """There was no entry to delete."""
    QUOTA_EXCEEDED = "quota-exceeded"
    """The origin's entries would take more bytes than it may."""
    TOO_LONG = "too-long"
    """The value that ``append`` would make."""
    INVALID_LENGTH = "invalid-length"
    """A key or a value that scripts refuse before they ask."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored entry of an origin."""

    key: str
    value: str
    written: int
    """Milliseconds since 1970 of its last write, from which it expires."""

    @property
    def bytes_used(self) -> int:
        """What it counts towards the quota."""
        return storage_bytes(self.key) + storage_bytes(self.value)


@dataclass(frozen=True, slots=True)
class OriginMetadata:
    """What is known of an origin's storage without reading it (shared-storage section 11)."""

    creation_time: int | None
    """Milliseconds since 1970 of the first entry since it was last empty; None where it is empty."""
    length: int
    bytes_used: int
    """Two for each UTF-16 code unit of keys and values."""
    remaining_budget: float
    """Bits that selectURL may still spend on navigations of the origin's site."""
