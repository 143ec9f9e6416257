"""The page about clients says what the tests are about."""

from pathlib import Path

from tests.clients import test_litmus, test_programs, test_rclone_in_slices, test_replays
from tests.clients.programs import PROGRAMS
from tests.clients.published import LITMUS, REPLAYS, SLICES, TASKS, Seen, page

PAGE = Path(__file__).parent.parent.parent / "docs" / "clients.md"


def test_every_task_and_replay_of_the_page_is_a_test() -> None:
    assert all(hasattr(test_programs, task) for task in TASKS)
    assert all(hasattr(test_replays, replay) for replay in REPLAYS)
    assert hasattr(test_litmus, LITMUS)
    assert hasattr(test_rclone_in_slices, SLICES)


def test_the_published_page_names_every_program_and_claims_no_failure() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for program in PROGRAMS:
        assert f"| {program.name} |" in text
    assert "**no**" not in text


def test_a_failure_is_told_and_what_was_not_run_is_not_claimed() -> None:
    seen = [Seen("test_a_photo", "passed", "a", "1"), Seen("test_renaming", "failed", "a", "1")]
    text = page(seen, ["a", "b"])
    assert "| a | 1 | yes | not run | not run | not run | **no** | not run | not run |" in text
    assert "| b | - | not run |" in text
    assert "litmus, all 104 checks (with `accept` naming `others`): not run" in text
