"""The copy of the project that mutmut works in: `.mutation/`, apart from the working tree.

mutmut leaves every decorated function alone, since a decorator could mind being applied to each
mutant. Ours do not, and much of what `rules/` decides stands in properties: so in the copy the
decorator is applied in a line after the function, which means the same, and mutmut sees a plain
function. A cache is left out: it would remember what the function has answered unchanged.
"""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
STAGE = ROOT / ".mutation"
BESIDE = (
    *("actors", "cli", "config", "control", "service", "simulator", "storage", "testio"),
    *("deploy", "pyproject.toml"),
)
OF_DOCUMENTS = "test_documents.py"
"""It compares the project's documents with code, and no document is in the copy."""
UNDERSTOOD = ("classmethod", "staticmethod")


def stage(root: Path = ROOT, target: Path = STAGE) -> None:
    """Bring the copy up to date; what has not changed keeps its time, and so its mutants."""
    for name in ("tests", *BESIDE):
        for path in (root / name, *(root / name).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                _write(target / path.relative_to(root), path.read_bytes())
    for path in (root / "rules").rglob("*.py"):
        _write(target / path.relative_to(root), undecorated(path.read_text()).encode())
    _write(target / "setup.cfg", configuration(root).encode())


def rule_tests(root: Path = ROOT) -> tuple[str, ...]:
    """The unit tests that concern rules: those that import one."""
    files = sorted((root / "tests" / "unit").rglob("test_*.py"))
    return tuple(
        str(file.relative_to(root))
        for file in files
        if file.name != OF_DOCUMENTS and "\nfrom rules" in file.read_text()
    )


def configuration(root: Path = ROOT) -> str:
    """What mutmut is told."""
    lists = {
        "source_paths": ["rules"],
        "also_copy": list(BESIDE),
        "pytest_add_cli_args": [
            *("-p", "xdist.plugin", "-p", "pytest_timeout", "-p", "_hypothesis_pytestplugin"),
            # These two collect garbage after each run, which is half of what a mutant costs.
            *("-p", "no:unraisableexception", "-p", "no:threadexception"),
            *("-p", "no:cacheprovider", "-n0", "--hypothesis-profile=mutation"),
        ],
        "pytest_add_cli_args_test_selection": list(rule_tests(root)),
    }
    lines = ["[mutmut]", "use_git_change_detection = false", "on_dependency_change = ignore"]
    for name, values in lists.items():
        lines += [f"{name} =", *(f"    {value}" for value in values), ""]
    return "\n".join(lines)


def undecorated(source: str) -> str:
    """`source` with the decorators of its functions applied after them, line for line."""
    lines = source.splitlines()
    for function in sorted(_decorated(ast.parse(source)), key=lambda each: -each.lineno):
        names = [ast.unparse(decorator) for decorator in function.decorator_list]
        applied = function.name
        for name in reversed(names):
            applied = applied if "lru_cache" in name else f"{name}({applied})"
        if applied != function.name:
            assert function.end_lineno is not None
            line = f"{' ' * function.col_offset}{function.name} = {applied}"
            lines.insert(function.end_lineno, line)
        del lines[function.decorator_list[0].lineno - 1 : function.lineno - 1]
    return "\n".join(lines) + "\n"


def _decorated(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = {ast.unparse(decorator) for decorator in node.decorator_list}
            if names and not names <= set(UNDERSTOOD):
                yield node


def _write(path: Path, content: bytes) -> None:
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def clear(target: Path = STAGE) -> None:
    """Forget everything, results included."""
    shutil.rmtree(target, ignore_errors=True)
