"""Manifests: a list of files announced as one batch, and what is said of each of them.

Room is held for every file that may come, also for one that may be here already: its sender cannot
tell. The files of a shot come in one batch, so that they find each other.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from daydrop.catalogue import upload_rows as rows
from daydrop.catalogue.database import Connection
from daydrop.errors import Code, Refused
from daydrop.filing.acknowledgement import Acknowledgement, Held
from daydrop.filing.announcement import Announcement
from daydrop.filing.dating import Dating
from daydrop.intake.door import Door
from daydrop.intake.incoming import Means
from daydrop.intake.resumable import Uploads, announcement_of
from daydrop.limits.batches import Face
from daydrop.media.names import Role, companion_target, role, stem_key
from daydrop.origin import Origin
from daydrop.records.batch import Batch
from daydrop.records.item import Item
from daydrop.records.upload import Upload, UploadState

# Not refused, only not yet: their sender keeps them and sends them with its next batch. So they get
# no receipts, which would call a file refused that then came, and of a thousand files in batches of
# fifty write nine thousand five hundred. Their rows stay, and the page of the receipt lists them.
_FOR_THE_NEXT_BATCH = frozenset({Code.BATCH_FILES, Code.BATCH_BYTES})
CHECK_MOST = 64 << 20  # larger files are sent without asking for their hash first


@dataclass(frozen=True)
class Announced:
    """A file as the sender's list names it; `ref` is the sender's own number for it."""

    ref: str
    name: str
    path: str
    size: int
    modified: float | None = None


@dataclass(frozen=True)
class Manifest:
    """A batch and what was said of each of its files."""

    batch: Batch
    uploads: tuple[Upload, ...]


class KeyUsed(Exception):
    """A request key that was used for another list: whoever sent it has mixed up two requests."""


class Manifests:
    """Announces lists of files, and compares hashes before anything is sent."""

    def __init__(
        self,
        means: Means,
        door: Door,
        uploads: Uploads,
        acknowledgement: Acknowledgement,
        dating: Dating,
        random: Callable[[], str] = lambda: secrets.token_urlsafe(16),
    ) -> None:
        self._foundation, self._batches = means.foundation, means.batches
        self._filing, self._refusals = means.filing, means.refusals
        self._door, self._uploads, self._dating = door, uploads, dating
        self._acknowledgement = acknowledgement
        self._random = random

    def announce(
        self, origin: Origin, files: Sequence[Announced], request_key: str | None = None
    ) -> Manifest:
        """Open a batch and says of each file whether it may come; its room is held from now on.

        The same request key gives the same answer again, and opens nothing. Raises KeyUsed when it
        comes with another list.
        """
        self._uploads.expire()
        judged = [self._judged(origin, file) for file in files]

        def work(connection: Connection) -> tuple[Manifest, bool]:
            """Announce all or nothing: a list cut off by a kill, or sent twice, holds no room."""
            if batch := self._batches.opened_by(connection, origin, request_key):
                return Manifest(batch, tuple(rows.of_batch(connection, batch.id))), False
            batch = self._batches.open_within(connection, origin, Face.PAGE, request_key)
            announced = self._held_by_shots(connection, batch, origin, judged)
            rows.add(connection, announced)
            return Manifest(batch, tuple(announced)), True

        manifest, is_new = self._foundation.catalogue.write(work)
        if is_new:
            self._tell_refused(manifest, origin)
        elif not _is_same(manifest.uploads, files):
            raise KeyUsed(request_key)
        return manifest

    def _judged(self, origin: Origin, file: Announced) -> Upload:
        """Return the upload of a batch that is still to be opened, by its name and size."""
        upload = Upload(
            id=self._random(),
            batch_id="",
            ref=file.ref,
            name=file.name,
            path=file.path,
            size=file.size,
            received=0,
            staged=None,
            modified=file.modified,
            state=UploadState.ACCEPTED,
            code=None,
            words_key=None,
            facts={},
            reservation_id=None,
            receipt_id=None,
            made=self._foundation.clock.now(),
        )
        try:
            self._door.check_file(replace(announcement_of(upload, origin), batch_id=None))
        except Refused as refused:
            return _refused(upload, refused)
        return replace(upload, state=UploadState.CHECK) if self._may_be_known(upload) else upload

    def _held(self, connection: Connection, batch: Batch, origin: Origin, judged: Upload) -> Upload:
        """Hold room at once, also for a file that may be here: its sender cannot know."""
        upload = replace(judged, batch_id=batch.id)
        if not upload.is_pending:
            return upload
        counts = role(upload.name) is not Role.COMPANION
        try:
            held = self._batches.reserve_within(
                connection,
                origin,
                upload.size if counts else 0,
                batch.id,
                files=1 if counts else 0,
                outlives_request=True,
            )
        except Refused as refused:
            return _refused(upload, refused)
        return replace(upload, reservation_id=held.id)

    def _held_by_shots(
        self, connection: Connection, batch: Batch, origin: Origin, judged: Sequence[Upload]
    ) -> list[Upload]:
        """Leave a whole shot for the next batch where one of its files is left for it.

        Its files would not find each other from two batches. What no batch has room for comes in
        parts anyway. Shot after shot: what one leaves free is the next one's.
        """
        shots: dict[tuple[str, str], list[Upload]] = {}
        for upload in judged:
            shots.setdefault(_shot(upload), []).append(upload)
        announced: dict[str, Upload] = {}
        for shot in shots.values():
            held = [self._held(connection, batch, origin, upload) for upload in shot]
            left = _left_of(held, batch)
            announced |= {each.id: self._left_with(connection, each, left) for each in held}
        return [announced[upload.id] for upload in judged]

    def _left_with(self, connection: Connection, upload: Upload, left: Upload | None) -> Upload:
        """Return the upload, left for the next batch if another file of its shot is."""
        if left is None or upload.reservation_id is None:
            return upload
        self._batches.release(connection, upload.reservation_id)
        return replace(
            upload,
            state=left.state,
            code=left.code,
            words_key=left.words_key,
            facts=left.facts,
            reservation_id=None,
        )

    def _tell_refused(self, manifest: Manifest, origin: Origin) -> None:
        for upload in manifest.uploads:
            refused = _refusal(upload)
            if refused is not None and refused.code not in _FOR_THE_NEXT_BATCH:
                self._refusals.record(announcement_of(upload, origin), refused)

    def _may_be_known(self, upload: Upload) -> bool:
        if upload.size > CHECK_MOST or role(upload.name) is Role.COMPANION:
            return False
        return self._foundation.catalogue.items.has_size(upload.size)

    def check(self, batch_id: str, hashes: Mapping[str, str]) -> list[Upload]:
        """Take the SHA-256 of files by their refs; what is here already need not come.

        Raises Refused(EXPIRED) for a batch that is over: a word of it would hold nothing.
        """
        if self._uploads.is_over(batch_id):
            raise Refused(Code.EXPIRED, name="This batch")
        asked = [each for each in self._uploads.of_batch(batch_id) if each.ref in hashes]
        for upload in asked:
            if upload.state is UploadState.CHECK:
                self._compare(upload, hashes[upload.ref].lower())
        return [self._uploads.find(upload.id) or upload for upload in asked]

    def _compare(self, upload: Upload, sha256: str) -> None:
        """Report a file whose bytes are here as known; it joins its shot in this batch."""
        announcement = self._uploads.announcement_of(upload)
        known = self._told_known(upload, announcement, sha256)
        if known is None:
            self._foundation.catalogue.write(lambda connection: rows.accept(connection, upload.id))
        else:
            self._dating.rejoin(known, announcement.pair_scope, announcement.name)

    def _told_known(self, upload: Upload, announcement: Announcement, sha256: str) -> Item | None:
        """Look and record under the lock of the bytes, so that they are not undone in between."""
        with self._filing.holding_bytes(sha256):
            known = self._foundation.catalogue.items.by_sha256(sha256)
            if known is None or not self._is_enough(known, upload):
                return None
            return known if self._record_known(upload, announcement, known) else None

    def _is_enough(self, known: Item, upload: Upload) -> bool:
        """Return whether its hash will do; a file found in the tree gets a sender by its bytes."""
        is_there = known.size == upload.size and self._foundation.store.tree.has(
            known.path, known.size
        )
        return is_there and not known.pair_scope.is_found

    def _record_known(self, upload: Upload, announcement: Announcement, known: Item) -> bool:
        """Acknowledge a file whose bytes are here; return False when it has ended meanwhile."""
        held = Held(announcement, upload.batch_id, upload.reservation_id or "")

        def record(connection: Connection) -> bool:
            if not self._uploads.is_asked(connection, upload):
                return False
            self._acknowledgement.known(connection, held, known)
            return True

        return self._foundation.catalogue.write(record, durable=True)

    def left_over(self, batch_id: str) -> list[Upload]:
        """Return the files of a manifest that were left for the next batch, in its order."""
        codes = {code.value for code in _FOR_THE_NEXT_BATCH}
        return [upload for upload in self._uploads.of_batch(batch_id) if upload.code in codes]


def _refused(upload: Upload, refused: Refused) -> Upload:
    """Return the upload as one that will not come."""
    return replace(
        upload,
        state=UploadState.REFUSED,
        code=refused.code.value,
        words_key=refused.key,
        facts=refused.facts,
    )


def _refusal(upload: Upload) -> Refused | None:
    """Return why an upload will not come, as it was raised."""
    if upload.code is None or upload.words_key is None:
        return None
    return Refused(Code(upload.code), upload.words_key.partition(".")[2], **upload.facts)


def _shot(upload: Upload) -> tuple[str, str]:
    """Return what the files of one shot share: the halves of a pair, and their companions."""
    is_companion = role(upload.name) is Role.COMPANION
    return upload.folder, companion_target(upload.name) if is_companion else stem_key(upload.name)


def _left_of(shot: Sequence[Upload], batch: Batch) -> Upload | None:
    """Return the file of a shot that is left for the next batch, if one has room for the shot."""
    left = [each for each in shot if each.code in _FOR_THE_NEXT_BATCH]
    wanted = [*left, *(each for each in shot if each.is_pending)]
    counted = [each for each in wanted if role(each.name) is not Role.COMPANION]
    size = sum(each.size for each in counted)
    has_room = len(counted) <= batch.max_files and size <= batch.max_bytes
    return left[0] if left and has_room else None


def _is_same(known: Sequence[Upload], files: Sequence[Announced]) -> bool:
    before = {(upload.ref, upload.name, upload.path, upload.size) for upload in known}
    return before == {(file.ref, file.name, file.path, file.size) for file in files}
