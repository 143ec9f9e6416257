"""`daydrop verify`, `rescan` and `doctor` as people run them: they speak in sentences."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import click
import pytest

from davserver.commands.maintenance import failing_in_words
from daydrop.catalogue import database
from daydrop.doctor import examine
from daydrop.library import Library
from daydrop.settings import read_settings
from tests.davserver.commands.test_filing import (
    TAKEN,
    command,
    daydrop,
    library_on,
    surroundings,
    tree,
)
from tests.daydrop.locks.test_between_processes import catalogue_kept
from tests.media import photo


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a camera of two photos, and the store they were imported into."""
    folder = tmp_path_factory.mktemp("imported")
    camera = folder / "camera"
    camera.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (camera / name).write_bytes(photo(taken=TAKEN, seed=name))
    done = daydrop("import", camera, "--store", folder / "store")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def store(imported: Path, tmp_path: Path) -> Path:
    """A store with two photos, of the test's own."""
    shutil.copytree(imported, tmp_path, dirs_exist_ok=True)
    return tmp_path / "store"


FOLDER = "images/2024/05/17"


def damage(store: Path) -> None:
    (store / ".daydrop/catalogue.sqlite").write_bytes(b"no catalogue" * 1000)


@pytest.mark.parametrize("words", [("serve", "--port", "0"), ("rescan",), ("verify",), ("doctor",)])
def test_a_damaged_catalogue_is_said_with_the_way_out(store: Path, words: tuple[str, ...]) -> None:
    damage(store)
    told = daydrop(*words, "--store", store)
    assert told.returncode == 1
    assert "catalogue is damaged" in told.stdout + told.stderr
    assert "daydrop rescan" in told.stdout + told.stderr
    assert "Traceback" not in told.stdout + told.stderr


def test_the_way_out_of_a_damaged_catalogue_is_one(store: Path) -> None:
    damage(store)
    for file in (store / ".daydrop").glob("catalogue.sqlite*"):
        file.unlink()
    assert daydrop("rescan", "--store", store).stdout.startswith("2 files added")
    assert daydrop("verify", "--store", store).stdout.endswith("2 files intact.\n")


