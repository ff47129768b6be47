"""What users and developers install is pinned by its hashes, and the bill of materials says so."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.supply import sbom
from tests.supply.complete import PYTHONS, declared_needs, environment, installed_here, unmet
from tests.supply.locks import PIN, ROOT, NotALock, Pin, lock_files, read_lock

TOO_FEW = 30
"""Packages; a lock with so few was not read."""
PYTHON_HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
ADDRESSES = re.compile(r"://|index-url|find-links|trusted-host|--pre\b")


@pytest.mark.parametrize("lock", lock_files(), ids=lambda path: path.name)
def test_every_package_of_a_lock_has_one_version_and_hashes(lock: Path) -> None:
    pins = read_lock(lock)
    assert len(pins) > TOO_FEW
    assert [pin.name for pin in pins if not pin.hashes] == [], "without a hash"
    assert len({(pin.name, pin.marker) for pin in pins}) == len(pins), "one of them stands twice"


@pytest.mark.parametrize("lock", lock_files(), ids=lambda path: path.name)
def test_a_lock_names_no_address(lock: Path) -> None:
    """Where packages come from is for who installs them to say."""
    found = [line for line in lock.read_text().splitlines() if ADDRESSES.search(line)]
    assert found == []


def test_the_locks_agree_in_what_they_share() -> None:
    """Or a developer would test with other versions than users have."""
    ours = {pin.name: pin.version for pin in read_lock(ROOT / "requirements.lock")}
    for lock in lock_files():
        theirs = {pin.name: pin.version for pin in read_lock(lock)}
        others = {name: (ours[name], theirs.get(name)) for name in ours}
        assert [name for name, (a, b) in others.items() if a != b] == [], (lock.name, others)


@pytest.mark.parametrize(
    "line", ["left-pad", "left-pad>=1", "-e .", "--index-url x", "    --hash=md5:00"]
)
def test_a_line_that_pins_nothing_is_not_overlooked(tmp_path: Path, line: str) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text(f"a==1 \\\n    --hash=sha256:{'0' * 64}\n    # via testio-sync\n{line}\n")
    with pytest.raises(NotALock, match="line 4"):
        read_lock(lock)


# -- a lock is complete ----------------------------------------------------------------------------

COMPILED = re.compile(
    r"^\tuv pip compile \$\(LOCK\) (?P<extras>.*) -o (?P<lock>\S+)$", re.MULTILINE
)
OF_THE_TESTS = {"requirements.lock", "requirements-extras.lock", "requirements-dev.lock"}
"""Locks whose packages are installed where the tests run, so that all their needs are known."""


def ours(lock: Path) -> list[str]:
    """What the project needs of a lock: its dependencies and the extras that the Makefile names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    compiled = {found["lock"]: found["extras"] for found in COMPILED.finditer(makefile)}
    extras = re.findall(r"--extra (\S+)", compiled[lock.name])
    optional = project["optional-dependencies"]
    return [*project["dependencies"], *(need for extra in extras for need in optional[extra])]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", lock_files(), ids=lambda path: path.name)
def test_a_lock_holds_what_each_of_its_packages_needs(lock: Path, python: str) -> None:
    """As far as packages are installed here; `pip check` behind each installation asks the rest."""
    pins, where = read_lock(lock), environment(python)
    names = [pin.name for pin in pins if installed_here([pin], where)]
    assert len(set(names)) == len(names), "two versions of one package"
    assert unmet(ours(lock), pins, where, declared_needs) == []


def test_all_needs_are_known_of_what_the_tests_run_with() -> None:
    for lock in lock_files():
        here = installed_here(read_lock(lock), environment(PYTHON_HERE))
        unknown = [name for name, pin in here.items() if declared_needs(pin) is None]
        assert not unknown or lock.name not in OF_THE_TESTS, (lock.name, unknown)


def test_what_a_lock_lacks_is_told() -> None:
    def lacks(line: str, needs: list[str], python: str = "3.11") -> list[str]:
        pins = [Pin(name="a", version="1", marker=None, extras=("x",))]
        if found := PIN.fullmatch(line):
            extras = tuple(filter(None, [found["extras"]]))
            pins.append(Pin(name="b", version="2", marker=found["marker"], extras=extras))
        told = {"a": needs}
        return unmet(["a>=1"], pins, environment(python), lambda pin: told.get(pin.name))

    assert lacks("b==2", ["b>=1", 'c; extra == "y"', 'c; python_version < "3.11"']) == []
    assert lacks("", ["b"]) == ["a needs b: it is not in the lock"]
    assert lacks("", ['b; extra == "x"']) == ['a needs b; extra == "x": it is not in the lock']
    assert lacks("b==2", ["b<2"]) == ["a needs b<2: the lock has 2"]
    assert lacks("b==2", ["b[z]"]) == ["a needs b[z]: the lock has it without z"]
    assert lacks("b[z]==2", ["b[z]"]) == []
    elsewhere = "b==2 ; python_full_version < '3.14'"
    assert lacks(elsewhere, ["b"], "3.13") == []
    assert lacks(elsewhere, ["b"], "3.14") == ["a needs b: it is not in the lock"]


# -- the bill of materials -------------------------------------------------------------------------


def committed() -> dict[str, Any]:
    return dict(json.loads(sbom.SBOM.read_text(encoding="utf-8")))


def test_the_bill_holds_what_the_lock_holds_and_nothing_else() -> None:
    """`make sbom` writes it again, after `make lock` or a change of the version."""
    pins, bill = read_lock(sbom.LOCK), committed()
    licences = {each["name"]: each["licenses"][0] for each in bill["components"]}
    assert bill == sbom.document(pins, licences, sbom.our_version())
    assert sbom.SBOM.read_text(encoding="utf-8") == sbom.as_text(bill)


def test_the_bill_names_a_licence_for_each_package() -> None:
    without = [each["name"] for each in committed()["components"] if not each.get("licenses")]
    assert without == []


def test_a_bill_says_what_needs_what_and_where_it_is_installed() -> None:
    pins = [
        Pin(name="a", version="1", marker=None, hashes=["0f"], needed_by=["testio-sync"]),
        Pin(name="b", version="2", marker="sys_platform == 'win32'", needed_by=["a"]),
    ]
    bill = sbom.document(pins, {"a": {"expression": "MIT"}}, "0.1")
    assert bill["dependencies"] == [
        {"ref": "testio-sync", "dependsOn": ["pkg:pypi/a@1"]},
        {"ref": "pkg:pypi/a@1", "dependsOn": ["pkg:pypi/b@2"]},
        {"ref": "pkg:pypi/b@2", "dependsOn": []},
    ]
    first, second = bill["components"]
    assert first["licenses"] == [{"expression": "MIT"}]
    assert first["externalReferences"][0]["hashes"] == [{"alg": "SHA-256", "content": "0f"}]
    assert second["properties"][0]["value"] == "sys_platform == 'win32'"
    assert "licenses" not in second
