"""The console says what failed in one line: no traceback, no path, nothing a name smuggles in."""

import logging

import pytest
import structlog

from daydrop.console import OneLine, configure_console, trail


@pytest.fixture(autouse=True)
def _restored():
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def fail() -> None:
    open("/srv/photos/secret\nname.jpg")  # noqa: PTH123, SIM115  its error names the path


def test_a_fault_is_told_as_a_trail_in_one_line(capsys):
    configure_console("info")
    try:
        fail()
    except OSError:
        structlog.get_logger().exception("upload failed", reference="1234")
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert "FileNotFoundError: No such file or directory < tests.daydrop.test_console.fail" in told
    assert "reference=1234" in told
    assert "/srv" not in told
    assert "Traceback" not in told
    assert __file__ not in told


def test_so_are_those_of_other_libraries():
    try:
        fail()
    except OSError as failure:
        info = (OSError, failure, failure.__traceback__)
        record = logging.LogRecord("a", logging.ERROR, __file__, 1, "%s broke", ("x\x1b[2J",), info)
    told = OneLine("%(message)s").format(record)
    assert told.startswith("x�[2J broke fault=FileNotFoundError: No such file or directory < ")
    assert "/srv" not in told
    assert "\n" not in told


def test_a_cause_is_named():
    with pytest.raises(KeyError) as raised:
        try:
            fail()
        except OSError as failure:
            raise KeyError("secret") from failure
    told = trail(raised.value)
    assert told.startswith("KeyError from FileNotFoundError: No such file")
    assert "secret" not in told


def test_a_name_writes_no_line_of_its_own(capsys):
    configure_console("info")
    structlog.get_logger().warning("a file is missing", path="a\n2026 [info] all is well\x1b[31m")
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert "\x1b" not in told
