"""A folder of this machine is filed through the same door, and stays where it is."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest

from daydrop.catalogue import database
from daydrop.intake.importing import found_files, import_files, total_size
from daydrop.records.receipt import Outcome
from tests.daydrop.locks.test_between_processes import catalogue_kept
from tests.media import film, photo, raw

TAKEN = datetime(2024, 5, 17, 10, 11, 12)  # noqa: DTZ001  a wall clock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "camera"
    (folder / "Trip").mkdir(parents=True)
    (folder / "IMG_1.JPG").write_bytes(photo(taken=TAKEN))
    (folder / "IMG_1.DNG").write_bytes(raw(taken=TAKEN))
    (folder / "Trip" / "clip.mp4").write_bytes(film(TAKEN))
    (folder / "Trip" / "notes.txt").write_text("words")
    (folder / ".DS_Store").write_bytes(b"litter")
    return folder


def run(library, folder: Path):
    return import_files(found_files([folder]), library.door, library.batches, lambda _: None)


def test_a_folder_is_filed_with_its_pairs_and_a_summary(library, folder: Path):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    summary = run(library, folder)
    assert sorted(map(str, library.store.tree.files())) == [
        "images/2024/05/17/IMG_1.DNG",
        "images/2024/05/17/IMG_1.JPG",
        "videos/2024/05/17/clip.mp4",
    ]
    assert summary.outcomes[Outcome.FILED] == 3
    assert [file.name for file, _ in summary.refused] == ["notes.txt"]
    assert {path: path.read_bytes() for path in before} == before, "the originals stay"


def test_running_it_again_stores_nothing_twice(library, folder: Path):
    run(library, folder)
    summary = run(library, folder)
    assert summary.outcomes == {Outcome.DUPLICATE: 3}
    assert len(list(library.store.tree.files())) == 3


def test_the_limits_of_a_batch_do_not_hold_an_import_back(settings, tmp_path: Path, workers):
    from daydrop.library import Library

    limits = settings.limits.model_copy(update={"batch_files": 2, "batch_bytes": 100})
    library = Library(settings.model_copy(update={"limits": limits}), workers=workers)
    library.start()
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(5):
        (folder / f"IMG_{number}.jpg").write_bytes(photo(taken=TAKEN, seed=str(number)))
    assert run(library, folder).outcomes == {Outcome.FILED: 5}
    library.close()


@pytest.fixture
def held(library, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    """What another process keeps, until it is closed."""
    monkeypatch.setattr(database, "_PATIENCE", 0.1)
    library.catalogue.engine.dispose()
    with ExitStack() as held:
        yield held


def test_what_is_busy_is_waited_for_and_tried_again(library, folder: Path, held: ExitStack):
    told: list[int] = []
    files = found_files([folder / "IMG_1.JPG", folder / "IMG_1.DNG"])

    def with_a_busy_start() -> Iterator[Path]:
        held.enter_context(catalogue_kept(library.store.root))
        yield from files

    summary = import_files(
        with_a_busy_start(),
        library.door,
        library.batches,
        told.append,
        sleep=lambda _: held.close(),
    )
    assert (summary.outcomes, summary.refused) == ({Outcome.FILED: 2}, [])
    assert sum(told) == total_size(files), "each byte once, however often it was tried"


def kept_from(file: Path, library, held: ExitStack) -> Iterator[Path]:
    """A file for an import, while another program keeps the catalogue for good."""
    held.enter_context(catalogue_kept(library.store.root))
    yield file


def test_what_stays_busy_is_refused_in_the_end_and_the_summary_is_told(
    library, folder: Path, held: ExitStack
):
    pauses: list[float] = []
    summary = import_files(
        kept_from(folder / "IMG_1.JPG", library, held),
        library.door,
        library.batches,
        lambda _: None,
        sleep=pauses.append,
    )
    assert [file.name for file, _ in summary.refused] == ["IMG_1.JPG"]
    assert pauses, "it was waited for"


def test_waiting_for_what_is_busy_ends_when_it_is_told_to_stop(
    library, folder: Path, held: ExitStack
):
    pauses: list[float] = []
    summary = import_files(
        kept_from(folder / "IMG_1.JPG", library, held),
        library.door,
        library.batches,
        lambda _: None,
        lambda: bool(pauses),
        sleep=pauses.append,
    )
    assert (summary.was_stopped, len(pauses)) == (True, 1)
