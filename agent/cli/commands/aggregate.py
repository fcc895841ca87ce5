"""``tallyhost aggregate``: a summary of collected reports, by the local aggregation service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from agent.cli.session import NOISE_FLAG, NOW_FLAG, PROFILE_FLAG, SEED_FLAG, Session, with_session
from agent.model.aggregation import DEFAULT_EPSILON, DEFAULT_THRESHOLD_PERCENTAGE, MAX_EPSILON

DEFAULT_OUTPUT = "tallyhost-summary"
_FILE = click.Path(dir_okay=False, path_type=Path)
_PARAMETER_FLAGS = (
    click.option("--attribution-report-to", metavar="ORIGIN", help="Whose reports they are [the one origin of all]."),
    click.option("--reporting-site", metavar="SITE", help="The same for all origins of a site."),
    click.option(
        "--epsilon",
        type=click.FloatRange(0, MAX_EPSILON, min_open=True),
        metavar="NUMBER",
        help=f"Privacy parameter; more of it is less noise [{DEFAULT_EPSILON:g}].",
    ),
    click.option(
        "--error-threshold",
        type=click.FloatRange(0, 100),
        metavar="PERCENT",
        help=f"Refuse the job where more reports are left out [{DEFAULT_THRESHOLD_PERCENTAGE:g}].",
    ),
    click.option(
        "--input-report-count",
        type=click.IntRange(0),
        metavar="N",
        help="How many there are: lets a job that cannot succeed end early.",
    ),
    click.option("--filtering-ids", metavar="ID,...", help="The contributions that count, by their ids [0]."),
    click.option("--debug-run/--no-debug-run", default=None, help="Spend no budget; a debug summary beside the other."),
)
_DOMAIN_FLAGS = (
    click.option(
        "--domain",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The buckets of the summary: Avro, a folder of such, or CSV with `bucket`.",
    ),
    click.option("--key-structure", type=_FILE, metavar="FILE", help="TOML that says what the bits of buckets mean."),
    click.option("--no-domain", is_flag=True, help="The summary has every bucket of the reports."),
)
_JOB_FLAGS = (
    click.option("--job", "job_id", metavar="ID", help="Name of the job, which stands for one answer [made up]."),
    click.option("--parameters", type=_FILE, metavar="FILE", help="A createJob request's job_parameters as JSON."),
    click.option("--keys", "keys_file", metavar="KEYS.json", help="Keys that open the reports [the agent's own]."),
    click.option("--clear-text", is_flag=True, help="Payloads are not sealed; of JSON reports, the debug copy."),
)
_OUTPUT_FLAGS = (
    click.option(
        "--output",
        type=click.Path(file_okay=False, path_type=Path),
        default=DEFAULT_OUTPUT,
        show_default=True,
        metavar="DIR",
        help="Folder for the files.",
    ),
    click.option("--html", type=_FILE, metavar="FILE", help="The page [summary.html in the folder]."),
    click.option("--reveal", is_flag=True, help="Show the sums without noise too; no file of the summary has them."),
    click.option("--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="Buckets shown."),
    click.option("--all", "everything", is_flag=True, help="Show all buckets, whatever --limit says."),
)
WORKERS_FLAG = click.option("--workers", metavar="N", help="Processes that open reports [one for each processor].")


@click.command("aggregate")
@click.argument("reports", nargs=-1, required=True, metavar="REPORTS...", type=click.Path(exists=True, path_type=Path))
@with_session(
    *_DOMAIN_FLAGS,
    *_PARAMETER_FLAGS,
    *_JOB_FLAGS,
    *_OUTPUT_FLAGS,
    PROFILE_FLAG,
    SEED_FLAG,
    NOW_FLAG,
    NOISE_FLAG,
    WORKERS_FLAG,
)
def aggregate(session: Session, reports: tuple[Path, ...], **given: Any) -> int:
    """Add collected reports up with noise, as the aggregation service does, and show each bucket.

    REPORTS are files or folders: Avro batches, or reports as JSON, alone, in a list or one a line. Budget is spent in
    the profile, once for each report and filtering id; with the profile in memory it begins anew each time.
    """
    import asyncio  # noqa: PLC0415

    from agent.cli.aggregating import aggregate_and_tell  # noqa: PLC0415

    return asyncio.run(aggregate_and_tell(session, reports, given))
