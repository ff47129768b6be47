"""Whether a lock is complete: locks are installed without looking for what a package needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution

from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.supply.locks import Pin

PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
"""The versions that each lock is for."""
Environment = dict[str, str]
Needs = Callable[[Pin], Iterable[str] | None]
"""What a package needs, as its metadata say; None where they are not known."""


def environment(python: str) -> Environment:
    """This machine, with a Python of that version."""
    here = {name: str(value) for name, value in default_environment().items()}
    full = {"python_full_version": f"{python}.0", "implementation_version": f"{python}.0"}
    return {**here, **full, "python_version": python, "extra": ""}


def installed_here(pins: Iterable[Pin], where: Environment) -> dict[str, Pin]:
    """The packages that the lock brings to such a machine, by name."""
    return {
        canonicalize_name(pin.name): pin
        for pin in pins
        if pin.marker is None or Marker(pin.marker).evaluate(where)
    }


def declared_needs(pin: Pin) -> list[str] | None:
    """What the installed package says that it needs; None if this version is not installed."""
    try:
        found = distribution(pin.name)
    except PackageNotFoundError:
        return None
    return list(found.requires or ()) if found.version == pin.version else None


def unmet(ours: Iterable[str], pins: Iterable[Pin], where: Environment, needs: Needs) -> list[str]:
    """What the lock lacks of `ours`, which the project needs, and of what its packages need."""
    brought = installed_here(pins, where)
    nobody: tuple[str, ...] = ("",)
    asked = [("the project", need, nobody) for need in ours]
    asked += [
        (name, need, ("", *pin.extras))
        for name, pin in brought.items()
        for need in needs(pin) or ()
    ]
    return [
        f"{who} needs {need}: {lack}"
        for who, need, extras in asked
        for lack in _lacks(Requirement(need), extras, brought, where)
    ]


def _lacks(
    need: Requirement, extras: tuple[str, ...], brought: dict[str, Pin], where: Environment
) -> Iterator[str]:
    if need.marker and not any(need.marker.evaluate({**where, "extra": e}) for e in extras):
        return
    pin = brought.get(canonicalize_name(need.name))
    if pin is None:
        yield "it is not in the lock"
    elif not need.specifier.contains(pin.version, prereleases=True):
        yield f"the lock has {pin.version}"
    elif lost := need.extras - set(pin.extras):
        yield f"the lock has it without {', '.join(sorted(lost))}"
