"""Connections to the catalogue: many readers, and one writer that commits what is queued.

A caller hands the writer a function of a connection and waits for its result. Everything that
queued up during the last commit goes into the next one, so that many uploads share one flush
to disk and a lone one never waits for company.
"""

import errno
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError
from sqlalchemy.pool import QueuePool

from daydrop.disk import Disk
from daydrop.errors import CatalogueClosed, CatalogueFailed, Code, Refused

__all__ = ["CatalogueClosed", "CatalogueFailed", "Connection", "Database", "sqlite_url"]

T = TypeVar("T")
P = ParamSpec("P")
_MOST_IN_ONE_COMMIT = 200
_PATIENCE = 5.0  # seconds to wait for another process that writes
_KEPT = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PRIMARY = 0xFF  # of an extended result code of SQLite


@dataclass(frozen=True)
class _Job(Generic[T]):
    work: Callable[[Connection], T]
    durable: bool
    future: Future[T]


class Database:
    """The catalogue's connections. `read_only` opens it as it lies on a read-only disk."""

    def __init__(self, url: str, disk: Disk | None = None, *, read_only: bool = False) -> None:
        self._disk = disk or Disk()
        self.engine = _engine(url, read_only=read_only)
        self._queue: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._writer = threading.Thread(target=self._write_queued, name="catalogue", daemon=True)
        self._writer.start()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection that sees everything committed so far; for SELECT only."""
        try:
            with self.engine.connect() as connection, connection.begin():
                yield connection
        except DatabaseError as failure:
            raise self._refusal(failure) from failure

    def asking(self, question: Callable[Concatenate[Connection, P], T]) -> Callable[P, T]:
        """Return `question` as a read of its own, which takes no connection."""

        def ask(*args: P.args, **kwargs: P.kwargs) -> T:
            with self.reading() as connection:
                return question(connection, *args, **kwargs)

        return ask

    def write(self, work: Callable[[Connection], T], *, durable: bool = False) -> T:
        """Run `work` in a transaction and return its result once that is committed.

        With `durable` the commit survives a power cut. An exception of `work` undoes its own part
        only, and is raised here. Raises CatalogueClosed while the server stops, Refused(BUSY)
        when another process keeps the catalogue.
        """
        job = _Job(work, durable, Future[T]())
        with self._closing:
            if self._closed:
                raise CatalogueClosed("the server is stopping")
            self._queue.put(job)
        return job.future.result()

    def check(self) -> None:
        """Raise CatalogueFailed when the file of the catalogue is damaged."""
        if self.engine.dialect.name != "sqlite":
            return
        with self.reading() as connection:
            says = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if says != "ok":
            raise CatalogueFailed(None, str(says))

    @contextmanager
    def failing_alike(self) -> Iterator[None]:
        """Let what bypasses `reading` and `write`, such as a migration, fail as they do."""
        try:
            yield
        except DatabaseError as failure:
            raise self._refusal(failure) from failure

    def copy_to(self, file: Path) -> None:
        """Write a consistent copy of a SQLite catalogue, also while it is in use."""
        if self.engine.dialect.name != "sqlite":
            return
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            if driver is not None:
                # past SQLAlchemy: VACUUM cannot run inside the transaction it would open
                driver.execute("VACUUM INTO ?", (str(file),))

    def close(self) -> None:
        """Commit what is queued and close the file."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._writer.join()
        self.engine.dispose()

    def _write_queued(self) -> None:
        while (first := self._queue.get()) is not None:
            jobs = [first, *self._more()]
            self._commit([job for job in jobs if job is not None])
            if None in jobs:
                return

    def _more(self) -> list[_Job[Any] | None]:
        count = min(self._queue.qsize(), _MOST_IN_ONE_COMMIT)
        return [self._queue.get_nowait() for _ in range(count)]

    def _commit(self, jobs: list[_Job[Any]]) -> None:
        """Run all jobs in one transaction, a savepoint for each; answer after the commit.

        A failure is handed to the callers that wait: the writing thread must live on.
        """
        settle: list[Callable[[], None]] = []
        try:
            with self.engine.connect().execution_options(immediate=True) as connection:
                if connection.dialect.name == "sqlite":
                    _set_synchronous(connection, full=any(job.durable for job in jobs))
                with connection.begin():
                    settle = [self._run(connection, job) for job in jobs]
        except Exception as failure:  # noqa: BLE001  handed to every caller that waits
            told = self._refusal(failure)
            for job in jobs:
                job.future.set_exception(told)
            return
        for answer in settle:
            answer()

    def _run(self, connection: Connection, job: _Job[Any]) -> Callable[[], None]:
        savepoint = connection.begin_nested()
        try:
            result = job.work(connection)
        except Exception as failure:  # noqa: BLE001  handed to the caller that waits
            try:
                savepoint.rollback()
            except OperationalError:
                raise failure from None  # a full disk: SQLite has given up the whole transaction
            told = self._refusal(failure)
            return lambda: job.future.set_exception(told)
        savepoint.commit()
        return lambda: job.future.set_result(result)

    def _refusal(self, failure: Exception) -> Exception:
        told = _refusal(failure)
        self._disk.doubt(told)
        return told


