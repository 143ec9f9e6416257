"""`docs/clients.md`, made from what a test run has seen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TASKS = {
    "test_a_photo": "a photo",
    "test_a_film_over_20_mb": "a video over 20 MB",
    "test_a_folder_with_sub_folders_and_the_same_folder_again": "a folder, twice",
    "test_saving_again_with_other_bytes": "save again",
    "test_renaming": "rename",
    "test_deleting": "delete",
    "test_a_refused_file_is_an_error_and_leaves_nothing": "a refused file",
}
REPLAYS = {
    "test_finder_copies_and_replaces_a_photo": ("Finder", "macOS 13"),
    "test_explorer_copies_a_photo_and_makes_a_folder": ("Explorer", "Windows 11"),
    "test_foldersync_sends_straight_to_the_name": ("FolderSync", "Android"),
    "test_foldersync_sends_to_a_temporary_name": ("FolderSync with temporary names", "Android"),
    "test_photosync_makes_its_folders_each_time": ("PhotoSync", "iOS 4.7"),
    "test_cyberduck_sends_to_a_name_with_a_uuid": ("Cyberduck", "8.7"),
}
LITMUS = "test_all_of_litmus_passes_where_other_files_are_taken"
SLICES = "test_a_hundred_and_twenty_files_come_in_three_runs_and_each_refusal_is_told"
WORDS = {"passed": "yes", "failed": "**no**", "skipped": "not run"}

HEAD = """\
# What works with which program

This page is written by the test run itself (`python -m pytest tests/clients --publish-clients`); do
not edit it by hand. "yes" means: the program reported no error, the original is filed under its
day, byte for byte, and only once.

## Programs that were run

Each ran against its own server, over real sockets: a photo of 300 KB whose name has a space and an
umlaut, a video of 21 MB, a folder with three subfolders copied twice, different content saved
under the same name, a rename, a deletion (the name goes, the photo stays filed), and a text file,
which is refused.
"""
REMARKS = """\
- **rclone** sends nothing in a second run, with both vendors, and prints the reason for a refusal.
- **rclone mount** and **davfs2** send in the background: a refusal appears when the file is opened
  (davfs2 with locks) or not at all. Check `Receipts/` if something is missing.
- **lftp** and **curl** send known files again; the server recognises them and stores them once.
- **cadaver**, **gio**, **lftp**, **npm webdav** and **webdav4** show the reason for a refusal, or
  its status, as an error.
- **KDE** (`kioclient5`, KIO 5.103) is not part of the test run; by hand, it copied a photo, a
  video of 22 MB and a folder, renamed, read and deleted them, and reported "Access was denied"
  for a text file.
"""
REPLAYED = """\
## Programs that could not be run here

No Mac, Windows machine or phone was available. The requests of these programs were reconstructed
from their published sources and from server logs, and replayed step by step: on a fresh store,
again on the same one, with a file of the same name already filed, and over one and two nodes. This
shows that the server gives every answer they are known to need; it does not show the programs at
work.
"""


@dataclass(frozen=True)
class Seen:
    """How one test ended: its function, and for a program its name and version."""

    function: str
    outcome: str
    client: str = ""
    version: str = ""


def page(seen: Iterable[Seen], clients: Sequence[str]) -> str:
    """The page; `clients` are all programs there are, in the order of the table."""
    results = list(seen)
    parts = [HEAD, *_table(results, clients), "", REMARKS, REPLAYED, *_replays(results), ""]
    return "\n".join([*parts, "## Suites", "", *_suites(results)]) + "\n"


def _table(results: Sequence[Seen], clients: Sequence[str]) -> list[str]:
    lines = [_row("program", "version", *TASKS.values()), _row(*["---"] * (len(TASKS) + 2))]
    for client in clients:
        own = {each.function: each for each in results if each.client == client}
        version = next((each.version for each in own.values()), "-")
        told = [WORDS[own[task].outcome] if task in own else "not run" for task in TASKS]
        lines.append(_row(client, version, *told))
    return lines


def _replays(results: Sequence[Seen]) -> list[str]:
    lines = [_row("program", "as of", "every answer as needed"), _row("---", "---", "---")]
    for function, (name, version) in REPLAYS.items():
        outcomes = [each.outcome for each in results if each.function == function]
        lines.append(_row(name, version, WORDS[_worst(outcomes)]))
    return lines


def _suites(results: Sequence[Seen]) -> list[str]:
    def told(function: str) -> str:
        return WORDS[_worst([each.outcome for each in results if each.function == function])]

    return [
        f"- litmus, all 104 checks (with `accept` naming `others`): {told(LITMUS)}",
        f"- 120 files by rclone against a limit of 50, in three runs: {told(SLICES)}",
    ]


def _worst(outcomes: Sequence[str]) -> str:
    for outcome in ("failed", "skipped", "passed"):
        if outcome in outcomes:
            return outcome
    return "skipped"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