def test_a_catalogue_that_another_program_keeps_is_called_in_use_and_not_damaged(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_PATIENCE", 0.1)
    settings = read_settings({"store": {"root": store}, "limits": {"keep_free": 0}}, {})
    with (
        catalogue_kept(store),
        pytest.raises(click.ClickException) as told,
        failing_in_words(),
        closing(Library(settings)) as library,
    ):
        library.start()
    assert "Another program on the server has the catalogue locked. Close it" in told.value.message


def test_a_catalogue_that_cannot_even_be_read_is_no_traceback_at_the_start(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_PATIENCE", 0.1)
    settings = read_settings({"store": {"root": store}, "limits": {"keep_free": 0}}, {})
    file = store / ".daydrop/catalogue.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=DELETE")
        other.execute("BEGIN EXCLUSIVE")
        found = list(examine(settings))
    assert "Another program on the server has the catalogue locked" in found[-1].says


def test_verify_takes_in_what_it_can_and_a_dry_run_does_not(store: Path) -> None:
    (store / FOLDER / "a.jpg").rename(store / FOLDER / "moved.jpg")
    (store / FOLDER / "b.jpg").unlink()
    looked = daydrop("verify", "--dry-run", "--store", store)
    assert looked.returncode == 1
    assert "2 files missing" in looked.stdout
    repaired = daydrop("verify", "--store", store)
    assert repaired.returncode == 1
    assert "1 file found again elsewhere." in repaired.stdout
    assert "1 file missing: restore them" in repaired.stdout
    assert "missing" in daydrop("doctor", "--store", store).stdout
    assert daydrop("verify", "--forget", "--store", store).returncode == 0
    assert daydrop("verify", "--store", store).stdout.endswith("1 file intact.\n")


def test_verify_tells_of_a_missing_companion_until_it_is_given_up(store: Path) -> None:
    camera = store.parent / "camera"
    (camera / "a.xmp").write_bytes(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    daydrop("import", camera, "--store", store)
    (store / FOLDER / "a.xmp").unlink()
    told = daydrop("verify", "--store", store)
    assert (told.returncode, "1 file missing" in told.stdout) == (1, True)
    assert daydrop("verify", "--forget", "--store", store).returncode == 0
    assert daydrop("verify", "--dry-run", "--store", store).returncode == 0


def test_beside_a_server_verify_only_reports_and_says_why(store: Path) -> None:
    (store / FOLDER / "b.jpg").unlink()
    with library_on(store):
        (store / FOLDER / "new.jpg").write_bytes(photo(taken=TAKEN, seed="new"))
        told = daydrop("verify", "--store", store)
    assert told.returncode == 1
    assert "Nothing was repaired: daydrop serve is using the store" in told.stdout
    assert f"{FOLDER}/new.jpg" in told.stdout


def test_a_command_that_only_looks_keeps_no_server_from_starting(store: Path) -> None:
    settings = read_settings({"store": {"root": store}, "limits": {"keep_free": 0}}, {})
    looking = Library(settings, claims_as=None)
    try:
        with library_on(store) as serving:
            assert serving.is_first
            assert looking.store.claim.holder() == "daydrop serve"
    finally:
        looking.close()
    assert looking.store.claim.holder() is None


def test_who_is_at_work_is_said_by_name(store: Path) -> None:
    settings = read_settings({"store": {"root": store}, "limits": {"keep_free": 0}}, {})
    importing = Library(settings, claims_as="daydrop import")
    try:
        for words in (("serve", "--port", "0"), ("rescan",), ("refile",)):
            told = daydrop(*words, "--store", store)
            assert told.returncode == 1
            assert "daydrop import is using the store" in told.stderr
    finally:
        importing.close()


def without_rights(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs a command that may read only what its mode lets it, also when root runs the tests."""
    plain: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.fail("setpriv (util-linux) is needed to run this as root")
        plain = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    return subprocess.run(
        [*plain, *command(*words)],
        env=surroundings(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_file_that_cannot_be_read_is_reported_and_stays_in_the_library(store: Path) -> None:
    (store / FOLDER / "a.jpg").chmod(0)
    (store / FOLDER / "new.jpg").write_bytes(photo(taken=TAKEN, seed="new"))
    (store / FOLDER / "new.jpg").chmod(0)
    told = without_rights("verify", "--store", store)
    assert told.returncode == 1
    assert "1 file unreadable" in told.stdout
    assert "1 file intact" in told.stdout
    assert without_rights("rescan", "--store", store).returncode == 0
    (store / FOLDER / "a.jpg").chmod(0o644)
    (store / FOLDER / "new.jpg").unlink()
    assert daydrop("verify", "--store", store).stdout.endswith("2 files intact.\n")


def test_a_folder_that_cannot_be_read_makes_nothing_missing(store: Path) -> None:
    (store / "images/2024").chmod(0)
    told = without_rights("rescan", "--store", store)
    assert (told.returncode, told.stdout.split(",")[1]) == (0, " 0 files missing")
    (store / "images/2024").chmod(0o755)
    assert daydrop("verify", "--store", store).stdout.endswith("2 files intact.\n")


def test_a_link_in_the_place_of_a_tree_is_refused(store: Path, tmp_path: Path) -> None:
    (store / "images").rename(tmp_path / "elsewhere")
    (store / "images").symlink_to(tmp_path / "elsewhere")
    told = daydrop("serve", "--port", "0", "--store", store)
    assert told.returncode == 1
    assert "images is not a folder" in told.stderr
    (store / "images").unlink()
    (tmp_path / "elsewhere").rename(store / "images")
    assert len(tree(store)) == 2
    assert daydrop("verify", "--store", store).returncode == 0


def test_a_name_that_is_no_text_is_refused_by_an_import_and_the_rest_is_filed(
    tmp_path: Path,
) -> None:
    camera = tmp_path / "camera"
    (camera / "in\udcff").mkdir(parents=True)
    (camera / "in\udcff.jpg").write_bytes(photo(taken=TAKEN, seed="1"))
    (camera / "in\udcff" / "b.jpg").write_bytes(photo(taken=TAKEN, seed="2"))
    (camera / "z.jpg").write_bytes(photo(taken=TAKEN, seed="3"))
    told = daydrop("import", camera, "--store", tmp_path / "store")
    assert told.returncode == 1, told.stderr
    assert "2 filed" in told.stdout
    assert "1 refused" in told.stdout
    assert tree(tmp_path / "store") == [f"{FOLDER}/b.jpg", f"{FOLDER}/z.jpg"]
