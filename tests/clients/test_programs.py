"""Foreign programs on real sockets: no error, no second copy, each original under its day."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import media
from tests.clients.programs import PROGRAMS, Lacking, Program, eventually
from tests.clock import taken
from tests.sites import Served, serving

pytestmark = [pytest.mark.clients, pytest.mark.slow]

FILM_BYTES = 21 << 20
DAY = taken(2024, 5, 17)


@dataclass(frozen=True)
class Desk:
    """A program at work on a server of its own."""

    program: Program
    served: Served

    def filed(self) -> dict[str, bytes]:
        """What lies in the tree, by path."""
        root = self.served.library.store.root
        return {
            str(each): (root / each).read_bytes() for each in self.served.library.store.tree.files()
        }

    def is_filed(self, folder: str, body: bytes) -> bool:
        """Whether these bytes lie in a folder of the tree."""
        root = self.served.library.store.root
        return any(
            str(each.parent) == folder and (root / each).read_bytes() == body
            for each in self.served.library.store.tree.files()
        )

    def copies(self, body: bytes) -> int:
        """How many files of the tree hold these bytes."""
        return list(self.filed().values()).count(body)

    def wait_for(self, folder: str, *bodies: bytes) -> None:
        """Waits until bytes are filed: a mounted drive sends them behind one's back."""
        eventually(lambda: all(self.is_filed(folder, each) for each in bodies))
        if self.program.is_mount:
            eventually(self.is_quiet)  # rclone looks after what it has sent, and then lets go

    def is_quiet(self) -> bool:
        """Whether the program asks for nothing during a second."""
        before = len(self.served.heard)
        time.sleep(1)
        return len(self.served.heard) == before

    def faults(self) -> list[tuple[str, str, int]]:
        """Requests that a program would call an error."""
        return [each for each in self.served.heard if each[2] in (403, 423) or each[2] >= 500]


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda each: each.name)
def desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    room = tmp_path_factory.mktemp("room")
    with serving(tmp_path_factory.mktemp("store"), batch_files=1000) as served:
        try:
            program = request.param(f"{served.url}/Upload", room)
        except Lacking as lacking:
            pytest.skip(str(lacking))
        with program.working():
            yield Desk(program, served)


@pytest.fixture(autouse=True)
def tell(desk: Desk, request: pytest.FixtureRequest) -> None:
    """Tells the table of clients what this test was about."""
    request.node.user_properties += [
        ("client", desk.program.name),
        ("version", desk.program.version),
    ]


def photo_file(folder: Path, name: str, seed: str, size: int = 300_000) -> tuple[Path, bytes]:
    body = media.photo(DAY, seed=seed, size=size)
    (folder / name).write_bytes(body)
    return folder / name, body


def test_a_photo(desk: Desk, tmp_path: Path) -> None:
    file, body = photo_file(tmp_path, "IMG 1 ü.jpg", f"{desk.program.name} photo")
    desk.program.put(file, "IMG 1 ü.jpg")
    desk.wait_for("images/2024/05/17", body)
    assert desk.program.read("IMG 1 ü.jpg") == body
    assert desk.copies(body) == 1
    assert desk.faults() == []


def test_a_film_over_20_mb(desk: Desk, tmp_path: Path) -> None:
    film = media.film(datetime(2024, 5, 17, 12, tzinfo=UTC), seed=desk.program.name)
    free = FILM_BYTES - len(film)
    body = film + free.to_bytes(4, "big") + b"free" + bytes(free - 8)
    (tmp_path / "film.mp4").write_bytes(body)
    desk.program.put(tmp_path / "film.mp4", "film.mp4")
    desk.wait_for("videos/2024/05/17", body)
    assert desk.program.read("film.mp4") == body
    assert desk.copies(body) == 1
    assert desk.faults() == []


def tree(folder: Path, seed: str) -> list[bytes]:
    """A folder with sub-folders, and the bytes in it."""
    bodies = []
    for number, place in enumerate(("", "day one", "day one/more", "ü & co")):
        (folder / place).mkdir(exist_ok=True)
        bodies.append(photo_file(folder / place, f"IMG_{number}.jpg", f"{seed} {number}")[1])
    return bodies


def test_a_folder_with_sub_folders_and_the_same_folder_again(desk: Desk, tmp_path: Path) -> None:
    bodies = tree(tmp_path, desk.program.name)
    desk.program.put_tree(tmp_path, "Trip")
    desk.wait_for("images/2024/05/17", *bodies)
    sent = len([each for each in desk.served.heard if each[0] == "PUT"])
    desk.program.put_tree(tmp_path, "Trip")
    if desk.program.skips_known:
        assert len([each for each in desk.served.heard if each[0] == "PUT"]) == sent
    assert desk.program.read("Trip/day one/more/IMG_2.jpg") == bodies[2]
    assert [desk.copies(body) for body in bodies] == [1] * len(bodies)
    assert desk.faults() == []


def test_renaming(desk: Desk, tmp_path: Path) -> None:
    file, body = photo_file(tmp_path, "before.jpg", f"{desk.program.name} rename")
    desk.program.put(file, "before.jpg")
    desk.wait_for("images/2024/05/17", body)
    desk.program.rename("before.jpg", "after.jpg")
    assert desk.program.read("after.jpg") == body
    eventually(lambda: desk.served.status("GET", "/Upload/before.jpg") == 404)
    assert desk.is_filed("images/2024/05/17", body)
    assert desk.copies(body) == 1
    assert desk.faults() == []


def test_deleting(desk: Desk, tmp_path: Path) -> None:
    file, body = photo_file(tmp_path, "away.jpg", f"{desk.program.name} delete")
    desk.program.put(file, "away.jpg")
    desk.wait_for("images/2024/05/17", body)
    desk.program.delete("away.jpg")
    eventually(lambda: desk.served.status("GET", "/Upload/away.jpg") == 404)
    assert desk.copies(body) == 1
    assert desk.faults() == []


def test_saving_again_with_other_bytes(desk: Desk, tmp_path: Path) -> None:
    name = desk.program.name
    file, first = photo_file(tmp_path, "edited.jpg", f"{name} first")
    desk.program.put(file, "edited.jpg")
    desk.wait_for("images/2024/05/17", first)
    _, second = photo_file(tmp_path, "edited.jpg", f"{name} second", 310_000)
    desk.program.put(file, "edited.jpg")
    desk.wait_for("images/2024/05/17", first, second)
    assert desk.program.read("edited.jpg") == second
    assert desk.served.read("/Upload/edited.jpg") == second
    assert desk.faults() == []


def test_a_refused_file_is_an_error_and_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"These are words.\n" * 200_000)
    if desk.program.is_mount:  # it tells who opens the file, or nobody
        with suppress(OSError):
            desk.program.put(tmp_path / "notes.txt", "notes.txt")
        eventually(lambda: ("/Upload/notes.txt", 403) in {each[1:] for each in desk.served.heard})
    else:
        with pytest.raises(RuntimeError) as said:
            desk.program.put(tmp_path / "notes.txt", "notes.txt")
        shown = " ".join(str(said.value).split())
        assert "was not accepted" in shown or "403" in shown
        assert "<html" not in shown.lower()
    assert desk.served.status("GET", "/Upload/notes.txt") == 404
    desk.served.heard.clear()
