"""Why this date: what each source of an item said, and what the rule made of it, a line each."""

from library import words
from library.capturedate.candidate import Candidate, Form
from library.capturedate.rule import Judged
from library.catalogue.items import Item
from library.names import printable
from library.words import Language

_RAW_MOST = 60


def lines(item: Item, language: Language = Language.EN) -> tuple[str, ...]:
    """What was found in a file, best source first; the chosen one says so."""
    return tuple(_line(judged, language) for judged in item.judged)


def _line(judged: Judged, language: Language) -> str:
    return words.sentence(
        f"date.{judged.verdict.value}",
        {
            "source": words.sentence(f"why.{judged.candidate.source.value}", {}, language),
            "time": time_of(judged.candidate),
            "reason": words.sentence(f"reason.{judged.why.value}", {}, language),
        },
        language,
    )


def time_of(candidate: Candidate) -> str:
    """A time as its source means it: `2024-12-31 23:30:00 -08:00`, `2025-01-01 07:30:02 UTC`."""
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
    """An offset from UTC in ISO form: `-08:00`."""
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"
