"""The faults, by what they are done to; importing a module puts its faults into the programme."""

from tests.faults.kinds import damaged, killed, remote_failing, soak

__all__ = ["damaged", "killed", "remote_failing", "soak"]
