"""What surroundings do to the process they are made for, before its command begins.

Each is named in `Home.start(..., inside="tests.odd:NAME ARGUMENTS")`. The arguments are texts
without spaces.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

NOT_LISTED = 54_321
"""A user of no `/etc/passwd`."""


def become(uid: str = str(NOT_LISTED)) -> None:
    """Be another user from here on; what is loaded late may be closed to it."""
    os.setgroups([])
    os.setresgid(int(uid), int(uid), int(uid))
    os.setresuid(int(uid), int(uid), int(uid))


def folder_gone() -> None:
    """The working folder is removed."""
    gone = Path(tempfile.mkdtemp())
    os.chdir(gone)
    gone.rmdir()


def folder_named(name: str) -> None:
    """The working folder has a name of these bytes, in hexadecimal."""
    folder = os.fsencode(os.getcwd()) + b"/" + bytes.fromhex(name)
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)


def _own_mounts() -> Callable[[str, str, str, int, str], None]:
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *given: object) -> None:
        if getattr(libc, name)(*given) != 0:
            raise OSError(ctypes.get_errno(), f"{name} {given}")

    new_mounts, recursive_private = 0x00020000, 0x4000 | 0x40000
    call("unshare", new_mounts)
    call("mount", b"none", b"/", None, recursive_private, None)

    def mount(source: str, place: str, kind: str, flags: int, options: str) -> None:
        call("mount", source.encode(), place.encode(), kind.encode(), flags, options.encode())

    return mount


def read_only(folder: str) -> None:
    """A folder is mounted so that nothing can be written to it."""
    bind, remount, only_read = 4096, 32, 1
    mount = _own_mounts()
    mount(folder, folder, "none", bind, "")
    mount(folder, folder, "none", bind | remount | only_read, "")
    os.chdir(os.getcwd())


def mounted_over(source: str, place: str) -> None:
    """A file is also found at another one's path."""
    bind = 4096
    _own_mounts()(source, place, "none", bind, "")


def without(name: str) -> None:
    """An environment that lacks a variable."""
    os.environ.pop(name, None)


def full(folder: str, left: str = "0") -> None:
    """A folder becomes a disk with what was in it, and with `left` bytes of space."""
    held = [(p, p.read_bytes(), p.stat()) for p in sorted(Path(folder).rglob("*")) if p.is_file()]
    folders = [p for p in sorted(Path(folder).rglob("*")) if p.is_dir()]
    size = sum(-(-len(content) // 4096) * 4096 for _, content, _ in held)
    _own_mounts()("none", folder, "tmpfs", 0, f"size={size + 8192 + int(left)},mode=0700")
    for each in folders:
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, content, status in held:
        path.write_bytes(content)
        path.chmod(status.st_mode)
    os.chdir(os.getcwd())
    ballast = Path(folder) / ".ballast"
    if not int(left):
        with suppress(OSError), ballast.open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()


def stream(which: str, how: str) -> None:
    """A stream is something else."""
    number = {"stdin": 0, "stdout": 1, "stderr": 2}[which]
    if how == "closed":
        os.close(number)
        setattr(sys, which, None)
        return
    if how == "broken":
        read, write = os.pipe()
        os.dup2(write, number)
        os.close(write)
        os.close(read)
    elif how == "full":
        handle = os.open("/dev/full", os.O_WRONLY)
        os.dup2(handle, number)
        os.close(handle)
    else:
        setattr(sys, which, open(number, "w", encoding=how, closefd=False))  # noqa: SIM115


def files(most: str) -> None:
    """So many may be open."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(most), int(most)))


def few_threads(while_there: str) -> None:
    """The system gives this user no thread more, as long as there is this file. Not for root."""
    start = threading.Thread.start

    def limited(thread: threading.Thread) -> None:
        _, most = resource.getrlimit(resource.RLIMIT_NPROC)
        resource.setrlimit(
            resource.RLIMIT_NPROC, (1 if os.path.exists(while_there) else most, most)
        )
        start(thread)

    threading.Thread.start = limited  # type: ignore[assignment,method-assign]
