"""What one simulator is made of: size, seed, pace and the habits of its deployment."""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

from simulator.problems import InvalidInputError

MAX_PORT = 65_535


class PlainFeatures(StrEnum):
    """What the plain features endpoint answers for a product that has sections."""

    ALL = "all"
    """The features of every section."""
    EMPTY = "empty"
    """An empty list, as some older deployments did."""
    ERROR = "error"
    """404, as other older deployments did."""


def checked_token(token: object) -> str:
    """The token, if it can stand in a header.

    Raises:
        InvalidInputError: it is not a string of printable ASCII without spaces.
    """
    if not isinstance(token, str) or re.fullmatch(r"[\x21-\x7e]+", token) is None:
        raise InvalidInputError("token", "must be printable ASCII without spaces")
    return token


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorOptions:
    """The settings of one simulator; the same seed and size always give the same bytes.

    Raises:
        InvalidInputError: a value is out of range; the error names the field.
    """

    host: str = "127.0.0.1"
    """A loopback address, IPv4 or IPv6; the simulator never listens anywhere else."""
    port: int = 0
    """0 lets the system choose a free port."""
    seed: int = 1
    products: int = 5
    features: int = 8
    """Features of each product."""
    tests: int = 60
    """Tests of each product."""
    section_products: int | None = None
    """How many products have sections; None is one in every five."""
    latency_seconds: float = 0.0
    """Pause before every answer."""
    rate_limit: float | None = None
    """Requests a second; beyond it the answer is 429 with Retry-After."""
    max_per_page: int | None = None
    """A larger `per_page` is silently lowered to this."""
    token: str = "demo-token"
    plain_features_for_sections: PlainFeatures = PlainFeatures.ALL
    section_ids_in_lists: bool = False
    """Lists of features say in which sections each stands, as an optional field of the API."""

    clock_ahead_seconds: float = 0.0
    """How far its clock, in the Date header, is ahead of this machine's; behind if negative."""

    def __post_init__(self) -> None:
        self._check_host()
        self._check_range("port", self.port, 0, MAX_PORT)
        for field in ("products", "features", "tests"):
            self._check_range(field, getattr(self, field), 0)
        self._check_range("section_products", self.section_count, 0, self.products)
        self._check_range("latency_seconds", self.latency_seconds, 0)
        if self.rate_limit is not None and not self.rate_limit > 0:
            raise InvalidInputError("rate_limit", "must be greater than 0")
        if self.max_per_page is not None:
            self._check_range("max_per_page", self.max_per_page, 1)
        checked_token(self.token)

    @property
    def section_count(self) -> int:
        """How many products have sections."""
        return self.products // 5 if self.section_products is None else self.section_products

    def _check_host(self) -> None:
        try:
            loopback = ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise InvalidInputError("host", f"must be a loopback address, not {self.host!r}")

    @staticmethod
    def _check_range(field: str, value: float, low: float, high: float | None = None) -> None:
        if not value >= low or (high is not None and value > high):
            limits = f"at least {low}" if high is None else f"from {low} to {high}"
            raise InvalidInputError(field, f"must be {limits}, not {value}")
