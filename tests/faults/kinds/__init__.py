"""The faults, by what they are done to; importing a module puts its faults into the programme."""

from tests.faults.kinds import crashed, flooded, killed, remote_failing, soak, threads_ended

__all__ = ["crashed", "flooded", "killed", "remote_failing", "soak", "threads_ended"]
