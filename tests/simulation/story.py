"""What was heard in one life, and what is looked at while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.messages import SetInterval, StopReport, Tick
from rules.model import ErrorKind, Kind, Outcome, RunRequest, SyncPhase
from rules.run.events import Entry, EventName, RunClosed, RunOpened, SyncEvent
from rules.run.outcome import END_THE_RUN
from tests.simulation.world import EventsInMemory, FreshInMemory, MirrorInMemory, World


@dataclass
class Run:
    """One run, as the log tells of it. `opened` and `closed` are places in the log.

    `late`: what was written of it behind its end.
    """

    id: int
    opened: int | None = None
    closed: int | None = None
    events: list[SyncEvent] = field(default_factory=list)
    late: list[SyncEvent] = field(default_factory=list)
    request: RunRequest | None = None
    end: RunClosed | None = None

    def of(self, *wanted: EventName) -> list[SyncEvent]:
        """Its events of these names."""
        return [event for event in self.events if event.event in wanted]

    def complete(self) -> dict[SyncPhase, set[int]]:
        """The products that it calls complete, phase by phase."""
        found: dict[SyncPhase, set[int]] = {}
        for event in self.of(EventName.PRODUCT_SYNCED):
            if event.phase is not None and event.outcome is Outcome.COMPLETE:
                found.setdefault(event.phase, set()).add(event.product_id or 0)
        return found

    def crashed(self) -> bool:
        """Whether it was ended from outside, because what carried it had died."""
        errors = () if self.end is None else self.end.result.errors
        return any(
            problem.kind is ErrorKind.CRASHED and problem.product_id is None for problem in errors
        )

    def was_cut(self, product_id: int | None) -> bool:
        """Whether the run, or this product of it, was cancelled, or the run had ended."""
        asked = self.of(EventName.RUN_CANCEL_REQUESTED)
        named = [event.detail.get("product") for event in asked]
        ends = any(
            event.problem is not None and event.problem.kind in END_THE_RUN for event in self.events
        )
        return None in named or product_id in named or ends or self.crashed()


@dataclass
class Story:
    """Everything that the checks look at."""

    world: World
    mirror: MirrorInMemory
    fresh: FreshInMemory
    events: EventsInMemory
    has_stalls: bool
    was_verified: bool
    is_ours: bool
    heard: list[tuple[float, Entry]] = field(default_factory=list)
    published: list[RunClosed] = field(default_factory=list)
    told_at: dict[int, float] = field(default_factory=dict)
    gave_up: bool = False
    came_to_rest: bool = False
    stopped: StopReport | None = None
    ticks: int = 0
    intervals: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world.machine.observers.append(self._observe)

    def _observe(self, name: str, message: object) -> None:
        if isinstance(message, Tick):
            self.ticks += 1
        elif isinstance(message, SetInterval):
            self.intervals.append(message.seconds)

    @property
    def stopped_early(self) -> bool:
        """Whether the daemon was stopped in the middle of things."""
        return not self.came_to_rest

    @property
    def stopped_well(self) -> bool:
        """Whether the stop came to its end, with all that was recorded on disk."""
        left = self.stopped
        return left is not None and not left.unwritten and "supervisor" not in left.abandoned

    def always_listed(self) -> set[int]:
        """The products that every list has shown, usable in each."""
        lists = self.mirror.product_lists + self.fresh.product_lists
        return set.intersection(*lists) if lists else set()

    def crashed(self, *roles: str) -> bool:
        """Whether an actor of such a role has crashed."""
        found = self.of(EventName.ACTOR_CRASHED)
        return any(str(event.detail["role"]).startswith(roles) for event in found)

    @property
    def crashes_heard(self) -> bool:
        """Whether any actor has crashed so far, written or not."""
        return any(
            isinstance(entry, SyncEvent) and entry.event is EventName.ACTOR_CRASHED
            for _, entry in self.heard
        )

    @property
    def crew_crashed(self) -> bool:
        """Whether all that works for a run was replaced."""
        return self.crashed("coordinator", *(f"{phase.value}-phase" for phase in SyncPhase))

    def time_of(self, entry: Entry) -> float:
        """When it was recorded."""
        return next(at for at, heard in self.heard if heard is entry)

    def interval(self, first: float) -> float:
        """The interval that was set last."""
        return self.intervals[-1] if self.intervals else first

    def hear(self, entry: Entry) -> None:
        """Called as an entry is recorded."""
        machine = self.world.machine
        self.heard.append((machine.now, entry))
        machine.note(entry)
        if isinstance(entry, SyncEvent) and entry.outcome is Outcome.COMPLETE:
            self._is_complete(entry)

    def hear_of_end(self, end: RunClosed) -> None:
        """Called as somebody who waits is told of a run's end."""
        self.published.append(end)
        self.told_at[id(end)] = self.world.machine.now

    def open_runs(self) -> set[int]:
        """The runs that have begun and whose end is not on disk."""
        began = {entry.run_id for _, entry in self.heard if isinstance(entry, RunOpened)}
        return began - {e.result.run_id for e in self.log if isinstance(e, RunClosed)}

    def _is_complete(self, event: SyncEvent) -> None:
        """A product that is said to be complete is in the mirror, or built beside it."""
        if event.product_id is None or event.run_id is None or event.phase is None:
            return
        key = (event.phase.kind, event.product_id)
        stored = {
            id_ for place in (self.mirror, self.fresh) for id_ in place.ids(event.run_id, *key)
        }
        missing = set(self.world.lists[key]) - stored
        if missing:
            self.world.machine.fail(
                f"{event.phase.value} of {event.product_id} is said to be complete in run "
                f"{event.run_id}; {len(missing)} rows were not stored"
            )

    @property
    def log(self) -> Sequence[Entry]:
        """What was written, in order."""
        return self.events.entries

    def runs(self) -> dict[int, Run]:
        """What was written, run by run."""
        runs: dict[int, Run] = {}
        for place, entry in enumerate(self.log):
            if isinstance(entry, RunOpened):
                run = runs.setdefault(entry.run_id, Run(entry.run_id))
                assert run.opened is None, f"run {run.id} has begun twice"
                run.opened, run.request = place, entry.request
            elif isinstance(entry, RunClosed):
                run = runs.setdefault(entry.result.run_id, Run(entry.result.run_id))
                assert run.closed is None, f"run {run.id} has ended twice"
                run.closed, run.end = place, entry
                run.request = run.request or entry.request
            elif entry.run_id is not None:
                run = runs.setdefault(entry.run_id, Run(entry.run_id))
                (run.events if run.closed is None else run.late).append(entry)
        return runs

    def of(self, *names: EventName) -> list[SyncEvent]:
        """The written events of these names."""
        return [e for e in self.log if isinstance(e, SyncEvent) and e.event in names]

    def in_scope(self, run: Run, phase: SyncPhase) -> set[int]:
        """The products that a phase of a run is about, if it knows all of the account's."""
        assert run.request is not None
        if phase is SyncPhase.PRODUCTS:
            return {0}
        wanted = run.request.scope.product_ids
        return set(self.world.sizes) if wanted is None else set(wanted)

    def stored_in_full(self, run: Run, phase: SyncPhase, product_id: int) -> bool:
        """Whether all of a list is in the mirror by this run."""
        key: tuple[Kind, int] = (phase.kind, product_id)
        return self.mirror.ids(run.id, *key) >= set(self.world.lists.get(key, ()))
