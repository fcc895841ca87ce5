"""Where other projects' test data lies. It is no part of the repository: a test that needs it skips with the reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "TALLYHOST_CONFORMANCE"
REPOSITORY = Path(__file__).parents[1]
FOLDER = Path(os.environ.get(VARIABLE, REPOSITORY.parent / "shared" / "conformance")).resolve()
WHY_SKIPPED = f"conformance data is not there ({VARIABLE} names its folder)"


def conformance_file(name: str) -> Path:
    """The file or folder ``name`` below the conformance folder; the test that asks skips where there is none."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(WHY_SKIPPED)
    return path
