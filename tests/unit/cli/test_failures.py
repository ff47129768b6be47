"""Every failure that the command line explains exists under the name that stands there."""

from __future__ import annotations

import importlib

import pytest

from cli.failures import STATUSES, explain


@pytest.mark.parametrize(("module", "name", "status"), STATUSES)
def test_it_is_explained_with_its_status(
    module: str, name: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = getattr(importlib.import_module(module), name)
    error = kind.__new__(kind)
    error.args = ("what is wrong",)
    assert explain(error) == status
    assert capsys.readouterr().err.startswith("testio-sync: ")


def test_what_nobody_expected_is_not_explained_away() -> None:
    with pytest.raises(ZeroDivisionError):
        explain(ZeroDivisionError("a bug"))
