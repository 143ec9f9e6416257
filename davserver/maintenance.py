"""The commands that keep a library in order: rescan, verify, doctor."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from config.settings import Settings
from davserver.commands import settings_of
from library.doctor import examine
from library.errors import Refused, StoreUnusable
from library.library import Library
from library.uploadlog import configure_console
from library.verify import Report, Verify


def maintenance_commands() -> list[click.Command]:
    """The commands, for the group that `daydrop` is."""
    return [rescan, verify, doctor]


with_store = click.option("--store", type=click.Path(path_type=Path), help="Folder of the library.")
with_config = click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file (TOML)."
)


def chosen_settings(store: Path | None, config: Path | None) -> Settings:
    """The settings of a command that works on a store."""
    return settings_of({"store": {"root": store} if store else {}}, config, {})


@contextmanager
def opened(settings: Settings, *, alone: bool = False) -> Iterator[Library]:
    """A library for one command. With `alone`, a server on the same store is a refusal."""
    configure_console("warning")
    try:
        library = Library(settings)
    except (StoreUnusable, Refused) as unusable:
        raise click.ClickException(str(unusable)) from unusable
    try:
        if alone and not library.is_first:
            raise click.ClickException("A Daydrop is serving this store: stop it first.")
        yield library
    finally:
        library.close()


@click.command("rescan")
@with_store
@with_config
def rescan(store: Path | None, config: Path | None) -> None:
    """Bring the catalogue in line with the files, also from nothing."""
    with opened(chosen_settings(store, config), alone=True) as library:
        library.workers.start()
        swept = library.upkeep.sweep()
        library.upkeep.recount()
    click.echo(
        f"{swept.adopted} files taken in, {swept.missing} files missing, "
        f"{swept.found_again} found again, {swept.staging} left-overs removed."
    )


@click.command("verify")
@with_store
@with_config
@click.option("--sums", is_flag=True, help="Write SHA256SUMS into each folder.")
def verify(store: Path | None, config: Path | None, *, sums: bool) -> None:
    """Read every file again and compare it with its SHA-256."""
    with opened(chosen_settings(store, config)) as library:
        checker = Verify(library.store, library.database)
        items = checker.stored()
        total = sum(item.size for item in items)
        with click.progressbar(length=total, label=f"{len(items)} files") as bar:
            report = checker.check(items, bar.update)
        if sums:
            click.echo(f"SHA256SUMS written into {checker.write_sums(items)} folders.")
    _tell(report)
    if not report.is_clean:
        raise SystemExit(1)


def _tell(report: Report) -> None:
    click.echo(f"{report.whole} files are whole.")
    for heading, paths, remedy in (
        ("damaged", report.damaged, "bring them back from a backup"),
        ("missing", report.missing, "bring them back from a backup, or run daydrop rescan"),
        ("unknown to the catalogue", report.strangers, "run daydrop rescan to take them in"),
    ):
        if paths:
            click.echo(f"{len(paths)} files are {heading}: {remedy}.")
            for path in paths:
                click.echo(f"  {path}")


@click.command("doctor")
@with_store
@with_config
def doctor(store: Path | None, config: Path | None) -> None:
    """Say what is wrong with this set-up, in plain words."""
    configure_console("error")
    findings = list(examine(chosen_settings(store, config)))
    for finding in findings:
        click.echo(f"{'ok  ' if finding.is_well else 'LOOK'} {finding.says}")
    if not all(finding.is_well for finding in findings):
        raise SystemExit(1)
