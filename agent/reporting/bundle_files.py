"""A bundle as a person asks for it: in a folder that holds nothing else, or as one .zip file."""

from __future__ import annotations

import asyncio
import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from agent.model.errors import UsageError
from agent.reporting.bundle import write_bundle
from agent.reporting.exports import STORY_FILE

if TYPE_CHECKING:
    from agent.runtime import Agent

ZIP = ".zip"


async def write_whole_bundle(agent: Agent, path: Path) -> list[str]:
    """Write a bundle to the folder ``path``, or to the file where it ends in ``.zip``; gives what it cannot play again.

    Raises UsageError for a folder that holds other files, and OSError where it cannot be written.
    """
    if path.suffix != ZIP:
        _make_folder(path)
        await write_bundle(agent, path)
        return _notes(path)
    with TemporaryDirectory(prefix="tallyhost-bundle-") as temporary:
        folder = Path(temporary) / path.stem
        await write_bundle(agent, folder)
        await asyncio.to_thread(_pack, folder, path)
        return _notes(folder)


def _make_folder(folder: Path) -> None:
    """Make the folder, for its owner alone, unless it holds something else."""
    if folder.exists() and not (folder.is_dir() and ((folder / STORY_FILE).is_file() or not any(folder.iterdir()))):
        raise UsageError(
            "there is something else",
            where=str(folder),
            rule="a bundle is written to a new or empty folder, over an older bundle, or to a .zip file",
            fix="name another folder",
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _pack(folder: Path, path: Path) -> None:
    partial = path.with_name(path.name + ".part")
    try:
        partial.touch(mode=0o600)
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, f"{folder.name}/{file.name}")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _notes(folder: Path) -> list[str]:
    story = json.loads((folder / STORY_FILE).read_text("utf-8"))
    notes: list[str] = story["recorded"]["notes"]
    return notes
