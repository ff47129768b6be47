"""The fixture `home`, for tests with real processes."""

from tests.homes import home

__all__ = ["home"]
