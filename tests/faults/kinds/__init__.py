"""The faults, by what they are done to; importing a module puts its faults into the programme."""

from tests.faults.kinds import (
    clocks,
    full_disk,
    killed,
    locked,
    remote_failing,
    rivals,
    signalled,
    writer_lock,
)

__all__ = [
    "clocks",
    "full_disk",
    "killed",
    "locked",
    "remote_failing",
    "rivals",
    "signalled",
    "writer_lock",
]
