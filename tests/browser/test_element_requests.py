"""What is expected of elements is counted: each announcement serves one request."""

from __future__ import annotations

from agent.browser.documents import Document, Frame
from agent.browser.element_requests import ElementRequests, Found

URL = "https://news.test/page"
KEY = ("image", "https://adtech.test/x")


def _document(url: str = URL) -> Document:
    return Document(Frame("frame", "context"), "loader", url, "https://news.test", True, None)


def test_an_announcement_serves_one_request_of_its_document() -> None:
    elements, document = ElementRequests(), _document()
    elements.announced(document, 7, KEY, parsed=False)
    assert elements.take(KEY, 8, "") is None
    assert elements.take(("script", KEY[1]), 7, "") is None
    assert elements.take(KEY, 7, "") == Found(document)
    assert elements.take(KEY, 7, "") is None


def test_what_was_set_twice_serves_twice() -> None:
    elements, document = ElementRequests(), _document()
    for _ in range(2):
        elements.announced(document, 7, KEY, parsed=False)
    assert [elements.take(KEY, 7, "") is not None for _ in range(3)] == [True, True, False]


def test_an_element_that_html_and_script_both_tell_of_is_one() -> None:
    elements, document = ElementRequests(), _document(f"{URL}#part")
    elements.scan(URL, 7).add(KEY)
    assert elements.take(KEY, 7, "https://news.test/") == Found(None, URL)
    elements.announced(document, 7, KEY, parsed=True)
    assert elements.take(KEY, 7, "") is None


def test_an_element_that_script_set_beside_one_in_the_html_is_another() -> None:
    elements, document = ElementRequests(), _document()
    elements.scan(URL, 7).add(KEY)
    elements.announced(document, 7, KEY, parsed=True)
    elements.announced(document, 7, KEY, parsed=False)
    assert [elements.take(KEY, 7, "") is not None for _ in range(3)] == [True, True, False]


def test_what_the_parser_made_and_no_html_told_of_counts() -> None:
    elements, document = ElementRequests(), _document("about:srcdoc")
    elements.announced(document, 7, KEY, parsed=True)
    assert elements.take(KEY, 7, "") == Found(document)


def test_html_serves_the_session_it_was_loaded_into_first_and_no_other_referrer() -> None:
    elements = ElementRequests()
    elements.scan(URL, 7).add(KEY)
    elements.scan("https://shop.test/", 9).add(KEY)
    assert elements.take(KEY, 7, "https://blog.test/") is None
    assert elements.take(KEY, 9, "") == Found(None, "https://shop.test/")
    assert elements.take(KEY, 11, "") == Found(None, URL), "a frame may have a session of its own by now"


def test_nothing_is_in_use_until_somebody_names_the_attribute() -> None:
    elements = ElementRequests()
    assert not elements.in_use
    elements.scan(URL, 7)
    assert elements.in_use


def test_expectations_of_one_document_are_bounded_and_go_with_it() -> None:
    elements, document = ElementRequests(), _document()
    for number in range(5000):
        elements.announced(document, 7, ("image", f"https://adtech.test/{number}"), parsed=False)
    assert elements.take(("image", "https://adtech.test/4095"), 7, "") is not None
    assert elements.take(("image", "https://adtech.test/4999"), 7, "") is None
    del document
    assert elements.take(("image", "https://adtech.test/0"), 7, "") is None
