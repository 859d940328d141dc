"""The `indoors` command line: the debugging twin of the server, and how a person sets it up.

Each subcommand is one module here with `add_arguments(parser)` and `run(options) -> int`, imported
only when it is the one asked for. Exit status: 0 done, 1 an error that was explained on stderr,
2 wrong usage, 3 not enforced by this system (`doctor --prove`), 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable

from indoors_server import __version__

# name -> (module in this package, one-line help)
COMMANDS: dict[str, tuple[str, str]] = {
    "setup": ("setup", "find the card, install the engine, pull a model, complete one line"),
    "serve": ("serve", "run the language server on stdin and stdout (editors do this)"),
    "complete": ("complete", "complete FILE:LINE:COL and print the answer"),
    "refactor": ("refactor", "edit FILE:FIRST-LAST and print the checked change as a diff"),
    "models": ("models", "list, pull, import and verify models"),
    "engine": ("engine", "show, install or rebuild the llama.cpp engine"),
    "engines": ("engines", "engines elsewhere: which are named, allowed, and what they say"),
    "search": ("search", "find definitions and code in the index of a project"),
    "index": ("index", "rebuild a project's index, or say what is in it"),
    "policy": ("policy", "what Indoors may do here, who decided that, and your part of it"),
    "closed": ("closed", "agree that code of a folder goes to a closed API, or take that back"),
    "status": ("status", "model, device, lock, index and next step on one screen"),
    "doctor": ("doctor", "check this installation and say what to do next"),
    "audit": ("audit", "show the audit log, check its chain, print its anchor"),
    "demo": ("demo", "complete real places in Indoors' own sources"),
    "purge": ("purge", "remove what Indoors keeps on this machine"),
}


def main(arguments: list[str]) -> int:
    """Run one command; without one, the status screen."""
    name = arguments[0] if arguments else "status"
    if name in ("-V", "--version"):
        _say(f"indoors {__version__}")
        return 0
    if name in ("-h", "--help", "help"):
        _say(_usage())
        return 0
    if name not in COMMANDS:
        sys.stderr.write(f"indoors: there is no command {name!r}\n\n{_usage()}\n")
        return 2
    module = importlib.import_module(f"indoors_server.cli.{COMMANDS[name][0]}")
    parser = argparse.ArgumentParser(prog=f"indoors {name}", description=COMMANDS[name][1])
    module.add_arguments(parser)
    options = parser.parse_args(arguments[1:])
    return _guarded(module.run, options)


def _guarded(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    from indoors_completion.types import IndoorsError

    try:
        return run(options)
    except IndoorsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        return 130
    except BrokenPipeError:
        # The reader of our output (head, a pager) has gone: nothing is left to say.
        sys.stderr.close()
        return 0


def _usage() -> str:
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(["usage: indoors [COMMAND] [options]", "", *lines])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
