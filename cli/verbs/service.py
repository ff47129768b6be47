"""Run the daemon as a service of systemd: install it, remove it, or show its unit."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from config.places import impossible
from service.systemd.installation import (
    Machine,
    data_folder,
    install_steps,
    missing_settings,
    take,
    uninstall_steps,
)
from service.systemd.unit_text import ACCOUNT, InstallPaths, system_place, unit_text, user_place

EXAMPLES = """\
  testio-sync service install --user --dry-run    # what would be done
  testio-sync service install --user --now        # a service of your own, started at once
  sudo /opt/testio-sync/bin/testio-sync service install
  testio-sync service show > testio-sync.service
  testio-sync service uninstall --user            # the data stays
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions of `testio-sync service`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    install = _add(actions, "install", "write the unit and make it known to systemd")
    install.add_argument("--now", action="store_true", help="enable the service and start it")
    install.add_argument(
        "--force", action="store_true", help="replace a unit that differs; the old one is kept"
    )
    uninstall = _add(actions, "uninstall", "stop and remove the service; its data stays")
    for action in (install, uninstall):
        action.add_argument("--dry-run", action="store_true", help="print what would be done")
    _add(actions, "show", "print the unit that install writes")


def _add(actions: Any, name: str, what: str) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(
        name, help=what, description=what, allow_abbrev=False
    )
    action.add_argument("--user", action="store_true", help="a service of yours, not the system's")
    action.add_argument(
        "--config",
        type=_file,
        metavar="FILE",
        help="the service's settings, a TOML file (/etc/testio-sync/config.toml, written if there "
        "is none; with --user ~/.config/testio-sync/config.toml, as init writes it)",
    )
    return action


def _file(text: str) -> Path:
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"{text}: that user has no home folder") from error
    if (flaw := impossible(path)) is not None:
        raise argparse.ArgumentTypeError(f"{path} can be no file's path: {flaw}; name another one")
    return path


def main(arguments: argparse.Namespace) -> int:
    """Do what was asked for, or say what would be done."""
    place = (user_place if arguments.user else system_place)(arguments.config)
    machine = Machine.this()
    if arguments.action == "show":
        return _show(place, machine)
    if arguments.action == "uninstall":
        return _uninstall(place, machine, dry_run=arguments.dry_run)
    return _install(place, machine, arguments)


def _show(place: InstallPaths, machine: Machine) -> int:
    wanted, present = unit_text(place, machine.program), machine.text(place.unit)
    state = {None: "not installed", wanted: "installed just so"}.get(present, "installed otherwise")
    print(wanted, end="")
    print(f"{place.unit}: {state}", file=sys.stderr)
    return 0


def _install(place: InstallPaths, machine: Machine, arguments: argparse.Namespace) -> int:
    steps = install_steps(place, machine, force=arguments.force, now=arguments.now)
    if arguments.dry_run:
        for step in steps:
            print(f"would {step.words}")
    else:
        take(steps, place, machine, print)
    _print_unseen(place)
    if not arguments.now:
        _print_next(place, missing=missing_settings(place, machine))
    return 0


def _print_unseen(place: InstallPaths) -> None:
    """A service does not see the environment of the shell that installed it."""
    from config.settings import names

    unseen = sorted(name for name in names().values() if name in os.environ)
    if unseen:
        print(f"note: the service does not see {', '.join(unseen)} of this shell's environment;")
        token = "" if place.token is None else f", the token into {place.token}"
        print(f"      what it needs belongs into {place.config}{token}")


def _print_next(place: InstallPaths, *, missing: str | None) -> None:
    sudo, user = ("", " --user") if place.user else ("sudo ", "")
    print("next:")
    if missing:
        print(f"  {missing}")
    print(f"  {sudo}systemctl{user} enable --now testio-sync")
    print(f"  systemctl{user} status testio-sync")
    if place.user:
        print("  loginctl enable-linger    # so that it runs while you are not logged in")


def _uninstall(place: InstallPaths, machine: Machine, *, dry_run: bool) -> int:
    steps = uninstall_steps(place, machine)
    if not steps:
        print(f"not installed: there is no {place.unit}")
        return 0
    left = data_folder(place, machine)
    if dry_run:
        for step in steps:
            print(f"would {step.words}")
    else:
        take(steps, place, machine, print)
    print(f"the database stays in {left}, the settings in {place.config}; delete them yourself")
    if not place.user:
        print(f"the user {ACCOUNT} stays too: sudo userdel {ACCOUNT}")
    return 0
