"""What a request may come to instead of its reply: the same types on both ends of the socket."""

from __future__ import annotations


class NoDaemon(Exception):
    """Nobody answers on the socket."""


class OtherDaemon(NoDaemon):
    """The daemon on the socket serves another database: nobody answers for this one (421)."""


class ControlError(Exception):
    """The daemon answered that it will not do that, with the reason."""

    status = 500


class NoSuchEntry(ControlError):
    """What was named does not exist, or was decided otherwise; the text says which."""

    status = 404


class Refused(ControlError):
    """It would make things worse; the text says why, and nothing changed."""

    status = 409


class TryAgain(ControlError):
    """The daemon cannot do that just now, or not in time."""

    status = 503


class SilentDaemon(ControlError):
    """Somebody listens on the socket, but does not answer in time."""


BY_STATUS: dict[int, type[ControlError]] = {
    each.status: each for each in (NoSuchEntry, Refused, TryAgain)
}
