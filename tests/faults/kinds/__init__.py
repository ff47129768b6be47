"""The faults, by what they are done to; importing a module puts its faults into the programme."""

from tests.faults.kinds import crashed, killed, remote_failing, soak

__all__ = ["crashed", "killed", "remote_failing", "soak"]
