"""What templates need: items as tiles, months as bars, addresses and days."""

from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from urllib.parse import quote

from daydrop.browse import Bucket, Month
from daydrop.media.kinds import SERVED_INLINE, Kind
from daydrop.readers.drawing import VIEW
from daydrop.records.item import Item
from webui.language import Words

_RATIO_STEPS = (5, 30)  # tenths: from half as wide as high to three times
_DEFAULT_RATIO = 1.5
_BARS = 24  # height of the highest bar


@dataclass(frozen=True)
class Tile:
    """An item as a tile in a row; `ratio` is width by height in tenths, a class in the style."""

    id: str
    name: str
    path: str
    sha256: str
    alt: str
    ratio: int
    width: int
    height: int
    is_video: bool
    duration: str
    full: str


def tile(item: Item, words: Words) -> Tile:
    """Return the tile of an item."""
    width, height = item.width or 0, item.height or 0
    if not width or not height:
        width, height = 1500, 1000
    return Tile(
        id=item.id,
        name=item.path.name,
        path=address(item.path),
        sha256=item.sha256,
        alt=_alt(item, words),
        ratio=min(max(round(10 * width / height), _RATIO_STEPS[0]), _RATIO_STEPS[1]),
        width=width,
        height=height,
        is_video=item.kind is Kind.VIDEO,
        duration=_minutes(item.duration),
        full=address(item.path) if item.media_type in SERVED_INLINE else preview(item.sha256, VIEW),
    )


def address(path: PurePosixPath) -> str:
    """Return the address of a file or folder of the tree, on the page and on the drive."""
    return "/" + quote(str(path))


def crumbs(path: PurePosixPath) -> list[tuple[str, str]]:
    """Return name and address of each folder down to this one."""
    return [
        (path.parts[depth], f"{address(PurePosixPath(*path.parts[: depth + 1]))}/")
        for depth in range(len(path.parts))
    ]


def preview(sha256: str, edge: int) -> str:
    """Return the address of a preview."""
    return f"/t/{sha256}-{edge}.webp"


def _alt(item: Item, words: Words) -> str:
    return f"{item.path.name}, {words.day(item.day)}" if item.day else item.path.name


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return ""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


@dataclass(frozen=True)
class Bar:
    """A month in the histogram; `height` of 24."""

    month: str
    items: int
    height: int


@dataclass(frozen=True)
class Year:
    """The twelve months of a year as bars."""

    year: int
    items: int
    bars: tuple[Bar, ...]


def histogram(months: list[Month]) -> list[Year]:
    """Return the years in which something was taken, newest first, each with all its months."""
    counts = {month.month: month.items for month in months}
    most = max(counts.values(), default=1)
    years = sorted({int(month[:4]) for month in counts}, reverse=True)
    return [_year(year, counts, most) for year in years]


def _year(year: int, counts: dict[str, int], most: int) -> Year:
    names = [f"{year:04}-{number:02}" for number in range(1, 13)]
    bars = tuple(Bar(name, n := counts.get(name, 0), -(-_BARS * n // most)) for name in names)
    return Year(year, sum(bar.items for bar in bars), bars)


@dataclass(frozen=True)
class YearLink:
    """A year of the scrubber and the first bucket it leads to."""

    year: str
    key: str
    items: int


def year_links(buckets: list[Bucket]) -> list[YearLink]:
    """Return the years of a timeline, newest first."""
    links: dict[str, YearLink] = {}
    for bucket in buckets:
        year = bucket.month[:4]
        before = links.get(year)
        first = before.key if before else bucket.key
        links[year] = YearLink(year, first, bucket.items + (before.items if before else 0))
    return list(links.values())


def parsed_day(text: str | None) -> date | None:
    """Return a day as an address gives it; None for anything else."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
