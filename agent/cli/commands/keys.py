"""``tallyhost keys``: the key pairs of a coordinator, which payloads are sealed to and open with."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from agent.cli.output import Document
from agent.cli.reach import ask
from agent.cli.session import PROFILE_FLAG, SEED_FLAG, Session, with_session
from agent.model.clock import Clock, parse_duration
from agent.model.errors import HostEnvironmentError, UsageError
from agent.model.rng import rng_for
from agent.reporting.documents.keys import key_documents

if TYPE_CHECKING:
    from agent.crypto.keys import KeyRing

_NEVER = "never"
_EVERY_FLAG = click.option(
    "--every", metavar="DURATION|never", help="Have a new key made whenever the newest is this old, such as 7d."
)
_FILE = click.argument("file", metavar="[FILE]", required=False, type=click.Path(dir_okay=False, path_type=Path))


@click.group("keys")
def keys() -> None:
    """List, rotate or generate the keys that payloads are sealed to."""


@keys.command("list")
@_FILE
@with_session(PROFILE_FLAG)
def list_keys(session: Session, file: Path | None) -> None:
    """List the keys of the agent's coordinator, or those in FILE, the current one first; private halves stay there."""
    _show(session, key_documents(_ring_of(file)) if file else ask(session, "keys.list"))


@keys.command("rotate")
@_FILE
@_EVERY_FLAG
@with_session(PROFILE_FLAG)
def rotate(session: Session, file: Path | None, every: str | None) -> None:
    """Make a new current key, for the agent's coordinator or in FILE; whatever was sealed to older ones still opens.

    A browser that holds a set of keys may use it until that is stale: for a week, or until the rotation that was
    known when it was fetched.
    """
    asked = {} if every is None else {"every": _rotation(every)}
    if file is None:
        answer = ask(session, "keys.rotate", **asked)
    else:
        with _alone_with(file):
            ring = _ring_of(file)
            ring.rotate(rng_for(None), Clock().now())
            if asked:
                ring.rotate_every(asked["every"])
        answer = key_documents(ring)
    _show(session, answer)


@keys.command("generate")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@_EVERY_FLAG
@with_session(SEED_FLAG)
def generate(session: Session, file: Path, every: str | None) -> None:
    """Make a key pair for a coordinator of your own and write it to FILE, which only you can read.

    `decrypt` and `aggregate` take FILE with --keys.
    """
    from agent.crypto.keys import KeyRing  # noqa: PLC0415

    ring = KeyRing(rotation=None if every is None else _rotation(every), keep=_keeper(file))
    with _alone_with(file):
        if file.exists():
            raise UsageError(
                "the file is there already",
                where=str(file),
                rule="keys are never overwritten: what was sealed to them could not be opened any more",
                fix="`tallyhost keys rotate FILE` adds a key to it; or name another file",
            )
        ring.rotate(rng_for(session.config.seed), Clock().now())
    _show(session, key_documents(ring))


@contextmanager
def _alone_with(file: Path) -> Iterator[None]:
    """Keep other commands from changing ``file`` meanwhile: the later of two writers would lose the other's key."""
    try:
        folder = os.open(file.parent, os.O_RDONLY)
    except OSError as error:
        raise UsageError(f"there is no such folder ({error.strerror})", where=str(file.parent)) from None
    try:
        # The file itself is replaced at each change; its folder stays.
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _ring_of(file: Path) -> KeyRing:
    from agent.crypto.keys import KeyRing  # noqa: PLC0415
    from storage.profile import holds_profile  # noqa: PLC0415

    if holds_profile(file.parent):
        raise UsageError(
            "these keys are a profile's",
            where=str(file),
            rule="an agent may be running on the profile, and is told of every change",
            fix=f"name the profile instead of the file: --profile {file.parent}",
        )
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise UsageError(
            f"the keys cannot be read: {reason}", where=str(file), fix="`tallyhost keys generate FILE` makes some"
        ) from None
    return KeyRing.from_json(text, where=str(file), keep=_keeper(file))


def _keeper(file: Path) -> Callable[[str], None]:
    from storage import profile  # noqa: PLC0415

    def keep(document: str) -> None:
        try:
            profile.write_private(file, document)
        except OSError as error:
            raise HostEnvironmentError(
                f"the keys cannot be written ({error.strerror})", where=str(file), fix="choose another file"
            ) from error

    return keep


def _rotation(every: str) -> int | None:
    """Milliseconds of ``--every``, None for never."""
    if every == _NEVER:
        return None
    try:
        rotation = parse_duration(every)
    except ValueError as error:
        raise UsageError(str(error), where="--every") from None
    if rotation <= 0:
        raise UsageError("a key lives for longer than no time", where="--every", fix="write for example 7d, or never")
    return rotation


def _show(session: Session, answer: Document) -> None:
    if session.output.as_json:
        session.output.document(answer)
        return
    rows = ((key["id"], key["made"], "yes" if key["current"] else "", key["public_key"]) for key in answer["keys"])
    session.output.table(("id", "made", "current", "public key"), rows, empty="no keys")
    if answer["next_rotation"] is not None:
        session.output.note(f"the next key is due at {answer['next_rotation']}")
