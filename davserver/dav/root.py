"""`/`: what a drive shows first."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from davserver.dav.propfind import Entry, Wanted
from davserver.dav.receipts import RECEIPTS, ReceiptsFolder
from davserver.dav.resources import Folder
from davserver.dav.tree import TreeFolder
from davserver.dav.upload_folder import UPLOAD, UploadFolder
from daydrop.store.trees import TREES


class Root(Folder):
    """`/`: what a drive shows first."""

    def entry(self, wanted: Wanted) -> Entry:
        """Return what a listing says of the drive itself."""
        return Entry("/", "Daydrop", is_folder=True, quota=self._quota(wanted))

    def members(self) -> list[Folder]:
        """Return the folders of the drive."""
        takes_others = "others" in self.library.settings.limits.accept
        trees = TREES if takes_others else TREES[:3]
        make = (self.environ, self.library)
        return [
            UploadFolder(f"/{UPLOAD}", *make, None),
            *(TreeFolder(f"/{tree}", *make, PurePosixPath(tree)) for tree in trees),
            ReceiptsFolder(f"/{RECEIPTS}", *make),
        ]

    def below(self, wanted: Wanted, *, deep: bool) -> Iterator[Entry]:
        """Yield the folders of the drive, and with `deep` everything in them."""
        for member in self.members():
            yield member.entry(wanted)
            if deep:
                yield from member.below(wanted, deep=True)
