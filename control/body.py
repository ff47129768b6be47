"""What every document on the control socket has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """Unknown fields are refused, and nobody changes it.

    What checks a body is built when it is first needed: a command needs one or two of thirty.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
