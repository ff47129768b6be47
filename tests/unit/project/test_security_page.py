"""What SECURITY.md promises of the code as a whole, and that what it points at is there."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.main import VERBS
from cli.parsers import full_parser, parsers_below

ROOT = Path(__file__).parents[3]
PACKAGES = ("actors", "cli", "config", "control", "rules", "service", "storage", "testio")
UNSAFE = {"pickle", "marshal", "shelve", "yaml", "dill", "jsonpickle"}
SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
STARTS = {"subprocess.run", "subprocess.Popen", "subprocess.check_output", "subprocess.call"}
OURS_AGAIN = {"cli/verbs/demo.py"}
"""It starts testio-sync itself, with what the simulator made up."""

Finder = Callable[[ast.Call], bool]


def calls_in(text: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))


def runs_what_is_given(call: ast.Call) -> bool:
    """Whether it makes code or a command line of a text."""
    name = ast.unparse(call.func)
    shell = name.startswith("subprocess.") and "shell" in [k.arg for k in call.keywords]
    return shell or name in SHELLS or name in {"eval", "exec", "compile", "__import__"}


def starts_with_our_environment(call: ast.Call) -> bool:
    environments = [ast.unparse(k.value) for k in call.keywords if k.arg == "env"]
    clean = [each for each in environments if "passed_on()" in each or each.endswith("environment")]
    return ast.unparse(call.func) in STARTS and not clean


def makes_a_statement(call: ast.Call) -> bool:
    """Whether a statement is put together where it is carried out; a constant has a name of one."""
    name = ast.unparse(call.func).rpartition(".")[2]
    if name not in ("execute", "executemany", "executescript") or not call.args:
        return False
    first = call.args[0]
    is_constant = isinstance(first, ast.Constant) or re.fullmatch(r"[A-Z_]+", ast.unparse(first))
    return not is_constant


def imports_unsafe(text: str) -> bool:
    nodes = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import | ast.ImportFrom)]
    names = [n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)]
    names += [each.name for n in nodes if isinstance(n, ast.Import) for each in n.names]
    return any(name.partition(".")[0] in UNSAFE for name in names)


def sources() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text()


@pytest.mark.parametrize(
    ("finder", "bad", "good"),
    [
        (runs_what_is_given, "subprocess.run(words, shell=True)", "subprocess.run(words)"),
        (runs_what_is_given, "eval(text)", "model.eval_all(text)"),
        (runs_what_is_given, "os.system(text)", "os.stat(text)"),
        (starts_with_our_environment, "subprocess.Popen(words)", "open(words)"),
        (starts_with_our_environment, "subprocess.run(w, env=os.environ)",
         "subprocess.run(w, env=passed_on())"),
        (makes_a_statement, "c.execute(f'DROP {x}')", "c.execute('SELECT 1', (x,))"),
        (makes_a_statement, "c.execute('SELECT ' + x)", "c.execute(FRESHNESS, (x,))"),
    ],
)  # fmt: skip
def test_the_finders_of_this_file_find(finder: Finder, bad: str, good: str) -> None:
    assert any(map(finder, calls_in(bad)))
    assert not any(map(finder, calls_in(good)))


def test_nothing_of_ours_makes_code_or_a_command_line_of_a_text() -> None:
    texts = dict(sources())
    assert not [
        path for path, text in texts.items() if any(map(runs_what_is_given, calls_in(text)))
    ]
    assert not [path for path, text in texts.items() if imports_unsafe(text)]
    assert imports_unsafe("import yaml.loader")
    assert imports_unsafe("from pickle import loads")


def test_every_program_that_is_started_gets_an_environment_without_secrets() -> None:
    found = {p for p, text in sources() if any(map(starts_with_our_environment, calls_in(text)))}
    assert found == OURS_AGAIN
    assert "forget()" in (ROOT / "cli" / "verbs" / "browse.py").read_text(), (
        "a library starts the browser"
    )


def test_statements_outside_of_storage_are_constants() -> None:
    outside = [(path, text) for path, text in sources() if not path.startswith("storage/")]
    assert not [path for path, text in outside if any(map(makes_a_statement, calls_in(text)))]


def every_parser(parser: argparse.ArgumentParser, path: str) -> Iterator[tuple[str, str]]:
    for action in parser._actions:
        yield from ((path, flag) for flag in action.option_strings)
    for name, below in parsers_below(parser).items():
        yield from every_parser(below, f"{path} {name}".strip())


def test_no_flag_takes_a_token() -> None:
    flags = {
        (verb, flag)
        for verb, flag in every_parser(full_parser(VERBS), "")
        if re.search("token|secret|password|webhook", flag)
    }
    assert flags == {("init", "--token-file"), ("simulator", "--token")}, "the latter is made up"


def test_the_service_leaves_no_core_and_its_token_is_a_credential() -> None:
    for unit in ("system.service", "user.service"):
        lines = (ROOT / "service" / "systemd" / "units" / unit).read_text().splitlines()
        assert "LimitCORE=0" in lines
    system = (ROOT / "service" / "systemd" / "units" / "system.service").read_text()
    assert re.search(r"^LoadCredential=testio-token:", system, re.MULTILINE)


def test_every_file_that_the_page_names_is_there() -> None:
    page = (ROOT / "SECURITY.md").read_text()
    named = set(re.findall(r"`([a-z_]+/[\w./-]*)`", page))
    assert len(named) > 40
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]


def test_every_refusal_and_every_keeping_out_names_its_test_or_its_place() -> None:
    page = (ROOT / "SECURITY.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ") and "---" not in line]
    refusals = [row for row in rows if row.count("|") == 4 and "`tests/" not in row]
    heads = {"| refused | where | tried in |"}
    assert not set(refusals) - heads, "what is refused has a test"
