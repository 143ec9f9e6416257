"""`daydrop import` and `daydrop refile` as people run them: programs on a real store."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daydrop.library import Library
from daydrop.settings import read_settings
from tests.checkout import ROOT
from tests.media import film, heic, photo, raw

TAKEN = datetime(2024, 5, 17, 23, 11, 12)  # noqa: DTZ001  a wall clock
LIMIT = 120.0


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "davserver", *(str(part) for part in arguments)]


def surroundings(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "DAYDROP_LIMITS__KEEP_FREE": "0", **more}


def daydrop(*arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        env=surroundings(**environ),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


@contextmanager
def library_on(store: Path) -> Iterator[Library]:
    """The library of a store, started as `daydrop serve` starts it."""
    settings = read_settings({"store": {"root": store}, "limits": {"keep_free": 0}}, {})
    library = Library(settings)
    try:
        library.start()
        yield library
    finally:
        library.close()


def tree(store: Path) -> list[str]:
    kinds = ("images", "videos", "no_date")
    files = (file for kind in kinds for file in (store / kind).rglob("*") if file.is_file())
    return sorted(str(file.relative_to(store)) for file in files)


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    """A folder of a camera: two shots of several members, a film of UTC, and what is no medium."""
    folder = tmp_path / "camera"
    (folder / "Trip").mkdir(parents=True)
    files = {
        "IMG_1.HEIC": heic(taken=TAKEN),
        "IMG_1.MOV": film(None, fmt="mov"),
        "DSC_2.JPG": photo(taken=TAKEN, seed="2"),
        "DSC_2.NEF": raw(taken=TAKEN, seed="2"),
        "DSC_2.xmp": b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        "Trip/clip.mp4": film(TAKEN.replace(tzinfo=UTC)),
        "Trip/notes.txt": b"words",
    }
    for name, body in files.items():
        (folder / name).write_bytes(body)
    return folder


FILED = [
    "images/2024/05/17/DSC_2.JPG",
    "images/2024/05/17/DSC_2.NEF",
    "images/2024/05/17/DSC_2.xmp",
    "images/2024/05/17/IMG_1.HEIC",
    "images/2024/05/17/IMG_1.MOV",
    "videos/2024/05/17/clip.mp4",
]


# ---- import -------------------------------------------------------------------------------------


def test_an_import_files_a_folder_and_sums_it_up(camera: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    before = {file: file.read_bytes() for file in camera.rglob("*") if file.is_file()}
    done = daydrop("import", camera, "--store", store)
    assert (done.returncode, tree(store)) == (1, FILED), done.stderr
    assert "5 filed, 0 already here, 1 companions, 1 refused." in done.stdout
    assert f"{camera}/Trip/notes.txt: notes.txt was not accepted" in done.stdout
    assert {file: file.read_bytes() for file in before} == before, "the originals stay"


def test_an_import_ends_with_0_only_when_all_is_in_the_library(
    camera: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    assert daydrop("import", camera, "--store", store).returncode == 1, "a text among the photos"
    (camera / "Trip" / "notes.txt").unlink()
    assert daydrop("import", camera, "--store", store).returncode == 0


def test_a_second_import_stores_nothing_twice_companions_neither(
    camera: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    daydrop("import", camera, "--store", store)
    again = daydrop("import", camera, "--store", store)
    assert "0 filed, 5 already here, 1 companions, 1 refused." in again.stdout
    assert tree(store) == FILED


def test_the_other_half_of_a_pair_may_come_in_a_later_run(camera: Path, tmp_path: Path) -> None:
    store, film_half = tmp_path / "store", camera / "IMG_1.MOV"
    later = film_half.read_bytes()
    film_half.unlink()
    daydrop("import", camera, "--store", store)
    film_half.write_bytes(later)
    daydrop("import", camera, "--store", store)
    assert tree(store) == FILED


def test_an_import_shows_a_bar_on_a_terminal(camera: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        command("import", camera, "--store", tmp_path / "store"),
        env=surroundings(TERM="xterm", COLUMNS="100"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 65_536):
            shown += block
    except OSError:  # Linux says so when the other end is closed
        pass
    finally:
        os.close(ours)
        running.wait(LIMIT)
    assert b"7 files" in shown
    assert b"100%" in shown, "what is refused counts as done too"


def test_a_file_that_cannot_be_read_does_not_end_an_import(tmp_path: Path) -> None:
    folder = tmp_path / "camera"
    folder.mkdir()
    (folder / "IMG_1.JPG").write_bytes(photo(taken=TAKEN))
    (folder / "IMG_2.JPG").symlink_to("/nowhere")
    os.mkfifo(folder / "IMG_3.JPG")
    (folder / "IMG_4.JPG").write_bytes(photo(taken=TAKEN, seed="4"))
    done = daydrop("import", folder, folder / "IMG_4.JPG", "--store", tmp_path / "store")
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "store") == [
        "images/2024/05/17/IMG_1.JPG",
        "images/2024/05/17/IMG_4.JPG",
    ]


def eventually(is_so: Callable[[], bool]) -> bool:
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_import_that_is_broken_off_leaves_a_clean_store_and_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    folder, store = tmp_path / "camera", tmp_path / "store"
    folder.mkdir()
    for shot in range(60):
        (folder / f"IMG_{shot}.JPG").write_bytes(photo(taken=TAKEN, seed=f"{shot}"))
        (folder / f"IMG_{shot}.NEF").write_bytes(raw(taken=None, seed=f"{shot}"))
    running = subprocess.Popen(
        command("import", folder, "--store", store),
        env=surroundings(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # the workers are not its, but Ctrl-C goes to the whole group
    )
    assert eventually(lambda: len(tree(store)) >= 20)
    os.killpg(running.pid, number)
    told, _ = running.communicate(timeout=LIMIT)
    if number is signal.SIGINT:
        assert running.returncode == 130
        assert "Stopped. Run it again to continue" in told
        assert list((store / ".daydrop" / "staging").iterdir()) == []
    assert 20 <= len(tree(store)) < 120, "in the middle"

    again = daydrop("import", folder, "--store", store)
    assert again.returncode == 0, again.stderr
    wanted = [f"images/2024/05/17/IMG_{n}.{end}" for n in range(60) for end in ("JPG", "NEF")]
    assert tree(store) == sorted(wanted)
    assert daydrop("verify", "--store", store).returncode == 0


@pytest.mark.slow
def test_five_thousand_files_are_imported_in_bounded_memory(tmp_path: Path) -> None:
    folder, store = tmp_path / "camera", tmp_path / "store"
    folder.mkdir()
    plain = photo(taken=TAKEN)
    for number in range(5_000):
        comment = f"{number}".encode().rjust(8)
        body = plain[:2] + b"\xff\xfe\x00\x0a" + comment + plain[2:]
        (folder / f"IMG_{number}.JPG").write_bytes(body)
    running = subprocess.Popen(
        command("import", folder, "--store", store),
        env=surroundings(),
        stdout=subprocess.PIPE,
        text=True,
    )
    peaks: list[int] = []

    def is_over() -> bool:
        if (peak := _resident(running.pid)) is not None:
            peaks.append(peak)
        return running.poll() is not None

    end = time.monotonic() + 600
    while not is_over() and time.monotonic() < end:
        time.sleep(0.5)
    told, _ = running.communicate(timeout=LIMIT)
    assert "5000 filed" in told
    early = max(peaks[: max(4, len(peaks) // 10)])
    assert max(peaks) < early + 64 * 1024, "kilobytes; memory does not grow with the files"


def _resident(pid: int) -> int | None:
    """Kilobytes that a process has in memory now."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), None)


