"""28: a database is the file, whichever path leads to it."""

from __future__ import annotations

import os
from pathlib import Path

from tests.faults.kinds.rivals import one_wrote_at_a_time
from tests.faults.programme import fault
from tests.faults.trial import Trial

BUSY, DATABASE = 4, 6
IS_ROOT = os.geteuid() == 0
LINKS = 3


@fault(28, "one database by symbolic links, from several processes", latency_seconds=0.005)
def by_links(trial: Trial) -> None:
    """Syncs at once take turns, there is one daemon, and all that belongs to it is in one place."""
    links = _chain(trial, LINKS)
    paths = [trial.home.database, *links]
    trial.dice.shuffle(paths)
    for sync in [trial.start("sync", "--db", str(path)) for path in paths[:2]]:
        trial.finish(sync)
    one_wrote_at_a_time(trial, daemons=0)
    trial.daemon("--db", str(paths[0]))
    for words, status in (("run", BUSY), ("sync", 0), ("sync --force", 0), ("status", 0)):
        path = trial.dice.choice(paths[1:])
        trial.finish(trial.start(*words.split(), "--db", str(path)), status)
    trial.quiet()
    one_wrote_at_a_time(trial, daemons=1)
    beside = sorted(path.name for path in links[0].parent.iterdir())
    assert beside == sorted(link.name for link in links), f"beside the links: {beside}"
    statuses = trial.home.sql("SELECT DISTINCT status FROM sync_runs")
    assert statuses == [("success",)], statuses
    trial.saw("syncs one after the other; a second daemon refused with status 4")


@fault(28, "a hard link to the database, and a file mounted over another")
def refused_paths(trial: Trial) -> None:
    """Refused by every path, with the reason, before anything is asked; then it goes on."""
    trial.sync()
    other = trial.home.folder / "other.db"
    with_daemon = trial.dice.random() < 0.5
    os.link(trial.home.database, other)
    trial.simulator.forget_requests()
    for path in (other, trial.home.database):
        ended = trial.finish(trial.start("sync", "--db", str(path)), DATABASE)
        assert "2 hard links" in ended.log.text, ended.log.text
    other.unlink()
    trial.saw("a hard link: status 6 by each path")
    if with_daemon:
        trial.daemon()
    if IS_ROOT:
        other.touch()
        trial.simulator.forget_requests()
        inside = f"tests.odd:mounted_over {trial.home.database} {other}"
        ended = trial.finish(trial.start("sync", "--db", str(other), inside=inside), DATABASE)
        assert "is itself a mount point" in ended.log.text, ended.log.text
        other.unlink()
        trial.saw("a mounted file: status 6")
    else:
        trial.saw("a mounted file not tried: needs root")
    assert not trial.simulator.requests(), "something was asked"
    left = [path.name for path in trial.home.folder.glob("other.db*")]
    assert not left, f"beside the path that was refused: {left}"


def _chain(trial: Trial, number: int) -> list[Path]:
    """Links in another folder, each to the one before it, the first to the database."""
    folder = trial.home.folder / "elsewhere"
    folder.mkdir()
    links: list[Path] = []
    for nth in range(number):
        link = folder / f"link-{nth}.db"
        link.symlink_to(links[-1] if links else trial.home.database)
        links.append(link)
    return links
