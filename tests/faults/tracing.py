"""Stops a program at its N-th system call that changes a file, whatever thread makes it.

strace can kill at the N-th call too, but counts for each thread apart; so that no point between
two calls is left out, the counting is done here, by ptrace(2), over all threads of the program.
"""

import ctypes
import errno
import os
import platform
import signal
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

_TRACEME, _SETOPTIONS, _SYSCALL, _GET_SYSCALL_INFO = 0, 0x4200, 24, 0x420E
_SYSGOOD, _FORK, _VFORK, _CLONE, _EXITKILL = 1, 2, 4, 8, 0x100000
_ALL = 0x40000000  # __WALL: threads too
_ENTRY = 1
_INFO = struct.Struct("<B3xIQQQ6Q")
_CREATES = os.O_CREAT | os.O_TRUNC
_OPENAT = {"x86_64": 257, "aarch64": 56}
_CHANGING = {
    "x86_64": {
        1: "write",
        18: "pwrite64",
        20: "writev",
        74: "fsync",
        75: "fdatasync",
        76: "truncate",
        77: "ftruncate",
        82: "rename",
        83: "mkdir",
        86: "link",
        87: "unlink",
        257: "openat",
        258: "mkdirat",
        263: "unlinkat",
        264: "renameat",
        265: "linkat",
        280: "utimensat",
        296: "pwritev",
        316: "renameat2",
    },
    "aarch64": {
        34: "mkdirat",
        35: "unlinkat",
        37: "linkat",
        38: "renameat",
        45: "truncate",
        46: "ftruncate",
        56: "openat",
        64: "write",
        66: "writev",
        68: "pwrite64",
        82: "fsync",
        83: "fdatasync",
        88: "utimensat",
        276: "renameat2",
    },
}


def why_not() -> str | None:
    """Why programs cannot be traced on this machine; None where they can."""
    if sys.platform != "linux" or platform.machine() not in _CHANGING:
        return "ptrace as used here needs Linux on x86_64 or aarch64"
    with suppress(OSError):
        if run(lambda: None, 0).ended_by_itself:
            return None
    return "ptrace is forbidden here"


@dataclass(frozen=True)
class Run:
    """How a traced program ended; `calls` are those it made, in order."""

    calls: tuple[str, ...]
    status: int  # as waitpid gives it

    @property
    def ended_by_itself(self) -> bool:
        """Whether it came to its end without a fault."""
        return os.WIFEXITED(self.status) and os.WEXITSTATUS(self.status) == 0

    @property
    def was_killed(self) -> bool:
        """Whether it died at the call that was asked for."""
        return os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGKILL


def run(program: Callable[[], None], kill_at: int) -> Run:
    """Runs `program` in a child; the child dies before its `kill_at`-th call. 0: it never does."""
    child = os.fork()
    if child == 0:
        _trace_me()
        with _leaving():
            program()
    os.waitpid(child, _ALL)
    _ptrace(_SETOPTIONS, child, 0, _SYSGOOD | _FORK | _VFORK | _CLONE | _EXITKILL)
    _go_on(child, 0)
    return _follow(child, kill_at)


class _leaving:  # noqa: N801  reads as the word it is
    """Ends a forked child, whatever its program does, without running what its parent planned."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            sys.excepthook(type(error), error, error.__traceback__)
        sys.stderr.flush()
        os._exit(0 if error is None else 1)


def forked(program: Callable[[], None]) -> bool:
    """Runs `program` in a child of its own; says whether it ended without an exception."""
    child = os.fork()
    if child == 0:
        with _leaving():
            program()
    return os.waitpid(child, 0)[1] == 0


def _follow(child: int, kill_at: int) -> Run:
    calls: list[str] = []
    while True:
        thread, status = os.waitpid(-1, _ALL)
        if not os.WIFSTOPPED(status):
            if thread == child:
                return Run(tuple(calls), status)
            continue
        stop = os.WSTOPSIG(status)
        if stop == signal.SIGTRAP | 0x80:
            call = _entered(thread)
            if call is not None:
                calls.append(call)
                if len(calls) == kill_at:
                    os.kill(child, signal.SIGKILL)
                    continue
            _go_on(thread, 0)
        else:
            own = stop in (signal.SIGTRAP, signal.SIGSTOP)  # of the tracing itself
            _go_on(thread, 0 if own else stop)


def _entered(thread: int) -> str | None:
    """The name of the call that a thread is about to make, if it changes a file."""
    room = ctypes.create_string_buffer(_INFO.size)
    try:
        _ptrace(_GET_SYSCALL_INFO, thread, _INFO.size, ctypes.addressof(room))
    except ProcessLookupError:
        return None
    kind, _, _, _, number, *arguments = _INFO.unpack(room.raw)
    if kind != _ENTRY:
        return None
    machine = platform.machine()
    if number == _OPENAT[machine] and not arguments[2] & _CREATES:
        return None
    return _CHANGING[machine].get(number)


def _trace_me() -> None:
    _ptrace(_TRACEME, 0, 0, 0)
    os.kill(os.getpid(), signal.SIGSTOP)


def _go_on(thread: int, number: int) -> None:
    with suppress(ProcessLookupError):
        _ptrace(_SYSCALL, thread, 0, number)


_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.restype = ctypes.c_long
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def _ptrace(request: int, thread: int, address: int, data: int) -> None:
    if _LIBC.ptrace(request, thread, address, data) < 0:
        number = ctypes.get_errno()
        if number == errno.ESRCH:
            raise ProcessLookupError(number, os.strerror(number))
        raise OSError(number, os.strerror(number))
