"""The control API, route by route: the same table that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.dashboard.queries import Document, Query
from agent.dashboard.routes import API, ROUTES

if TYPE_CHECKING:
    from agent.runtime import Agent


async def api(_: Agent, __: Query) -> Document:
    """Every route with what it takes and gives."""
    return {
        "base": API,
        "routes": [
            {
                "method": route.method,
                "path": f"{API}{route.path}",
                "summary": route.summary,
                "takes": [
                    {
                        "name": field.name,
                        "in": field.place,
                        "type": field.kind,
                        "required": field.required,
                        "description": field.description,
                        "example": field.example,
                    }
                    for field in route.fields
                ],
            }
            for route in ROUTES
        ],
    }
