"""Finds the elements with attributes that make their requests eligible in HTML that passes.

It finds them as the browser's preload scanner does: ``attributionsrc``, and ``sharedstoragewritable``.

HTML Standard, section 13.2.5 (tokenization), as far as it takes to tell tags from text: comments, elements whose
content is raw text, templates, the base URL. The HTML comes in parts, cut anywhere.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from html.entities import html5

from agent.browser.network.urls import request_url

Report = Callable[[str, str, str], None]
"""Takes the attribute, and the destination (``image``, ``script``, ``iframe``) and URL of its element's own request."""

_IMAGES = {"img": "image", "image": "image"}
_DESTINATIONS = {
    "attributionsrc": {**_IMAGES, "script": "script"},
    "sharedstoragewritable": {**_IMAGES, "iframe": "iframe"},
}
ATTRIBUTES = tuple(_DESTINATIONS)
_TAIL = max(map(len, ATTRIBUTES)) - 1
_LONG = 1 << 16
"""Characters of a tag from which on its end is looked for less often than with every part."""
_SPACE = r"[\t\n\f\r ]"
_CONSTRUCT = re.compile(r"<(?:!--|[!?]|/?[A-Za-z]|/)")
# Possessive throughout: a tag is read once, whatever it contains. A quote that is not closed yet is no tag yet.
_TAG = re.compile(
    rf"<(/?)([A-Za-z][^\t\n\f\r />]*+)((?>[^\"'>=]++|={_SPACE}*+(?>\"[^\"]*+\"|'[^']*+'|(?![\"']))|[\"'])*+)>"
)
_ATTRIBUTE = re.compile(
    r"([^\t\n\f\r />][^\t\n\f\r />=]*+)"
    rf"(?:{_SPACE}*+={_SPACE}*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\t\n\f\r >]*+)))?"
)
_REFERENCE = re.compile(r"&(#[0-9]{1,9};?|#[xX][0-9a-fA-F]{1,8};?|[A-Za-z][A-Za-z0-9]*;?)(=?)")
_RAW_TEXT = frozenset(
    {"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext"}
)
_READ = frozenset({*_IMAGES, "script", "base", "iframe", "template"})


class HtmlScan:
    """Scans the HTML of one document at ``url``; ``feed`` it bytes of ``encoding`` in order."""

    def __init__(self, url: str, report: Report, *, encoding: str = "utf-8") -> None:
        self._document_url = self._base = url
        self._has_base = False
        self._report = report
        self._decoder = codecs.getincrementaldecoder(_codec(encoding))("replace")
        self._parts: list[str] = []
        self._kept = self._enough = 0
        """Characters kept, and how many it takes until they are read again."""
        self._tail = ""
        self.named: set[str] = set()
        """The attributes whose names have passed, in a tag or anywhere else."""
        self._until: re.Pattern[str] | None = None
        """What ends the comment or raw text that we are in."""
        self._templates: list[bool] = []
        """The open ``template`` elements: whether each keeps its content to itself."""

    def feed(self, data: bytes) -> None:
        """Take the next part."""
        part = self._decoder.decode(data)
        self._parts.append(part)
        self._kept += len(part)
        if len(self.named) < len(ATTRIBUTES):
            # Most documents never name one: those are searched for the words, and not read.
            searched = (self._tail + part).lower()
            self.named |= _named_in(searched)
            self._tail = searched[-_TAIL:]
        if self.named and self._kept >= self._enough:
            text = "".join(self._parts)
            rest = text[self._read(text) :]
            self._parts, self._kept = [rest], len(rest)
            self._enough = len(rest) * 5 // 4 if len(rest) > _LONG else 0

    def _read(self, text: str) -> int:
        """Read whole constructs; gives where the first one begins that is not complete."""
        position = 0
        while True:
            if self._until is not None:
                end = self._until.search(text, position)
                if end is None:
                    return max(position, len(text) - 16)  # its end may have begun to come
                position, self._until = end.end(), None
            construct = _CONSTRUCT.search(text, position)
            if construct is None:
                return max(position, len(text) - 3)
            position = construct.start()
            if construct[0] == "<!--":
                # <!--> and <!---> are whole comments.
                self._until, position = _COMMENT_END, position + 2
            elif not construct[0][-1].isalpha():
                if text[position:] in ("</", "<!", "<!-"):
                    return position
                self._until = _BOGUS_END
            elif (tag := _TAG.match(text, position)) is None:
                return position
            else:
                position = tag.end()
                self._tag(bool(tag[1]), tag[2].lower(), tag[3])

    def _tag(self, is_end: bool, name: str, attributes: str) -> None:
        if is_end:
            if name == "template" and self._templates:
                self._templates.pop()
            return
        if name in _READ:
            self._element(name, _attributes(attributes))
        if name in _RAW_TEXT:
            self._until = _END_OF[name]

    def _element(self, name: str, attributes: dict[str, str]) -> None:
        if name == "template":
            self._templates.append(attributes.get("shadowrootmode", "").lower() not in ("open", "closed"))
        elif any(self._templates):
            return
        elif name == "base":
            if not self._has_base and "href" in attributes:
                self._has_base = True
                self._base = request_url(attributes["href"], self._document_url) or self._base
        elif "srcdoc" in attributes and name == "iframe":
            if _named_in(attributes["srcdoc"].lower()):
                HtmlScan(self._base, self._report).feed(attributes["srcdoc"].encode())
        else:
            self._eligible(name, attributes)

    def _eligible(self, name: str, attributes: dict[str, str]) -> None:
        for attribute, destinations in _DESTINATIONS.items():
            if attribute not in attributes or name not in destinations:
                continue
            sources = [attributes.get("src", ""), *_candidates(attributes.get("srcset", ""))]
            for url in {request_url(source, self._base) for source in sources if source.strip()}:
                if url:
                    self._report(attribute, destinations[name], url)


def _named_in(text: str) -> set[str]:
    return {attribute for attribute in ATTRIBUTES if attribute in text}


_COMMENT_END = re.compile(r"--!?>")
_BOGUS_END = re.compile(r">")
_NEVER = re.compile(r"(?!)")
_END_OF = {name: re.compile(rf"(?=</{name}[\t\n\f\r />])", re.IGNORECASE) for name in _RAW_TEXT} | {"plaintext": _NEVER}


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(text):
        found.setdefault(name.lower(), _unescaped(double or single or bare))
    return found


def _unescaped(text: str) -> str:
    return _REFERENCE.sub(_referred, text) if "&" in text else text


def _referred(match: re.Match[str]) -> str:
    name, equals = match.groups()
    if name.startswith("#"):
        digits = name[1:].rstrip(";")
        number = int(digits[1:], 16) if digits[0] in "xX" else int(digits)
        valid = 0 < number < 0x110000 and not 0xD800 <= number < 0xE000
        return (chr(number) if valid else "\ufffd") + equals
    # In attributes a name without semicolon before "=" is plain text: "?a=1&copy=2".
    if name not in html5 or (equals and not name.endswith(";")):
        return match[0]
    return html5[name] + equals


def _candidates(srcset: str) -> list[str]:
    return [words[0] for part in srcset.split(", ") if (words := part.strip(", \t\n\f\r").split())]


def _codec(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return "utf-8"
