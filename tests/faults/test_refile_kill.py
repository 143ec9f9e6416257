"""`refile` and the bringing together of a shot, killed at every call that changes a file."""

import shutil
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath

import pytest

from daydrop.console import configure_console
from daydrop.library import Library
from tests.faults import notes, tracing
from tests.faults.scenarios import HereAndNow, Sender, digest, opened, serving
from tests.media import film, photo, raw

pytestmark = [pytest.mark.faults, pytest.mark.slow]

TAKEN = datetime(2024, 5, 17, 23, 11, 12)  # noqa: DTZ001  a wall clock
SHOT = {
    "IMG_1.JPG": photo(taken=TAKEN),
    "IMG_1.DNG": raw(taken=None),
    "IMG_1.MOV": film(None, fmt="mov"),
    "IMG_1.JPG.xmp": b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
}
CLIP = film(TAKEN.replace(tzinfo=UTC), "of UTC")
SUMS = Counter(digest(body) for body in (*SHOT.values(), CLIP))
STEP = 3  # every third call, from another first one for each test: the suite has other work too


@pytest.fixture(autouse=True, scope="module")
def _traced() -> None:
    reason = tracing.why_not()
    if reason is not None:
        pytest.skip(reason)


def prepared(store: Path, told: Path) -> None:
    configure_console("critical")
    with serving(store) as library:
        sender = Sender(library, notes.Notes(told))
        for name, body in SHOT.items():
            sender.put(f"Trip/{name}", body)
        sender.put("clip.mp4", CLIP)


def elsewhere(store: Path) -> Library:
    """The library of a store under settings that file all of it elsewhere."""
    settings = opened(store)
    settings.close()
    options = settings.settings
    dates = options.dates.model_copy(update={"media_timezone": "Pacific/Auckland"})
    folders = options.store.model_copy(update={"folder": "{kind}/%Y/%m"})
    changed = options.model_copy(update={"dates": dates, "store": folders})
    return Library(changed, workers=HereAndNow())


def refile(store: Path) -> None:
    configure_console("critical")
    library = elsewhere(store)
    try:
        work = library.refile
        work.finish_interrupted()
        work.run(work.plan(), lambda _: None)
    finally:
        library.close()


def files(store: Path) -> list[Path]:
    """What people see of a store; the file that tries the disk out at the start is hidden."""
    found = (file for kind in ("images", "videos", "no_date") for file in (store / kind).rglob("*"))
    return sorted(file for file in found if file.is_file() and not file.name.startswith("."))


def sums(store: Path) -> Counter[str]:
    return Counter(digest(file.read_bytes()) for file in files(store))


def places(store: Path) -> list[str]:
    return [str(PurePosixPath(file.relative_to(store))) for file in files(store)]


REFILED = sorted([*(f"images/2024/05/{name}" for name in SHOT), "videos/2024/05/clip.mp4"])


def test_a_refile_killed_anywhere_leaves_each_file_once_and_the_second_run_finishes(
    tmp_path: Path,
) -> None:
    template, store, told = tmp_path / "template", tmp_path / "store", tmp_path / "told"
    assert tracing.forked(lambda: prepared(template, told))
    assert sums(template) == SUMS
    for kill_at in range(1, 5_000, STEP):
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(template, store)
        ended = tracing.run(lambda: refile(store), kill_at)
        if ended.ended_by_itself:
            break
        assert ended.was_killed
        at = f"killed before call {kill_at}, {ended.calls[-1]}"
        assert sums(store) == SUMS, f"{at}: each file in exactly one place"
        assert tracing.forked(lambda: refile(store)), at
        assert places(store) == REFILED, at
    else:
        raise AssertionError("it never ends")
    assert kill_at > 3 * STEP
    assert places(store) == REFILED


def test_an_owners_date_killed_anywhere_leaves_the_shot_together_after_the_next_start(
    tmp_path: Path,
) -> None:
    template, store, told = tmp_path / "template", tmp_path / "store", tmp_path / "told"
    assert tracing.forked(lambda: prepared(template, told))

    def set_date() -> None:
        configure_console("critical")
        with serving(store) as library:
            Sender(library, notes.Notes(told)).set_date(SHOT["IMG_1.MOV"], date(1987, 6, 5))

    def start() -> None:
        configure_console("critical")
        with serving(store):
            pass

    for kill_at in range(2, 5_000, STEP):
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(template, store)
        ended = tracing.run(set_date, kill_at)
        if ended.ended_by_itself:
            break
        at = f"killed before call {kill_at}, {ended.calls[-1]}"
        assert sums(store) == SUMS, at
        assert tracing.forked(start), at
        assert sums(store) == SUMS, at
        shot = {place.rpartition("/")[0] for place in places(store) if "IMG_1" in place}
        assert len(shot) == 1, f"{at}: {places(store)}"
    assert [place for place in places(store) if "1987" in place] == sorted(
        f"images/1987/06/05/{name}" for name in SHOT
    )
