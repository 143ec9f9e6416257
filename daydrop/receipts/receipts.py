"""Receipts: what became of each upload, kept with its batch and told to everyone alike."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from daydrop.capturedate.belief import Reason
from daydrop.capturedate.candidate import Source
from daydrop.catalogue import batch_rows, item_rows
from daydrop.catalogue import receipt_rows as rows
from daydrop.catalogue.catalogue import Catalogue
from daydrop.catalogue.database import Connection
from daydrop.media.kinds import Kind
from daydrop.receipts import reasons
from daydrop.records.batch import Batch
from daydrop.records.item import Item
from daydrop.records.receipt import Outcome, Receipt
from daydrop.store.trees import TREES
from daydrop.words import Language, readable_size

__all__ = ["KEPT", "Outcome", "Receipt", "Receipts", "Tally", "told_of", "why_of"]

KEPT = frozenset({Outcome.FILED, Outcome.DUPLICATE, Outcome.COMPANION})


def told_of(receipt: Receipt, item: Item) -> Receipt:
    """Return the receipt of an upload that is this item: where it lies now, and why there."""
    facts = dict(receipt.facts) | {"place": str(item.path), "why": why_of(item)}
    return replace(
        receipt,
        words_key=_words_key(item, receipt.outcome),
        facts=facts,
        item_id=item.id,
        place=str(item.path),
        day=item.taken[:10] or None,
        source=item.source,
    )


def _words_key(item: Item, outcome: Outcome) -> str:
    if outcome is Outcome.DUPLICATE:
        return "duplicate"
    if item.kind is Kind.OTHER:
        return "filed.other"
    if not item.taken:
        return "filed.no_date"
    if item.unreadable is not None and item.source == Source.NAME:
        return "filed.unreadable"
    return "filed.live" if item.kind is Kind.VIDEO and item.path.parts[0] == TREES[0] else "filed"


def why_of(item: Item) -> str:
    """Return the key of the words that say why an item lies under its day, or under none."""
    if item.source is not None:
        return f"why.{item.source}"
    if item.unreadable is not None:
        return "why.unreadable"
    is_wrong = any(judged.why not in _NEVER_SET for judged in item.judged)
    return "why.unbelievable" if is_wrong else "why.none"


_NEVER_SET = frozenset({Reason.UNSET, Reason.EPOCH})
Reasons = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Tally:
    """What became of a batch in numbers, and the hashes of some of its photos."""

    outcomes: Counter[Outcome]
    pictures: tuple[str, ...]

    @property
    def kept(self) -> int:
        """Return how many uploads have their bytes in the library."""
        return sum(self.outcomes[outcome] for outcome in KEPT)


class Receipts:
    """The reading side of receipts."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def find(self, receipt_id: int) -> Receipt | None:
        """Return the receipt of this number."""
        return self._catalogue.receipts.find(receipt_id)

    def of_batch(self, batch_id: str, after: int = 0, limit: int | None = None) -> list[Receipt]:
        """Return the receipts of a batch in the order of arrival, behind the number `after`."""
        return self._catalogue.receipts.of_batch(batch_id, after, limit)

    def tally(self, batch_id: str, pictures: int = 0) -> Tally:
        """Return a batch in numbers, with so many of its photos; costs little for any batch."""
        with self._catalogue.reading() as connection:
            return Tally(
                Counter(rows.outcomes(connection, batch_id)),
                tuple(rows.pictures_of_batch(connection, batch_id, pictures)),
            )

    def of_item(self, item_id: str) -> list[Receipt]:
        """Return the receipt that filed an item, and those of its duplicates."""
        return self._catalogue.receipts.of_item(item_id)

    def reasons(self, told: list[Receipt], language: Language) -> Reasons:
        """Return why each filed item of these receipts lies where it does, by the item's id."""
        with self._catalogue.reading() as connection:
            return _reasons(connection, told, language)

    def recent(self, origin: str | None = None, limit: int = 50) -> list[Receipt]:
        """Return the newest receipts first; of all origins without `origin`."""
        return self._catalogue.receipts.recent(origin, limit)

    def plain_text(self, batch_id: str) -> str | None:
        """Return a batch's receipts as the text of its file in `Receipts/`; None without batch."""
        with self._catalogue.reading() as connection:
            batch = batch_rows.find(connection, batch_id)
            if batch is None:
                return None
            told = rows.of_batch(connection, batch_id)
            return plain_text(batch, told, _reasons(connection, told, Language.EN))


_NEW = (Outcome.FILED, Outcome.COMPANION)
_HEADINGS = {
    Outcome.FILED: "Filed",
    Outcome.COMPANION: "Kept beside their photos and videos",
    Outcome.DUPLICATE: "Already here",
    Outcome.REFUSED: "Refused",
    Outcome.UNFINISHED: "Never completed",
}


def _reasons(connection: Connection, told: list[Receipt], language: Language) -> Reasons:
    filed = {each.item_id for each in told if each.item_id and each.outcome is Outcome.FILED}
    found = item_rows.find_all(connection, sorted(filed))
    return {item.id: reasons.lines(item, language) for item in found}


def plain_text(batch: Batch, receipts: list[Receipt], why: Reasons) -> str:
    """Return the receipt of a batch for people, in English, one line a file."""
    opened = datetime.fromtimestamp(batch.opened, UTC)
    new = [receipt for receipt in receipts if receipt.outcome in _NEW]
    lines = [
        f"Daydrop receipt {batch.id}",
        f"Sent by {batch.account or batch.address} on {opened:%Y-%m-%d} from {opened:%H:%M:%S} UTC"
        + (f", with {batch.program}" if batch.program else ""),
        f"{_files(len(receipts))}, {len(new)} of them new here ({_size_of(new)})",
    ]
    if batch.undone is not None:
        lines.append("This batch was undone by its sender.")
    for outcome, heading in _HEADINGS.items():
        told = [receipt for receipt in receipts if receipt.outcome is outcome]
        if told:
            lines += ["", f"{heading} ({len(told)})"]
        for receipt in told:
            lines.append(f"  {_line(receipt)}")
            if outcome is Outcome.FILED:
                lines += [f"      {line}" for line in why.get(receipt.item_id or "", ())]
    return "\n".join(lines) + "\n"


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"


def _size_of(receipts: list[Receipt]) -> str:
    return readable_size(sum(receipt.size or 0 for receipt in receipts))


def _line(receipt: Receipt) -> str:
    often = f" ({receipt.times} times)" if receipt.times > 1 else ""
    return f"{receipt.upload_path or receipt.name}: {receipt.sentence(Language.EN)}{often}"
