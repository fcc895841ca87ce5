"""What is kept of a request and its response may be shared."""

from __future__ import annotations

import pytest

from agent.model.http_record import http_record


def response(*fields: tuple[str, str]) -> list[list[str | None]]:
    kept: list[list[str | None]] = http_record("GET", "https://a.test/", (), status=302, response=fields)["response"]
    return kept


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://user:secret@b.test/x?y=1@2", "https://***@b.test/x?y=1@2"),
        ("//user@b.test:8443/", "//***@b.test:8443/"),
        ("https://user:se@cret@b.test/", "https://***@b.test/"),
        ("https://b.test/x@y", "https://b.test/x@y"),
        ("https://b.test?x=//y@z", "https://b.test?x=//***@z"),
        ("/x@y", "/x@y"),
    ],
)
@pytest.mark.parametrize("name", ["Location", "referer", "Content-Location"])
def test_urls_of_fields_lose_their_credentials(name: str, url: str, kept: str) -> None:
    assert response((name, url)) == [[name, kept]]


def test_what_is_no_url_stays_as_it_is() -> None:
    refresh = ("Refresh", "5; url=https://user:secret@b.test/")
    assert response(refresh, ("X-Note", "//a@b")) == [["Refresh", "5; url=https://***@b.test/"], ["X-Note", "//a@b"]]
