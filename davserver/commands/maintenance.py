"""The commands that keep a library in order: rescan, verify, doctor."""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

import click

from davserver.commands.serve import settings_of
from daydrop.care.verify import Kept, Report
from daydrop.console import configure_console
from daydrop.doctor import examine
from daydrop.errors import CatalogueFailed, Refused, StoreUnusable
from daydrop.library import Library
from daydrop.settings import Settings


def maintenance_commands() -> list[click.Command]:
    """Return the commands, for the group that `daydrop` is."""
    return [rescan, verify, doctor]


with_store = click.option("--store", type=click.Path(path_type=Path), help="Folder of the library.")
with_config = click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file (TOML)."
)


def chosen_settings(store: Path | None, config: Path | None) -> Settings:
    """Return the settings of a command that works on a store."""
    return settings_of({"store": {"root": store} if store else {}}, config, {})


@contextmanager
def opened(
    settings: Settings, *, claims_as: str | None = None, alone: bool = False
) -> Iterator[Library]:
    """Open a library for one command; other processes are told it is in use by `claims_as`.

    With `alone`, another process at work on the same store is a refusal.
    """
    configure_console("warning")
    with failing_in_words(), closing(Library(settings, claims_as=claims_as)) as library:
        if alone and not library.is_first:
            raise click.ClickException(at_work(library))
        yield library


@contextmanager
def failing_in_words() -> Iterator[None]:
    """End the program with a sentence when the store or its catalogue cannot be used."""
    try:
        yield
    except CatalogueFailed as failure:
        raise click.ClickException(failure.advice) from failure
    except (StoreUnusable, Refused) as unusable:
        raise click.ClickException(str(unusable)) from unusable


def at_work(library: Library) -> str:
    """Return why this process is not the first on its store, and what to do."""
    who = library.store.claim.holder() or "another Daydrop"
    return f"{who} is using the store {library.store.root}: stop it, or wait until it ends."


@click.command("rescan")
@with_store
@with_config
def rescan(store: Path | None, config: Path | None) -> None:
    """Update the catalogue to match the files, or rebuild it from them."""
    with opened(chosen_settings(store, config), claims_as="daydrop rescan", alone=True) as library:
        library.workers.start()
        recovered = library.recovery.run()
        library.recovery.recount()
    click.echo(
        f"{count_files(recovered.adopted)} added, {count_files(recovered.missing)} missing, "
        f"{recovered.found_again} found again, {recovered.staging} leftovers removed."
    )


@click.command("verify")
@with_store
@with_config
@click.option("--sums", is_flag=True, help="Write SHA256SUMS into each folder.")
@click.option("--dry-run", is_flag=True, help="Only report; repair nothing.")
@click.option("--forget", is_flag=True, help="Give up missing files for good.")
def verify(
    store: Path | None, config: Path | None, *, sums: bool, dry_run: bool, forget: bool
) -> None:
    """Read every file again, compare it with its SHA-256, and repair what can be repaired."""
    with opened(chosen_settings(store, config)) as library:
        checker = library.verify
        files = checker.kept()
        total = sum(kept.size for kept in files)
        with click.progressbar(length=total, label=f"{len(files)} files") as bar:
            report = checker.check(files, bar.update)
        if not report.is_clean and not dry_run:
            report = _repaired(library, report, forget=forget)
        if sums:
            there = [kept for kept in checker.kept() if kept not in report.missing]
            click.echo(f"SHA256SUMS written to {checker.write_sums(there)} folders.")
    _print_report(report)
    if not report.is_clean:
        raise SystemExit(1)


def _repaired(library: Library, report: Report, *, forget: bool) -> Report:
    """Repair what can be repaired; return what is left to report."""
    if not library.claim("daydrop verify"):
        why = "the disk is read-only." if library.is_read_only else at_work(library)
        click.echo(f"Nothing was repaired: {why}")
        return report
    library.workers.start()
    repair = library.repair
    recovered, mended = repair.run(report)
    for number, what in (
        (len(mended), "repaired from a copy"),
        (recovered.adopted, "added"),
        (recovered.found_again, "found again elsewhere"),
        (repair.forget_lost() if forget else 0, "given up"),
    ):
        if number:
            click.echo(f"{count_files(number)} {what}.")
    checker = library.verify
    not_whole = {*report.damaged, *report.unreadable, *report.missing}
    left = checker.check(kept for kept in checker.kept() if kept in not_whole)
    return replace(left, whole=report.whole + left.whole)


def count_files(number: int) -> str:
    """Return a number of files in words."""
    return "1 file" if number == 1 else f"{number} files"


def _paths(files: Iterable[Kept]) -> list[PurePosixPath]:
    return [kept.path for kept in files]


def _print_report(report: Report) -> None:
    click.echo(f"{count_files(report.whole)} intact.")
    for heading, found, remedy in (
        ("damaged", _paths(report.damaged), "restore them from a backup"),
        (
            "missing",
            _paths(report.missing),
            "restore them from a backup and run it again, or give them up with --forget",
        ),
        ("unreadable", _paths(report.unreadable), "check their permissions, and the disk"),
        (
            "unknown to the catalogue",
            report.strangers,
            "duplicates of files in the library, or not photos or videos; move them away",
        ),
    ):
        if found:
            click.echo(f"{count_files(len(found))} {heading}: {remedy}.")
            for path in found:
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
