"""Documents are seen as people do: by the command line, tried in an empty working folder."""

from __future__ import annotations

from tests.cli.conftest import _empty_surroundings, tallyhost

__all__ = ["_empty_surroundings", "tallyhost"]
