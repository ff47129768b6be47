"""What is spared while the program loads is there again afterwards."""

from __future__ import annotations

import gc
import subprocess
import sys

from cli.loading import lean_loading


def run(code: str) -> str:
    """What a Python of its own prints: this one has loaded everything already."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_garbage_is_looked_for_again_also_after_a_module_that_cannot_be_loaded() -> None:
    try:
        with lean_loading():
            assert not gc.isenabled()
            raise ImportError
    except ImportError:
        pass
    assert gc.isenabled()


def test_a_library_that_is_hidden_can_be_loaded_later_and_asyncio_works_when_it_is_used() -> None:
    code = """
import sys
from cli.loading import lean_loading
with lean_loading("rich"):
    import structlog
hidden = "rich" not in sys.modules
import rich, asyncio
async def answer(): return 42
print(hidden, rich.__name__, asyncio.run(answer()))
"""
    assert run(code) == "True rich 42"


def test_the_daemon_is_loaded_without_what_draws_tracebacks() -> None:
    code = """
import sys
from cli.loading import lean_loading
from cli.verbs.run import DRAWS_TRACEBACKS
with lean_loading(*DRAWS_TRACEBACKS):
    import service.daemon.main
print([name for name in DRAWS_TRACEBACKS if name in sys.modules])
"""
    assert run(code) == "[]"
