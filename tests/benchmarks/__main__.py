"""All benchmarks: `python -m tests.benchmarks [--only NAME ...] [--quick] [--pairs N]`."""

import sys

from tests.benchmarks.harness import main

if __name__ == "__main__":
    sys.exit(main())
