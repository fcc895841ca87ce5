"""What leaves the agent: reports sealed to the aggregation service, and requests under the host map."""

from __future__ import annotations

from collections.abc import Sequence

from agent.browser.network.client import HostClient
from agent.browser.network.hosts import Refusal, RefusalKind
from agent.crypto.conversion_report import new_report_id, seal_report
from agent.crypto.keys import KeyRing, PublicKey, generate_key
from agent.model.attribution import ConversionRequest, Dialect
from agent.model.conversion_report import ConversionReport, micro_epsilon, report_time
from agent.model.errors import HostEnvironmentError
from agent.model.interfaces import Answer, Exchange, NoAnswer
from agent.model.reports import Report, ReportState
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
    seed_dialect = request.dialect is Dialect.LEVEL1_2024
    clear = ConversionReport(
        dialect=request.dialect,
        service=request.service.name if seed_dialect else request.service.url,
        report_id=new_report_id(rng),
        time=report_time(now),
        micro_epsilon=micro_epsilon(request.epsilon),
        max_value=request.max_value,
        budget_source=request.conversion_site,
        collector=request.caller,
        histogram=histogram,
    )
    return Report(
        id=clear.report_id.hex(),
        dialect=request.dialect,
        created=now,
        service=clear.service,
        conversion_site=request.conversion_site,
        collector=request.caller,
        histogram_size=len(histogram),
        micro_epsilon=clear.micro_epsilon,
        body=seal_report(clear, key, rng),
        histogram=histogram,
        event_id=event_id,
        delivered_to=report_url,
        state=ReportState.RETURNED if report_url is None else ReportState.PENDING,
        next_attempt=None if report_url is None else now,
    )


def keys_of(profile: Profile, rng: Rng) -> KeyRing:
    """The profile's key ring, made on first use. Raises HostEnvironmentError where it cannot be written."""
    path = profile.keys_path
    if path.exists():
        return KeyRing.from_json(path.read_text("utf-8"), where=str(path))
    keys = KeyRing(generate_key(rng))
    try:
        write_private(path, keys.to_json())
    except OSError as error:
        raise HostEnvironmentError(
            f"the keys cannot be written ({error.strerror})", where=str(path), fix="make the folder writable"
        ) from error
    return keys


def over_host_map(client: HostClient) -> Exchange:
    """The exchange that delivery uses, through the same host map as the browser."""

    async def exchange(method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer | NoAnswer:
        answer = await client.fetch(method, url, headers, body)
        if isinstance(answer, Refusal):
            return NoAnswer(answer.kind is not RefusalKind.NOT_MAPPED, answer.what)
        location = next((value for name, value in answer.headers if name.lower() == "location"), None)
        return Answer(answer.status, location)

    return exchange