# ---- refile -------------------------------------------------------------------------------------

ZONE = {"DAYDROP_DATES__MEDIA_TIMEZONE": "Pacific/Auckland"}


def test_a_dry_run_shows_what_would_move_and_changes_nothing(camera: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    daydrop("import", camera, "--store", store)
    shown = daydrop("refile", "--dry-run", "--store", store, **ZONE)
    assert shown.stdout.splitlines() == [
        "videos/2024/05/17/clip.mp4 -> videos/2024/05/18/",
        "1 file would move.",
    ]
    assert tree(store) == FILED


def test_refile_moves_what_the_setting_of_today_files_elsewhere(
    camera: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    daydrop("import", camera, "--store", store)
    moved = daydrop("refile", "--store", store, **ZONE)
    assert moved.stdout.splitlines()[-1] == "1 file moved."
    assert tree(store) == [*FILED[:-1], "videos/2024/05/18/clip.mp4"]
    again = daydrop("refile", "--store", store, **ZONE)
    assert again.stdout == "0 files moved.\n"


def test_another_pattern_of_folders_moves_all_and_keeps_pairs(camera: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    daydrop("import", camera, "--store", store)
    moved = daydrop("refile", "--store", store, DAYDROP_STORE__FOLDER="{kind}/%Y")
    assert moved.returncode == 0, moved.stderr
    assert tree(store) == [file.replace("2024/05/17", "2024") for file in FILED]
    with library_on(store) as library:
        assert library.recovery.run().missing == 0


def test_refile_waits_for_the_server_to_be_stopped(camera: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    with library_on(store):
        refused = daydrop("refile", "--store", store)
    assert refused.returncode == 1
    assert "daydrop serve is using the store" in refused.stderr
