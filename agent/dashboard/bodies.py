"""What a request carries, read up to a bound."""

from __future__ import annotations

from aiohttp import web

from agent.model.errors import UsageError

LARGEST_BODY = 1 << 20
"""Bytes of a form, or of what the control API is asked."""


class TooLarge(UsageError):  # noqa: N818 - what happened, in the words of the message
    """A body of more than :data:`LARGEST_BODY` bytes."""

    def __init__(self) -> None:
        super().__init__("the body is too large", rule=f"at most {LARGEST_BODY:,} bytes")


async def read_body(request: web.Request) -> bytes:
    """The whole body. Raises TooLarge, and UsageError for one that breaks off or is not as it is said to be coded."""
    if (request.content_length or 0) > LARGEST_BODY:
        raise TooLarge
    content = bytearray()
    try:
        async for chunk in request.content.iter_chunked(1 << 16):
            content += chunk
            if len(content) > LARGEST_BODY:
                raise TooLarge
    except (ConnectionResetError, web.RequestPayloadError) as error:
        raise UsageError("the body cannot be read", where=request.path, rule="whole, and coded as it says") from error
    return bytes(content)
