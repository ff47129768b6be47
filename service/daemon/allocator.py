"""What the C library's allocator keeps of memory that Python has given back.

glibc gives threads arenas of their own, eight for each core, and each keeps what one large answer
took: most of what a daemon holds after a day would be free memory that nobody else can use.
"""

from __future__ import annotations

import os

# malloc.h of glibc
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8

ARENAS = 2
"""Python holds its lock while it asks for memory: more would seldom be used at once."""
THRESHOLD_BYTES = 256 * 1024
"""Larger pieces are mapped and unmapped one by one; more than this is not kept at an end."""


def give_back_early() -> bool:
    """Have memory that is free go back to the system; whether the allocator can be told.

    For a process of ours, before its first thread begins: an arena that is there stays. Where the C
    library is not glibc (macOS, musl) nothing is done.
    """
    try:
        if not os.confstr("CS_GNU_LIBC_VERSION"):
            return False
        import ctypes

        tell = ctypes.CDLL(None).mallopt
    except (ValueError, AttributeError, OSError, ImportError):
        return False
    return all(
        [
            tell(M_ARENA_MAX, ARENAS),
            tell(M_MMAP_THRESHOLD, THRESHOLD_BYTES),
            tell(M_TRIM_THRESHOLD, THRESHOLD_BYTES),
        ]
    )
