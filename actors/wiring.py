"""Who is in the system, where each is reached, and how each is made."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import cast

from actors.base import Address
from actors.coordinator import Coordinator
from actors.event_log import EventLog
from actors.event_queue import EventQueue, RunResults
from actors.features_phase import FeaturesPhase
from actors.logger import Logger
from actors.messages import Ref
from actors.mirror_writer import MirrorWriter
from actors.new_tests_phase import NewTestsPhase
from actors.phase import PhaseActor
from actors.ports import Ports
from actors.product_worker import ProductWorker
from actors.products_phase import ProductsPhase
from actors.runs_taken_on import RunsTakenOn
from actors.scheduler import Scheduler
from actors.worker_activity import WorkerActivity
from rules.model import SyncPhase
from rules.run.schedule import Schedule

PHASES: dict[SyncPhase, type[PhaseActor]] = {
    SyncPhase.PRODUCTS: ProductsPhase,
    SyncPhase.FEATURES: FeaturesPhase,
    SyncPhase.NEW_TESTS: NewTestsPhase,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """The addresses of every role, and what outlives their actors: events, results, activity."""

    ports: Ports
    supervisor: Address
    scheduler: Address
    coordinator: Address
    phases: dict[SyncPhase, Address]
    workers: list[Address]
    mirror: Address
    logger: Address
    event_queue: EventQueue
    results: RunResults = field(default_factory=RunResults)
    work: WorkerActivity = field(default_factory=WorkerActivity)
    run_ids: Iterator[int]
    attempts: Iterator[int]

    @classmethod
    def of(cls, ports: Ports) -> Wiring:
        """Addresses with nobody behind them yet."""
        logger = Address("logger")
        return cls(
            ports=ports,
            supervisor=Address("supervisor"),
            scheduler=Address("scheduler"),
            coordinator=Address("coordinator"),
            phases={phase: Address(f"{phase.value}-phase") for phase in SyncPhase},
            workers=[Address(f"worker-{n + 1}") for n in range(ports.workers)],
            mirror=Address("mirror"),
            logger=logger,
            event_queue=EventQueue(logger, EventLog(ports.product_name)),
            run_ids=itertools.count(ports.next_run_id),
            attempts=itertools.count(1),
        )

    @property
    def worker_index(self) -> dict[str, int]:
        """The number of each worker, by its role."""
        return {address.role: index for index, address in enumerate(self.workers)}

    def add_worker(self) -> tuple[int, Address, Callable[[], Ref]]:
        """One address more, with nobody behind it yet: its number, itself, and how it is filled.

        Called by the Supervisor; the phases look at the same list.
        """
        address = Address(f"worker-{len(self.workers) + 1}")
        self.workers.append(address)
        return len(self.workers) - 1, address, lambda: self._worker(address.role)

    @property
    def everyone(self) -> tuple[Address, ...]:
        """Every role there can be, the Supervisor included."""
        return (self.supervisor, self.scheduler, *self.crew, self.mirror, self.logger)

    def mailboxes(self) -> dict[str, int]:
        """How many messages wait for each actor that is there."""
        return {
            address.role: cast("SimpleQueue[object]", ref.actor_inbox).qsize()
            for address in self.everyone
            if (ref := address.ref) is not None
        }

    def missing(self) -> dict[str, str]:
        """The roles that nobody could be started for, and why."""
        found = ((address.role, address.missing_because) for address in self.everyone)
        return {role: because for role, because in found if because is not None}

    @property
    def crew(self) -> tuple[Address, ...]:
        """All that works for a run and is replaced together: Coordinator, phases, workers."""
        return (*self.workers, *self.phases.values(), self.coordinator)

    def makers(
        self, *, schedule: Callable[[], Schedule], taken_on: Callable[[], RunsTakenOn]
    ) -> dict[str, Callable[[], Ref]]:
        """How to start the actor of each role, in the order of their dependencies."""
        makers: dict[str, Callable[[], Ref]] = {
            "logger": self._logger,
            "mirror": self._mirror,
        }
        for address in self.workers:
            makers[address.role] = lambda role=address.role: self._worker(role)  # type: ignore[misc]
        for phase, address in self.phases.items():
            makers[address.role] = lambda phase=phase: self._phase(phase)  # type: ignore[misc]
        makers["coordinator"] = lambda: self._coordinator(taken_on())
        if self.ports.schedule is not None:
            makers["scheduler"] = lambda: self._scheduler(schedule())
        return makers

    def _logger(self) -> Ref:
        return Logger.start(
            supervisor=self.supervisor,
            coordinator=self.coordinator,
            event_queue=self.event_queue,
            results=self.results,
            store=self.ports.events,
        )

    def _mirror(self) -> Ref:
        return MirrorWriter.start(
            supervisor=self.supervisor,
            store=self.ports.mirror,
            fresh=self.ports.fresh,
            account=self.ports.account,
            clock=self.ports.clock,
        )

    def _worker(self, role: str) -> Ref:
        return ProductWorker.start(
            role=role,
            supervisor=self.supervisor,
            mirror=self.mirror,
            client=self.ports.client,
            queries=self.ports.queries,
            account=self.ports.account,
            clock=self.ports.clock,
            activity=self.work,
        )

    def _phase(self, phase: SyncPhase) -> Ref:
        return PHASES[phase].start(
            supervisor=self.supervisor,
            coordinator=self.coordinator,
            workers=self.workers,
            event_queue=self.event_queue,
            queries=self.ports.queries,
            clock=self.ports.clock,
            attempts=self.attempts,
        )

    def _coordinator(self, taken_on: RunsTakenOn) -> Ref:
        return Coordinator.start(
            supervisor=self.supervisor,
            phases=self.phases,
            mirror=self.mirror,
            event_queue=self.event_queue,
            clock=self.ports.clock,
            taken_on=taken_on,
            run_ids=self.run_ids,
            tick_request=self.ports.tick_request,
        )

    def _scheduler(self, schedule: Schedule) -> Ref:
        assert self.ports.schedule is not None
        return Scheduler.start(
            supervisor=self.supervisor,
            coordinator=self.coordinator,
            event_queue=self.event_queue,
            clock=self.ports.clock,
            schedule=schedule,
            jitter=self.ports.schedule.jitter,
        )
