"""`python -m simulator`: run one simulator until it is told to stop."""

import argparse
import sys

from simulator.command import add_arguments, serve


def main() -> int:
    """Parse the command line and serve; returns the exit status."""
    parser = argparse.ArgumentParser(prog="simulator", description=__doc__)
    add_arguments(parser)
    return serve(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
