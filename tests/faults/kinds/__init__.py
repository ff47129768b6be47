"""The faults, by what they are done to; importing a module puts its faults into the programme."""

from tests.faults.kinds import (
    clocks,
    damaged,
    full_disk,
    killed,
    locked,
    remote_failing,
    rivals,
    signalled,
    soak,
    writer_lock,
)

__all__ = [
    "clocks",
    "damaged",
    "full_disk",
    "killed",
    "locked",
    "remote_failing",
    "rivals",
    "signalled",
    "soak",
    "writer_lock",
]
