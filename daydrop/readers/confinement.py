"""Walls around a process that reads strangers' bytes. Called inside that process only."""

import ctypes
import logging
import multiprocessing.forkserver
import os
import resource
import signal
import sys
import warnings
from typing import Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_NO_NEW_PRIVS = 38
FILES_MOST = 64


def confine(memory_bytes: int) -> None:
    """Take from this process what a reader does not need, and let it die when it must.

    Memory is limited, no file can be written, no right gained. SIGTERM kills at once: its handler
    could not run inside native code. The process leaves the server's group, so that a signal to
    the group does not reach it, and dies with its parent.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.setpgid(0, 0)
    die_with_parent()
    _let_the_parent_end()
    if sys.platform == "linux":
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_MOST, FILES_MOST))
    sys.dont_write_bytecode = True
    _fall_silent()


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends. Nothing where it cannot."""
    if sys.platform == "linux":
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def limit_processor(seconds: int) -> None:
    """Give the call that begins now so many seconds of processor time; then SIGXCPU kills.

    The limit counts a process's whole life, so it is moved on for each call.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _fall_silent() -> None:
    """Keep what libraries say about a stranger's bytes out of the server's own output.

    What is odd about a file is told in its metadata; how a call failed comes back as its answer.
    """
    warnings.simplefilter("ignore")
    logging.disable()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        os.dup2(nowhere, output)
    os.close(nowhere)


def _let_the_parent_end() -> None:
    """Close this process's hold on its parent, multiprocessing's forkserver.

    The forkserver ends when nobody holds the writing end of a pipe any more. It hands that end on
    to all its children, so that a worker that hangs would keep both alive after the server's end.
    """
    forkserver: Any = getattr(multiprocessing.forkserver, "_forkserver", None)
    held = getattr(forkserver, "_forkserver_alive_fd", None)  # there is no public way
    if held is not None:
        os.close(held)
        forkserver._forkserver_alive_fd = None  # noqa: SLF001 - as above


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} failed")


_LIBC = ctypes.CDLL(None, use_errno=True)
