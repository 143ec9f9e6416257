"""Upload against a model: names and bytes, whatever is asked in whatever order."""

from collections.abc import Callable
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from davserver.gate import Gate
from daydrop.library import Library
from tests import media
from tests.drive import Drive
from tests.sites import site

NAMES = st.sampled_from(["a.jpg", "b.jpg", "A.jpg", "c.jpg.part", "d.tmp", "F/a.jpg", "F/e.part"])
SEEDS = st.integers(0, 5)
PHOTOS = [media.photo(seed=f"model {number}") for number in range(6)]
RUNS = count(1)


class Upload(RuleBasedStateMachine):
    """What one origin does to its Upload; `kept` is what was acknowledged as filed."""

    app: Gate
    library: Library

    def __init__(self) -> None:
        super().__init__()
        number = next(RUNS)
        self.drive = Drive(self.app, f"10.7.{number // 250}.{number % 250 + 1}")
        self.names: dict[str, bytes] = {}
        self.has_folder = False
        self.kept: set[bytes] = set()

    def has_parent(self, name: str) -> bool:
        return self.has_folder or not name.startswith("F/")

    def note(self, name: str, body: bytes) -> None:
        self.names[name] = body
        if body and not name.endswith((".part", ".tmp")):
            self.kept.add(body)

    @rule()
    def make_folder(self) -> None:
        status = self.drive.send("MKCOL", "/Upload/F").status_code
        assert status == (405 if self.has_folder else 201)
        self.has_folder = True

    @rule()
    def remove_folder(self) -> None:
        status = self.drive.send("DELETE", "/Upload/F").status_code
        assert status == (204 if self.has_folder else 404)
        self.has_folder = False
        self.names = {each: self.names[each] for each in self.names if not each.startswith("F/")}

    @rule(name=NAMES, seed=SEEDS)
    def put(self, name: str, seed: int) -> None:
        status = self.drive.put(f"/Upload/{name}", PHOTOS[seed]).status_code
        if not self.has_parent(name):
            assert status == 409
            return
        assert status == (204 if name in self.names else 201)
        self.note(name, PHOTOS[seed])

    @rule(name=NAMES)
    def announce(self, name: str) -> None:
        status = self.drive.put(f"/Upload/{name}").status_code
        if not self.has_parent(name):
            assert status == 409
            return
        assert status == (204 if name in self.names else 201)
        self.names[name] = b""

    @rule(source=NAMES, new=NAMES, overwrite=st.booleans(), is_move=st.booleans())
    def carry(self, source: str, new: str, overwrite: bool, is_move: bool) -> None:
        send = self.drive.move if is_move else self.drive.copy
        flag = "T" if overwrite else "F"
        reply = send(f"/Upload/{source}", f"/Upload/{new}", Overwrite=flag)
        found = self.found(source)
        expected = self.expected(found, new, overwrite)
        assert reply.status_code == expected, reply.data
        if found is not None and expected in (201, 204):
            self.note(new, self.names[found])
            if is_move:
                del self.names[found]

    def expected(self, source: str | None, new: str, overwrite: bool) -> int:
        if source is None:
            return 404
        if not self.has_parent(new):
            return 409
        if source == new:
            return 403
        if new in self.names:
            return 204 if overwrite else 412
        return 201

    def found(self, name: str) -> str | None:
        """The name itself, else the only one that differs in case alone."""
        alike = [each for each in self.names if each.lower() == name.lower()]
        if name in self.names:
            return name
        return alike[0] if len(alike) == 1 else None

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        found = self.found(name)
        status = self.drive.send("DELETE", f"/Upload/{name}").status_code
        assert status == (404 if found is None else 204)
        if found is not None:
            del self.names[found]

    @invariant()
    def upload_shows_the_model(self) -> None:
        shown = {
            path.removeprefix("/Upload/"): told.size
            for path, told in self.drive.listing("/Upload/", "infinity").items()
            if not told.is_folder
        }
        assert shown == {name: len(body) for name, body in self.names.items()}

    def teardown(self) -> None:
        for name, body in self.names.items():
            assert self.drive.get(f"/Upload/{name}").data == body
        root = self.library.store.root
        filed = {(root / path).read_bytes() for path in self.library.store.tree.files()}
        assert self.kept <= filed


def test_upload_behaves_like_names_and_bytes_and_loses_nothing(
    own: Callable[..., Library],
) -> None:
    Upload.library = own(batch_files=100_000)
    Upload.app = site(Upload.library)
    run_state_machine_as_test(
        Upload,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
