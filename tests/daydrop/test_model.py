"""Whatever origins do in whatever order: every acknowledged byte stays readable.

A model says for each path what was last acknowledged there, and which bytes were ever accepted;
after each step the library must agree.
"""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from daydrop.aliases.paths import Gone
from daydrop.filing.announcement import Announcement
from daydrop.library import Library
from daydrop.origin import Origin, origin_of
from daydrop.receipts.receipts import Outcome
from daydrop.records.alias import Alias, State
from daydrop.records.item import ItemState
from tests.faults.promises import sums_in_tree
from tests.faults.scenarios import digest, opened, picture

ORIGINS = (origin_of("192.168.1.20"), origin_of("192.168.1.21"))
NAMES = ("a.jpg", "A.JPG", "b.jpg", "Trip/a.jpg", "Trip/b.png")


class Body(bytes):
    """A photo that is short to print."""

    def __repr__(self) -> str:
        return f"photo {digest(self)[:4]}"


BODIES = tuple(Body(picture(f"model {number}", 30_000)) for number in range(4))

origins = st.sampled_from(ORIGINS)
names = st.sampled_from(NAMES)
bodies = st.sampled_from(BODIES)


class Uploads(RuleBasedStateMachine):
    """The model: `paths` is what each origin sees, `accepted` what must never be lost."""

    temporary = Bundle("temporary")

    @initialize()
    def start(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="daydrop-model-")
        self.library: Library = opened(Path(self._folder.name, "store"))
        self.library.start()
        self.paths: dict[tuple[Origin, str], bytes] = {}
        self.accepted: set[bytes] = set()
        self.deleted: set[bytes] = set()  # by an undo: in the trash, until they are sent again
        self.gone: set[tuple[Origin, str]] = set()  # paths of what was deleted so
        self.batches: dict[str, set[bytes]] = {}  # what each batch was told to be kept
        self.numbers = 0
        for origin in ORIGINS:
            self.library.aliases.changes.make_folder(origin, "Trip")

    def teardown(self) -> None:
        if hasattr(self, "library"):
            self.library.close()
            self._folder.cleanup()

    # ---- what clients do --------------------------------------------------------------------

    @rule(origin=origins, name=names, body=bodies)
    def put(self, origin: Origin, name: str, body: bytes) -> None:
        assert self._send(origin, name, body) in (Outcome.FILED, Outcome.DUPLICATE)

    @rule(target=temporary, origin=origins, body=bodies)
    def put_temporary(self, origin: Origin, body: bytes) -> tuple[Origin, str, bytes]:
        self.numbers += 1
        name = f"{self.numbers}.jpg.part"
        assert self._send(origin, name, body) is Outcome.STAGED
        return origin, name, body

    @rule(origin=origins, name=names, body=bodies)
    def cut_off(self, origin: Origin, name: str, body: bytes) -> None:
        announcement = Announcement(name.rpartition("/")[2], origin, size=len(body), alias=name)
        with self.library.door.begin(announcement) as incoming:
            incoming.write(body[:10_000])

    @rule(put=temporary, name=names)
    def move_temporary(self, put: tuple[Origin, str, bytes], name: str) -> None:
        origin, path, body = put
        alias = self.library.aliases.paths.find_exact(origin, path)
        if alias is None:
            return
        self.library.aliases.moving.move(origin, alias, name)
        del self.paths[origin, path]
        self._is_kept(origin, name, body)

    @rule(origin=origins, name=names, new=names)
    def move(self, origin: Origin, name: str, new: str) -> None:
        alias = self._movable(origin, name, new)
        if alias is not None:
            self.library.aliases.moving.move(origin, alias, new)
            self.gone.discard((origin, new))
            self.paths[origin, new] = self.paths.pop((origin, name))

    @rule(origin=origins, name=names, new=names)
    def copy(self, origin: Origin, name: str, new: str) -> None:
        alias = self._movable(origin, name, new)
        if alias is not None:
            self.library.aliases.copying.copy(origin, alias, new)
            self.gone.discard((origin, new))
            self.paths[origin, new] = self.paths[origin, name]

    @rule(origin=origins, name=names)
    def delete(self, origin: Origin, name: str) -> None:
        if self.library.aliases.paths.find_exact(origin, name) is not None:
            self.library.aliases.changes.remove(origin, name)
            del self.paths[origin, name]
            self.gone.discard((origin, name))

    @precondition(lambda self: self.batches)
    @rule(origin=origins)
    def undo(self, origin: Origin) -> None:
        batch = self.library.batches.current(origin)
        if batch is None or batch.id not in self.batches:
            return
        self.library.undo.run(batch.id, origin)
        mine = self.batches.pop(batch.id)
        others = set().union(*self.batches.values()) if self.batches else set()
        self.deleted |= mine - others
        filed = {path for path in self.paths if not path[1].endswith(".part")}
        self.gone |= {path for path in filed if self.paths[path] in mine - others}

    @rule()
    def restart(self) -> None:
        self.library.close()
        self.library = opened(Path(self._folder.name, "store"))
        self.library.start()

    # ---- what must hold ---------------------------------------------------------------------

    @invariant()
    def every_path_answers_what_was_acknowledged_last(self) -> None:
        for (origin, name), body in getattr(self, "paths", {}).items():
            alias = self.library.aliases.paths.find_exact(origin, name)
            assert alias is not None, f"{name} is gone"
            assert alias.size == len(body)
            if (origin, name) in self.gone:
                assert self._is_gone(alias)
                continue
            with self.library.aliases.paths.open(alias).file as file:
                assert file.read() == body

    @invariant()
    def listings_are_those_of_the_model(self) -> None:
        for origin in ORIGINS if hasattr(self, "library") else ():
            for folder in ("", "Trip"):
                listed = {
                    member.alias.path
                    for member in self.library.aliases.paths.members(origin, folder)
                    if member.alias.state is not State.COLLECTION
                }
                assert listed == {
                    name
                    for of, name in self.paths
                    if of == origin and name.rpartition("/")[0] == folder
                }

    @invariant()
    def each_accepted_content_is_in_the_tree_once_or_in_the_trash(self) -> None:
        if not hasattr(self, "library"):
            return
        tree = sums_in_tree(self.library)
        assert set(tree.values()) <= {1}
        assert {digest(body) for body in self.accepted - self.deleted} == set(tree)
        trashed = self.library.catalogue.items.all_in_state(ItemState.TRASHED)
        assert {digest(body) for body in self.deleted} <= {item.sha256 for item in trashed}

    # ---- inside -----------------------------------------------------------------------------

    def _send(self, origin: Origin, path: str, body: bytes) -> Outcome:
        announcement = Announcement(path.rpartition("/")[2], origin, size=len(body), alias=path)
        with self.library.door.begin(announcement) as incoming:
            incoming.write(body)
            receipt = incoming.commit()
        if receipt.outcome is Outcome.STAGED:
            self.paths[origin, path] = body
        else:
            self._is_kept(origin, path, body)
        return receipt.outcome

    def _is_kept(self, origin: Origin, path: str, body: bytes) -> None:
        batch = self.library.batches.current(origin)
        assert batch is not None
        self.batches.setdefault(batch.id, set()).add(body)
        self.paths[origin, path] = body
        self.gone.discard((origin, path))
        self.accepted.add(body)
        self.deleted.discard(body)

    def _movable(self, origin: Origin, name: str, new: str) -> Alias | None:
        if name == new:
            return None
        is_gone = (origin, name) in self.gone
        return None if is_gone else self.library.aliases.paths.find_exact(origin, name)

    def _is_gone(self, alias: Alias) -> bool:
        try:
            self.library.aliases.paths.open(alias).file.close()
        except Gone:
            return True
        return False


LONG = os.environ.get("FAULTS", "") == "full"
SHORT_RUN = settings(
    max_examples=120 if LONG else 20,
    stateful_step_count=50 if LONG else 20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=not LONG,
)


def test_every_acknowledged_byte_stays_readable_whatever_origins_do() -> None:
    run_state_machine_as_test(Uploads, settings=SHORT_RUN)


class Forgetful(Uploads):
    """A library that forgets what a second PUT replaces, to test the model."""

    @rule(origin=origins, name=names, body=bodies)
    def put(self, origin: Origin, name: str, body: bytes) -> None:
        before = self.paths.get((origin, name))
        super().put(origin, name, body)
        if before not in (None, body):
            item = self.library.catalogue.items.by_sha256(digest(before or b""))
            if item is not None:
                self.library.store.tree.path(item.path).unlink()


def test_the_model_would_notice_an_overwrite() -> None:
    unshrunk = settings(
        SHORT_RUN, max_examples=100, phases=[Phase.generate], report_multiple_bugs=False
    )
    with pytest.raises((AssertionError, Gone)):
        run_state_machine_as_test(Forgetful, settings=unshrunk)
