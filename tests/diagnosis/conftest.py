"""The fixture `home`, for scenarios with real processes."""

from tests.homes import home

__all__ = ["home"]
