"""The list of faults: how each is called, and how often it is tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.trial import Trial

Body = Callable[[Trial], None]
FAULTS: list[Fault] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of the programme.

    `number` is that of docs/reliability.md; several may share one. `short`, `long`: how often it
    is tried in the default suite and in `make faults`. `account`: options of the simulator.
    `seconds`: the longest that one attempt may take.
    """

    number: int
    name: str
    body: Body
    short: int
    long: int
    seconds: float
    account: Mapping[str, Any] = field(default_factory=dict)


def fault(
    number: int, name: str, *, short: int = 1, long: int = 20, seconds: float = 60, **account: Any
) -> Callable[[Body], Body]:
    """Put a function into the programme; it does the fault, and undoes it before it returns."""

    def enlist(body: Body) -> Body:
        FAULTS.append(
            Fault(
                number=number,
                name=name,
                body=body,
                short=short,
                long=long,
                seconds=seconds,
                account={**ACCOUNT, **account},
            )
        )
        return body

    return enlist


ACCOUNT: Mapping[str, Any] = {"products": 4, "features": 3, "tests": 35}
"""Small, with more than one page of tests each."""
