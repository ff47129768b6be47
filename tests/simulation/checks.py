"""What must hold at the end of a life, whatever has happened in it. A function a rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from rules.model import ErrorKind, Outcome, RunStatus, SyncPhase, Trigger, in_order
from rules.run.events import EventName, RunClosed, RunOpened, SyncEvent
from rules.run.outcome import END_THE_RUN
from rules.run.restarts import LIMITS
from tests.simulation.operators import Operators
from tests.simulation.story import Run, Story

PRODUCT_ENDS = (EventName.PRODUCT_SYNCED, EventName.PRODUCT_FAILED, EventName.PRODUCT_SKIPPED)
TICKED = (Trigger.SCHEDULE, Trigger.STARTUP)


def check(story: Story, operators: Operators) -> None:
    """Raises AssertionError with the rule that was broken."""
    for rule in (one_run_at_a_time, what_was_written, ends_are_told_at_once, ticks, restarts):
        rule(story)
    for run in story.runs().values():
        if story.stopped_well:
            assert run.closed is not None, f"run {run.id} has no end"
        for look in OF_A_RUN:
            look(story, run)
    answers(story, operators)


def one_run_at_a_time(story: Story) -> None:
    """A run begins only when the one before has ended."""
    at_work: int | None = None
    for entry in story.log:
        if isinstance(entry, RunOpened):
            assert at_work is None, f"run {entry.run_id} began while {at_work} was at work"
            at_work = entry.run_id
        elif isinstance(entry, RunClosed) and entry.result.run_id == at_work:
            at_work = None


def what_was_written(story: Story) -> None:
    """All that was recorded is written, each once; a second end of a run is left out."""
    heard = Counter(id(entry) for _, entry in story.heard if not isinstance(entry, RunClosed))
    written = Counter(id(entry) for entry in story.log if not isinstance(entry, RunClosed))
    assert story.stopped is not None
    assert written <= heard, "something was written that was not recorded, or twice"
    if story.stopped_well:
        assert written == heard, f"{sum((heard - written).values())} entries were lost"
    ends = [entry for entry in story.log if isinstance(entry, RunClosed)]
    assert story.published[: len(ends)] == ends, "what was published is not what was written"


def ends_are_told_at_once(story: Story) -> None:
    """While the disk is well nobody waits for a beat of the heart to hear of a run's end."""
    trouble = {"slow event", "refused event", "bug before an event is written"}
    if trouble & story.world.weather.seen or story.has_stalls or story.crashed("logger"):
        return
    for end in story.published:
        waited = story.told_at[id(end)] - story.time_of(end)
        assert waited < 0.001, f"the end of run {end.result.run_id} was told {waited} s late"


def ticks(story: Story) -> None:
    """Each tick begins a run, or is written down as skipped; none is lost."""
    if story.stopped_early or story.crew_crashed:
        return
    began = sum(isinstance(e, RunOpened) and e.request.trigger in TICKED for e in story.log)
    skipped = len(story.of(EventName.TICK_SKIPPED))
    assert story.ticks == began + skipped, f"{story.ticks} ticks: {began} runs, {skipped} skipped"


def restarts(story: Story) -> None:
    """The daemon gives up on too many restarts, and on nothing else."""
    times = [
        at
        for at, entry in story.heard
        if isinstance(entry, SyncEvent)
        and entry.event is EventName.ACTOR_CRASHED
        and not str(entry.detail["role"]).startswith("worker")
    ]
    exceeded = any(
        sum(0 <= at - other <= limit.seconds for other in times) > limit.restarts
        for at in times
        for limit in LIMITS
    )
    if not story.has_stalls:
        assert story.gave_up == exceeded, f"gave up: {story.gave_up}; restarts at {times}"
    crashed, replaced = story.of(EventName.ACTOR_CRASHED), story.of(EventName.ACTOR_REPLACED)
    if story.came_to_rest:
        assert len(crashed) == len(replaced), "an actor that crashed was not replaced"


# -- one run -----------------------------------------------------------------------------------


def its_end_is_its_last_word(story: Story, run: Run) -> None:
    """What comes late from an ended run is refused."""
    late = [e for e in run.late if e.event is not EventName.TICK_SKIPPED]
    assert not late, f"run {run.id} had ended, and then came {late[0]}"


