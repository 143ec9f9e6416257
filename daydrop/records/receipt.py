"""A receipt: what became of one upload."""

from dataclasses import dataclass, replace
from enum import StrEnum

from daydrop import words
from daydrop.words import Facts, Language


class Outcome(StrEnum):
    """What became of an upload."""

    FILED = "filed"
    DUPLICATE = "duplicate"
    COMPANION = "sidecar"
    STAGED = "staged"
    LITTER = "litter"
    REFUSED = "refused"
    UNFINISHED = "unfinished"


@dataclass(frozen=True)
class Receipt:
    """Who sent what, when, from where, where it went and why, or why it was refused.

    `times` counts how often the same file was refused for the same reason in one batch. Receipts
    of staged and litter files are told to the caller only: their id is 0 and no row is kept.
    """

    id: int
    batch_id: str | None
    at: float
    origin: str
    account: str | None
    address: str
    program: str
    name: str
    upload_path: str
    size: int | None
    sha256: str | None
    outcome: Outcome
    code: str | None
    words_key: str
    facts: Facts
    item_id: str | None
    place: str | None
    day: str | None
    source: str | None
    times: int

    def sentence(self, language: Language = Language.EN) -> str:
        """Return the receipt in words; also that a checksum could not be read."""
        facts = dict(self.facts)
        if why := facts.get("why"):
            facts["why"] = words.sentence(str(why), facts, language)
        said = words.sentence(self.words_key, facts, language)
        if "unread" not in facts or self.outcome is Outcome.REFUSED:
            return said
        ignored = words.sentence("checksum.unreadable", facts, language)
        return f"{said} {ignored}" if language is Language.EN else f"{said}{ignored}"

    def of_bytes(self, size: int, sha256: str) -> "Receipt":
        """Return the same receipt for the bytes that arrived."""
        return replace(self, size=size, sha256=sha256)
