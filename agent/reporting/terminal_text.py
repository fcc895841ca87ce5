"""Text that others chose, made harmless for a terminal: pages, servers, reports and files choose what is printed."""

from __future__ import annotations

_SURROGATES = range(0xD800, 0xE000)
"""Halves of pairs, which pages may write and file names may hold; no terminal's encoding has them."""
_REORDERING = (*range(0x2028, 0x202F), *range(0x2066, 0x206A))
"""Separators of lines, and what turns the direction of the text behind it: a page's text could pass for another's."""
_CONTROLS = {
    code: ascii(chr(code))[1:-1]
    for code in (*range(0x20), *range(0x7F, 0xA0), *_SURROGATES, *_REORDERING)
    if chr(code) not in "\n\t"
}


def harmless(text: str) -> str:
    """``text`` with what a terminal obeys escaped; lines, tabs and letters of any script stay."""
    return text.translate(_CONTROLS)
