"""One run at a time: does a request start, join, queue, or find the daemon busy? (rule 2)"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from rules.model import RunRequest, SyncPhase, in_order


class Admission(StrEnum):
    """The answer to a request. Asking again gives the same word."""

    STARTED = "started"
    JOINED = "joined"
    QUEUED = "queued"
    BUSY = "busy"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningRun:
    """As much of the current run as the decision needs: its request and the phases begun."""

    request: RunRequest
    phases_begun: frozenset[SyncPhase]


def admit(
    request: RunRequest, *, running: RunningRun | None, queued: RunRequest | None
) -> Admission:
    """Decide on a request while `running` is at work and `queued` waits."""
    if running is None:
        return Admission.STARTED
    if can_join(request, running):
        return Admission.JOINED
    if queued is None or _may_share(queued, request):
        return Admission.QUEUED
    return Admission.BUSY


def _may_share(queued: RunRequest, request: RunRequest) -> bool:
    """Whether the run that waits does for this request too, merged with it."""
    if queued.options != request.options:
        return False
    if queued.options.is_alone:
        return is_same_work(queued, request)
    return True


def is_same_work(first: RunRequest, second: RunRequest) -> bool:
    """Whether both ask for the very same, whoever asks."""
    return (
        first.options == second.options
        and first.scope == second.scope
        and set(first.phases) == set(second.phases)
    )


def can_join(request: RunRequest, running: RunningRun) -> bool:
    """Whether all that is asked for is still ahead in the run at work, done the same way."""
    return (
        request.options == running.request.options
        and running.request.scope.covers(request.scope)
        and set(request.phases) <= set(running.request.phases)
        and not running.phases_begun & set(request.phases)
    )


def merge(queued: RunRequest, request: RunRequest) -> RunRequest:
    """One queued run that does what both ask for; the first one's trigger stays."""
    return replace(
        queued,
        phases=in_order((*queued.phases, *request.phases)),
        scope=queued.scope.union(request.scope),
    )
