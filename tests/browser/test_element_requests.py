"""What is expected of elements is counted: each announcement serves one request."""

from __future__ import annotations

from agent.browser.documents import Document, Frame
from agent.browser.element_requests import ElementRequests

URL = "https://news.test/page"
KEY = ("image", "https://adtech.test/x")
DESTINATIONS = ("image", "script")


def _document(url: str = URL) -> Document:
    return Document(Frame("frame", "context"), "loader", url, "https://news.test", True, None)


def _take(elements: ElementRequests, mark: int = 7, referrer: str = "", loaded: Document | None = None) -> object:
    return elements.take(KEY, {mark}, referrer, lambda url: loaded if loaded and loaded.url == url else None)


def test_an_announcement_serves_one_request_of_its_document() -> None:
    elements, document = ElementRequests(DESTINATIONS), _document()
    elements.announced(document, 7, KEY, parsed=False)
    assert _take(elements, mark=8) is False
    assert elements.take(("script", KEY[1]), {7}, "", lambda _: None) is False
    assert _take(elements) is document
    assert _take(elements) is False


def test_a_frame_of_another_site_navigates_in_a_session_of_its_own() -> None:
    elements, document, key = ElementRequests(("image", "iframe")), _document(), ("iframe", KEY[1])
    elements.announced(document, 7, key, parsed=False)
    assert elements.take(key, {8}, "", lambda _: None) is False
    assert elements.take(key, {8, 7}, "", lambda _: None) is document


def test_no_request_for_another_destination_waits() -> None:
    elements = ElementRequests(("image", "iframe"))
    assert not elements.concerns("image")
    elements.in_use = True
    assert [elements.concerns(kind) for kind in ("image", "iframe", "script", "document")] == [True, True, False, False]


def test_what_was_set_twice_serves_twice() -> None:
    elements, document = ElementRequests(DESTINATIONS), _document()
    for _ in range(2):
        elements.announced(document, 7, KEY, parsed=False)
    assert [_take(elements) for _ in range(3)] == [document, document, False]


def test_an_element_that_html_and_script_both_tell_of_is_one() -> None:
    elements, document = ElementRequests(DESTINATIONS), _document(f"{URL}#part")
    elements.scan(URL, 7).add(KEY)
    assert _take(elements, referrer="https://news.test/") is True
    elements.announced(document, 7, KEY, parsed=True)
    assert _take(elements) is False


def test_an_element_that_script_set_beside_one_in_the_html_is_another() -> None:
    elements, document = ElementRequests(DESTINATIONS), _document()
    elements.scan(URL, 7).add(KEY)
    elements.announced(document, 7, KEY, parsed=True)
    elements.announced(document, 7, KEY, parsed=False)
    assert [_take(elements) for _ in range(3)] == [document, True, False]


def test_what_the_parser_made_and_no_html_told_of_counts() -> None:
    elements, document = ElementRequests(DESTINATIONS), _document("about:srcdoc")
    elements.announced(document, 7, KEY, parsed=True)
    assert _take(elements) is document


def test_html_serves_the_session_it_was_loaded_into_first_and_no_other_origin() -> None:
    elements, loaded = ElementRequests(DESTINATIONS), _document()
    elements.scan(URL, 7).add(KEY)
    elements.scan("https://shop.test/", 9).add(KEY)
    assert _take(elements, referrer="https://blog.test/") is False
    assert _take(elements, mark=9, referrer="https://shop.test/changed/by/script") is True
    assert _take(elements, mark=11, loaded=loaded) is loaded, "a frame may have a session of its own by now"


def test_a_document_from_the_cache_asks_for_everything_again_and_no_other_does() -> None:
    elements, first, again = ElementRequests(DESTINATIONS), _document(), _document()
    elements.scan(URL, 7).add(KEY)
    assert [_take(elements, loaded=first) for _ in range(2)] == [first, False]
    assert [_take(elements, loaded=again) for _ in range(2)] == [again, False]


def test_nothing_is_in_use_until_somebody_names_the_attribute() -> None:
    elements = ElementRequests(DESTINATIONS)
    assert not elements.in_use
    elements.scan(URL, 7)
    assert elements.in_use


def test_expectations_of_one_document_are_bounded_and_go_with_it() -> None:
    elements, document = ElementRequests(DESTINATIONS), _document()

    def expected(number: int) -> bool:
        return bool(elements.take(("image", f"https://adtech.test/{number}"), {7}, "", lambda _: None))

    for number in range(5000):
        elements.announced(document, 7, ("image", f"https://adtech.test/{number}"), parsed=False)
    assert [expected(number) for number in (4095, 4999)] == [True, False]
    del document
    assert not expected(0)


def test_expectations_of_all_documents_are_bounded_and_one_that_announces_much_costs_no_other_its_own() -> None:
    elements, modest = ElementRequests(DESTINATIONS), _document()
    elements.announced(modest, 7, KEY, parsed=False)
    greedy = [_document() for _ in range(20)]
    for document in greedy:
        for number in range(4096):
            key = ("image", f"https://adtech.test/{number}")
            elements.announced(document, 7, key, parsed=True)
    kept = sum(len(one.left) + len(one.parsed) for one in elements._announced.values())
    assert 4096 < kept <= 1 << 16
    assert _take(elements) is modest


def test_what_html_asks_for_is_bounded_and_the_latest_is_known() -> None:
    elements = ElementRequests(DESTINATIONS)
    for page in range(40):
        scanned = elements.scan(f"https://news.test/{page}", 7)
        for number in range(4096):
            scanned.add(("image", f"https://adtech.test/{page}/{number}"))
    assert sum(len(one.found) for one in elements._scanned) <= (1 << 16) + 4096
    assert elements.take(("image", "https://adtech.test/39/0"), {7}, "", lambda _: None)
    assert not elements.take(("image", "https://adtech.test/0/0"), {7}, "", lambda _: None)
