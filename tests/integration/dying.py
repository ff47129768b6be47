"""A rebuild that is killed, in a process of its own.

Named in `tests.launcher.launch(..., inside="tests.integration.dying:NAME ARGUMENTS")`.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from config.loading import load_settings
from config.settings import Settings
from service.checkup.rebuild import open_damaged
from tests.launcher import launch


def settings_of(path: Path, url: str) -> Settings:
    """Of a mirror at `path` of the account at `url`."""
    given = {"TESTIO_DB_PATH": str(path), "TESTIO_CUSTOMER_API_BASE_URL": url}
    return load_settings(flags=given, config_file=None, env_file=None)


def kill_a_rebuild(path: Path, url: str, renames: int) -> None:
    """Rebuild in a process that is killed before its rename with this number, from 0, if any."""
    process = launch(
        ["rebuild"],
        env=os.environ,
        cwd=path.parent,
        stdin=subprocess.DEVNULL,
        inside=f"{__name__}:rebuild_and_die {path} {url} {renames}",
    )
    _, said = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL, said


def rebuild_and_die(path: str, url: str, renames: str) -> None:
    """What that process does."""
    left, rename = int(renames), Path.rename

    def dying(self: Path, target: Path) -> Path:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return rename(self, target)

    Path.rename = dying  # type: ignore[method-assign, assignment]
    with open_damaged(settings_of(Path(path), url), force=False) as found:
        found.rebuild(dry_run=False)
    os.kill(os.getpid(), signal.SIGKILL)
