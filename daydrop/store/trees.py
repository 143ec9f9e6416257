"""The trees of the library: the folders at its top."""

from pathlib import PurePosixPath

NO_DATE = PurePosixPath("no_date")
OTHERS = PurePosixPath("others")
TREES = ("images", "videos", "no_date", "others")
