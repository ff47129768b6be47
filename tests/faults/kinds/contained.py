"""29: what a container has around it: a secret that is mounted, no home, a user of no passwd."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from control.protocol import StartRunBody
from tests.faults.inside import SHORT_PAUSES
from tests.faults.kinds.strangers import IS_ROOT, NOT_TRIED, open_folder
from tests.faults.programme import fault
from tests.faults.trial import Trial
from tests.odd import NOT_LISTED

USAGE = 2
VERBS = ("check --offline", "status", "products", "runs", "--help", "man", "problems list")


@fault(29, "a mounted secret that changes its target", latency_seconds=0.01, tests=70)
def secret_changes(trial: Trial) -> None:
    """A link to a link to a folder, which is put in another's place in one step, as kubelet does.

    While the place is empty a reload is refused, and the daemon goes on with what it has.
    """
    mounted = _Mounted(trial.home.folder / "secrets", trial.simulator.token)
    trial.home.settings["TESTIO_CUSTOMER_API_TOKEN_FILE"] = str(mounted.file)
    daemon = trial.daemon(inside=SHORT_PAUSES)
    new = f"another-token-{trial.dice.randrange(10**9)}"
    run_id = trial.control.start_run(StartRunBody(force=True)).run_id
    assert run_id is not None
    trial.simulator.forget_requests()
    number = trial.dice.randrange(1, 8)
    trial.wait_for(lambda: len(trial.simulator.requests()) >= number, "so many requests")
    mounted.turn(new)
    trial.simulator.set_token(new)
    run = trial.ended(run_id)
    assert run.status in ("failed", "partial"), run
    if trial.dice.random() < 0.5:
        with mounted.away():
            trial.finish(trial.start("reload"), USAGE)
        assert trial.home.answers()
        trial.saw("a reload while it leads nowhere: status 2")
    if trial.dice.random() < 0.5:
        trial.finish(trial.start("reload"))
    else:
        daemon.signal(signal.SIGHUP)
        reloads = "SELECT count(*) FROM sync_events WHERE event = 'reloaded'"
        trial.wait_for(lambda: trial.home.sql(reloads) != [(0,)], "the reload")
    run = trial.run(force=True)
    assert run.status == "success", run
    trial.others_are_fresh(run)
    trial.saw("the new one by reload or SIGHUP: fresh in the next run")


@fault(29, "no HOME, and a user of no passwd")
def no_home(trial: Trial) -> None:
    """With its paths set, nothing looks for a home; the mirror is that user's."""
    if not IS_ROOT:
        trial.sync()
        trial.saw(NOT_TRIED)
        return
    trial.home.folder = trial.afterwards.enter_context(open_folder())
    os.chown(trial.home.folder, NOT_LISTED, NOT_LISTED)
    trial.inside = "tests.odd:without HOME;tests.odd:become"
    trial.daemon()
    chosen = VERBS if trial.is_long else trial.dice.sample(VERBS, 2)
    for verb in chosen:
        trial.finish(trial.start(*verb.split()), 0)
    trial.sync("--force")
    owners = {path.stat().st_uid for path in trial.home.folder.rglob("*")}
    assert owners == {NOT_LISTED}, owners
    trial.saw("a daemon, a sync by it, and readers: as elsewhere")


class _Mounted:
    """A secret as kubelet mounts it: `token` → `..data/token`, `..data` → a dated folder."""

    def __init__(self, folder: Path, token: str) -> None:
        folder.mkdir()
        self.file, self._data, self._turns = folder / "token", folder / "..data", 0
        self.turn(token)
        self.file.symlink_to(Path("..data") / "token")

    def turn(self, token: str) -> None:
        """Another folder in one step; the old one goes."""
        old = self._data.resolve() if self._data.is_symlink() else None
        self._turns += 1
        new = self._data.with_name(f"..2026_{self._turns}")
        new.mkdir()
        secret = new / "token"
        secret.write_text(token)
        secret.chmod(0o444 if IS_ROOT else 0o400)
        link = self._data.with_name("..data_tmp")
        link.symlink_to(new.name)
        link.replace(self._data)
        if old is not None:
            shutil.rmtree(old)

    @contextmanager
    def away(self) -> Iterator[None]:
        """`..data` leads nowhere, until the end of the block."""
        target = os.readlink(self._data)
        self._data.unlink()
        try:
            yield
        finally:
            self._data.symlink_to(target)
