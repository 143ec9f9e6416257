"""Why an upload is refused: a stable code, and a sentence that says what to do next."""

import errno
from enum import StrEnum

from daydrop import words
from daydrop.words import Fact, Facts, Language


class Code(StrEnum):
    """The refusal codes of design section 6; each face maps them to statuses in one table."""

    UNSUPPORTED_TYPE = "unsupported_type"
    BAD_NAME = "bad_name"
    EMPTY_FILE = "empty_file"
    FILE_TOO_BIG = "file_too_big"
    BATCH_FILES = "batch_files"
    BATCH_BYTES = "batch_bytes"
    NO_SPACE = "no_space"
    READ_ONLY = "read_only"
    CUT_SHORT = "cut_short"
    STALLED = "stalled"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    BUSY = "busy"
    OFFSET_MISMATCH = "offset_mismatch"
    LOCKED = "locked"
    EXPIRED = "expired"
    INTERNAL = "internal"


class Refused(Exception):
    """An upload, or a step of one, that is refused; nothing of it was kept.

    `case` picks one of several sentences of a code, `facts` fill it in. `batch` is the batch whose
    receipt speaks of it, when there is one.
    """

    def __init__(self, code: Code, case: str = "", /, **facts: Fact) -> None:
        self.code = code
        self.key = f"{code}.{case}" if case else code.value
        self.facts: Facts = facts
        super().__init__(self.sentence())

    def sentence(self, language: Language = Language.EN) -> str:
        """The refusal for people."""
        return words.sentence(self.key, self.facts, language)

    @property
    def retry_after(self) -> int | None:
        """Seconds after which it is worth trying again, where that is known."""
        wait = self.facts.get("wait")
        return max(1, round(wait)) if isinstance(wait, int | float) else None


class Forbidden(Exception):
    """What a face raises inside a step of the library that it forbids: passed on as it is."""


class Missing(Exception):
    """There is nothing at a path, or no more what was found there: said of it, not of an upload."""


class StoreUnusable(RuntimeError):
    """The store cannot serve as one; its text says why and what to do."""


class CatalogueClosed(RuntimeError):
    """The catalogue takes no more work: the server is stopping."""


class CatalogueFailed(OSError):
    """The catalogue could not be read or written; `errno` is EIO when its disk has failed."""

    @property
    def advice(self) -> str:
        """What is wrong, and what to do."""
        says = str(self.args[-1]).splitlines()[-1]
        if self.errno == errno.EIO:
            return f"the disk of the catalogue failed ({says}): check it, then start again"
        return (
            f"the catalogue is damaged ({says}): stop Daydrop, move all .daydrop/catalogue.sqlite* "
            "away, copy the newest of .daydrop/copies, if any, to .daydrop/catalogue.sqlite, and "
            "run daydrop rescan, which updates the catalogue from files and log, or rebuilds it"
        )