def it_ends_as_one_thing(story: Story, run: Run) -> None:
    """One of the final states, with the time that it took."""
    if run.end is None:
        return
    result = run.end.result
    final = {RunStatus.SUCCESS, RunStatus.PARTIAL, RunStatus.FAILED, RunStatus.CANCELLED}
    assert result.status in final, result
    if run.opened is None:
        assert result.status in (RunStatus.FAILED, RunStatus.CANCELLED), result
        assert run.of(EventName.RUN_QUEUED), f"run {run.id} neither waited nor began"
        return
    assert run.closed is not None
    assert run.opened < run.closed, f"run {run.id} ended before it began"
    began, ended = story.time_of(story.log[run.opened]), story.time_of(run.end)
    lasted = ended - began
    slack = 10.0 if story.has_stalls else 0.001
    assert abs(result.duration_seconds - lasted) <= slack, (result.duration_seconds, lasted)


def its_phases_are_in_order(story: Story, run: Run) -> None:
    """Products, features, new tests: one after the other, each ended before the next begins."""
    marks = run.of(EventName.PHASE_STARTED, EventName.PHASE_FINISHED)
    if run.request is None:
        return  # it waited, and its end is not on disk
    wanted = [
        (phase, name)
        for phase in in_order(run.request.phases)
        for name in (EventName.PHASE_STARTED, EventName.PHASE_FINISHED)
    ]
    found = [(mark.phase, mark.event) for mark in marks]
    assert found == wanted[: len(found)], f"run {run.id}: {found}"
    at_work: SyncPhase | None = None
    for event in run.events:
        if event.event is EventName.PHASE_STARTED:
            at_work = event.phase
        elif event.event in PRODUCT_ENDS:
            assert event.phase is at_work, f"run {run.id}: {event} in phase {at_work}"
        elif event.event is EventName.PHASE_FINISHED:
            at_work = None
    ended = Counter((e.phase, e.product_id) for e in run.of(*PRODUCT_ENDS))
    twice = [key for key, count in ended.items() if count > 1]
    assert not twice, f"run {run.id}: ended more than once: {twice}"


def success_is_success(story: Story, run: Run) -> None:
    """`success` if, and only if, all that was asked for is complete; and then it is there."""
    if run.end is None or run.opened is None:
        return
    request, result = run.end.request, run.end.result
    complete = run.complete()
    everything = all(
        complete.get(phase, set()) >= story.in_scope(run, phase) for phase in request.phases
    )
    finished = len(run.of(EventName.PHASE_FINISHED)) == len(set(request.phases))
    if result.status is RunStatus.SUCCESS:
        bad = [e for e in run.of(*PRODUCT_ENDS) if e.outcome is not Outcome.COMPLETE]
        assert not bad, f"run {run.id} is a success, and {bad[0]}"
        assert finished, f"run {run.id} is a success without all of its phases"
        if SyncPhase.PRODUCTS in request.phases:
            assert everything, f"run {run.id} is a success; complete: {complete}"
        for phase, products in complete.items():
            for product_id in products:
                assert story.stored_in_full(run, phase, product_id), (run.id, phase, product_id)
    elif result.status in (RunStatus.PARTIAL, RunStatus.FAILED) and not run.crashed():
        kept = request.options.nuke and run.id not in story.fresh.adopted
        bad = [e for e in run.of(*PRODUCT_ENDS) if e.outcome is not Outcome.COMPLETE]
        bad += [e for e in run.of(EventName.PHASE_FINISHED) if e.problem is not None]
        assert kept or bad, f"run {run.id} is no success, and nothing in it failed: {result}"


def each_failure_has_a_cause_of_its_own(story: Story, run: Run) -> None:
    """A product fails of what it has met itself, and of nothing that another one has met."""
    for event in run.of(*PRODUCT_ENDS):
        if event.outcome is Outcome.COMPLETE:
            assert event.problem is None, event
            continue
        assert event.problem is not None, event
        assert event.phase is not None
        assert event.product_id is not None
        key = (run.id, event.phase, event.product_id)
        met = {kind for *place, kind in story.world.weather.met if tuple(place) == key}
        explained = event.problem.kind in met or _is_explained(story, run, event, met)
        assert explained, f"run {run.id}: {event}; it has met {met or 'nothing'}"


