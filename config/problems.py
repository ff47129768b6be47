"""What is wrong with the configuration, all of it at once, so that a person can mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

NOWHERE = "nowhere"
"""The source of a setting that has to be given and was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingProblem:
    """One setting that cannot be used. `shown` is its value, masked where it is secret."""

    name: str
    source: str
    shown: str | None
    expected: str
    hint: str | None = None

    def __str__(self) -> str:
        value = "" if self.shown is None else f" = {self.shown}"
        hint = f"\n      {self.hint}" if self.hint else ""
        return f"  {self.name}{value}   ({self.place})\n      expected: {self.expected}{hint}"

    @property
    def place(self) -> str:
        """Where it stands."""
        return "not set" if self.source == NOWHERE else f"from {self.source}"


class SettingsError(Exception):
    """The configuration cannot be used; `problems` names everything that is wrong with it."""

    def __init__(self, problems: Sequence[SettingProblem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        title = f"{count} problem{'s' * (count != 1)} with the configuration:"
        super().__init__("\n".join([title, *map(str, self.problems)]))


PREFIX, UNIT = "TESTIO_", "_SECONDS"


def nearest(name: str, known: Iterable[str], *, bare: bool = False) -> str | None:
    """The known name that a typo, or a name without its unit, most likely meant; else None.

    `bare`: it may lack the prefix too. In an environment such a name is another program's.
    """
    given, names = name.upper(), [*known]
    spelled = {known.removesuffix(UNIT): known for known in names} | {n: n for n in names}
    if bare:
        spelled = {short.removeprefix(PREFIX): known for short, known in spelled.items()} | spelled
    if given in spelled:
        return spelled[given]
    matches = get_close_matches(given, spelled if bare else names, n=1, cutoff=0.8)
    return spelled[matches[0]] if matches else None
