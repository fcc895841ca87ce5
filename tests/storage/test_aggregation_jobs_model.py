"""The ledger of jobs beside a naive model of it, whatever is asked in whatever order."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agent.model.aggregation import BudgetUnit, ResultInfo, ReturnCode, SpentUnit, StoredJob
from agent.model.clock import HOUR
from agent.model.errors import UsageError
from agent.model.events import Event
from storage import aggregation_jobs, aggregation_ledger
from storage.database import MEMORY, Database

JOBS = st.sampled_from(["a", "b", "c", "d"])
FILTERING_IDS = st.sets(st.integers(0, 2), min_size=1)
BATCHES = st.sets(st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from(["x", "y"])), max_size=5)
"""What the reports of a batch are: destination, hour, origin."""
INFO = ResultInfo(ReturnCode.SUCCESS, "", {}, (), 0)
EVENT = Event("aggregation-job", 0, "SUCCESS", "")


def units_of(batch: set[tuple[int, int, str]], filtering_ids: set[int]) -> dict[BudgetUnit, int]:
    """One unit for each report and queried filtering id, as section 7 has it."""
    return {
        BudgetUnit(f"{destination}-{filtering_id}", hour * HOUR, f"https://{origin}.test"): 1
        for destination, hour, origin in batch
        for filtering_id in filtering_ids
    }


@dataclass
class Job:
    """What the model knows of a job."""

    outcome: int | None = None
    finished: bool = False
    units: set[BudgetUnit] = field(default_factory=set)


class LedgerMachine(RuleBasedStateMachine):
    """Begins, settles, finishes and resets at random."""

    @initialize()
    def start(self) -> None:
        self.database = Database.open(MEMORY, now=0)
        self.jobs: dict[str, Job] = {}
        self.owner: dict[BudgetUnit, tuple[str, int]] = {}
        self.clock = 0

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()

    @rule(name=JOBS)
    def begin(self, name: str) -> None:
        job = StoredJob(name, {}, self.clock)
        stored = self.database.transact("begin", lambda c: aggregation_jobs.begin(c, job))
        known = self.jobs.setdefault(name, Job())
        assert (stored.outcome or {}).get("n") == known.outcome
        assert (stored.result_info is not None) == known.finished

    @rule(name=JOBS, batch=BATCHES, filtering_ids=FILTERING_IDS)
    def settle(self, name: str, batch: set[tuple[int, int, str]], filtering_ids: set[int]) -> None:
        self.clock += 1
        units, now = units_of(batch, filtering_ids), self.clock
        known = self.jobs.get(name)
        try:
            settlement = self.database.transact(
                "settle", lambda c: aggregation_jobs.settle(c, name, units, {"n": now}, now=now)
            )
        except UsageError:
            assert known is None or (known.finished and known.outcome is None)
            return
        assert known is not None
        if known.outcome is not None:
            assert settlement.outcome == {"n": known.outcome}
            assert settlement.exhausted == ()
            return
        assert not known.finished
        taken = {unit for unit in units if unit in self.owner}
        if taken:
            assert settlement.outcome is None
            assert set(settlement.exhausted) == {SpentUnit(unit, *self.owner[unit]) for unit in taken}
            return
        assert settlement.outcome == {"n": now}
        known.outcome, known.units = now, set(units)
        self.owner |= dict.fromkeys(units, (name, now))

    @rule(name=JOBS)
    def finish(self, name: str) -> None:
        known = self.jobs.get(name)
        try:
            self.database.transact("finish", lambda c: aggregation_jobs.finish(c, name, INFO, EVENT))
        except UsageError:
            assert known is None
            return
        assert known is not None
        known.finished = True

    @rule(sure=st.integers(0, 9))
    def reset(self, sure: int) -> None:
        if sure:
            return  # seldom, else no run comes far
        self.database.transact("reset", aggregation_ledger.remove_all)
        self.jobs, self.owner = {}, {}

    @invariant()
    def each_unit_is_spent_by_the_job_that_the_model_names(self) -> None:
        if not hasattr(self, "database"):
            return
        for name, job in self.jobs.items():
            spent = self.database.transact("spent", lambda c, name=name: aggregation_jobs.spent(c, name))  # type: ignore[misc]
            assert [one.unit for one in spent] == sorted(job.units)
        unfinished = self.database.transact("unfinished", aggregation_jobs.unfinished)
        assert {one.job_request_id for one in unfinished} == {n for n, job in self.jobs.items() if not job.finished}
        (count,) = self.database.connection.execute("SELECT count(*) FROM aggregation_budget_units").fetchone()
        assert count == len(self.owner)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
