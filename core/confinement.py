"""What a process that decodes may still ask of the kernel: memory, time, and its one socket.

Linux filters the system calls (seccomp) by what libseccomp compiles: Debian and most others have it, as their package tools need
it. Where it is missing the process goes on with its limits alone.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable

# From seccomp.h.
ALLOW = 0x7FFF0000
REFUSE = 0x00050000
"""Plus the error that the caller gets."""
EQUAL, MASKED_EQUAL = 4, 7
THREAD = 0x10000
"""clone's flag for a thread of the same process (CLONE_THREAD)."""

ALLOWED = frozenset("""
    read readv recvfrom recvmsg write writev sendto sendmsg close lseek fstat poll ppoll
    mmap munmap mremap mprotect madvise mincore brk
    futex futex_waitv set_robust_list get_robust_list rseq membarrier sched_yield sched_getaffinity getcpu
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall exit exit_group
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times
    getpid getppid gettid getrandom getrlimit setrlimit getrusage uname sysinfo arch_prctl
""".split())  # noqa: SIM905
"""No file, directory or socket is opened with these, no program or process started, and none looked into or signalled."""


class Unavailable(OSError):
    """The calls cannot be filtered here."""


class _Comparison(ctypes.Structure):
    _fields_ = (("argument", ctypes.c_uint), ("operator", ctypes.c_int), ("first", ctypes.c_uint64), ("second", ctypes.c_uint64))


def filter_calls() -> Callable[[], None]:
    """Prepare the filter, while files can still be opened; the function returned puts it in force, for good and for all threads to come.

    Raises Unavailable; so does that function.
    """
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError as error:
        raise Unavailable(str(error)) from error
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = (ctypes.c_uint32,)
    library.seccomp_rule_add_array.argtypes = (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)
    library.seccomp_load.argtypes = (ctypes.c_void_p,)
    context = library.seccomp_init(REFUSE | errno.EPERM)
    if not context:
        raise Unavailable("no filter could be made")

    def rule(action: int, name: str, *comparisons: _Comparison) -> None:
        number = library.seccomp_syscall_resolve_name(name.encode())
        array = (_Comparison * len(comparisons))(*comparisons)
        failed = library.seccomp_rule_add_array(context, action, number, len(comparisons), array)
        if failed and number >= 0:  # below: a call that this kind of processor does not have
            raise Unavailable(-failed, os.strerror(-failed), name)

    for name in sorted(ALLOWED):
        rule(ALLOW, name)
    rule(ALLOW, "clone", _Comparison(0, MASKED_EQUAL, THREAD, THREAD))
    rule(REFUSE | errno.ENOSYS, "clone3")  # whose flags cannot be looked at; the C library then takes clone
    rule(ALLOW, "prlimit64", _Comparison(0, EQUAL, 0, 0))  # one's own limits, and nobody else's

    def put_in_force() -> None:
        if failed := library.seccomp_load(context):
            raise Unavailable(-failed, os.strerror(-failed))

    return put_in_force
