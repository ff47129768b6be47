"""Random lives of a mirror: the account moves and fails, syncs of every kind run and crash.

After every step nothing may be claimed that is not so; after a clean `--force` run the mirror
equals the account, tombstones included. SYNC_EXAMPLES sets how many lives are tried.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.ports import Ports
from actors.system import ActorSystem
from rules.model import (
    ALL_PHASES,
    RunRequest,
    RunStatus,
    SyncOptions,
    SyncPhase,
    SyncResult,
    SyncScope,
    Trigger,
)
from service.store import MirrorReader
from storage.engine.database import Database
from storage.engine.migrate import migrate
from storage.engine.times import as_text
from storage.writes.deletion_rows import accept
from storage.writes.mirror_rows import MirrorRows
from storage.writes.sync_log import SyncLog
from tests.fakes import FakeClock
from tests.model.account import ANY_NUMBER, NOON, ModelAccount, ModelProduct
from tests.model.crashes import Crash, CrashingEvents, CrashingMirror

EXAMPLES = int(os.environ.get("SYNC_EXAMPLES", "6"))
ENDED = ("success", "partial", "failed", "cancelled", "interrupted")

OPTIONS = [
    SyncOptions(),
    SyncOptions(),
    SyncOptions(),
    SyncOptions(force=True),
    SyncOptions(reconcile_seconds=0),
    SyncOptions(incremental_only=True),
    SyncOptions(refresh_mutable=True),
    SyncOptions(since=NOON - timedelta(hours=40)),
]


class MirrorLife(RuleBasedStateMachine):
    """One account and one mirror of it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "testio.db"
        self.account = ModelAccount()
        self.clock = FakeClock()
        self.database = self._open()
        self.runs: dict[int, RunStatus] = {}
        self.snapshots: dict[str, dict[int, set[int]]] = {}
        self.moved_while_read: set[int] = set()

    def _open(self) -> Database:
        database = Database(self.path)
        migrate(database)
        SyncLog(database).close_interrupted(at=self.clock.now())
        return database

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    def sql(self, query: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(query, values).fetchall()

    def product(self, at: int) -> ModelProduct:
        products = list(self.account.products.values())
        return products[at % len(products)]

    @property
    def has_products(self) -> bool:
        return bool(self.account.products)

    # -- the account -------------------------------------------------------------------------

    @initialize(
        sizes=st.lists(st.integers(0, 130), min_size=1, max_size=3),
        loose=st.booleans(),
        block=st.sampled_from([1, 1, 2, 5]),
    )
    def furnish(self, sizes: list[int], loose: bool, block: int) -> None:
        """`block`: so many tests end at the same time."""
        self.account.loose_ties = loose
        for size in sizes:
            product = self.account.add_product()
            for end in range(size):
                self.account.add_test(product, end - end % block)
            for _ in range(size % 7):
                self.account.add_feature(product)

    @precondition(lambda self: self.has_products)
    @rule(
        what=st.sampled_from(["insert", "delete", "change", "swap", "postpone"]),
        product=st.integers(0, 5),
        at=st.integers(0, 140),
        times=st.integers(1, 8),
    )
    def the_account_moves(self, what: str, product: int, at: int, times: int) -> None:
        for step in range(times):
            self.account.move(what, self.product(product).id, at + 3 * step)

    @precondition(lambda self: self.has_products)
    @rule(product=st.integers(0, 5), add=st.booleans())
    def features_come_and_go(self, product: int, add: bool) -> None:
        features = self.product(product).features
        if add or not features:
            self.account.add_feature(self.product(product))
        else:
            features.pop(next(iter(features)))

    @precondition(lambda self: self.has_products)
    @rule(product=st.integers(0, 5), count=st.integers(1, 140))
    def many_tests_go(self, product: int, count: int) -> None:
        del self.product(product).tests[:count]

    @precondition(lambda self: len(self.account.products) > 1)
    @rule(product=st.integers(0, 5))
    def a_product_goes(self, product: int) -> None:
        self.account.products.pop(self.product(product).id)

    @rule(
        product=st.integers(0, 5),
        at=st.integers(0, 140),
        kind=st.sampled_from(["poison", "features", "tests", "slow", "paging", "stray"]),
    )
    @precondition(lambda self: self.has_products)
    def something_fails(self, product: int, at: int, kind: str) -> None:
        tests = self.product(product).tests
        if kind == "slow":
            self.account.quick = (5, 10)[at % 2]
        elif kind == "paging":
            self.account.ignores_paging = True
        elif kind == "stray":
            self._let_a_feature_stray(self.product(product), self.product(product + 1))
        elif kind != "poison":
            self.account.failing.add((kind, self.product(product).id))
        elif tests:
            self.account.poison.add(tests[at % len(tests)].id)

    def _let_a_feature_stray(self, owner: ModelProduct, other: ModelProduct) -> None:
        if owner.features and owner is not other:
            self.account.strays[other.id] = next(iter(owner.features))

    @rule()
    def all_is_well_again(self) -> None:
        self.account.failing.clear()
        self.account.poison.clear()
        self.account.quick = ANY_NUMBER
        self.account.ignores_paging = False
        self.account.strays.clear()

    @rule(
        moves=st.lists(
            st.tuples(
                st.sampled_from(["insert", "delete", "swap", "postpone"]),
                st.integers(0, 5),
                st.integers(0, 140),
            ),
            max_size=4,
        )
    )
    @precondition(lambda self: self.has_products)
    def the_list_will_move_while_it_is_read(self, moves: list[tuple[str, int, int]]) -> None:
        self.account.moves = [(what, self.product(nth).id, at) for what, nth, at in moves]
        self.moved_while_read |= {product_id for _, product_id, _ in self.account.moves}

    # -- the syncs ---------------------------------------------------------------------------

    @rule(
        options=st.sampled_from(OPTIONS),
        phases=st.sampled_from([ALL_PHASES, ALL_PHASES, ALL_PHASES[:1], ALL_PHASES[1:]]),
        scope=st.one_of(st.none(), st.integers(0, 5)),
        hours=st.sampled_from([0, 1, 30]),
    )
    @precondition(lambda self: self.has_products)
    def a_sync(
        self, options: SyncOptions, phases: tuple[Any, ...], scope: int | None, hours: int
    ) -> None:
        self.clock.move(hours * 3600.0 + 1)
        ids = None if scope is None else frozenset({self.product(scope).id})
        self.run(options, phases, SyncScope(product_ids=ids))

    @rule(
        commit=st.integers(0, 14),
        after=st.booleans(),
        force=st.booleans(),
    )
    @precondition(lambda self: self.has_products)
    def a_sync_is_killed(self, commit: int, after: bool, force: bool) -> None:
        self.clock.move(1)
        self.run(SyncOptions(force=force), crash=Crash(commit, after=after))
        self.database.close()
        self.database = self._open()

    @rule()
    @precondition(lambda self: self.has_products)
    def full_listings_make_the_mirror_equal(self) -> None:
        """The first one may end one that was interrupted; a row is gone after the second."""
        self.all_is_well_again()
        self.account.moves = []
        for _ in range(3):
            self.clock.move(1)
            result = self.run(SyncOptions(reconcile_seconds=0))
        held = self.sql("SELECT id FROM held_deletions WHERE status = 'held'")
        assert result is not None
        assert result.status is (RunStatus.PARTIAL if held else RunStatus.SUCCESS), result.errors
        if not held:
            self.moved_while_read.clear()
            self.check_equal()

    @rule()
    @precondition(lambda self: self.has_products)
    def a_clean_force_run_makes_the_mirror_equal(self) -> None:
        self.all_is_well_again()
        self.account.moves = []
        self.clock.move(1)
        result = self.run(SyncOptions(force=True))
        held = self.sql("SELECT id FROM held_deletions WHERE status = 'held'")
        if held:
            assert result is not None
            assert result.status is RunStatus.PARTIAL
            with self.database.transaction() as connection:
                for (held_id,) in held:
                    accept(connection, held_id, self.clock.now().isoformat())
            self.clock.move(1)
            result = self.run(SyncOptions(force=True))
        assert result is not None
        assert result.status is RunStatus.SUCCESS, result.errors
        self.moved_while_read.clear()
        self.check_equal()

    def check_equal(self) -> None:
        wanted = {
            (test.id, product.id, test.title)
            for product in self.account.products.values()
            for test in product.tests
        }
        found = set(self.sql("SELECT id, product_id, title FROM tests WHERE deleted_at IS NULL"))
        assert found == wanted, f"missing {wanted - found}, too many {found - wanted}"
        features = {(key, p.id) for p in self.account.products.values() for key in p.features}
        assert features == set(
            self.sql("SELECT id, product_id FROM features WHERE deleted_at IS NULL")
        )
        assert set(self.account.products) == {
            key for (key,) in self.sql("SELECT id FROM products WHERE deleted_at IS NULL")
        }

    def run(
        self,
        options: SyncOptions,
        phases: tuple[Any, ...] = ALL_PHASES,
        scope: SyncScope | None = None,
        crash: Crash | None = None,
    ) -> SyncResult | None:
        """One run in an actor system of its own; None if it was killed before its end."""
        crash = crash or Crash(None, after=False)
        self.snapshots[as_text(self.clock.now())] = {
            product.id: {test.id for test in product.tests}
            for product in self.account.products.values()
        }
        log = SyncLog(self.database)
        system = ActorSystem(
            Ports(
                client=self.account,
                mirror=CrashingMirror(MirrorRows(self.database), crash),
                events=CrashingEvents(log, crash),
                queries=MirrorReader(self.path),
                next_run_id=log.next_run_id(),
                workers=1,
                clock=self.clock,
                pulse_seconds=None,
            )
        )
        try:
            system.start()
            request = RunRequest(
                trigger=Trigger.API, phases=phases, scope=scope or SyncScope(), options=options
            )
            run_id = system.start_run(request).run_id
            assert run_id is not None
            result = self._wait(system, run_id, crash)
        finally:
            system.stop(seconds=0.6 if crash.happened.is_set() else 5.0)
        if result is not None:
            self.runs[run_id] = result.status
            self._check_success(result, scope, options)
        return result

    def _wait(self, system: ActorSystem, run_id: int, crash: Crash) -> SyncResult | None:
        give_up_at = time.monotonic() + 20
        while time.monotonic() < give_up_at:
            if (result := system.wait_for(run_id, timeout=0.02)) is not None:
                return result
            if crash.happened.is_set():
                return None
        raise AssertionError(f"run {run_id} did not end: {system.status()}")

    def _check_success(
        self, result: SyncResult, scope: SyncScope | None, options: SyncOptions
    ) -> None:
        """`success` only if everything in scope is complete, and no row in two lists of it."""
        if result.status is not RunStatus.SUCCESS or options.since is not None:
            return
        wanted = None if scope is None else scope.product_ids
        for kind in {phase.kind.value for phase in result.phases_completed} - {"products"}:
            for product_id, complete, holes in self.sql(
                "SELECT product_id, complete_as_of, holes FROM freshness WHERE kind = ?", kind
            ):
                if wanted is None or product_id in wanted:
                    assert (complete is not None, holes) == (True, 0), (kind, product_id)
        if wanted is None and SyncPhase.FEATURES in result.phases_completed:
            assert not self._strays_in_two_lists()

    def _strays_in_two_lists(self) -> list[int]:
        products = self.account.products
        return [
            feature
            for product, feature in self.account.strays.items()
            if product in products
            and any(feature in each.features for each in products.values() if each.id != product)
        ]

    # -- what always holds -------------------------------------------------------------------

    @invariant()
    def each_run_has_one_end(self) -> None:
        rows = dict(self.sql("SELECT id, status FROM sync_runs"))
        assert all(status in ENDED for status in rows.values()), rows
        for run_id, status in self.runs.items():
            assert rows[run_id] == status

    @invariant()
    def nothing_is_called_complete_that_is_not(self) -> None:
        """What was there at `complete_as_of`, and still is, stands in the mirror.

        Products whose list moved while it was read are left out until the next clean run: moves
        that compensate each other cannot be seen through page numbers.
        """
        for product_id, at in self.sql(
            "SELECT product_id, complete_as_of FROM freshness"
            " WHERE kind = 'tests' AND complete_as_of IS NOT NULL"
        ):
            if product_id in self.moved_while_read or product_id not in self.account.products:
                continue
            mirrored = {
                key for (key,) in self.sql("SELECT id FROM tests WHERE product_id = ?", product_id)
            }
            now = {test.id for test in self.account.products[product_id].tests}
            lost = (self.snapshots[at][product_id] & now) - mirrored
            assert not lost, f"product {product_id} claims to be complete as of {at}: {lost}"

    @invariant()
    def no_tombstone_for_a_test_that_is_listed(self) -> None:
        """Marked rows do not exist, unless they came back after they were marked."""
        marked = {
            (key, title)
            for key, title in self.sql("SELECT id, title FROM tests WHERE deleted_at IS NOT NULL")
        }
        alive = {
            (test.id, test.title)
            for product in self.account.products.values()
            for test in product.tests
        }
        assert not marked & alive

    @invariant()
    def nothing_is_erased(self) -> None:
        rows = self.sql("SELECT (SELECT count(*) FROM tests) + (SELECT count(*) FROM features)")
        before = getattr(self, "_rows", 0)
        assert rows[0][0] >= before
        self._rows = rows[0][0]


@pytest.mark.timeout(7200 if "SYNC_EXAMPLES" in os.environ else 170)
def test_lives_of_a_mirror() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        MirrorLife,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=18,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
