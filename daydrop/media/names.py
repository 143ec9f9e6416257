"""What a file name means: litter, temporary, companion, medium; and names made safe to store.

The one module of name patterns. Litter wins over temporary names, temporary names over types.
"""

import re
import unicodedata
from enum import StrEnum

from daydrop.errors import Code, Refused
from daydrop.media.kinds import COMPANIONS, IMAGES, RAW, VIDEOS, Kind, extension, kind_by_name

NAME_BYTES = 255
PATH_BYTES = 1024

_LITTER = re.compile(
    r"""
    \._.* | \.DS_Store | \.metadata_never_index(_unless_rootfs)? | \.Spotlight-V100 | \.Trashes
    | \.fseventsd | \.TemporaryItems | \.apdisk | \.hidden | \.localized | \.directory
    | \.nomedia | \.Trash-\d+ | desktop\.ini | Thumbs\.db | ehthumbs(_vista)?\.db
    | ~\$.* | \.~lock\..*\# | .*\.sw[px] | \.fuse_hidden.* | \.nfs[0-9a-f]{8,} | Icon\r
    """,
    re.VERBOSE | re.IGNORECASE,
)
_FINDER_ICON = re.compile(r"(\._)?Icon\r")  # the one name with a control character that is sent
_TEMPORARY = re.compile(
    r"""
    .*\.(tacitpart|part|partial|filepart|tmp|temp|crdownload|download|upload) | .*_exiftool_tmp
    | \..+\.[A-Za-z0-9]{6} | \.goutputstream-.* | ~.* | .*~
    | .*-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_COUNTED = re.compile(r"(.+)(\([1-9][0-9]{0,3}\))")  # Takeout's, when names clash
_TAKEOUT_CUT = 46  # characters that Takeout leaves of a name before `.json`
# Cc: control, Cf: zero width and direction marks, Cs: lone surrogates, Zl/Zp: line ends
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"})
_WINDOWS_DEVICES = re.compile(
    r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|COM[0-9¹²³]|LPT[0-9¹²³])", re.IGNORECASE
)
_WINDOWS_FORBIDDEN = str.maketrans(dict.fromkeys('<>:"|?*\\/', "_"))


class Role(StrEnum):
    """What a name in `Upload` announces."""

    LITTER = "litter"
    TEMPORARY = "temporary"
    COMPANION = "companion"
    MEDIUM = "medium"
    OTHER = "other"


def role(name: str) -> Role:
    """Return what a name announces."""
    if _LITTER.fullmatch(name):
        return Role.LITTER
    if kind_by_name(name) is None and _TEMPORARY.fullmatch(name):
        return Role.TEMPORARY
    if is_companion(name):
        return Role.COMPANION
    return Role.OTHER if kind_by_name(name) in (None, Kind.OTHER) else Role.MEDIUM


def is_companion(name: str) -> bool:
    """Return whether this names a companion: `.xmp .aae .thm .srt`, Takeout's `IMG_1.jpg.json`."""
    if extension(name) in COMPANIONS - {"json"}:
        return True
    stem, _, ending = name.rpartition(".")
    return ending.lower() == "json" and _is_picture(_takeout_target(stem))


def companion_target(name: str) -> str:
    """Return the stem a companion belongs to: `img_1` for `IMG_1.xmp` and `IMG_1.jpg.xmp`."""
    return nfc(_companion_parts(name)[0]).casefold()


def companion_ending(name: str) -> str:
    """Return what a companion's name adds to that stem: `.xmp`, `.jpg.xmp`."""
    return _companion_parts(name)[1]


def companion_picture(name: str) -> str | None:
    """Return the whole name that a companion tells: `img_1.jpg` for `IMG_1.jpg.xmp`, else None."""
    stem, ending = _companion_parts(name)
    whole = f"{stem}{ending}".rpartition(".")[0]
    return nfc(whole).casefold() if kind_by_name(whole) else None


def _companion_parts(name: str) -> tuple[str, str]:
    """Return the stem that a companion belongs to, and the rest of its name.

    Takeout writes `IMG_1.jpg(1).json` for the photo that it calls `IMG_1(1).jpg`.
    """
    whole, _, ending = name.rpartition(".")
    if ending.lower() != "json":
        stem, _, kind = whole.rpartition(".")
        return (stem, f".{kind}.{ending}") if kind_by_name(whole) else (whole, f".{ending}")
    picture = _takeout_target(whole)
    stem, _, kind = picture.rpartition(".")
    return stem, f".{kind}.{ending}"


def _takeout_target(stem: str) -> str:
    """Return the photo of Takeout's `IMG_1.jpg.supplemental-metadata.json`, or of a cut one."""
    counted = _COUNTED.fullmatch(stem)
    plain, count = (counted[1], counted[2]) if counted else (stem, "")
    target, dot, tail = plain.rpartition(".")
    is_tail = bool(dot) and "supplemental-metadata".startswith(tail.lower())
    picture = target if is_tail and kind_by_name(target) else plain
    if not count or not _is_picture(picture):
        return picture + count
    name, _, kind = picture.rpartition(".")
    return f"{name}{count}.{kind}"


def _is_picture(name: str) -> bool:
    """Return whether this names a photo or video, also one that Takeout cut in its extension."""
    if kind_by_name(name) is not None:
        return True
    stem, dot, end = name.rpartition(".")
    is_cut = bool(stem and dot) and len(name) == _TAKEOUT_CUT
    return is_cut and any(known.startswith(end.lower()) for known in IMAGES | RAW | VIDEOS)


def stem_key(name: str) -> str:
    """Return what the files of a shot share: the name without extension, in NFC, without case."""
    return nfc(name).rpartition(".")[0].casefold()


def nfc(name: str) -> str:
    """Return a name as it is stored and compared; Finder sends NFD."""
    return unicodedata.normalize("NFC", name)


def checked_path(path: str) -> str:
    """Return a path in `Upload` (`Trip/IMG_1.jpg`) in NFC, without slashes at its ends.

    Raises Refused(BAD_NAME) for segments that are `.` or `..`, hold NUL, other control characters
    or a backslash, for a segment over 255 bytes in its stored form's extension, and for a path
    over 1024 bytes.
    """
    normal = nfc(path).strip("/")
    segments = normal.split("/") if normal else []
    if any(not _is_usable(segment) for segment in segments) or len(_bytes(normal)) > PATH_BYTES:
        raise Refused(Code.BAD_NAME, name=printable(path))
    return normal


def _is_usable(segment: str) -> bool:
    if _FINDER_ICON.fullmatch(segment):
        return True
    return (
        segment not in ("", ".", "..")
        and "\\" not in segment
        and not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in segment)
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def is_text(name: str) -> bool:
    """Return whether a name from a disk is UTF-8: no other fits in a row, an address or a page."""
    return not any(unicodedata.category(letter) == "Cs" for letter in name)


def printable(name: str) -> str:
    """Return a name for a sentence or a log: nothing invisible, at most 200 characters."""
    shown = "".join(
        "�" if unicodedata.category(letter) in _INVISIBLE else letter for letter in name[:200]
    )
    return shown or "?"


def stored_name(name: str) -> str:
    """Return the name for the dated tree: as sent, made safe on every file system.

    Invisible characters go, what Windows forbids becomes `_`, device names get a `_`, and what is
    over 255 bytes loses the end of its stem at a code point; the extension stays.
    """
    visible = "".join(
        letter for letter in nfc(name) if unicodedata.category(letter) not in _INVISIBLE
    )
    safe = visible.translate(_WINDOWS_FORBIDDEN).rstrip(". ").lstrip(" ")
    if safe.startswith("."):
        safe = f"_{safe}"  # hidden files are not listed; nothing filed may hide
    stem, dot, ending = safe.rpartition(".")
    stem, ending = (stem, f"{dot}{ending}") if dot else (safe, "")
    if _WINDOWS_DEVICES.fullmatch(stem.split(".")[0]):
        stem = f"{stem.split('.')[0]}_{stem[len(stem.split('.')[0]) :]}"
    return fit(stem or "_", ending)


def fit(stem: str, ending: str, room: int = NAME_BYTES) -> str:
    """Join stem and ending in at most `room` bytes of UTF-8, the stem cut at a code point."""
    kept = _bytes(ending)[:room].decode(errors="ignore")
    left = room - len(_bytes(kept))
    if len(_bytes(stem)) > left:
        stem = _bytes(stem)[:left].decode(errors="ignore").rstrip()
    return f"{stem}{kept}"
