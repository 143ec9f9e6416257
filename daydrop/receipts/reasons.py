"""Why this date: what each source of an item said, and what the rule made of it, a line each."""

from collections.abc import Iterator
from datetime import datetime

from daydrop import words
from daydrop.capturedate.candidate import FOLDER, OWNER, PARTNER, Candidate, Form
from daydrop.capturedate.rule import Judged, Verdict
from daydrop.media.names import printable
from daydrop.records.item import Item
from daydrop.words import Language

_RAW_MOST = 60
_SAID_BY_OTHERS = frozenset({OWNER, PARTNER, FOLDER})


def lines(item: Item, language: Language = Language.EN) -> tuple[str, ...]:
    """Return what was found in a file, best source first, and which of it was chosen."""
    if item.source in _SAID_BY_OTHERS:
        return tuple(_overruled(item, language))
    return tuple(_own(item, language))


def _own(item: Item, language: Language) -> Iterator[str]:
    if item.unreadable is not None:
        yield words.sentence("date.unreadable", {}, language)
    for judged in item.judged:
        yield _line(judged, language)
        if judged.verdict is Verdict.CHOSEN and judged.candidate.form is Form.INSTANT:
            yield _zone(item, language)


def _overruled(item: Item, language: Language) -> Iterator[str]:
    """Yield the dates of a file that its owner, or another file of its shot, has overruled."""
    source = words.sentence(f"why.{item.source}", {}, language)
    time = item.taken[:10] if item.day_only else _there(item)
    yield words.sentence("date.said", {"source": source, "time": time}, language)
    for judged in item.judged:
        is_chosen = judged.verdict is Verdict.CHOSEN
        yield _line(judged, language, f"overruled.{item.source}" if is_chosen else None)


def _zone(item: Item, language: Language) -> str:
    return words.sentence(f"zone.{item.zone_source}", {"time": _there(item)}, language)


def _there(item: Item) -> str:
    """Return the wall clock that an item is filed by."""
    wall = datetime.fromisoformat(item.taken).isoformat(" ", "seconds")
    return wall if item.offset_minutes is None else f"{wall} {offset(item.offset_minutes)}"


def _line(judged: Judged, language: Language, overruled: str | None = None) -> str:
    """Return a date that was found and what became of it; `overruled` names why it lost anyway."""
    verdict = Verdict.DIFFERS if overruled else judged.verdict
    return words.sentence(
        f"date.{verdict.value}",
        {
            "source": words.sentence(f"why.{judged.candidate.source.value}", {}, language),
            "time": time_of(judged.candidate),
            "reason": words.sentence(f"reason.{overruled or judged.why.value}", {}, language),
        },
        language,
    )


def time_of(candidate: Candidate) -> str:
    """Return a time as its source means it: `2024-12-31 23:30:00 -08:00`, `… 07:30:02 UTC`."""
    if candidate.wall is None:
        return printable(candidate.raw[:_RAW_MOST])
    if candidate.day_only:
        return candidate.wall.date().isoformat()
    shown = candidate.wall.isoformat(" ", "seconds")
    if candidate.form is Form.INSTANT:
        return f"{shown} UTC"
    if candidate.offset_minutes is None:
        return shown
    return f"{shown} {offset(candidate.offset_minutes)}"


def offset(minutes: int) -> str:
    """Return an offset from UTC in ISO form: `-08:00`."""
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"
