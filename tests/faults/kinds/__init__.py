"""The faults, by what they are done to; importing a module puts its faults into the programme."""

from tests.faults.kinds import killed, remote_failing, soak, socket, strangers, texts, token

__all__ = ["killed", "remote_failing", "soak", "socket", "strangers", "texts", "token"]
