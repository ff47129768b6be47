"""Finds the verb, parses its flags, and turns every expected failure into one clear line."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Any

from cli.loading import lean_loading
from cli.parsers import verb_parser
from cli.streams import close_output, make_usable
from config.places import has_folder

VERBS = {
    "init": "ask for URL and token, try them, and write the configuration",
    "check": "look over the configuration, the token, the database and the daemon",
    "run": "run the daemon in the foreground",
    "sync": "sync once, by the daemon if one runs on this database",
    "status": "show the daemon, the run at work, the last runs, freshness and problems",
    "health": "say whether all is well, for scripts and supervisors",
    "watch": "look on while the daemon works: a live screen",
    "products": "the products, from the database, refreshed first if they are too old",
    "features": "the features of products, likewise",
    "tests": "the tests of products, or single tests, likewise",
    "bugs": "the bugs of tests, likewise",
    "runs": "list runs, or show one: its time line, its failures, what to do",
    "events": "show what happened, and follow it",
    "logs": "show the daemon's log, wherever it goes, and follow it",
    "problems": "list what fails, try it again, or set it aside",
    "deletions": "list deletions that are held back, and accept them",
    "verify": "compare the mirror with the live account, writing nothing",
    "browse": "look at the mirror in a web browser: tables, queries and charts",
    "rebuild": "make a damaged database anew, saving what can be read of it",
    "backup": "copy the whole database into one file, while it is in use",
    "export": "write tables as CSV or Parquet",
    "pause": "stop periodic runs, for a time or until resumed",
    "resume": "start periodic runs again",
    "interval": "change how often the daemon syncs",
    "concurrency": "change how many requests it has under way at once",
    "rate": "change how many requests a second it sends at most",
    "cancel": "end the run at work, or leave one product out of it",
    "reload": "have the daemon read its configuration and token again",
    "stop": "stop the daemon",
    "notify": "try the notifications",
    "service": "run the daemon by systemd: install, uninstall, show the unit",
    "demo": "see it all work against a bundled simulator, in half a minute",
    "simulator": "run a stand-in for the remote, with faults",
    "completion": "print a script that completes commands in bash, zsh or fish",
    "man": "print the manual page",
}

CANCELLED = 130
SIZES = {"COLUMNS": (20, 10_000), "LINES": (3, 10_000)}
"""The least and the most of each that anything can be shown in."""
STATUS_IS_THE_ANSWER = ("check", "health", "notify", "verify")

EPILOG = """\
examples:
  testio-sync demo                        see it work, no account needed
  testio-sync run                         the daemon: a run now, then one every 15 minutes
  testio-sync sync --product-ids 18 42    two products, now
  testio-sync tests --status running      which tests run now?
  testio-sync status                      how fresh is what I have?

Every verb has --help with examples. Settings and exit statuses are in the README.
"""


def main(argv: list[str] | None = None) -> int:
    """The entry point `testio-sync`; returns the exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        make_usable()
        return _answered(arguments)
    except KeyboardInterrupt:
        return CANCELLED


def _answered(arguments: list[str]) -> int:
    """The exit status once all that was printed has gone out, help included."""
    try:
        try:
            return _main(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody to tell. Where the status is the answer
        # it has to be one that says nothing good.
        close_output()
        return 1 if arguments[0] in STATUS_IS_THE_ANSWER else 0
    except OSError as error:
        from config.places import NO_PLACE

        is_misnamed = error.errno in NO_PLACE and error.filename is not None
        said = f"{_file_of(error)} can be no file's path: {error.strerror}; name another one"
        print(f"testio-sync: {said if is_misnamed else _named(error)}", file=sys.stderr)
        close_output()
        return 2 if is_misnamed else 1
    except Exception as error:
        from cli.failures import explain

        return explain(error)


def _named(error: OSError) -> str:
    """What the system says, of which file; a working folder that is gone has no name."""
    if error.filename is not None:
        return f"{_file_of(error)}: {error.strerror}"
    if isinstance(error, FileNotFoundError) and not has_folder():
        return "the working folder is gone; go to one that is there"
    return str(error)


def _file_of(error: OSError) -> str:
    return "" if error.filename is None else os.fsdecode(error.filename)


def _main(arguments: list[str]) -> int:
    _forget_impossible_sizes()
    parser = _top_parser()
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    if arguments[0] == "help":
        arguments = [*arguments[1:2], "--help"]
    _suggest_a_verb(parser, arguments[0])
    verb = parser.parse_args(arguments[:1]).verb
    with lean_loading():
        module = importlib.import_module(f"cli.verbs.{verb}")
    return int(module.main(verb_parser(verb, module).parse_args(arguments[1:])))


def _forget_impossible_sizes() -> None:
    """COLUMNS and LINES as no screen has them are as if unset, for all that goes by them.

    0 columns would show nothing, and a billion fill the memory with blanks.
    """
    for name, (least, most) in SIZES.items():
        given = os.environ.get(name)
        if given is None:
            continue
        is_number = given.isascii() and given.isdigit() and len(given) < 10
        if not is_number or not 1 <= int(given) <= most:
            del os.environ[name]
        elif int(given) < least:
            os.environ[name] = str(least)


def _suggest_a_verb(parser: argparse.ArgumentParser, given: str) -> None:
    """A mistyped verb gets its nearest one, not a wall of all of them."""
    if given in VERBS or given.startswith("-"):
        return
    from rules.text.nearest import nearest_word

    near = nearest_word(given, VERBS)
    hint = f"did you mean {near}?" if near else "`testio-sync --help` lists all verbs"
    parser.error(f"there is no verb {given!r}; {hint}")


def _top_parser() -> argparse.ArgumentParser:
    verbs = "\n".join(f"  {verb:<11} {what}" for verb, what in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="testio-sync",
        usage="testio-sync VERB [options]",
        description=f"Mirrors a Test IO account into a local SQLite database.\n\nverbs:\n{verbs}",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the versions and exit")
    parser.add_argument("verb", choices=VERBS, metavar="VERB", help=argparse.SUPPRESS)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_given: Any) -> None:
        from cli.about import version_text

        print(version_text())
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
