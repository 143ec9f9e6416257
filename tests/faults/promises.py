"""Holds a library, after whatever befell it, to what its uploaders were told."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from daydrop.aliases.paths import Gone
from daydrop.capturedate.candidate import FROM_COMPANIONS, SAID
from daydrop.catalogue import alias_rows, companion_rows, item_rows, upload_rows
from daydrop.errors import CatalogueFailed
from daydrop.library import Library
from daydrop.origin import Origin
from tests.faults.notes import Note

ABSENT, GONE = "nothing there", "its item was deleted"
Path = tuple[str, str]  # origin and path in `Upload`


class Place(Enum):
    """Where acknowledged bytes have to be found."""

    TREE = "the tree"
    TREE_OR_STAGING = "the tree, or staging"
    TREE_OR_TRASH = "the tree, or the trash"
    TRASH = "the trash"
    ANYWHERE = "nowhere in particular"


@dataclass
class Promised:
    """What follows from notes: which bytes are kept where, and what each path may answer."""

    places: dict[str, Place] = field(default_factory=dict)
    answers: dict[Path, set[str]] = field(default_factory=dict)
    receipts: set[tuple[str, str, str]] = field(default_factory=set)

    @classmethod
    def by(cls, notes: Iterable[Note]) -> "Promised":
        """What was promised by the end of these notes."""
        promised = cls()
        for note in notes:
            promised._take(note)
        return promised

    def _take(self, note: Note) -> None:
        match note.step:
            case "put" | "parts":
                self._put(note)
            case "move":
                self._move(note)
            case "undo" | "trash":
                self._throw(note)
            case "restore":
                self._restore(note)
            case "taken":
                self.places[note.sha256] = Place.ANYWHERE
                self._loosen(note.sha256, GONE)

    def _put(self, note: Note) -> None:
        here = (note.origin, note.path)
        if not note.is_acknowledged:
            if note.step == "put":
                self.answers.setdefault(here, {ABSENT}).add(note.sha256)
            return
        if note.step == "put":
            self.answers[here] = {note.sha256}
        if note.outcome == "sidecar":
            self.places[note.sha256] = Place.TREE_OR_STAGING
        if note.outcome in ("filed", "duplicate"):
            self.places[note.sha256] = Place.TREE
            self.receipts.add((note.origin, note.path, note.sha256))

    def _move(self, note: Note) -> None:
        source, target = (note.origin, note.path), (note.origin, note.target)
        if note.is_acknowledged:
            self.answers[source], self.answers[target] = {ABSENT}, {note.sha256}
            self.places[note.sha256] = Place.TREE
        else:
            self.answers.setdefault(source, set()).add(ABSENT)
            self.answers.setdefault(target, {ABSENT}).add(note.sha256)

    def _throw(self, note: Note) -> None:
        self._place(note, Place.TRASH)
        self._loosen(note.sha256, GONE)

    def _restore(self, note: Note) -> None:
        self._place(note, Place.TREE)

    def _place(self, note: Note, place: Place) -> None:
        """What was only begun may have happened or not, and promises nothing new."""
        if note.is_acknowledged:
            self.places[note.sha256] = place
        elif note.sha256 in self.places:
            self.places[note.sha256] = Place.TREE_OR_TRASH

    def _loosen(self, sha256: str, answer: str) -> None:
        for answers in self.answers.values():
            if sha256 in answers:
                answers.add(answer)


def broken(library: Library, notes: Iterable[Note], known: set[str]) -> list[str]:
    """Every promise that a started library does not keep, as sentences; none is the only good."""
    promised = Promised.by(notes)
    return [
        *_bytes_not_kept(library, promised),
        *_paths_not_answering(library, promised),
        *_receipts_missing(library, promised),
        *_seen_though_not_whole(library, known),
        *_out_of_order(library),
        *_under_another_day(library),
    ]


def sums_in_tree(library: Library) -> Counter[str]:
    """The hashes of all files of the tree, and how often each is there."""
    return Counter(_sum(library.store.root / path) for path in library.store.tree.files())


def _sum(file: object) -> str:
    with open(str(file), "rb") as opened:  # noqa: PTH123  a path of any kind
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _bytes_not_kept(library: Library, promised: Promised) -> Iterator[str]:
    tree = set(sums_in_tree(library))
    trash = {_sum(file) for file in (library.store.state / "trash").iterdir()}
    staging = {_sum(file) for file in (library.store.state / "staging").iterdir()}
    found = {
        Place.TREE: tree,
        Place.TREE_OR_STAGING: tree | staging,
        Place.TREE_OR_TRASH: tree | trash,
        Place.TRASH: trash,
    }
    for sha256, place in promised.places.items():
        if place in found and sha256 not in found[place]:
            yield f"LOST: {sha256[:8]} is not in {place.value}"


def _paths_not_answering(library: Library, promised: Promised) -> Iterator[str]:
    for (origin, path), allowed in promised.answers.items():
        answer = _answer(library, origin, path)
        if answer not in allowed:
            yield f"LOST: {path} of {origin} answers {answer[:8]}, not {sorted(allowed)}"


def _answer(library: Library, origin: str, path: str) -> str:
    alias = library.aliases.paths.find_exact(Origin(origin, origin), path)
    if alias is None:
        return ABSENT
    try:
        content = library.aliases.paths.open(alias)
    except Gone:
        return GONE
    with content.file as file:
        body = file.read()
    if len(body) != alias.size:
        return f"{len(body)} bytes instead of {alias.size}"
    return hashlib.sha256(body).hexdigest()


def _receipts_missing(library: Library, promised: Promised) -> Iterator[str]:
    for origin, path, sha256 in promised.receipts:
        told = library.receipts.recent(origin, 10_000)
        if not any((each.upload_path, each.sha256) == (path, sha256) for each in told):
            yield f"LOST: no receipt of {path} for {origin}"


def _seen_though_not_whole(library: Library, known: set[str]) -> Iterator[str]:
    for sha256, times in sums_in_tree(library).items():
        if sha256 not in known:
            yield f"VISIBLE: the tree has bytes that nobody sent ({sha256[:8]})"
        if times > 1:
            yield f"TWICE: {sha256[:8]} is {times} times in the tree"


def _under_another_day(library: Library) -> Iterator[str]:
    """Nothing waits to be filed elsewhere, or to be dated by what lies beside it.

    What a kill left in the tree before its row waits for its client to send it again.
    """
    refile = library.refile
    for refiling in refile.plan():
        if not refiling.item.pair_scope.is_found:
            yield f"DAY: {refiling.item.path} belongs in {refiling.folder}"
    stored = library.catalogue.items.all_in_state(item_rows.ItemState.STORED)
    for item in stored:
        beside = set(library.companions.dates_in(library.companions.that_date(item)))
        known = {judged.candidate for judged in item.judged}
        if item.source not in SAID and beside != {
            each for each in known if each.source in FROM_COMPANIONS
        }:
            yield f"DAY: {item.path} is not dated by the companions that it has"


def _out_of_order(library: Library) -> Iterator[str]:
    verify = library.verify
    report = verify.check(verify.kept())
    by_hand = set(verify.lost())  # of what was acknowledged, each byte was asked for above
    for kind in ("damaged", "missing", "unreadable", "strangers"):
        for found in set(getattr(report, kind)) - by_hand:
            yield f"ROWS: {found} is among the {kind}"
    try:
        library.catalogue.check()
    except CatalogueFailed as failure:
        yield f"ROWS: {failure.advice}"
    with library.catalogue.reading() as connection:
        spoken_of = (
            alias_rows.staged_names(connection)
            | companion_rows.staged_names(connection)
            | upload_rows.staged_names(connection)
        )
        companions = companion_rows.paths(connection)
    for name in set(library.store.staging.names()) - spoken_of:
        yield f"STAGING: nothing refers to {name}"
    for path in companions:
        if not (library.store.root / path).is_file():
            yield f"ROWS: the companion {path} has no file"
