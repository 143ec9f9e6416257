"""What all tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daydrop.readers.workers import Workers

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT.parent / "shared" / "media"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--corpus",
        type=Path,
        default=CORPUS,
        metavar="DIR",
        help="folder of the sample media (default: ../shared/media beside the checkout)",
    )
    parser.addoption(
        "--publish-clients",
        action="store_true",
        help="write docs/clients.md from what the tests of foreign clients have seen to work",
    )


@pytest.fixture(scope="session")
def corpus(request: pytest.FixtureRequest) -> Path:
    """The folder of the sample media; tests that ask for it are skipped where it is absent."""
    folder: Path = request.config.getoption("--corpus")
    if not (folder / "truth.json").is_file():
        pytest.skip(f"no sample media at {folder}")
    return folder


@pytest.fixture(scope="session")
def lasting_workers() -> Iterator[Workers]:
    """Readers of strangers' bytes for all libraries of a run: starting them takes a second."""
    made = Workers()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def workers(lasting_workers: Workers, monkeypatch: pytest.MonkeyPatch) -> Workers:
    """The readers of a run, which no library starts or stops."""
    monkeypatch.setattr(lasting_workers, "start", lambda: None)
    monkeypatch.setattr(lasting_workers, "stop", lambda: None)
    return lasting_workers
