"""The errors of the simulator's own inputs: options, faults, mutations, control requests."""


class InvalidInputError(ValueError):
    """A value was refused; `field` names it and the message says what would do."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class UnknownIdError(LookupError):
    """A product, feature, test or fault with that id does not exist."""
