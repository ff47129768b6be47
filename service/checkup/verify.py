"""Compares the mirror with the live account. Writes nothing, and works beside a daemon.

The mirror is read first: what the daemon writes while the account is read explains itself, as it
is newer than the claim it is held against.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import SecretStr

from config.settings import Settings
from rules.diagnosis.verifying import Discrepancy, Live, Mirrored, Side, compare
from rules.model import PRODUCT_LIST, Kind
from rules.records import ProductRecord
from service.account import require_same_account
from service.checkup.live import (
    LiveList,
    NotReadable,
    live_features,
    live_products,
    live_test,
    live_tests,
)
from service.checkup.verify_report import Report, Uncompared, not_compared, report_on
from service.remote_client import make_client
from storage.engine import readonly
from storage.reads import verify_queries
from testio.client import TestioClient
from testio.errors import NotFound, TestioError, Unauthorized
from testio.limits import RequestScope

CONFIRMED_AT_MOST = 50
"""Single requests for each product to confirm what nothing explains; the rest speaks for itself."""


class TokenNotAccepted(Exception):
    """The remote does not accept the token."""


class RemoteUnusable(Exception):
    """Not even the product list can be read; the text says why."""


def verify(
    settings: Settings,
    token: SecretStr,
    *,
    product_ids: Collection[int] | None = None,
    sample: int | None = None,
) -> Report:
    """Compare these products, or all; of each every test, or a random `sample` fetched singly.

    Raises TokenNotAccepted, RemoteUnusable or StorageError.
    """
    with readonly.open_readonly(settings.db_path):
        pass  # without a database there is nothing to compare, and nothing to ask for
    require_same_account(settings)
    client, scope = make_client(settings, token.get_secret_value), RequestScope()
    work = _Verifying(path=settings.db_path, client=client, scope=scope, sample=sample)
    try:
        products, report = work.product_list(product_ids or settings.product_ids)
        with ThreadPoolExecutor(settings.max_concurrent_api_requests) as pool:
            try:
                return sum(pool.map(work.product, products), report)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                scope.cancellation.cancel()
                raise
    except Unauthorized as error:
        raise TokenNotAccepted(str(error)) from error
    finally:
        client.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verifying:
    """One comparison; `product` is called from many threads."""

    path: Path
    client: TestioClient
    scope: RequestScope
    sample: int | None

    def product_list(
        self, wanted: Collection[int] | None
    ) -> tuple[tuple[ProductRecord, ...], Report]:
        """The products to look into, and what the list itself came to."""
        side, stored = self._side(PRODUCT_LIST, Kind.PRODUCTS)
        try:
            listed = self.client.list_products(self.scope)
        except Unauthorized:
            raise
        except TestioError as error:
            raise RemoteUnusable(f"the product list cannot be read: {error}") from error
        live = LiveList(records=live_products(listed), unusable=listed.bad_rows)
        if wanted is None:
            return listed.records, report_on(side, stored, live)
        stored = [row for row in stored if row.id in wanted]
        live = LiveList(records=tuple(r for r in live.records if r.id in wanted))
        known = {row.id for row in stored} | {key for key in listed.ids if key is not None}
        nowhere = "neither the account nor the mirror has this product"
        missing = tuple(
            Uncompared(product_id=key, kind=Kind.PRODUCTS, why=nowhere)
            for key in sorted(set(wanted) - known)
        )
        products = tuple(record for record in listed.records if record.id in wanted)
        return products, report_on(side, stored, live) + Report(uncompared=missing)

    def product(self, product: ProductRecord) -> Report:
        """The features and tests of one product."""
        return self._features(product) + self._tests(product.id)

    def _features(self, product: ProductRecord) -> Report:
        side, stored = self._side(product.id, Kind.FEATURES)
        with readonly.open_readonly(self.path) as connection:
            by_section = verify_queries.is_by_section(connection, product.id)
        try:
            live = live_features(self.client, product, self.scope, by_section=by_section)
        except Unauthorized:
            raise
        except TestioError as error:
            return not_compared(side, error)
        return report_on(side, stored, live)

    def _tests(self, product_id: int) -> Report:
        side, stored = self._side(product_id, Kind.TESTS, sample=self.sample)
        try:
            if self.sample is not None:
                live = self._singly(product_id, [row.id for row in stored])
            else:
                live = live_tests(self.client, product_id, self.scope)
            return self._confirmed(report_on(side, stored, live))
        except Unauthorized:
            raise
        except (TestioError, NotReadable) as error:
            return not_compared(side, error)

    def _side(
        self, product_id: int, kind: Kind, *, sample: int | None = None
    ) -> tuple[Side, list[Mirrored]]:
        """What the mirror claims and holds; the claim is read first, so it is the older one."""
        with readonly.open_readonly(self.path) as connection:
            claim = verify_queries.claim(connection, product_id, kind)
            stored = verify_queries.mirrored(connection, kind, product_id, sample=sample)
        return Side(product_id=product_id, kind=kind, claim=claim), stored

    def _singly(self, product_id: int, ids: Iterable[int]) -> LiveList:
        found = (self._test(product_id, key) for key in ids)
        return LiveList(records=tuple(live for live in found if live is not None))

    def _test(self, product_id: int, test_id: int) -> Live | None:
        try:
            return live_test(self.client.get_test(test_id, product_id, self.scope))
        except NotFound:
            return None

    def _confirmed(self, report: Report) -> Report:
        """Look again at what nothing explains: a list moves, and the daemon goes on."""
        doubtful = [finding for finding in report.findings if not finding.explained]
        again = {finding.id for finding in doubtful[:CONFIRMED_AT_MOST]}
        kept = tuple(finding for finding in report.findings if finding.id not in again)
        looked = tuple(f for finding in doubtful[:CONFIRMED_AT_MOST] for f in self._again(finding))
        return Report(
            compared=report.compared,
            findings=tuple(sorted(kept + looked, key=lambda finding: finding.id)),
            uncompared=report.uncompared,
        )

    def _again(self, finding: Discrepancy) -> list[Discrepancy]:
        try:
            live = self._test(finding.product_id, finding.id)
        except Unauthorized:
            raise
        except TestioError as error:
            return [replace(finding, why=f"{finding.why}; looking again failed: {error}")]
        with readonly.open_readonly(self.path) as connection:
            claim = verify_queries.claim(connection, finding.product_id, Kind.TESTS)
            stored = verify_queries.mirrored(
                connection, Kind.TESTS, finding.product_id, record_id=finding.id
            )
        side = Side(product_id=finding.product_id, kind=Kind.TESTS, claim=claim)
        return compare(side, stored, () if live is None else (live,))
