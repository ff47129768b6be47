"""The example in docs/library.md runs as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.homes import Home
from tests.oracle import differences

PAGE = Path(__file__).parents[2] / "docs" / "library.md"


def test_the_example_of_the_page_syncs(home: Home) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    first, second = (product["id"] for product in home.simulator.account()["products"][:2])
    example = example.replace("{18, 42}", f"{{{first}, {second}}}")
    done = subprocess.run(
        [sys.executable, "-c", example + "print(again.status, again.products_synced)"],
        env=home.environment,
        cwd=home.folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    products = len(home.simulator.account()["products"])
    assert done.stdout == f"success {products} products\nsuccess 2\n"
    assert differences(home.database, home.simulator) == []
    assert home.sql("SELECT count(*) FROM sync_runs") == [(2,)]
