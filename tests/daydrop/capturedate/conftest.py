"""Reading bytes as the worker reads a file."""

import io
import warnings
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from daydrop.capturedate.metadata import Metadata
from daydrop.media import kinds as media
from daydrop.readers import reading as reader

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def read() -> Callable[..., Metadata]:
    """Sniff and read bytes; Pillow's words about damage are silenced, as they are in a worker."""

    def _read(data: bytes, name: str = "a") -> Metadata:
        kind = media.sniff(data[: media.HEAD_BYTES])
        assert kind is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return reader.read(io.BytesIO(data), len(data), name, kind, now=NOW, program=None)

    return _read
