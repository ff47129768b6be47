"""The endpoints that the sync reads, each as one method that gives records."""

from __future__ import annotations

from rules.listing import Window
from rules.records import FeatureRecord, ProductRecord, TestRecord
from testio import payloads
from testio.errors import NotFound
from testio.limits import RequestScope
from testio.payloads import Rows
from testio.transport import Transport, TransportOptions


class TestioClient:
    """The Customer API for any number of threads. Every method raises TestioError.

    Each takes the scope of the run it works for: cancelling the run ends the request at once.
    """

    __test__ = False

    def __init__(self, options: TransportOptions) -> None:
        self.transport = Transport(options)

    def list_products(self, scope: RequestScope) -> Rows[ProductRecord]:
        """All products of the account, unpaged."""
        try:
            return payloads.products(self.transport.get("/products", (), scope))
        except NotFound as error:
            raise NotFound(f"{error}: check TESTIO_CUSTOMER_API_BASE_URL") from error

    def list_features(self, product_id: int, scope: RequestScope) -> Rows[FeatureRecord]:
        """All features of a product, unpaged, by the plain endpoint."""
        body = self.transport.get(f"/products/{product_id}/features", (), scope)
        return payloads.features(body, product_id)

    def list_section_features(
        self, product_id: int, section_id: int, scope: RequestScope
    ) -> Rows[FeatureRecord]:
        """The features of one section of a product, unpaged."""
        path = f"/products/{product_id}/sections/{section_id}/features"
        return payloads.features(self.transport.get(path, (), scope), product_id)

    def list_tests(self, product_id: int, window: Window, scope: RequestScope) -> Rows[TestRecord]:
        """One page of a product's tests, newest end first."""
        query = (("page", window.page), ("per_page", window.per_page))
        body = self.transport.get(f"/products/{product_id}/exploratory_tests", query, scope)
        return payloads.tests(body, product_id, offset=window.offset)

    def get_test(self, test_id: int, product_id: int, scope: RequestScope) -> TestRecord:
        """One test, in full. Raises NotFound where there is none."""
        body = self.transport.get(f"/exploratory_tests/{test_id}", (), scope)
        return payloads.test(body, product_id)

    def close(self) -> None:
        """Cut all requests under way and close all connections."""
        self.transport.close()
