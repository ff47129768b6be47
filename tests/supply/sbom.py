"""Writes `sbom.cdx.json`: what is installed at run time, in CycloneDX, out of the lock.

The same lock gives the same file: no time, no serial number, nothing of the machine. Licences are
those that the installed packages declare. `python -m tests.supply.sbom` writes and validates it.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

from tests.supply.locks import OURSELVES, ROOT, Pin, read_lock

SBOM = ROOT / "sbom.cdx.json"
LOCK = ROOT / "requirements.lock"
SPECIFICATION = "1.6"
LONGEST_NAME = 80
"""Characters of a licence's name; some packages put its whole text there."""

Document = dict[str, Any]


def document(pins: Iterable[Pin], licences: Mapping[str, Document], version: str) -> Document:
    """The whole bill; `licences` by package, as CycloneDX has them."""
    pins = list(pins)
    us = {"type": "application", "bom-ref": OURSELVES, "name": OURSELVES, "version": version}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "metadata": {"component": us},
        "components": [_component(pin, licences.get(pin.name)) for pin in pins],
        "dependencies": [
            _needs(OURSELVES, OURSELVES, pins),
            *(_needs(pin.name, _ref(pin), pins) for pin in pins),
        ],
    }


def our_version() -> str:
    """As the project's file says, installed or not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def declared_licence(name: str) -> Document | None:
    """What the installed package says of its licence; None if it says nothing or is not there."""
    try:
        about = metadata(name)
    except PackageNotFoundError:
        return None
    if "License-Expression" in about:
        return {"expression": about["License-Expression"]}
    named = next(iter(about.get_all("License") or ()), "")
    if named and len(named) <= LONGEST_NAME and "\n" not in named:
        return {"license": {"name": named}}
    for classifier in about.get_all("Classifier") or ():
        if classifier.startswith("License ::"):
            return {"license": {"name": classifier.rpartition(" :: ")[2]}}
    return None


def _component(pin: Pin, licence: Document | None) -> Document:
    component = {
        "type": "library",
        "bom-ref": _ref(pin),
        "name": pin.name,
        "version": pin.version,
        "purl": _ref(pin),
        "externalReferences": [
            {
                "type": "distribution",
                "url": _ref(pin),
                "comment": "any one of these files",
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in pin.hashes],
            }
        ],
    }
    if licence is not None:
        component["licenses"] = [licence]
    if pin.marker is not None:
        component["properties"] = [{"name": "testio-sync:only-where", "value": pin.marker}]
    return component


def _needs(name: str, ref: str, pins: list[Pin]) -> Document:
    return {"ref": ref, "dependsOn": [_ref(pin) for pin in pins if name in pin.needed_by]}


def _ref(pin: Pin) -> str:
    return f"pkg:pypi/{pin.name}@{pin.version}"


def as_text(content: Document) -> str:
    """The file's text."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file; 1 if it is not what CycloneDX asks for."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    pins = read_lock(LOCK)
    licences = {pin.name: found for pin in pins if (found := declared_licence(pin.name))}
    text = as_text(document(pins, licences, our_version()))
    flaw = JsonStrictValidator(SchemaVersion.from_version(SPECIFICATION)).validate_str(text)
    if flaw is not None:
        print(f"sbom: not valid CycloneDX {SPECIFICATION}: {flaw}", file=sys.stderr)
        return 1
    SBOM.write_text(text, encoding="utf-8")
    without = [pin.name for pin in pins if pin.name not in licences]
    print(f"{SBOM.name}: {len(pins)} packages; without a licence: {', '.join(without) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
