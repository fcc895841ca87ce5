"""What is left of every privacy budget, and of how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.dashboard.queries import Document, Query
from agent.model.attribution import BudgetKind
from agent.reporting.documents.shared_storage import contribution_budget_documents, navigation_budget_documents
from agent.reporting.documents.stored import budget_documents, source_budget_documents

if TYPE_CHECKING:
    from agent.runtime import Agent

MOST = 1_000
"""Budgets of each sort that the page shows; ``left_out`` counts the others."""


async def budgets(agent: Agent, _: Query) -> Document:
    """W3C Attribution's by site and epoch, a source's 65,536, Private Aggregation's windows, selectURL's bits.

    ``limits``: what each of W3C Attribution's begins with, in micro-epsilon.
    """
    limits, reporting = agent.settings.limits, agent.settings.attribution_reporting_limits
    parts = [
        await budget_documents(agent, MOST),
        await source_budget_documents(agent, MOST),
        await contribution_budget_documents(agent, MOST),
        await navigation_budget_documents(agent, MOST),
    ]
    lists = {name: value for part in parts for name, value in part.items() if name != "left_out"}
    return {
        **lists,
        "left_out": {name: count for part in parts for name, count in part["left_out"].items()},
        "limits": {
            BudgetKind.PER_SITE.value: limits.per_site_privacy_budget,
            BudgetKind.GLOBAL.value: limits.global_privacy_budget_per_epoch,
            BudgetKind.IMPRESSION_SITE_QUOTA.value: limits.impression_site_quota_per_epoch,
            "source": reporting.aggregatable_budget_per_source,
        },
    }
