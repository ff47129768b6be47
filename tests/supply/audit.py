"""Asks a vulnerability service about every package of the locks: `python -m tests.supply.audit`.

pip-audit ends with status 0 and "no known vulnerabilities" also where the service knew none of the
packages, as a mirror of an index does. Here what was not looked up is never called well.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from tests.supply.locks import ROOT

LOCKS = ("requirements.lock", "requirements-extras.lock")
"""What users install."""
TIMEOUT_SECONDS = 15
WORDS = ("--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json")


class Status(IntEnum):
    """The exit status."""

    NONE_KNOWN = 0
    VULNERABLE = 1
    NOT_CHECKED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is known of one lock, and lines for people."""

    status: Status
    lines: list[str] = field(default_factory=list)


def verdict(lock: str, stdout: str, stderr: str) -> Verdict:
    """What pip-audit's answer comes to."""
    try:
        packages: list[dict[str, Any]] = json.loads(stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        said = stderr.strip().splitlines() or ["it said nothing"]
        return Verdict(
            status=Status.NOT_CHECKED,
            lines=[f"{lock}: NOT CHECKED: the service could not be asked: {said[-1]}"],
        )
    bad = [package for package in packages if package.get("vulns")]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    lines = [_about(lock, package, flaw) for package in bad for flaw in package["vulns"]]
    if skipped or not packages:
        all_of_them = len(skipped) == len(packages)
        which = "any" if all_of_them else f"{len(skipped)} ({', '.join(skipped)})"
        lines.append(
            f"{lock}: NOT CHECKED: the service does not know {which} of {len(packages)} packages"
        )
    if bad:
        return Verdict(status=Status.VULNERABLE, lines=lines)
    if lines:
        return Verdict(status=Status.NOT_CHECKED, lines=lines)
    well = f"{lock}: {len(packages)} packages, no vulnerability known of any"
    return Verdict(status=Status.NONE_KNOWN, lines=[well])


def _about(lock: str, package: dict[str, Any], flaw: dict[str, Any]) -> str:
    names = ", ".join([flaw["id"], *flaw.get("aliases", ())])
    mended = ", ".join(flaw.get("fix_versions", ())) or "no version yet"
    return f"{lock}: {package['name']} {package['version']}: {names}; mended in {mended}"


def ask(lock: Path, more: list[str]) -> Verdict:
    """Run pip-audit on one lock; `more` are words for it, such as `-s osv`."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(lock), *WORDS]
    command += ["--timeout", str(TIMEOUT_SECONDS), *more]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return verdict(lock.name, ended.stdout, ended.stderr)


def main(more: list[str]) -> Status:
    """The worst of all locks: a known vulnerability, else one that was not checked."""
    verdicts = [ask(ROOT / lock, more) for lock in LOCKS]
    print(*(line for each in verdicts for line in each.lines), sep="\n")
    found = {each.status for each in verdicts}
    return next(s for s in (Status.VULNERABLE, Status.NOT_CHECKED, Status.NONE_KNOWN) if s in found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
