"""What leaves the agent: reports sealed to the aggregation service, and requests under the host map."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

from ada_url import URL

from agent.aggregation.coordinator import coordinator_app
from agent.browser.network.client import HostClient
from agent.browser.network.hosts import HostMap, Refusal, RefusalKind
from agent.crypto.conversion_report import new_report_id, seal_report
from agent.crypto.keys import KeyPair, KeyRing, PublicKey
from agent.delivery.assembly import Assembler
from agent.delivery.chaos import Chaos
from agent.delivery.public_keys import PublicKeys
from agent.delivery.scheduler import Scheduler
from agent.delivery.sender import Sender
from agent.model.attribution import ConversionRequest
from agent.model.attribution_reporting.limits import COORDINATORS, AttributionReportingLimits
from agent.model.chaos_rules import ChaosRules
from agent.model.clock import Clock
from agent.model.conversion_report import clear_report
from agent.model.errors import HostEnvironmentError
from agent.model.events import Event
from agent.model.interfaces import Answer, Exchange, Fetch, Fetched, NoAnswer, ReportQueue
from agent.model.key_rotation import key_rotation
from agent.model.reports import ConversionContent, Report, ReportKind, ReportState
from agent.model.rng import Rng
from storage.profile import Profile, write_private

NO_BROWSER_USER_AGENT = "tallyhost"
"""``User-Agent`` of reports that are sent while no browser runs, whose name they could carry."""


def seal(
    request: ConversionRequest,
    histogram: tuple[int, ...],
    *,
    key: PublicKey,
    rng: Rng,
    now: int,
    event_id: int,
    report_url: str | None,
) -> Report:
    """The report of a conversion, sealed to ``key`` and ready to be stored.

    ``now``: milliseconds. ``report_url``: where the agent sends it, None for one that is returned to its page.
    """
    clear = clear_report(request, histogram, report_id=new_report_id(rng), now=now)
    return Report(
        id=clear.report_id.hex(),
        kind=ReportKind.ATTRIBUTION_CONVERSION,
        created=now,
        content=ConversionContent(
            dialect=request.dialect,
            service=clear.service,
            conversion_site=request.conversion_site,
            collector=request.caller,
            histogram_size=len(histogram),
            micro_epsilon=clear.micro_epsilon,
            histogram=histogram,
        ),
        event_id=event_id,
        body=seal_report(clear, key, rng),
        delivered_to=report_url,
        state=ReportState.RETURNED if report_url is None else ReportState.PENDING,
        next_attempt=None if report_url is None else now,
    )


def keys_of(profile: Profile, rng: Rng, now: int) -> KeyRing:
    """The profile's key ring, made on first use, at ``now`` (milliseconds), and kept in the profile's folder.

    Raises UsageError where its document is none; HostEnvironmentError where it cannot be read, or written, then and at
    every later change.
    """
    path = profile.keys_path

    def keep(document: str) -> None:
        try:
            write_private(path, document)
        except OSError as error:
            raise HostEnvironmentError(
                f"the keys cannot be written ({error.strerror})", where=str(path), fix="make the folder writable"
            ) from error

    try:
        # What is no text is no document either; the ring says so, and where.
        document = path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        keys = KeyRing(keep=keep)
        keys.rotate(rng, now)
        return keys
    except OSError as error:
        raise HostEnvironmentError(
            f"the keys cannot be read ({error.strerror})",
            where=str(path),
            rule="reports are sealed to the profile's own keys",
            fix="make the file readable for the user who runs the agent",
        ) from error
    return KeyRing.from_json(document, where=str(path), keep=keep)


def serve_coordinators(
    hosts: HostMap, keys: KeyRing, clock: Clock, rng: Rng, note: Callable[[Event], Awaitable[None]]
) -> None:
    """Let the agent's own coordinator answer for the real ones with ``keys``, unless they are mapped elsewhere.

    ``note`` is given the event of each key that was due. Needs a running loop.
    """

    async def rotated(key: KeyPair) -> None:
        await note(key_rotation(key.id.hex(), key.made, due=True))

    coordinator = coordinator_app(keys, clock=clock, rng=rng, rotated=rotated)
    hosts.map_by_default([str(URL(origin).hostname) for origin in COORDINATORS], coordinator)


async def open_delivery(
    stack: AsyncExitStack,
    hosts: HostMap,
    queue: ReportQueue,
    *,
    keys: KeyRing,
    clock: Clock,
    limits: AttributionReportingLimits,
    rng: Rng,
    user_agent: str,
    publish: Callable[[Event], None],
    note: Callable[[Event], Awaitable[None]],
    rules: ChaosRules,
) -> Scheduler:
    """What sends the reports of ``queue`` until ``stack`` closes, which closes ``hosts`` too; it has yet to start.

    ``keys``: of the agent's own coordinator. ``publish`` is told of events that delivery stored; ``note`` stores one.
    ``rules``: the chaos that strikes requests.
    """
    client = await stack.enter_async_context(HostClient(hosts))
    stack.push_async_callback(hosts.close)
    serve_coordinators(hosts, keys, clock, rng, note)
    chaos = Chaos(rules, clock, note, client.reaches)
    public_keys = PublicKeys(fetch_over_host_map(client), clock, user_agent, chaos, note)
    stack.push_async_callback(public_keys.close)
    assembler, sender = Assembler(public_keys, limits, rng), Sender(over_host_map(client), user_agent, chaos)
    scheduler = Scheduler(queue, assembler, sender, clock, publish, limits=limits, rng=rng)
    stack.push_async_callback(scheduler.close)
    return scheduler


def over_host_map(client: HostClient) -> Exchange:
    """The exchange that delivery uses, through the same host map as the browser; it reads no response's body."""

    async def exchange(method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer | NoAnswer:
        answer = await client.fetch(method, url, headers, body, limit=0)
        if isinstance(answer, Refusal):
            return _no_answer(answer)
        location = next((value for name, value in answer.headers if name.lower() == "location"), None)
        return Answer(answer.status, location, answer.headers)

    return exchange


def fetch_over_host_map(client: HostClient) -> Fetch:
    """The fetch of coordinators' keys, through the same host map as the browser."""

    async def fetch(url: str, headers: Sequence[tuple[str, str]], limit: int) -> Fetched | NoAnswer:
        answer = await client.fetch("GET", url, headers, limit=limit)
        if isinstance(answer, Refusal):
            return _no_answer(answer)
        return Fetched(answer.status, answer.headers, answer.body)

    return fetch


def _no_answer(refusal: Refusal) -> NoAnswer:
    return NoAnswer(refusal.kind is not RefusalKind.NOT_MAPPED, refusal.what, refusal.error)
