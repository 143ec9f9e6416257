"""The disk under the store: what its errors mean, and whether it is trusted.

One that lost a write is not, until a restart: after a failed flush the next one may answer well,
though the bytes are gone (spec/reliability.md 1.3). Browsing goes on.
"""

import errno
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from daydrop.console import in_words
from daydrop.errors import Code, Refused

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


class Disk:
    """Shared by all that write; `reason` is why nothing is taken in, None while all is well."""

    def __init__(self) -> None:
        self.reason: str | None = None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turns what a disk says when it is full or read-only into the refusal that people see."""
        try:
            yield
        except OSError as failure:
            if failure.errno in _FULL:
                raise Refused(Code.NO_SPACE) from failure
            if failure.errno in READ_ONLY:
                raise Refused(Code.READ_ONLY) from failure
            self.doubt(failure)
            raise

    def doubt(self, failure: Exception) -> None:
        """Ends the trust if this is an error of input or output."""
        if isinstance(failure, OSError) and failure.errno == errno.EIO and self.reason is None:
            reference = secrets.token_hex(4)
            structlog.get_logger().error(
                "disk failed", reference=reference, error=in_words(failure)
            )
            self.reason = f"the disk of the store failed, reference {reference}"
