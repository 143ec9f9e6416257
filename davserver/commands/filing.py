"""The commands that file: import a folder, refile what belongs elsewhere by now."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType

import click

from davserver.commands.maintenance import (
    chosen_settings,
    count_files,
    opened,
    with_config,
    with_store,
)
from daydrop.care.refile import Refiling
from daydrop.errors import Refused
from daydrop.intake.importing import Summary, found_files, import_files, total_size
from daydrop.records.receipt import Outcome

_INCOMPLETE = 1
_STOPPED = 130  # as shells report what Ctrl-C ended


def filing_commands() -> list[click.Command]:
    """Return the commands, for the group that `daydrop` is."""
    return [import_command, refile]


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@with_store
@with_config
def import_command(paths: tuple[Path, ...], store: Path | None, config: Path | None) -> None:
    """File photos and videos of this machine; the originals stay where they are.

    Exits with 0 if all of them are in the library, and with 1 if some were refused.
    """
    files = found_files(paths)
    total = total_size(files)
    with opened(chosen_settings(store, config), claims_as="daydrop import") as library:
        library.start()
        with (
            _asked_to_stop() as is_stopping,
            click.progressbar(length=total, label=f"{len(files)} files") as bar,
        ):
            try:
                summary = import_files(
                    files, library.door, library.batches, bar.update, is_stopping
                )
            except Refused as refused:
                raise click.ClickException(refused.sentence()) from refused
    _print_summary(summary)
    if summary.was_stopped:
        raise SystemExit(_STOPPED)
    if summary.refused:
        raise SystemExit(_INCOMPLETE)


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """End the work between two steps on Ctrl-C or SIGTERM, at once on a second Ctrl-C."""
    stopping = Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if stopping.is_set():
            signal.default_int_handler(number, frame)
        stopping.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_summary(summary: Summary) -> None:
    click.echo(
        f"{summary.outcomes[Outcome.FILED]} filed, "
        f"{summary.outcomes[Outcome.DUPLICATE]} already here, "
        f"{summary.outcomes[Outcome.COMPANION]} companions, {len(summary.refused)} refused."
    )
    for file, says in summary.refused:
        click.echo(f"  {click.format_filename(file)}: {says}")
    if summary.was_stopped:
        click.echo("Stopped. Run it again to continue: files already here are not stored twice.")


@click.command("refile")
@with_store
@with_config
@click.option("--dry-run", is_flag=True, help="Only show what would move.")
def refile(store: Path | None, config: Path | None, *, dry_run: bool) -> None:
    """Move files to where they belong under today's rule and settings."""
    claims_as = None if dry_run else "daydrop refile"
    with opened(chosen_settings(store, config), claims_as=claims_as, alone=not dry_run) as library:
        work = library.refile
        if not dry_run and (ended := work.finish_interrupted()):
            click.echo(f"Finished {ended} moves of an earlier run.")
        plan = work.plan()
        if dry_run:
            for refiling in plan:
                _print_move(refiling)
            click.echo(f"{count_files(len(plan))} would move.")
            return
        click.echo(f"{count_files(work.run(plan, _print_move))} moved.")


def _print_move(refiling: Refiling) -> None:
    click.echo(f"{refiling.item.path} -> {refiling.folder}/")
