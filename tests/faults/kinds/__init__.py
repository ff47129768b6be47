"""The faults, by what they are done to; importing a module puts its faults into the programme."""

from tests.faults.kinds import (
    bodies,
    connections,
    endless,
    killed,
    lists,
    parked,
    remote_failing,
    revoked,
    soak,
)

__all__ = [
    "bodies",
    "connections",
    "endless",
    "killed",
    "lists",
    "parked",
    "remote_failing",
    "revoked",
    "soak",
]
