"""What was expected of a setting, in plain words instead of the validator's own."""

from __future__ import annotations

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from config.settings import Settings

PLAIN = {
    "float": "a number",
    "int": "a whole number",
    "greater_than_equal": "a number in the range",
    "less_than_equal": "a number in the range",
    "finite_number": "a number in the range",
    "path_type": "a path",
    "string_type": "a text",
    "datetime": "a date like 2026-01-31 or a time in ISO 8601",
    "frozen_set_type": "product ids, whole numbers from 1 on, e.g. 18,42",
}
"""By the kind of error, or the word it begins with: `int` for `int_parsing`, `int_type`, …"""


def expectation(name: str, detail: ErrorDetails) -> str:
    """What the setting takes, its range, and what it is for."""
    limits = allowed_range(name)
    in_range = f" ({limits})" if limits else ""
    return f"{_plain(detail)}{in_range}. {_info(name).description or ''}"


def allowed_range(name: str) -> str:
    """The range of a number, e.g. `0 to 604800`; empty for other settings."""
    bounds = {}
    for limit in _info(name).metadata:
        for side in ("ge", "le"):
            if (value := getattr(limit, side, None)) is not None:
                bounds[side] = value
    return f"{bounds['ge']} to {bounds['le']}" if len(bounds) == 2 else ""


def _plain(detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "value_error":  # our own words
        return detail["msg"].removeprefix("Value error, ")
    if kind == "literal_error":
        return str(detail["ctx"]["expected"])
    return PLAIN.get(kind) or PLAIN.get(kind.partition("_")[0]) or "another value"


def _info(name: str) -> FieldInfo:
    return next(i for i in Settings.model_fields.values() if i.validation_alias == name)
