"""What a DevTools session keeps of its requests."""

from __future__ import annotations

import json

from agent.browser.sessions import Session, request_id_of


def _announced(request_id: str, url: str, method: str = "GET", **headers: str) -> bytes:
    params = {"requestId": request_id, "loaderId": "L", "frameId": "F"}
    params |= {"request": {"url": url, "method": method, "headers": headers}}  # type: ignore[dict-item]
    return json.dumps({"method": "Network.requestWillBeSent", "params": params}, separators=(",", ":")).encode()


def _session() -> Session:
    return Session("S", "T", "page", "context")


def test_a_request_is_found_by_its_exact_url_and_method() -> None:
    session = _session()
    for number, (url, method) in enumerate(
        [("https://a.test/x", "GET"), ("https://a.test/x", "POST"), ("https://a.test/x?1", "GET")]
    ):
        session.announce(_announced(str(number), url, method))
    assert [facts.request_id for _, facts in session.matching("https://a.test/x", "GET")] == ["0"]


def test_what_the_browser_says_of_a_request_is_read_whatever_the_case_of_its_headers() -> None:
    session = _session()
    session.announce(_announced("1", "https://a.test/", Referer="https://b.test/", **{"accept-Language": "en-US  ,en"}))
    [(_, facts)] = session.matching("https://a.test/", "GET")
    assert (facts.referrer, facts.accept_language) == ("https://b.test/", "en-US  ,en")
    assert (facts.loader_id, facts.frame_id) == ("L", "F")


def test_one_announcement_stands_for_one_exchange() -> None:
    session = _session()
    raws = [_announced("1", "https://a.test/"), _announced("1", "https://a.test/")]
    for raw in raws:
        session.announce(raw)
    for left in (1, 0):
        raw, facts = session.matching("https://a.test/", "GET")[0]
        session.consume(raw, facts)
        assert len(session.matching("https://a.test/", "GET")) == left


def test_a_request_that_finished_is_forgotten() -> None:
    session = _session()
    session.announce(_announced("7", "https://a.test/"))
    session.finished(b'{"method":"Network.loadingFinished","params":{"requestId":"7","timestamp":1}}')
    assert session.matching("https://a.test/", "GET") == []
    assert session.requests == {}


def test_requests_that_never_end_do_not_pile_up() -> None:
    session = _session()
    for number in range(5000):
        session.announce(_announced(str(number), f"https://a.test/{number}"))
    assert len(session.requests) <= 4096
    assert session.matching("https://a.test/4999", "GET") != []


def test_an_event_without_a_request_has_no_request_id() -> None:
    assert request_id_of(b'{"method":"Network.other","params":{}}') == b""


def test_long_urls_do_not_pile_up_and_the_latest_are_known() -> None:
    session, length = _session(), 1 << 20
    urls = [f"https://a.test/{number}{'x' * length}" for number in range(100)]
    for number, url in enumerate(urls):
        session.announce(_announced(str(number), url))
        if number % 3 == 0:
            session.consume(*session.matching(url, "GET")[0])
        if number % 3 == 1:
            session.finished(b'{"params":{"requestId":"%d"}}' % number)
    kept = sum(len(raw) for raws in session.requests.values() for raw in raws)
    assert 29 * length < kept <= 32 * length, "what was used or has ended makes room"
    assert len(session.matching(urls[98], "GET")) == 1


def test_a_session_that_has_ended_keeps_nothing_of_its_requests() -> None:
    session = _session()
    session.announce(_announced("7", "https://a.test/"))
    session.forget_requests()
    assert session.matching("https://a.test/", "GET") == []
    session.announce(_announced("8", "https://a.test/"))
    assert len(session.matching("https://a.test/", "GET")) == 1
