"""What a job of the aggregation service is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.aggregation.outputs import Output


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be aggregated, how, and where to."""

    job_request_id: str
    inputs: tuple[Path, ...]
    """Files, or folders of files."""
    output: Output
    parameters: Mapping[str, str]
    """``job_parameters`` as they were given."""
    domain: tuple[int, ...] | None = None
    """The buckets to publish. None, and no ``domain_files``: those that the reports have."""
    domain_files: tuple[Path, ...] = ()
    """Avro files with the buckets to publish, read within the job."""
    domain_required: bool = False
    """Whether ``parameters`` must name a domain, as the service has it unless it makes domains optional."""
    thresholding: bool = False
    """Publish the reports' own buckets too, those with enough value."""
    clear_text: bool = False
    """The local testing tool's way: payloads are not sealed, budget is unlimited."""
    request: Mapping[str, Any] | None = None
    """What the ledger keeps as asked for; None: what is given here."""

    @property
    def domain_optional(self) -> bool:
        """Whether the reports' own buckets are published for want of a domain."""
        return self.domain is None and not self.domain_files

    def asked(self) -> dict[str, Any]:
        """Plain JSON values that differ where two jobs do."""
        if self.request is not None:
            return dict(self.request)
        buckets = None if self.domain is None else ",".join(f"{bucket:x}" for bucket in sorted(self.domain))
        return {
            "inputs": [str(path.absolute()) for path in self.inputs],
            "output": str(self.output.folder.absolute()),
            "output_prefix": self.output.prefix,
            "job_parameters": dict(self.parameters),
            "domain_buckets": None if self.domain is None else len(self.domain),
            "domain_sha256": None if buckets is None else hashlib.sha256(buckets.encode()).hexdigest(),
            "domain_files": [str(path.absolute()) for path in self.domain_files],
            "thresholding": self.thresholding,
            "clear_text": self.clear_text,
        }
