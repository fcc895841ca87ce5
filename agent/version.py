"""The version of the installed distribution."""

from __future__ import annotations

from importlib import metadata

DISTRIBUTION = "tallyhost"


def version() -> str:
    """The version as installed, for example ``0.1.0``; ``0+unknown`` when run from files that were never installed."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "0+unknown"
