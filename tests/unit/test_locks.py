"""What users and developers install is pinned by its hashes, and the bill of materials says so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.supply import sbom
from tests.supply.locks import ROOT, NotALock, Pin, lock_files, read_lock

TOO_FEW = 30
"""Packages; a lock with so few was not read."""
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


def test_every_installation_of_the_makefile_asks_for_hashes() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    installs = [line for line in lines if "pip install" in line]
    assert len(installs) > 3
    assert [line for line in installs if "--require-hashes" not in line] == [
        line for line in installs if "--no-deps --no-build-isolation -e ." in line
    ], "but for the project itself, which brings nothing along"


@pytest.mark.parametrize(
    "line", ["left-pad", "left-pad>=1", "-e .", "--index-url x", "    --hash=md5:00"]
)
def test_a_line_that_pins_nothing_is_not_overlooked(tmp_path: Path, line: str) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text(f"a==1 \\\n    --hash=sha256:{'0' * 64}\n    # via testio-sync\n{line}\n")
    with pytest.raises(NotALock, match="line 4"):
        read_lock(lock)


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
