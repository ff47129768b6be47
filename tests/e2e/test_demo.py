"""The first minute of a new user."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from cli.main import VERBS, main
from tests.homes import Home


def test_the_demo_shows_one_product_failing_and_ends_by_itself(home: Home) -> None:
    folder = home.folder / "demo"
    home.settings["TESTIO_DB_PATH"] = "/nowhere/at/all"  # the demo does not look at such settings
    own = home.folder / "xdg" / "testio-sync" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text("log_level = 'NOT FOR THE DEMO'")
    home.settings["XDG_CONFIG_HOME"] = str(home.folder / "xdg")
    shown = home.run("demo", "--dir", str(folder)).stdout
    assert "Run 1 came out partial: 1 product failed, 7 are complete" in shown
    assert "server_error: the remote failed (500)" in shown
    assert re.search(r"run 2: success .* 8 products synced", shown)
    assert f"The database stays at {folder / 'testio.db'}" in shown
    assert "stopped" in shown
    again = home.run("demo", "--dir", str(folder), expect=1)
    assert "is there already" in again.stderr


def test_help_is_there_for_every_verb_with_examples(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    top = home.run("--help").stdout
    assert [what for what in VERBS.values() if what not in top] == []
    assert home.run("--version").stdout.startswith("testio-sync ")
    for verb in VERBS:
        with pytest.raises(SystemExit, match="0"):
            main([verb, "--help"])
        text = capsys.readouterr().out
        assert f"testio-sync {verb}" in text.partition("examples:")[2], f"{verb} has no example"


def test_help_loads_no_heavy_library() -> None:
    code = (
        "import sys, cli.main\n"
        "try:\n    cli.main.main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'pydantic', 'sqlalchemy', 'requests', 'rich', 'pykka'} & sys.modules.keys()\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
