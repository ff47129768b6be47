"""Loading the program in less time and memory."""

from __future__ import annotations

import gc
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LATER = "asyncio"
"""pydantic-settings loads it for a command line of its own, which we do not use."""


@contextmanager
def lean_loading(*unused: str) -> Iterator[None]:
    """For the imports in the block.

    What loading makes stays, so no garbage is looked for meanwhile, nor in it ever after. `unused`
    are libraries that others load in case they are there, for what is never asked of them: for
    these they are not there, unless they are loaded already.
    """
    hidden = [name for name in unused if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None: cannot be imported
    _load_when_used(LATER)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        for name in hidden:
            del sys.modules[name]


def _load_when_used(name: str) -> None:
    """A module that is there at once, and loads when the first thing of it is asked for."""
    spec = importlib.util.find_spec(name) if name not in sys.modules else None
    if spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
