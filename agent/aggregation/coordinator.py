"""The aggregation coordinator as an aiohttp application: it tells browsers which keys to seal to."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from agent.aggregation.json_api import RequestError, json_application
from agent.crypto.keys import KeyPair, KeyRing
from agent.crypto.public_keys import KEYS_PATH, MAX_KEYS
from agent.model.clock import SECOND, WEEK, Clock
from agent.model.errors import TallyhostError
from agent.model.rng import Rng


async def _tell_nobody(_: KeyPair) -> None:
    """Nobody asked to be told."""


def coordinator_app(
    keys: KeyRing,
    *,
    clock: Clock,
    rng: Rng,
    served: int = 1,
    rotated: Callable[[KeyPair], Awaitable[None]] = _tell_nobody,
) -> web.Application:
    """What an aggregation coordinator runs for browsers (payload section 5).

    ``GET /.well-known/aggregation-service/v1/public-keys``   the ``served`` newest keys, fresh until the next rotation
                                                              is due, at most for a week

    Where a rotation is due it is done first, with ``rng``, and told to ``rotated``; no set is fresh beyond the next.
    ``served`` is 1 to 10, which is all that Chromium takes. One is the default: after a rotation, what is sealed under
    a new set names the new key. What several give a real coordinator, time for its servers to agree on them, one
    process does not need; and a set that browsers still hold is as good as before, for every key of the ring opens.
    """
    if not 1 <= served <= MAX_KEYS:
        raise ValueError(f"a set has 1 to {MAX_KEYS} keys, not {served}")

    async def public_keys(request: web.Request) -> web.Response:
        del request
        now = clock.now()
        try:
            made = keys.rotate_if_due(rng, now)
        except TallyhostError as error:
            message = f"the next key is due and cannot be kept: {error.what}"
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "no-new-key", message, error.fix) from error
        if made is not None:
            await rotated(made)
        due = keys.next_rotation
        fresh = WEEK if due is None else min(WEEK, due - now)
        document = {
            "keys": [
                {"id": key.id.hex(), "key": base64.b64encode(key.public_key).decode()} for key in keys.newest(served)
            ]
        }
        return web.json_response(document, headers={"Cache-Control": f"max-age={fresh // SECOND}"})

    app = json_application()
    app.router.add_get(KEYS_PATH, public_keys)
    return app
