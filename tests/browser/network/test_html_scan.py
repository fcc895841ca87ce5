"""What the preload scanner would ask for with eligibility (HTML Standard, section 13.2.5)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.browser.network.html_scan import HtmlScan

ROOT = "https://news.test/"
URL = f"{ROOT}dir/page?q"


def _found(
    html: str | bytes, *, parts: int = 1, encoding: str = "utf-8", attribute: str = "attributionsrc"
) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def report(by: str, destination: str, url: str) -> None:
        if by == attribute:
            found.append((destination, url))

    scan = HtmlScan(URL, report, encoding=encoding)
    data = html.encode() if isinstance(html, str) else html
    size = max(1, -(-len(data) // parts))
    for start in range(0, len(data), size):
        scan.feed(data[start : start + size])
    return found


IMG = ("image", "https://a.test/x")


@pytest.mark.parametrize(
    "html",
    [
        "<img attributionsrc src=https://a.test/x>",
        '<img src="https://a.test/x" attributionsrc="">',
        "<IMG ATTRIBUTIONSRC='https://b.test/' SRC='https://a.test/x'/>",
        "<img\n\tattributionsrc\n=\n''\nsrc = https://a.test/x\n>",
        "<image attributionsrc src=https://a.test/x>",
        '<img alt="a > b" attributionsrc src="https://a.test/x">',
        "<img alt=it's attributionsrc src=https://a.test/x>",
        "<p title='<!--'><img attributionsrc src=https://a.test/x>",
        "<!-- > --><img attributionsrc src=https://a.test/x>",
        "<!--><img attributionsrc src=https://a.test/x>",
        "<!---><img attributionsrc src=https://a.test/x>",
        "<? php ?><!doctype html></ nothing><img attributionsrc src=https://a.test/x>",
        "<title><img attributionsrc src=/no></title><img attributionsrc src=https://a.test/x>",
        "<template></template><img attributionsrc src=https://a.test/x>",
        "<div><template shadowrootmode=open><img attributionsrc src=https://a.test/x></template></div>",
        "<img attributionsrc src=https://a.test/x#fragment>",
        "<img attributionsrc src=https://a.test/x src=/second>",
        "<img attributionsrc src=' https://a.test/x\n'>",
        "1 < 2 <img attributionsrc src=https://a.test/x>",
    ],
)
def test_an_image_with_the_attribute_is_found(html: str) -> None:
    assert _found(html) == [IMG]


@pytest.mark.parametrize(
    "html",
    [
        "<img src=https://a.test/x>attributionsrc",
        "<!-- <img attributionsrc src=https://a.test/x> -->",
        "<!-- <img attributionsrc src=https://a.test/x>",
        "<script>document.write('<img attributionsrc src=https://a.test/x>')</script>",
        "<style><img attributionsrc src=https://a.test/x></style>",
        "<textarea><img attributionsrc src=https://a.test/x></textarea>",
        "<noscript><img attributionsrc src=https://a.test/x></noscript>",
        "<iframe><img attributionsrc src=https://a.test/x></iframe>",
        "<plaintext><img attributionsrc src=https://a.test/x></plaintext>",
        "<template><img attributionsrc src=https://a.test/x></template>",
        "<template><template></template><img attributionsrc src=https://a.test/x></template>",
        "<p title='<img attributionsrc src=https://a.test/x>'>",
        "<img attributionsrc>",
        "<img attributionsrc src>",
        "<img attributionsrc src='https://'>",
        "<img attributionsrc src='https://a.test/x",
        "<iframe attributionsrc src=https://a.test/x></iframe>",
        "<link rel=preload as=image attributionsrc href=https://a.test/x>",
        "<img data-attributionsrc src=https://a.test/x>",
    ],
)
def test_what_no_image_request_with_the_attribute_comes_of_is_not_found(html: str) -> None:
    assert _found(html) == []


def test_a_script_with_the_attribute_is_found_and_its_text_is_no_html() -> None:
    html = "<script attributionsrc src=s.js><img attributionsrc src=/no></script><img attributionsrc src=i.png>"
    assert _found(html) == [("script", "https://news.test/dir/s.js"), ("image", "https://news.test/dir/i.png")]


def test_urls_are_relative_to_the_first_base() -> None:
    html = "<base target=_top><base href=https://cdn.test/b/><base href=https://other.test/><img attributionsrc src=i>"
    assert _found(html) == [("image", "https://cdn.test/b/i")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("?a=1&amp;b=2", "?a=1&b=2"),
        ("?a=1&copy=2", "?a=1&copy=2"),
        ("?a=1&copy;2", "?a=1%C2%A92"),
        ("?&#97;&#x62;&#0;", "?ab%EF%BF%BD"),
        ("?&nothing;&#xffffff;", "?&nothing;%EF%BF%BD"),
        ("?\u00e4", "?%C3%A4"),
    ],
)
def test_character_references_and_letters_in_urls(written: str, meant: str) -> None:
    assert _found(f'<img attributionsrc src="/i{written}">') == [("image", f"https://news.test/i{meant}")]


def test_every_candidate_of_a_source_set_is_expected() -> None:
    html = '<img attributionsrc src="/a" srcset="/b 1x, https://c.test/c 2x">'
    assert sorted(_found(html)) == [
        ("image", "https://c.test/c"), ("image", "https://news.test/a"), ("image", "https://news.test/b")
    ]  # fmt: skip


def test_the_document_of_a_srcdoc_is_scanned_with_the_base_of_the_document_around_it() -> None:
    html = '<base href=https://cdn.test/><iframe srcdoc="<img attributionsrc src=&quot;i&quot;>"></iframe>'
    assert _found(html) == [("image", "https://cdn.test/i")]


def test_other_encodings_are_read() -> None:
    assert _found("<p>\u00e4<img attributionsrc src=/x>".encode("latin-1"), encoding="iso-8859-1") == [
        ("image", "https://news.test/x")
    ]
    assert _found("<img attributionsrc src=/x>", encoding="no-such-thing") == [("image", "https://news.test/x")]


PAGE = """<!doctype html><!-- c -->
<title>a<b</title><base href="https://cdn.test/"><script>"<img attributionsrc src=no>"
</script><p class='a>b' title="x">text &amp; text<img alt="'" attributionsrc src="one?a&amp;b"><template><img
attributionsrc src=no></template><script attributionsrc src=two></script><iframe srcdoc="<img attributionsrc src=three>
"></iframe></p>"""
EXPECTED = [
    ("image", "https://cdn.test/one?a&b"),
    ("script", "https://cdn.test/two"),
    ("image", "https://cdn.test/three"),
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_html_may_be_cut_anywhere(size: int) -> None:
    assert _found(PAGE, parts=-(-len(PAGE) // size)) == EXPECTED


def test_whether_the_word_has_passed_is_told_wherever_it_stands() -> None:
    scan = HtmlScan(URL, lambda *_: None)
    scan.feed(b"<script>image.attribution")
    assert scan.named == set()
    scan.feed(b"Src = 1</script><script>frame.sharedStorage")
    assert scan.named == {"attributionsrc"}
    scan.feed(b"Writable = 1</script>")
    assert scan.named == {"attributionsrc", "sharedstoragewritable"}


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<img sharedstoragewritable src=/x>", ("image", "https://news.test/x")),
        ("<img SharedStorageWritable=false srcset='/x 1x'>", ("image", "https://news.test/x")),
        ("<iframe sharedstoragewritable src=/x></iframe>", ("iframe", "https://news.test/x")),
        ("<iframe srcdoc='<img sharedstoragewritable src=/x>' sharedstoragewritable src=/no>", ("image", f"{ROOT}x")),
        ("<base href=https://b.test/><iframe src=x#part sharedstoragewritable>", ("iframe", "https://b.test/x")),
    ],
)
def test_images_and_iframes_may_have_their_responses_write(html: str, expected: tuple[str, str]) -> None:
    assert _found(html, attribute="sharedstoragewritable") == [expected]
    assert _found(html) == []


@pytest.mark.parametrize(
    "html",
    [
        "<script sharedstoragewritable src=/x></script>",
        "<link rel=preload as=image sharedstoragewritable href=/x>",
        "<iframe sharedstoragewritable></iframe>",
        "<iframe sharedstoragewritable srcdoc='' src=/x></iframe>",
        "<template><iframe sharedstoragewritable src=/x></iframe></template>",
    ],
)
def test_no_other_element_may(html: str) -> None:
    assert _found(html, attribute="sharedstoragewritable") == []


def test_an_element_with_both_attributes_is_told_for_each() -> None:
    html = "<img attributionsrc sharedstoragewritable src=/x>"
    told = ("image", "https://news.test/x")
    assert _found(html) == _found(html, attribute="sharedstoragewritable") == [told]


@given(st.text(alphabet="<>/!-=\"' aimg&#;src\n", max_size=200), st.integers(1, 20))
def test_no_text_breaks_the_scan_and_cuts_change_nothing(text: str, parts: int) -> None:
    html = "<img attributionsrc src=/first>" + text
    assert _found(html, parts=parts) == _found(html)


@pytest.mark.parametrize(
    "hostile",
    [
        '<p a="' + "x" * 3_000_000,
        "<p " + "a=" * 1_000_000,
        "<" * 3_000_000,
        "<p" + " a='b'" * 500_000,
        "<!--" * 700_000,
    ],
)
def test_hostile_html_costs_little(hostile: str) -> None:
    began = time.perf_counter()
    assert _found(f"<img attributionsrc src=/x>{hostile}", parts=3000) == [("image", "https://news.test/x")]
    assert time.perf_counter() - began < 5
