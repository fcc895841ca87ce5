"""The numbers and switches of Shared Storage."""

from __future__ import annotations

from dataclasses import dataclass

from agent.model.clock import DAY, HOUR, MINUTE


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
    """Between two removals of expired entries."""
    max_urls: int = 8
    """For one selectURL call."""
    max_urns: int = 65_536
    """Of one page's selectURL calls and auctions."""
    navigation_bits: float = 12
    """Bits for a site in :attr:`navigation_window`, spent when a selected URL's frame navigates the tab."""
    navigation_window: int = DAY
    """The time in which :attr:`navigation_bits` are spent once."""
    page_bits: float = 12
    """Bits of all sites while one page lives."""
    site_page_bits: float = 6
    """Bits of one site while one page lives."""
    keep_alive: int = 2000
    """How long a worklet with operations under way outlives its document."""
    custom_data_origin: bool = False
    """Whether ``createWorklet`` takes an origin as ``dataOrigin``."""
    worklet_unresponsive: int = 10_000
    """How long a worklet's code may run without a pause before it is ended; Chromium has no such limit."""
    worklet_memory: int = 512 * 1024 * 1024
    """Bytes that one worklet's code may hold before it is ended; Chromium has no such limit."""
    max_worklets_per_page: int = 250
    """Worklets that the frames of one page may have and still call; as many more may be at their last operations.
    Chromium has no such limit, nor the next three."""
    max_calls_per_page: int = 10_000
    """Calls of one page, but for writes, that have not ended: operations under way above all."""
    max_writes_per_page: int = 100_000
    """Writes of one page, and of responses to it, that wait for their lock or their turn."""
    max_bytes_per_page: int = 64 * 1024 * 1024
    """What those calls and writes carry, and the selected URLs: two for each UTF-16 code unit."""
