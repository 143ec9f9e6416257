"""Why an upload is refused: a stable code, and a sentence that says what to do next."""

import errno
from enum import StrEnum

from daydrop import words
from daydrop.words import Fact, Facts, Language


class Code(StrEnum):
    """Why an upload is refused; each face maps these codes to statuses in one table."""

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
    """An upload, or a step of one, was refused; nothing of it was kept.

    `case` picks one of several sentences of a code, `facts` fill it in. `batch` is the batch whose
    receipt speaks of it, when there is one.
    """

    def __init__(self, code: Code, case: str = "", /, **facts: Fact) -> None:
        self.code = code
        self.key = f"{code}.{case}" if case else code.value
        self.facts: Facts = facts
        super().__init__(self.sentence())

    def sentence(self, language: Language = Language.EN) -> str:
        """Return the refusal as a sentence for people."""
        return words.sentence(self.key, self.facts, language)

    @property
    def retry_after(self) -> int | None:
        """Return the seconds after which a retry makes sense, None where that is not known."""
        wait = self.facts.get("wait")
        return max(1, round(wait)) if isinstance(wait, int | float) else None


class Forbidden(Exception):
    """A face forbids a step of the core; the core passes it on unchanged."""


class Missing(Exception):
    """Nothing is at a path, or no longer what was found there; it concerns no upload."""


class StoreUnusable(RuntimeError):
    """A folder cannot serve as a store; the text says why, and what to do."""


class CatalogueClosed(RuntimeError):
    """The catalogue accepts no more work: the server is stopping."""


class CatalogueFailed(OSError):
    """The catalogue could not be read or written; `errno` is EIO when its disk has failed."""

    @property
    def advice(self) -> str:
        """Return what is wrong and what to do, as a sentence."""
        says = str(self.args[-1]).splitlines()[-1]
        if self.errno == errno.EIO:
            return f"the disk of the catalogue failed ({says}): check it, then start again"
        return (
            f"the catalogue is damaged ({says}): stop Daydrop, move all .daydrop/catalogue.sqlite* "
            "away, copy the newest of .daydrop/copies, if any, to .daydrop/catalogue.sqlite, and "
            "run daydrop rescan, which updates the catalogue from files and log, or rebuilds it"
        )
