"""The same sentence for everyone, in both languages."""

import string

import pytest

from daydrop import words
from daydrop.capturedate.candidate import Source
from daydrop.errors import Code, Refused
from daydrop.words import Language


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("key", words.keys())
def test_both_languages_use_the_same_facts(key):
    english, chinese = words.templates(key)
    assert fields(english) == fields(chinese)


@pytest.mark.parametrize("code", Code)
def test_every_refusal_has_a_sentence(code):
    assert words.has_sentence(code.value)


@pytest.mark.parametrize("source", [*(each.value for each in Source), "owner", "partner", "none"])
def test_every_source_of_a_date_has_words(source):
    assert words.has_sentence(f"why.{source}")


def test_sizes_and_waits_are_readable_in_both_languages():
    refused = Refused(Code.CUT_SHORT, name="a.jpg", received=1536, size=5 << 30)
    assert "Only 1.5 KB of 5 GB arrived" in refused.sentence()
    busy = Refused(Code.BUSY, wait=40.2)
    assert busy.sentence() == "Too many uploads at once: try again in 40 s."
    assert busy.sentence(Language.ZH_CN) == "同时上传过多：请在 40 秒后重试。"
    assert busy.retry_after == 40
