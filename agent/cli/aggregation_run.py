"""Where `tallyhost aggregate` has its memory, its keys and its time from, and a job run with them."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from agent.aggregation.job import FinishedJob, Job, run_job
from agent.cli.aggregation_ledger import AskedLedger, ask_patiently
from agent.cli.commands.decrypt import keys_of_file, read_keys
from agent.cli.config import MEMORY, Config
from agent.cli.reach import NoAgent
from agent.engines.aggregation.key_structure import Namer
from agent.model.aggregation import JobLedger
from agent.model.clock import Clock, wall_time
from agent.model.errors import HostEnvironmentError, UsageError
from agent.model.rng import rng_for
from storage.aggregation_jobs import DatabaseJobLedger
from storage.database import MEMORY as IN_MEMORY
from storage.database import AsyncDatabase
from storage.profile import ProfileInUse

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Home:
    """What a job needs of the profile."""

    ledger: JobLedger
    keys: Mapping[str, bytes]
    clock: Clock
    kept: bool
    """Whether somebody remembers the budget when the command is over."""


@asynccontextmanager
async def open_home(config: Config, *, keys_file: str | None, clear_text: bool) -> AsyncIterator[Home]:
    """The profile's ledger, keys and time: of its agent where one runs, else of the profile at rest.

    Without either, a ledger in memory. Raises UsageError where sealed reports have no keys.
    """
    keys = keys_of_file(keys_file) if keys_file is not None else {}
    if (keys_file or clear_text) and _is_new(config.profile):
        await _make_profile(config.profile)
    try:
        now = (await ask_patiently(config, "time.now", {}))["milliseconds"]
    except NoAgent:
        if not (keys_file or clear_text):
            raise UsageError(
                "there are no keys to open the reports with",
                rule="sealed reports open with the private keys of their coordinator; a profile and an agent have some",
                fix="--keys FILE names them, --profile DIR the profile that made the reports; --clear-text is for"
                " payloads that are not sealed",
            ) from None
        clock = _clock(config.now)
        database = await AsyncDatabase.open(IN_MEMORY, now=clock.now())
        try:
            yield Home(DatabaseJobLedger(database), keys, clock, kept=False)
        finally:
            await database.close()
        return
    if not (keys_file or clear_text):
        keys = read_keys(await ask_patiently(config, "keys.show", {}), "the agent")
    yield Home(AskedLedger(config), keys, _clock(now if config.now is None else config.now), kept=True)


def check_folders(folders: Iterable[Path]) -> None:
    """Make ``folders`` where they are missing. Raises HostEnvironmentError where one cannot be written.

    A job whose summary cannot be written has spent its budget: better to know before.
    """
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise HostEnvironmentError(
                f"cannot be written: {error.strerror}",
                where=str(folder),
                rule="the summary's files come into a folder; a job is not begun, and spends nothing, without one",
                fix="--output DIR names another",
            ) from None


async def run(config: Config, home: Home, job: Job, names: Namer) -> FinishedJob:
    """Run ``job``; its progress is told by :func:`progress_bar`. Raises as :func:`run_job`."""
    with progress_bar("opening reports", config) as progress:
        return await run_job(
            job,
            ledger=home.ledger,
            keys=home.keys,
            rng=rng_for(config.seed),
            clock=home.clock,
            workers=config.workers or os.cpu_count() or 1,
            noise=config.noise,
            names=names,
            progress=progress,
        )


def _is_new(profile: str) -> bool:
    return profile != MEMORY and not Path(profile).expanduser().exists()


async def _make_profile(profile: str) -> None:
    """Make a profile: the first thing that it keeps may be a job. Nothing, where another command makes it just now."""
    from agent.runtime import Agent  # noqa: PLC0415 - slow to import, and needed for a new profile alone

    with suppress(ProfileInUse):
        async with Agent.open_profile(Path(profile).expanduser()):  # noqa: ASYNC240 - asks for no file
            pass


def _clock(now: int | None) -> Clock:
    """A clock that shows ``now`` (milliseconds) and goes on from there; the system's where it is None."""
    return Clock() if now is None else Clock(ahead=now - wall_time())


@contextmanager
def progress_bar(what: str, config: Config) -> Iterator[Progress]:
    """Tells the progress of ``what`` on stderr, where that is a terminal and -q was not given."""
    if config.verbosity < 0 or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, and a pipe needs none
    from rich.progress import Progress as Bars  # noqa: PLC0415

    with Bars(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