def _refusal(failure: Exception) -> Exception:
    """Translate a failure of the catalogue for its callers; return any other unchanged."""
    if not isinstance(failure, DatabaseError) or isinstance(failure, IntegrityError):
        return failure
    if _is_kept(failure):
        return Refused(Code.BUSY, "catalogue", wait=_PATIENCE)
    says = str(failure.orig)
    if "full" in says:
        return Refused(Code.NO_SPACE)
    if "readonly" in says:
        return Refused(Code.READ_ONLY)
    return CatalogueFailed(errno.EIO if "I/O error" in says else None, says)


def _is_kept(failure: DatabaseError) -> bool:
    """Return whether another process kept the catalogue locked for too long."""
    code = getattr(failure.orig, "sqlite_errorcode", None)  # not of each error, nor of PostgreSQL
    return code is not None and code & _PRIMARY in _KEPT


def _set_synchronous(connection: Connection, *, full: bool) -> None:
    """Set it past SQLAlchemy, which would open a transaction, in which SQLite refuses it."""
    driver = connection.connection.driver_connection
    if driver is None:
        raise CatalogueClosed("the connection to the catalogue is gone")
    driver.execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")


def sqlite_url(file: Path) -> str:
    """Return the SQLAlchemy URL of a SQLite file."""
    return f"sqlite:///{file}"


def _engine(url: str, *, read_only: bool) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url)
    if read_only:
        url = _read_only_url(Path(url.removeprefix("sqlite:///")))
    engine = create_engine(url, poolclass=QueuePool, pool_size=8, max_overflow=-1)
    event.listen(engine, "connect", _prepare_read_only if read_only else _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _read_only_url(file: Path) -> str:
    """Return the URL by which a SQLite file is opened on a read-only disk.

    Immutable, since there is no room for the WAL's shared memory; but that passes over a WAL
    that a kill has left, with all the uploads it acknowledges: then SQLite keeps an index of it in
    this process.
    """
    log = file.with_name(f"{file.name}-wal")
    is_clean = not log.exists() or log.stat().st_size == 0
    return f"sqlite:///file:{file}?{'immutable=1&' if is_clean else ''}mode=ro&uri=true"


def _begin(connection: Connection) -> None:
    # a writer that begins by reading would fail to upgrade its lock when another process wrote
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _prepare(connection: Any, _record: object) -> None:
    # SQLAlchemy decides where transactions begin, not the driver: savepoints need that
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={round(_PATIENCE * 1000)}",
        "foreign_keys=ON",
        "cache_size=-16000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_read_only(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")
