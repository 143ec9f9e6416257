"""What all tests share."""

from pathlib import Path

import pytest

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
