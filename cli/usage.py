"""A mistake in what was asked; apart, because `cli.failures` loads all that can fail."""


class UsageError(Exception):
    """The flags were understood, but cannot be followed; the text says why."""
