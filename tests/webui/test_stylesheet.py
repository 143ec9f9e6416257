"""Bootstrap's style is sent without what no page uses, and with all that one does."""

import gzip
import re
from pathlib import Path

import pytest

from webui.stylesheet import cut, words_of_pages

WEBUI = Path(__file__).parents[2] / "webui"
BOOTSTRAP = WEBUI / "static/vendor/bootstrap/bootstrap.min.css"
BUDGET = 10_000  # bytes, packed; the whole has 30 800


@pytest.mark.parametrize(
    ("style", "kept"),
    [
        (".btn{a:b}.card{c:d}", ".btn{a:b}"),
        (".btn,.card,[dir=x] .btn{a:b}", ".btn,[dir=x] .btn{a:b}"),
        (".btn .card{a:b}a:hover{c:d}", "a:hover{c:d}"),
        (".btn:not(.card){a:b}", ".btn:not(.card){a:b}"),
        ('.btn-close{a:b}.btn{c:url("data:x,.card")}', '.btn{c:url("data:x,.card")}'),
        ("@media (min-width:1px){.card{a:b}.btn{c:d}}", "@media (min-width:1px){.btn{c:d}}"),
        ("@media print{.card{a:b}}*{e:f}", "*{e:f}"),
        ("@keyframes card{0%{a:b}to{c:d}}.btn{a:b}", ".btn{a:b}"),
        ("@keyframes btn{0%{a:b}to{c:d}}", "@keyframes btn{0%{a:b}to{c:d}}"),
        ('@charset "UTF-8";/*! a licence */.btn{a:b}/* a word */', "/*! a licence */.btn{a:b}"),
    ],
)
def test_a_rule_stays_when_its_classes_are_words_of_ours(style: str, kept: str) -> None:
    assert cut(style, {"btn"}) == kept


@pytest.mark.skipif(not BOOTSTRAP.is_file(), reason="the page's assets are missing: scripts/setup")
def test_what_is_left_of_bootstrap_is_little_and_knows_every_class_that_a_page_has() -> None:
    whole = BOOTSTRAP.read_text("utf-8")
    left = cut(whole, words_of_pages(WEBUI))
    assert len(gzip.compress(left.encode(), 9)) <= BUDGET
    assert "Licensed under MIT" in left[:300]
    for file in WEBUI.glob("templates/*.html"):
        for attribute in re.findall(r'class="([^"]*)"', file.read_text("utf-8")):
            for name in re.findall(r"[\w-]+", attribute):
                rule = re.compile(rf"\.{name}(?![\w-])")
                assert len(rule.findall(left)) > 0 or not rule.search(whole), (file.name, name)
