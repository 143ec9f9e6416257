"""What is wrong with a set-up, in plain words."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daydrop.catalogue.catalogue import Catalogue
from daydrop.errors import CatalogueFailed, Refused, StoreUnusable
from daydrop.library import Library
from daydrop.settings import Settings
from daydrop.words import readable_size

_FEW_DAYS_OF_PHOTOS = 5 << 30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `says` what was found, and what to do when it is not well."""

    is_well: bool
    says: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at the store, the disk, the catalogue and the readers of a set-up."""
    yield from _zone(settings)
    yield _exiftool(settings)
    try:
        library = Library(settings, claims_as=None)
    except (StoreUnusable, Refused) as unusable:
        yield Finding(is_well=False, says=f"The store {settings.store.root}: {unusable}")
        return
    try:
        yield from _store(library)
        yield from _catalogue(library.catalogue)
    finally:
        library.close()


def _zone(settings: Settings) -> Iterator[Finding]:
    if settings.dates.media_timezone is None:
        yield Finding(
            is_well=False,
            says="Videos that record only UTC are filed by the UTC day: set dates.media_timezone, "
            "such as Europe/Rome, to the zone you live in.",
        )
    else:
        yield Finding(is_well=True, says=f"Videos are dated in {settings.dates.media_timezone}.")


def _exiftool(settings: Settings) -> Finding:
    wanted = settings.dates.exiftool
    if wanted == "off":
        return Finding(is_well=True, says="exiftool is switched off.")
    found = shutil.which("exiftool" if wanted == "auto" else wanted)
    if found:
        return Finding(is_well=True, says=f"exiftool reads what nothing else can ({found}).")
    if wanted == "auto":
        return Finding(
            is_well=True, says="exiftool is not installed; rare formats may stay undated."
        )
    return Finding(is_well=False, says=f"There is no program {wanted}: see dates.exiftool.")


def _store(library: Library) -> Iterator[Finding]:
    root = library.store.root
    if library.is_read_only:
        yield Finding(
            is_well=False,
            says=f"{root} is read-only: browsing works, uploads are refused.",
        )
        return
    yield Finding(is_well=True, says=f"{root} can store files without replacing any.")
    if (who := library.store.claim.holder()) is not None:
        yield Finding(is_well=True, says=f"{who} is using this store right now.")
    free, keep = library.store.free(), library.settings.limits.keep_free
    room = free.bytes - keep
    if room < _FEW_DAYS_OF_PHOTOS:
        yield Finding(
            is_well=False,
            says=f"Only {readable_size(max(0, room))} are left for uploads: free some disk space.",
        )
    else:
        yield Finding(is_well=True, says=f"{readable_size(room)} are left for uploads.")
    if _is_open_to_others(library.store.state):
        yield Finding(
            is_well=False,
            says=f"Other users can read {library.store.state}: run chmod 700 on it.",
        )


def _is_open_to_others(folder: Path) -> bool:
    return bool(folder.stat().st_mode & 0o007)


def _catalogue(catalogue: Catalogue) -> Iterator[Finding]:
    try:
        catalogue.check()
        lost = catalogue.items.count_lost()
    except CatalogueFailed as failure:
        yield Finding(is_well=False, says=f"{failure.advice[0].upper()}{failure.advice[1:]}.")
        return
    except Refused as refused:
        yield Finding(is_well=False, says=refused.sentence())
        return
    yield Finding(is_well=True, says="The catalogue is intact.")
    if lost:
        told = "1 file is" if lost == 1 else f"{lost} files are"
        yield Finding(is_well=False, says=f"{told} missing: run daydrop verify to see which.")
