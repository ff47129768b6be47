"""How each message of the actors is brought about from outside, so that one can crash at it.

`HOW` has an entry for each pair of a role and a message that the actors' types allow.
"""

from __future__ import annotations

import sqlite3
import typing
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from actors import messages as said
from actors.coordinator import Coordinator
from actors.logger import Logger
from actors.mirror_writer import MirrorWriter
from actors.product_worker import ProductWorker
from actors.scheduler import Scheduler
from actors.supervisor import Supervisor
from actors.wiring import PHASES
from control.errors import ControlError, NoDaemon
from control.protocol import StartRunBody
from rules.model import SyncPhase
from tests.faults.trial import Trial

Provoke = Callable[[Trial, Path], None]
Pair = tuple[str, str]

ACTORS: dict[str, type] = {
    "scheduler": Scheduler,
    "coordinator": Coordinator,
    **{f"{phase.value}-phase": actor for phase, actor in PHASES.items()},
    "worker": ProductWorker,
    "mirror": MirrorWriter,
    "logger": Logger,
    "supervisor": Supervisor,
}


def pairs() -> list[Pair]:
    """Every role with every message that its `handle` takes."""
    found = []
    for role, actor in ACTORS.items():
        taken = typing.get_type_hints(actor.handle)["message"]  # type: ignore[attr-defined]
        found += [(role, message.__name__) for message in typing.get_args(taken)]
    return found


# -- ways --------------------------------------------------------------------------------------


@contextmanager
def refusals() -> Iterator[None]:
    """Who asks one that crashes is told to try again."""
    with suppress(ControlError):
        yield


def at_start(_trial: Trial, _armed: Path) -> None:
    """It comes by itself when the daemon starts."""


def at_stop(trial: Trial, _armed: Path) -> None:
    """In the middle of a run."""
    with trial.hit(kind="hang"):
        trial.control.start_run(StartRunBody(force=True))
        trial.wait_for(lambda: bool(trial.control.status().workers), "a worker at work")
        trial.unwatch()
        with suppress(NoDaemon):
            trial.control.drain()
        assert trial.daemon_process is not None
        trial.daemon_process.wait()


def by_run(trial: Trial, _armed: Path) -> None:
    """Any run brings it about."""
    with refusals():
        trial.run(force=True)


def by_some_run(trial: Trial, armed: Path) -> None:
    """The same, or one that builds the mirror anew."""
    if trial.dice.random() < 0.3:
        with refusals():
            trial.run(nuke=True)
    else:
        by_run(trial, armed)


def by_fresh_start(trial: Trial, _armed: Path) -> None:
    """A mirror built anew."""
    trial.run(nuke=True)


def by_failing_fresh_start(trial: Trial, _armed: Path) -> None:
    """One that is given up, because a product cannot be read."""
    with _failing_products(trial):
        trial.run(nuke=True)


def by_failing(trial: Trial, _armed: Path) -> None:
    """One product cannot be read, whatever the phase asks for."""
    with _failing_products(trial):
        trial.run(force=True)


def by_failing_list(trial: Trial, _armed: Path) -> None:
    """The list of products cannot be read."""
    with trial.hit(kind="status", status=404, path="/products"):
        trial.run(force=True)


@contextmanager
def _failing_products(trial: Trial) -> Iterator[None]:
    product_id = trial.dice.choice(trial.products())
    with trial.hit(kind="status", status=404, product_id=product_id):
        yield


def by_cancel(trial: Trial, _armed: Path) -> None:
    """An operator cancels a run at work."""
    with _hanging(trial) as run_id:
        with refusals():
            trial.control.cancel()
        trial.ended(run_id)


def by_cancel_product(trial: Trial, _armed: Path) -> None:
    """An operator leaves out a product that hangs."""
    product_id = trial.dice.choice(trial.products())
    with trial.hit(kind="hang", product_id=product_id):
        run_id = _begin(trial)
        with refusals():
            trial.control.cancel_product(product_id)
        # One that crashed before it acted on this has left the product hanging.
        with refusals():
            trial.control.cancel()
        trial.ended(run_id)


@contextmanager
def _hanging(trial: Trial) -> Iterator[int]:
    with trial.hit(kind="hang", product_id=trial.dice.choice(trial.products())):
        yield _begin(trial)


def _begin(trial: Trial) -> int:
    """A run that comes to a product that hangs."""
    reply = trial.control.start_run(StartRunBody(force=True))
    assert reply.run_id is not None, reply
    trial.wait_for(
        lambda: any(
            each.phase.value != "products" and each.quiet_seconds > 0.05
            for each in trial.control.status().workers
        ),
        "a worker that hangs",
    )
    return reply.run_id


