"""The scenarios, by what is at fault."""

from tests.diagnosis.kinds import of_daemon, of_database, of_machine, of_mirror, of_remote

__all__ = ["of_daemon", "of_database", "of_machine", "of_mirror", "of_remote"]
