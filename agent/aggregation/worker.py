"""A process that works on shards: requests come over its standard input, answers leave over its standard output.

It is a plain child and no member of a multiprocessing pool: those import the main module of whoever calls again, which
need not be made for that, and leave a helper process behind. This one ends with its standard input, so at once with
its parent, however that ended. What passes is pickled, between two processes of one program.
"""

from __future__ import annotations

import os
import pickle
import queue
import sys
import threading
from dataclasses import dataclass
from typing import BinaryIO

from agent.aggregation.report_files import Shard
from agent.aggregation.shards import ShardTask, process_with_ids
from agent.aggregation.unreadable import InputUnreadableError
from agent.model.aggregation import ErrorCounter

LENGTH_BYTES = 8
"""What stands before each message: its length, big-endian."""


@dataclass(frozen=True, slots=True)
class ShardResult:
    """What a shard came to, packed for keeping."""

    failed: int
    """Reports that are left out."""
    unsupported_version: str
    ids: bytes
    """Of the reports that count, 16 bytes each, sorted."""
    partial: bytes
    """The Partial, pickled."""


def run_shard(shard: Shard, task: ShardTask) -> ShardResult | InputUnreadableError:
    """Process a shard; the error where its file cannot be read."""
    try:
        partial, ids = process_with_ids(shard, task)
    except InputUnreadableError as error:
        return error
    return ShardResult(
        failed=partial.errors[ErrorCounter.NUM_REPORTS_WITH_ERRORS],
        unsupported_version=partial.unsupported_version,
        ids=b"".join(sorted(ids)),
        partial=pickle.dumps(partial, pickle.HIGHEST_PROTOCOL),
    )


def packed(message: object) -> bytes:
    """A message as it passes between the processes."""
    content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return len(content).to_bytes(LENGTH_BYTES, "big") + content


def main() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing that anything prints gets between the answers
    requests: queue.SimpleQueue[tuple[Shard, ShardTask]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(sys.stdin.buffer, requests), daemon=True).start()
    while True:
        answers.write(packed(run_shard(*requests.get())))
        answers.flush()


def _receive(stream: BinaryIO, requests: queue.SimpleQueue[tuple[Shard, ShardTask]]) -> None:
    """Hand on requests; with the last of them the process ends, in the middle of its work too."""
    while head := stream.read(LENGTH_BYTES):
        requests.put(pickle.loads(stream.read(int.from_bytes(head, "big"))))  # noqa: S301 - from our own parent
    os._exit(0)