def _is_explained(story: Story, run: Run, event: SyncEvent, met: set[ErrorKind]) -> bool:
    assert event.problem is not None
    kind, skipped = event.problem.kind, event.outcome is Outcome.SKIPPED
    lists = {ErrorKind.SERVER_ERROR, ErrorKind.HOLES}
    if skipped and kind in END_THE_RUN:
        return any(e.problem is not None and e.problem.kind is kind for e in run.of(*PRODUCT_ENDS))
    causes: dict[ErrorKind, Callable[[], bool]] = {
        ErrorKind.CANCELLED: lambda: skipped and run.was_cut(event.product_id),
        ErrorKind.CRASHED: lambda: story.crashed("worker", "mirror"),
        ErrorKind.NOT_FOUND: lambda: event.product_id not in story.always_listed(),
        ErrorKind.SERVER_ERROR: lambda: bool(met & lists),
        ErrorKind.HOLES: lambda: bool(met & lists),
        ErrorKind.LIST_MOVED: lambda: bool(met & lists),
        ErrorKind.NEVER_LISTED: lambda: (
            run.request is not None and run.request.options.incremental_only
        ),
        ErrorKind.UNCONFIRMED: lambda: not story.was_verified,
        ErrorKind.WRONG_ACCOUNT: lambda: not story.is_ours,
    }
    return kind in causes and causes[kind]()


def its_numbers_are_those_of_the_mirror(story: Story, run: Run) -> None:
    """The rows of a run are counted where they are committed."""
    if run.end is None or run.opened is None or story.crashed("mirror") or run.crashed():
        return
    if story.stopped_early:
        return  # the mirror may have been at work when the run was given up
    for phase in SyncPhase:
        stored = sum(
            len(commit.page.records)
            for commit in story.mirror.commits
            if (commit.run_id, commit.page.kind) == (run.id, phase.kind)
        )
        counts = run.end.result.counts.get(phase.kind)
        counted = 0 if counts is None else counts.new
        # A worker that crashes while its page is being stored ends its product before that.
        holds = counted <= stored if story.crashed("worker") else counted == stored
        assert holds, f"run {run.id}: {counted} {phase.kind} counted, {stored} stored"


def a_fresh_start_is_whole(story: Story, run: Run) -> None:
    """It takes the mirror's place if nothing of it failed, was skipped or was cut."""
    if run.id in story.fresh.adopted:
        bad = run.of(EventName.PRODUCT_FAILED, EventName.PRODUCT_SKIPPED)
        assert not bad, f"run {run.id} has replaced the mirror, and {bad[0]}"
        ended = [
            entry
            for _, entry in story.heard  # what is adopted may be ahead of a disk that refuses
            if isinstance(entry, SyncEvent)
            and (entry.run_id, entry.event) == (run.id, EventName.PHASE_FINISHED)
        ]
        assert len(ended) == len(SyncPhase), f"run {run.id} was adopted in part"


def a_cancelled_run_is_cancelled(story: Story, run: Run) -> None:
    """Whoever was told so finds it so; and nobody else's run is."""
    if run.end is None or run.opened is None:
        return
    status = run.end.result.status
    asked = [e for e in run.of(EventName.RUN_CANCEL_REQUESTED) if "product" not in e.detail]
    if asked:
        assert status is RunStatus.CANCELLED or run.crashed(), f"{run.id} was cancelled: {status}"
    if status is RunStatus.CANCELLED:
        assert asked or story.stopped_early, f"nobody has cancelled run {run.id}"


OF_A_RUN = (
    its_end_is_its_last_word,
    it_ends_as_one_thing,
    its_phases_are_in_order,
    success_is_success,
    each_failure_has_a_cause_of_its_own,
    its_numbers_are_those_of_the_mirror,
    a_fresh_start_is_whole,
    a_cancelled_run_is_cancelled,
)


# -- answers -----------------------------------------------------------------------------------


def answers(story: Story, operators: Operators) -> None:
    """What an operator was told is what became of it."""
    if not (story.has_stalls or story.crew_crashed or story.gave_up or story.crashed("")):
        assert not operators.silence, "nothing crashed, and somebody got no answer"
    runs = story.runs()
    for asked in operators.asked:
        run_id = asked.admitted.run_id
        if run_id is None or not story.stopped_well:
            continue
        assert run_id in runs, f"run {run_id} was promised, and never heard of again"
        run = runs[run_id]
        assert run.end is not None
        request = run.end.request
        assert set(asked.request.phases) <= set(request.phases), (asked, request)
        assert request.scope.covers(asked.request.scope), (asked, request)
        assert request.options == asked.request.options, (asked, request)
