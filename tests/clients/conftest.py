"""Collects how the tests of clients ended, for the page that tells it to users."""

from pathlib import Path

import pytest

from tests.clients.programs import PROGRAMS
from tests.clients.published import Seen, page

PAGE = Path(__file__).parent.parent.parent / "docs" / "clients.md"
SEEN = pytest.StashKey[list[Seen]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SEEN] = []
    if config.getoption("--publish-clients"):
        config.pluginmanager.register(Publisher(config.stash[SEEN]))


class Publisher:
    """Writes the page when the run is over."""

    def __init__(self, seen: list[Seen]) -> None:
        self._seen = seen

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or (report.when == "setup" and report.skipped):
            told = {str(name): str(value) for name, value in report.user_properties}
            function = report.nodeid.partition("::")[2].partition("[")[0]
            self._seen.append(
                Seen(function, report.outcome, told.get("client", ""), told.get("version", ""))
            )

    def pytest_sessionfinish(self) -> None:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(self._seen, [each.name for each in PROGRAMS]), encoding="utf-8")
