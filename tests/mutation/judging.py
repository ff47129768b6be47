"""What became of each mutant, and whether the survivors are those that are known and explained."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

SURVIVORS = Path(__file__).with_name("survivors.toml")
HIGHEST_SHARE = 0.03
KILLED = (1, 3)
"""Exit codes of pytest: a test failed, or pytest itself did."""
NAMED_BY = ("file", "function", "original", "mutant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One mutant, told by what it changes: it stays the same mutant when code moves."""

    file: str
    function: str
    original: str
    mutant: str

    def __str__(self) -> str:
        """As it would stand in the list."""
        fields = [f"{name} = {_quoted(getattr(self, name))}" for name in NAMED_BY]
        return "\n".join(["[[survivor]]", *fields])


def _quoted(text: str) -> str:
    """A string of TOML, without escapes where it can do without."""
    is_plain = "'" not in text and text.isprintable()
    return f"'{text}'" if is_plain else json.dumps(text, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """A mutant and its end: `killed`, `timeout`, else it survived (`no tests` reach it, say)."""

    module: str
    end: str
    name: str

    @property
    def survived(self) -> bool:
        return self.end not in ("killed", "timeout")


def known_survivors(file: Path = SURVIVORS) -> dict[Change, str]:
    """The list: which mutants may survive, each with the reason."""
    entries = tomllib.loads(file.read_text(encoding="utf-8")).get("survivor", [])
    return {Change(**{name: entry[name] for name in NAMED_BY}): entry["why"] for entry in entries}


def fates(stage: Path, modules: Iterable[str]) -> list[Fate]:
    """What mutmut has written down in `stage`."""
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.stats import status_by_exit_code

    found = []
    with chdir(stage):
        for module in modules:
            data = SourceFileMutationData(path=Path("rules") / f"{module}.py")
            data.load()
            for name, code in data.exit_code_by_key.items():
                found.append(Fate(module=module, end=status_by_exit_code[code], name=name))
    return found


def forget_survivors(stage: Path, modules: Iterable[str]) -> None:
    """Have mutmut try again what was not killed; what was killed stays so."""
    from mutmut.mutation.data import SourceFileMutationData

    with chdir(stage):
        for module in modules:
            data = SourceFileMutationData(path=Path("rules") / f"{module}.py")
            data.load()
            for name, code in data.exit_code_by_key.items():
                data.exit_code_by_key[name] = code if code in KILLED else None
            data.save()


def change_of(fate: Fate, stage: Path) -> Change:
    """What a mutant changes."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.utils.format_utils import orig_function_and_class_names_from_key

    file = f"rules/{fate.module}.py"
    function, owner = orig_function_and_class_names_from_key(fate.name)
    with chdir(stage):
        lines = get_diff_for_mutant(fate.name, path=file).splitlines()[2:]
    return Change(
        file=file,
        function=f"{owner}.{function}" if owner else function,
        original="\n".join(line[1:].strip() for line in lines if line.startswith("-")),
        mutant="\n".join(line[1:].strip() for line in lines if line.startswith("+")),
    )


def table(found: list[Fate]) -> str:
    """The figures, by module and in all."""
    head = f"{'module':28}{'mutants':>9}{'killed':>9}{'timeouts':>10}{'survived':>10}{'share':>8}"
    by_module: dict[str, Counter[str]] = {}
    for fate in found:
        end = "survived" if fate.survived else fate.end
        for name in (fate.module, "all"):
            by_module.setdefault(name, Counter())[end] += 1
    rows = sorted(by_module.items(), key=lambda row: (row[0] == "all", row[0]))
    return "\n".join([head, *(_row(name, counts) for name, counts in rows)])


def _row(name: str, counts: Counter[str]) -> str:
    numbers = (counts.total(), counts["killed"], counts["timeout"], counts["survived"])
    share = counts["survived"] / counts.total()
    return "{:28}{:9}{:9}{:10}{:10}{:8.1%}".format(name, *numbers, share)
