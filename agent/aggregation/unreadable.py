"""Input of a job that cannot be read: what the job ends with as INPUT_DATA_READ_FAILED."""

from __future__ import annotations

from pathlib import Path

from agent.model.errors import UsageError


class InputUnreadableError(UsageError):
    """A file of reports, or of a domain, is not there, is damaged, or holds something else."""


def unreadable(path: Path, error: OSError) -> InputUnreadableError:
    """What it means that the system did not let ``path`` be read."""
    return InputUnreadableError(
        f"cannot be read: {error.strerror or error}",
        where=str(path),
        rule="each input is a file that can be read, from the beginning of the job to its end",
        fix="check its name and who may read it, and leave it in place until the job is done",
    )
