"""Runs mutmut on the copy and judges what survives.

Without a module: everything from nothing, and the verdict. With modules, or with `--again`: their
mutants, or those that were not killed, are tried again and the others stand, for work on tests.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from tests.mutation.judging import (
    HIGHEST_SHARE,
    change_of,
    fates,
    forget_survivors,
    known_survivors,
    table,
)
from tests.mutation.staging import ROOT, STAGE, clear, stage

LOG = STAGE / "mutmut.log"
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONPATH": "",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # those that are needed are named: loading takes time
}


def main() -> int:
    """0 if few enough survive and all of them are known, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="of rules/, without .py")
    parser.add_argument("--children", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--again", action="store_true", help="only what was not killed before")
    parser.add_argument("--judge-only", action="store_true", help="go by the last run")
    arguments = parser.parse_args()
    if arguments.modules and not (chosen := chosen_modules(arguments.modules)):
        parser.error(f"rules/ has no module {' or '.join(arguments.modules)}")
    arguments.modules = chosen if arguments.modules else []
    if not arguments.judge_only and not run(arguments):
        return 1
    return judge(arguments.modules or every_module())


def every_module() -> list[str]:
    """The modules of `rules/`, as `listing/holes`."""
    rules = ROOT / "rules"
    files = (file for file in rules.rglob("*.py") if file.stem != "__init__")
    return sorted(file.relative_to(rules).with_suffix("").as_posix() for file in files)


def chosen_modules(given: list[str]) -> list[str]:
    """Those that were named, with or without their room: `holes`, or `listing/holes`."""
    return [each for each in every_module() if {each, each.rpartition("/")[2]} & {*given}]


def run(arguments: argparse.Namespace) -> bool:
    """Have mutmut try the mutants; whether it could."""
    if arguments.modules or arguments.again:
        # Which test reaches which function is asked again: tests may have changed.
        (STAGE / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    else:
        clear()
    if arguments.again:
        forget_survivors(STAGE, arguments.modules or every_module())
    stage()
    patterns = (
        []
        if arguments.again
        else [f"rules.{module.replace('/', '.')}.*" for module in arguments.modules]
    )
    print(f"mutmut is at work; how far it is stands in {LOG}", flush=True)
    with LOG.open("w") as log:
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "mutmut", "run", f"--max-children={arguments.children}"),
                *patterns,
            ],
            cwd=STAGE,
            env={**os.environ, **ENVIRONMENT},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    if ended.returncode != 0:
        print(LOG.read_text()[-5000:], file=sys.stderr)
    return ended.returncode == 0


def judge(modules: list[str]) -> int:
    """Print the figures and the survivors that nobody has explained; the exit status."""
    found = fates(STAGE, modules)
    print(table(found))
    known = known_survivors()
    survivors = [change_of(fate, STAGE) for fate in found if fate.survived]
    unexplained = [change for change in survivors if change not in known]
    for change in unexplained:
        print(f"\n# survived, and tests/mutation/survivors.toml does not say why:\n{change}")
    for change in set(known) - set(survivors):
        if change.file in {f"rules/{module}.py" for module in modules}:
            print(f"\n# in survivors.toml, but no longer a survivor:\n{change}")
    share = len(survivors) / max(1, len(found))
    print(f"\n{len(survivors)} of {len(found)} mutants survive: {share:.1%}", end="")
    print(f" (at most {HIGHEST_SHARE:.0%} may), {len(unexplained)} without a reason")
    return int(bool(unexplained) or share > HIGHEST_SHARE or not found)
