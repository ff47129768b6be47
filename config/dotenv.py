"""What a `.env` in the working folder may say: it may have come with somebody's project.

It may say where its own token goes, not where anybody else's does, and it names no file whose
content would be sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.problems import SettingProblem
from config.settings import Origin, names

DOTENV = ".env"
"""The name of the file, and what `Settings.origin` calls it."""

TOKEN = "TESTIO_CUSTOMER_API_TOKEN"  # nosec B105 # the name of a setting
COMMAND = "TESTIO_NOTIFY_COMMAND"
BESIDE_A_TOKEN = (
    "TESTIO_CUSTOMER_API_BASE_URL",
    "TESTIO_PROXY_URL",
    f"{TOKEN}_FILE",
    "TESTIO_NOTIFY_WEBHOOK_URL",
)
"""Where something goes, or comes from: they count beside a token that stands in the file itself."""


def problems_of_dotenv(
    given: Mapping[str, Any], origins: Mapping[str, Origin]
) -> list[SettingProblem]:
    """The lines that are in force, by `origins`, and must not be."""
    if not given:
        return []
    said = {name.upper(): str(value) for name, value in given.items()}
    here = Path(DOTENV).absolute()
    wrong: dict[str, str] = {}
    if not said.get(TOKEN, "").strip():
        without = f"no such line where no {TOKEN} stands in the same file"
        wrong = dict.fromkeys(
            BESIDE_A_TOKEN,
            f"{without} ({here}); put the token there, or this line where the token is",
        )
    wrong[COMMAND] = (
        f"no command to run in a {DOTENV} ({here}); name it in your own configuration file "
        "or in the environment"
    )
    for name in names().values():
        if "${" in said.get(name, ""):
            wrong[name] = f"the value itself; nothing is expanded in a {DOTENV} ({here})"
    return [
        SettingProblem(name=name, source=DOTENV, shown=None, expected=expected)
        for name, expected in wrong.items()
        if said.get(name) and origins[name].source == DOTENV
    ]
