"""A private file that leads a browser in.

A link in a browser's command line can be read by everybody on this machine, and taken before the
browser has come to it; a path says nothing.
"""

from __future__ import annotations

import contextlib
import html
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = """<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={link}">
<title>testio-sync browse</title>
<p><a href="{link}">To the mirror</a></p>
"""


class Door:
    """A page that sends whoever can read it to a link: its owner."""

    def __init__(self, link: str) -> None:
        """Raises OSError where it cannot be made."""
        self._folder = Path(tempfile.mkdtemp(prefix="testio-sync-"))  # 0700
        self._page = self._folder / "browse.html"
        with open(os.open(self._page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(PAGE.format(link=html.escape(link)))

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return self._page.as_uri()

    def close(self) -> None:
        """Take it away; any number of times."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._folder)


@contextmanager
def door_to(link: str) -> Iterator[Door]:
    """A door that is gone at the end of the block. Raises OSError."""
    door = Door(link)
    try:
        yield door
    finally:
        door.close()
