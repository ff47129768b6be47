"""What every document on the control socket has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """Unknown fields are refused, and nobody changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
