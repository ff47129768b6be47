"""The faults in force, and which of them one request meets."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count

from simulator.faults import Fault
from simulator.problems import UnknownIdError


class FaultBook:
    """The faults in force, in the order in which they were added."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults: dict[int, Fault] = {}
        self._ids = count(1)
        for fault in faults:
            self.add(fault)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults.values())

    def add(self, fault: Fault) -> int:
        """Put a fault in force and return its id."""
        number = next(self._ids)
        self._faults[number] = replace(fault, id=number)
        return number

    def remove(self, number: int) -> None:
        """Take back one fault.

        Raises:
            UnknownIdError: there is no such fault, or it is spent.
        """
        if self._faults.pop(number, None) is None:
            raise UnknownIdError(f"no fault {number}")

    def clear(self) -> None:
        """Take back all faults."""
        self._faults.clear()

    def spend(self, fault: Fault) -> None:
        """Count one effect of `fault`, and remove it after its last."""
        if fault.times is None:
            return
        if fault.times == 1:
            self.remove(fault.id)
        else:
            self._faults[fault.id] = replace(fault, times=fault.times - 1)

    def meeting(self, path: str, product_id: int | None, page: int | None) -> "MetFaults":
        """The faults that match one request."""
        if not self._faults:
            return MetFaults(self, ())
        met = tuple(fault for fault in self if fault.matches(path, product_id, page))
        return MetFaults(self, met)


@dataclass(frozen=True, slots=True)
class MetFaults:
    """The faults that match one request; those that take effect on it are spent."""

    book: FaultBook
    faults: tuple[Fault, ...]

    def of_kind(self, *kinds: str) -> Iterator[Fault]:
        """The faults of these kinds, oldest first, not spent yet."""
        return (fault for fault in self.faults if fault.kind in kinds)

    def take(self, *kinds: str) -> Fault | None:
        """Spend and return the oldest fault of these kinds, if there is one."""
        fault = next(self.of_kind(*kinds), None)
        if fault is not None:
            self.book.spend(fault)
        return fault
