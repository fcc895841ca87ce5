"""The words of Shared Storage: what writes say, what is stored, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass

from agent.model.clock import DAY, HOUR, MINUTE


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


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored entry of an origin."""

    key: str
    value: str
    written: int
    """Milliseconds since 1970 of its last write, from which it expires."""


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


@dataclass(frozen=True, slots=True)
class SharedStorageLimits:
    """The numbers and switches of Shared Storage, each settable; defaults are Chromium 143's.

    Durations are milliseconds.
    """

    max_bytes_per_origin: int = 5_242_880
    """Two for each UTF-16 code unit of keys and values of unexpired entries."""
    max_string_length: int = 2_621_440
    """UTF-16 code units of one key or one value."""
    entry_lifetime: int = 30 * DAY
    """From an entry's last write."""
    purge_delay: int = 2 * MINUTE
    """From the agent's start to the first removal of expired entries."""
    purge_interval: int = 2 * HOUR
    max_urls: int = 8
    """For one selectURL call."""
    navigation_bits: float = 12
    """Bits for a site in :attr:`navigation_window`, spent when a selected URL's frame navigates the tab."""
    navigation_window: int = DAY
    page_bits: float = 12
    """Bits of all sites while one page lives."""
    site_page_bits: float = 6
    """Bits of one site while one page lives."""
    iterator_batch: int = 100
    """Entries that an iterator gets at once."""
    keep_alive: int = 2000
    """How long a worklet with operations under way outlives its document."""
    custom_data_origin: bool = False
    """Whether ``createWorklet`` takes an origin as ``dataOrigin``."""
    worklet_unresponsive: int = 10_000
    """How long a worklet's code may run without a pause before it is ended; Chromium has no such limit."""
    worklet_memory: int = 512 * 1024 * 1024
    """Bytes that one worklet's code may hold before it is ended."""
