"""All mutants of `rules/`: `python -m tests.mutation [MODULE ...] [--children N]`."""

import sys

from tests.mutation.command import main

if __name__ == "__main__":
    sys.exit(main())
