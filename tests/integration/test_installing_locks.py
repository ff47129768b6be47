"""Every installation from a lock brings what the lock says, whatever an index offers by then."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.supply.locks import ROOT, lock_files
from tests.tools import ON_CI, needs_tool

TEXTS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", ".ci/*", "docs/**/*.md", "deploy/**/*")
INSTALL = re.compile(r"\bpip3? install\b.*")
FROM_A_LOCK = re.compile(r"-r \S*requirements\S*\.lock")
OURSELVES = re.compile(r"pip install .*--no-deps --no-build-isolation (-e )?\.$")
PUBLISHED = re.compile(r"pip install 'testio-sync\[\w+\]'")
OF_OTHERS = ("PIP_", "MAKE", "MFLAGS")
ENVIRONMENT = {name: v for name, v in os.environ.items() if not name.startswith(OF_OTHERS)}
"""Without what the make that runs these tests was told, and pip elsewhere."""
RESOLVES_PROPERLY = (24, 0)
"""The first pip that takes a pinned package for one of its extras too."""


def makefile_says(*words: str) -> str:
    """What make would do."""
    command = [needs_tool("make"), f"PYTHON={sys.executable}", *words]
    return subprocess.run(
        command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True
    ).stdout


def test_every_lock_is_installed_alone_and_by_its_hashes() -> None:
    stamps = [f".venv/.{name}" for name in ("dev", "bench", "audit", "mutation")]
    said = makefile_says("--dry-run", "--always-make", "install-extras", *stamps)
    installs = INSTALL.findall(said)
    used = {name for line in installs for name in re.findall(r"\S+\.lock", line)}
    assert used == {lock.name for lock in lock_files()}
    assert said.count("pip --disable-pip-version-check check") == len(used)
    texts = [path for pattern in TEXTS for path in ROOT.glob(pattern) if path.is_file()]
    assert len(texts) > 20
    installs += [found for path in texts for found in INSTALL.findall(path.read_text("utf-8"))]
    for line in installs:
        if FROM_A_LOCK.search(line):
            assert "--no-deps" in line, line
            assert "--require-hashes" in line, line
        else:
            assert OURSELVES.search(line) or PUBLISHED.match(line), line


# -- a small index ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Installation:
    """An environment with nothing in it, an index, and a lock that make installs."""

    folder: Path

    def offer(self, name: str, release: str, *lines: str) -> str:
        """Put a package on the index; its line in a lock."""
        wheel = self.folder / "index" / f"{name}-{release}-py3-none-any.whl"
        head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {release}"]
        about = f"{name}-{release}.dist-info"
        with zipfile.ZipFile(wheel, "w") as file:
            file.writestr(f"{about}/METADATA", "\n".join([*head, *lines, ""]))
            file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            file.writestr(f"{about}/RECORD", "")
        return f"{name}=={release} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"

    def lock(self, *lines: str) -> None:
        (self.folder / "requirements-extras.lock").write_text("\n".join(lines) + "\n")

    def make(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`make install-extras`, where the program itself is installed already."""
        done = [f"--old-file=.venv/{stamp}" for stamp in (".installed", "bin/python")]
        command = ["make", "-f", str(ROOT / "Makefile"), *done, "install-extras", *words]
        index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.folder / "index")}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=ENVIRONMENT | index | {"PIP_CONFIG_FILE": os.devnull},
            capture_output=True,
            text=True,
            check=False,
        )

    def pip_version(self) -> tuple[int, int]:
        pip = str(self.folder / ".venv/bin/pip")
        said = subprocess.run(
            [pip, "--version"], cwd=self.folder, capture_output=True, text=True, check=True
        )
        major, minor = said.stdout.split()[1].split(".")[:2]
        return int(major), int(minor)

    def installed(self) -> set[str]:
        found = self.folder.glob(".venv/lib*/python*/site-packages/*.dist-info")
        names = {path.name.removesuffix(".dist-info") for path in found}
        return {name for name in names if not name.startswith(("pip-", "setuptools-"))}


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    needs_tool("make")
    (tmp_path / "index").mkdir()
    (tmp_path / ".venv").mkdir()
    venv.create(tmp_path / ".venv", with_pip=ON_CI)
    (tmp_path / ".venv" / ".installed").touch()
    if not ON_CI:
        _take_our_pip(tmp_path / ".venv/bin/pip")
    return Installation(tmp_path)


def _take_our_pip(pip: Path) -> None:
    """That of these tests, not the one that comes with Python: to make one takes seconds."""
    ours = find_spec("pip")
    assert ours is not None
    runner = Path(str(ours.origin)).with_name("__pip-runner__.py")
    pip.write_text(f'#!/bin/sh\nexec .venv/bin/python {runner} "$@"\n')
    pip.chmod(0o755)


def test_what_an_index_offers_later_changes_nothing(installation: Installation) -> None:
    """An extra that the lock does not name, of a package that there is a newer release of."""
    extra = ("Provides-Extra: x", 'Requires-Dist: below; extra == "x"')
    installation.lock(
        installation.offer("above", "1", "Requires-Dist: beside[x]>=1"),
        installation.offer("beside", "1", *extra),
        installation.offer("below", "1"),
    )
    installation.offer("beside", "2", *extra)
    installation.offer("below", "2")
    if installation.pip_version() < RESOLVES_PROPERLY:
        with_deps = installation.make("LOCKED=.venv/bin/pip install --require-hashes")
        assert "In --require-hashes mode" in with_deps.stderr, "the fault that this is about"
        assert installation.installed() == set()
    made = installation.make()
    assert made.returncode == 0, made.stderr
    assert installation.installed() == {"above-1", "beside-1", "below-1"}


def test_a_lock_that_lacks_something_is_not_called_installed(installation: Installation) -> None:
    installation.lock(installation.offer("above", "1", "Requires-Dist: left-out"))
    installation.offer("left-out", "1")
    made = installation.make()
    assert made.returncode != 0
    assert "above 1 requires left-out, which is not installed" in made.stdout
