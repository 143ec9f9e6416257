"""Where a file goes: from kind, date and name to folder and name. Pure."""

from datetime import date, datetime
from pathlib import PurePosixPath

from daydrop.media.kinds import Kind
from daydrop.media.names import fit, stored_name
from daydrop.store.trees import NO_DATE, OTHERS


def folder_for(kind: Kind, day: date | None, pattern: str) -> PurePosixPath:
    """Return the folder of an item; `pattern` is the setting `store.folder`, `{kind}/%Y/%m/%d`."""
    if kind is Kind.OTHER:
        return OTHERS
    if day is None:
        return NO_DATE
    tree = "images" if kind is Kind.IMAGE else "videos"
    # strftime drops the zeros of years below 1000 on some systems; scans are dated from 1826 on
    return PurePosixPath(day.strftime(pattern.replace("{kind}", tree)))


def day_of(folder: PurePosixPath, pattern: str) -> date | None:
    """Return the day whose folder this is under `store.folder`; None for any other folder."""
    if "%d" not in pattern or not folder.parts:
        return None
    try:
        found = datetime.strptime(str(folder), pattern.replace("{kind}", folder.parts[0]))  # noqa: DTZ007  a day has no zone
    except ValueError:
        return None
    kind = Kind.IMAGE if folder.parts[0] == "images" else Kind.VIDEO
    return found.date() if folder_for(kind, found.date(), pattern) == folder else None


def numbered(name: str, number: int) -> str:
    """Return the `number`-th try for a name: `IMG_1.jpg`, `IMG_1 (2).jpg`, `IMG_1 (3).jpg`."""
    safe = stored_name(name)
    if number == 1:
        return safe
    stem, dot, ending = safe.rpartition(".")
    stem, ending = (stem, f"{dot}{ending}") if dot else (safe, "")
    return fit(stem, f" ({number}){ending}")