def by_pause(trial: Trial, _armed: Path) -> None:
    """And on again."""
    with refusals():
        trial.control.pause()
    with refusals():
        trial.control.resume()


def by_tick(trial: Trial, armed: Path) -> None:
    """A periodic run."""
    trial.control.set_interval(1)
    trial.wait_for(lambda: not armed.exists(), "a tick")
    trial.control.set_interval(None)


def by_interval(trial: Trial, _armed: Path) -> None:
    """Another interval, and the old one again."""
    with refusals():
        trial.control.set_interval(3600)
    trial.control.set_interval(None)


def by_more_workers(trial: Trial, _armed: Path) -> None:
    """One more than there were."""
    with refusals():
        trial.control.set_concurrency(len(trial.control.status().mailboxes))
    with refusals():
        trial.control.set_concurrency(None)


def by_asking(trial: Trial, _armed: Path) -> None:
    """Somebody looks."""
    with refusals():
        trial.control.status()
    with refusals():
        trial.control.health()


def by_locked_file(trial: Trial, armed: Path) -> None:
    """The run is cancelled while its pages wait, because somebody else writes in the database.

    One product answers late: its page comes while those of the others are being written.
    """
    late = trial.dice.choice(trial.products())
    with (
        trial.hit(kind="slow", seconds=1.0, product_id=late),
        closing(sqlite3.connect(trial.home.database, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        trial.control.start_run(StartRunBody(force=True, phases=[SyncPhase.FEATURES]))
        trial.wait_for(lambda: trial.control.status().mailboxes["mirror"] > 0, "pages that wait")
        trial.control.cancel()
        other.execute("ROLLBACK")
    trial.wait_for(lambda: not armed.exists(), "a page that is refused")


def waiting(trial: Trial, armed: Path) -> None:
    """It comes by itself, every other moment."""
    trial.wait_for(lambda: not armed.exists(), "the message")


# -- which -------------------------------------------------------------------------------------

BY_RUN = (
    said.StartRun,
    said.PhaseStarted,
    said.ProductSynced,
    said.PhaseFinished,
    said.RunRecorded,
    said.RunPhase,
    said.SyncProduct,
    said.JoinReadAhead,
    said.PageStored,
    said.StorePage,
    said.Flush,
    said.WorkerReplaced,
    said.ActorCrashed,
    said.MirrorLost,
)
HOW: dict[type, Provoke] = {
    **dict.fromkeys(BY_RUN, by_run),
    said.Ping: at_start,
    said.StartAll: at_start,
    said.Begin: at_start,
    said.Beat: waiting,
    said.Pause: by_pause,
    said.Resume: by_pause,
    said.ScheduleChanged: by_pause,
    said.SetInterval: by_interval,
    said.GetSchedule: by_asking,
    said.GetStatus: by_asking,
    said.Tick: by_tick,
    said.CancelRun: by_cancel,
    said.EndPhase: by_cancel,
    said.CancelProduct: by_cancel_product,
    said.DropProduct: by_cancel_product,
    said.Drain: at_stop,
    said.StopAll: at_stop,
    said.ProductFailed: by_failing,
    said.PageRefused: by_locked_file,
    said.AdoptFresh: by_fresh_start,
    said.FreshAdopted: by_fresh_start,
    said.DropFresh: by_failing_fresh_start,
    said.EmployWorkers: by_more_workers,
    said.WorkerAdded: by_more_workers,
}
BUT: dict[Pair, Provoke] = {
    ("products-phase", "ProductFailed"): by_failing_list,
    ("supervisor", "Ping"): by_asking,
    ("logger", "Ping"): by_asking,
}
FIRST: dict[str, Pair] = {
    "WorkerReplaced": ("worker", "SyncProduct"),
    "ActorCrashed": ("worker", "SyncProduct"),
    "MirrorLost": ("mirror", "StorePage"),
}
"""What has to crash before, so that there is such a message."""


def how(pair: Pair) -> Provoke:
    """How one is brought about. Raises KeyError for a message that is not thought of here."""
    by_name = {message.__name__: provoke for message, provoke in HOW.items()}
    provoke = BUT.get(pair) or by_name[pair[1]]
    costs_the_run = pair[0] != "worker" and pair[1] not in FIRST
    return by_some_run if provoke is by_run and costs_the_run else provoke
