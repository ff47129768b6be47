"""Loading the program in less time and memory; nothing here is loaded late that is needed early."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lean_loading(*unused: str) -> Iterator[None]:
    """For the imports in the block.

    What loading makes stays, so no garbage is looked for meanwhile, nor in it ever after. `unused`
    are libraries that others load in case they are there, for what is never asked of them: for
    these they are not there, unless they are loaded already.
    """
    hidden = [name for name in unused if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None: cannot be imported
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        for name in hidden:
            del sys.modules[name]
