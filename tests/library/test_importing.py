"""A folder of this machine is filed through the same door, and stays where it is."""

from datetime import datetime
from pathlib import Path

import pytest

from library.catalogue.receipts import Outcome
from library.importing import found_files, import_files
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
    return import_files(found_files([folder]), library.ingest, library.batches, lambda _: None)


def test_a_folder_is_filed_with_its_pairs_and_a_summary(library, folder: Path):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    summary = run(library, folder)
    assert sorted(map(str, library.store.files())) == [
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
    assert len(list(library.store.files())) == 3


def test_the_limits_of_a_batch_do_not_hold_an_import_back(settings, tmp_path: Path):
    from library.library import Library

    limits = settings.limits.model_copy(update={"batch_files": 2, "batch_bytes": 100})
    library = Library(settings.model_copy(update={"limits": limits}))
    library.start()
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(5):
        (folder / f"IMG_{number}.jpg").write_bytes(photo(taken=TAKEN, seed=str(number)))
    assert run(library, folder).outcomes == {Outcome.FILED: 5}
    library.close()
