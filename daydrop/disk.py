"""The disk under the store: what its errors mean, and whether it is trusted.

One that lost a write is not trusted until a restart: after a failed flush the kernel may report
the next one as a success, though the bytes are gone. Browsing goes on.
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
    """The health of the disk; `reason` says why no upload is accepted, None while all is well."""

    def __init__(self) -> None:
        self.reason: str | None = None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn the errors of a full or read-only disk into the refusals that people see."""
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
        """Stop trusting the disk if this is an error of input or output."""
        if isinstance(failure, OSError) and failure.errno == errno.EIO and self.reason is None:
            reference = secrets.token_hex(4)
            structlog.get_logger().error(
                "disk failed", reference=reference, error=in_words(failure)
            )
            self.reason = f"the disk of the store failed, reference {reference}"
