"""What the program says on its console: one line an event, no traceback, no path of the machine.

A fault of ours is told as the trail of functions that it went through, innermost first: enough to
find it, and nothing that a name in a file or an error of the system could smuggle in.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from types import FrameType
from typing import Any

import structlog

from daydrop.errors import Refused

_STEPS = 6  # of a trail


def configure_console(level: str) -> None:
    """Set up both ways in which parts of the program log: structlog's, and Python's own."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S"),
            _without_traceback,
            _in_one_line,
            structlog.dev.ConsoleRenderer(colors=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(asctime)s [%(levelname)s] %(message)s"))
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler])


class OneLine(logging.Formatter):
    """A formatter that writes a record in one line, its exception as a trail."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        failure = record.exc_info[1] if record.exc_info else None
        bare = logging.makeLogRecord(record.__dict__ | {"exc_info": None, "exc_text": None})
        line = super().format(bare)
        return printable(line if failure is None else f"{line} fault={trail(failure)}")


def trail(failure: BaseException) -> str:
    """Describe a failure: its kind, what the system says of it, and where it came from."""
    steps = [
        f"{_module(frame)}.{frame.f_code.co_name}:{line}"
        for frame, line in traceback.walk_tb(failure.__traceback__)
    ]
    cause = failure.__cause__
    words = in_words(failure) if cause is None else f"{in_words(failure)} from {in_words(cause)}"
    return " < ".join([words, *reversed(steps[-_STEPS:])])


def in_words(failure: BaseException) -> str:
    """Name a failure; of an error of the system only its words, since it names a path too."""
    kind = type(failure).__name__
    if isinstance(failure, OSError):
        return f"{kind}: {failure.strerror or failure.errno or 'no reason'}"
    return f"{kind}: {failure}" if isinstance(failure, Refused) else kind


def printable(text: str) -> str:
    """Strip line ends and control characters, so that a file name cannot forge a line."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "?"))


def _without_traceback(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    failure = event.pop("exc_info", None)
    if failure is True:
        failure = sys.exc_info()[1]
    if isinstance(failure, BaseException):
        event["fault"] = trail(failure)
    return event


def _in_one_line(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return {
        name: printable(value) if isinstance(value, str) else value for name, value in event.items()
    }
