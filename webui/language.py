"""The words of the pages: one catalogue a language, and which of them a visitor reads."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path

from flask import Request

from daydrop.words import Language, readable_size

COOKIE = "lang"
_TAGS = frozenset(each.value for each in Language)
_FOLDER = Path(__file__).parent / "i18n"


class Words:
    """The words of one language. A key with `.one` beside it is used when `n` is 1."""

    def __init__(self, language: Language, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = texts

    def text(self, key: str, **facts: object) -> str:
        """Return the words under this key, filled in; raise KeyError for an unknown key."""
        if facts.get("n") == 1 and f"{key}.one" in self._texts:
            key = f"{key}.one"
        shown = {name: self._shown(fact) for name, fact in facts.items()}
        return self._texts[key].format_map(shown) if facts else self._texts[key]

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    def below(self, *prefixes: str) -> dict[str, str]:
        """Return the words that a script needs, by the beginnings of their keys."""
        return {key: text for key, text in self._texts.items() if key.startswith(prefixes)}

    def size(self, size: int) -> str:
        """Return a number of bytes for people."""
        return readable_size(size)

    def day(self, day: date) -> str:
        """Return a day for people."""
        if self.language is Language.ZH_CN:
            return f"{day.year}年{day.month}月{day.day}日"
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def month(self, month: str) -> str:
        """Return a month such as `2024-05` for people."""
        year, _, number = month.partition("-")
        if self.language is Language.ZH_CN:
            return f"{year}年{int(number)}月"
        return f"{_MONTHS[int(number) - 1]} {year}"

    def month_name(self, number: int) -> str:
        """Return the name of a month, without its year."""
        return f"{number}月" if self.language is Language.ZH_CN else _MONTHS[number - 1]

    def clock(self, moment: datetime) -> str:
        """Return a day and a time of day for people."""
        mark = "" if self.language is Language.ZH_CN else ","
        return f"{self.day(moment.date())}{mark} {moment:%H:%M}"

    def _shown(self, fact: object) -> object:
        return f"{fact:,}" if isinstance(fact, int) and not isinstance(fact, bool) else fact


_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


@cache
def words_of(language: Language) -> Words:
    """Return the words of a language, read once."""
    texts = json.loads((_FOLDER / f"{language.value}.json").read_text("utf-8"))
    return Words(language, texts)


def chosen_language(request: Request) -> Language:
    """Return the visitor's language: `?lang`, else the cookie, else the browser's choice."""
    for wish in (request.args.get("lang", ""), request.cookies.get(COOKIE, "")):
        if wish in _TAGS:
            return Language(wish)
    return _asked_for(request.accept_languages.values())


def _asked_for(tags: Iterable[str]) -> Language:
    for tag in tags:
        if tag.lower().partition("-")[0] == "zh":
            return Language.ZH_CN
        if tag.lower().partition("-")[0] == "en":
            return Language.EN
    return Language.EN
