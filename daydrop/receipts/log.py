"""The log of uploads: one JSON line each, in the store, a file a day.

It is what `rescan` takes names, origins and the owner's dates from when the catalogue is lost.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import TextIO

import structlog

from daydrop.clock import Clock
from daydrop.receipts.receipts import Outcome, Receipt
from daydrop.records.item import Item

_DAY = "%Y-%m-%d"
_DATED = "dated"  # the outcome of a line that tells of the owner's date


@dataclass(frozen=True)
class Told:
    """What the log knows of some bytes, all of it as text that may be missing."""

    name: str | None = None
    origin: str | None = None
    place: str | None = None
    owners_day: date | None = None


class UploadLog:
    """Writes and reads the log in `folder`; files older than `days` are removed."""

    def __init__(self, folder: Path, clock: Clock, days: int) -> None:
        self._folder, self._clock, self._days = folder, clock, days
        self._lock = Lock()
        self._file: TextIO | None = None
        self._day = ""

    def write(self, receipt: Receipt) -> None:
        """Add the line of one upload. A log that cannot be written is said on the console."""
        self._append(_fields(receipt))

    def write_date(self, item: Item, day: date) -> None:
        """Add that an owner has said of which day an item is."""
        self._append(
            {
                "at": _as_text(self._clock.now()),
                "outcome": _DATED,
                "name": item.name,
                "sha256": item.sha256,
                "place": str(item.path),
                "date": day.isoformat(),
                "says": f"Filed under {day.isoformat()}, as set by the owner.",
            }
        )

    def _append(self, fields: dict[str, object]) -> None:
        line = json.dumps(fields, ensure_ascii=False)
        try:
            with self._lock:
                file = self._of_today()
                file.write(f"{line}\n")
                file.flush()
        except OSError as failure:
            structlog.get_logger().error("upload log cannot be written", error=failure.strerror)

    def purge(self) -> None:
        """Remove the files whose days are over."""
        oldest = datetime.fromtimestamp(self._clock.now(), UTC) - timedelta(days=self._days)
        for file in self._folder.glob("*.jsonl"):
            if file.stem < oldest.strftime(_DAY):
                file.unlink(missing_ok=True)

    def lines(self) -> list[dict[str, object]]:
        """Return every line there is, oldest first; one that a crash cut is passed over."""
        found: list[dict[str, object]] = []
        for file in sorted(self._folder.glob("*.jsonl")):
            text = file.read_text(encoding="utf-8", errors="replace")
            # not splitlines: names may hold U+2028, which it takes for the end of a line
            for line in filter(None, text.split("\n")):
                if (fields := _read(line)) is None:
                    structlog.get_logger().warning("log line cut by a crash", file=file.name)
                else:
                    found.append(fields)
        return found

    def told(self) -> dict[str, Told]:
        """Return what is known of files by their hash."""
        known: dict[str, Told] = {}
        for line in self.lines():
            sha256, outcome = str(line.get("sha256")), line.get("outcome")
            before = known.get(sha256, Told())
            if outcome == Outcome.FILED.value:
                name, origin, place = (_text(line, key) for key in ("name", "origin", "place"))
                known[sha256] = replace(before, name=name, origin=origin, place=place)
            elif outcome == _DATED:
                known[sha256] = replace(before, owners_day=_day(line))
        return known

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _of_today(self) -> TextIO:
        day = datetime.fromtimestamp(self._clock.now(), UTC).strftime(_DAY)
        if self._file is None or day != self._day:
            if self._file is not None:
                self._file.close()
            self._file = (self._folder / f"{day}.jsonl").open("a", encoding="utf-8")
            self._day = day
        return self._file


def _read(line: str) -> dict[str, object] | None:
    try:
        fields = json.loads(line)
    except json.JSONDecodeError:
        return None
    return fields if isinstance(fields, dict) else None


def _text(line: dict[str, object], key: str) -> str | None:
    return str(line[key]) if key in line else None


def _day(line: dict[str, object]) -> date | None:
    try:
        return date.fromisoformat(str(line.get("date")))
    except ValueError:
        return None


def _as_text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _fields(receipt: Receipt) -> dict[str, object]:
    fields: dict[str, object] = {
        "at": _as_text(receipt.at),
        "outcome": receipt.outcome.value,
        "address": receipt.address,
        "account": receipt.account,
        "origin": receipt.origin,
        "program": receipt.program,
        "name": receipt.name,
        "upload_path": receipt.upload_path,
        "size": receipt.size,
        "sha256": receipt.sha256,
        "place": receipt.place,
        "date": receipt.day,
        "source": receipt.source,
        "code": receipt.code,
        "says": receipt.sentence(),
        "batch": receipt.batch_id,
    }
    return {name: value for name, value in fields.items() if value is not None}
