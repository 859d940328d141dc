"""Entry point of every process of ours, and the order in which a process starts.

    argv -> launcher, if a policy lets code leave -> lock-down -> heavy imports -> threads

The order is fixed: nothing that parses input or can open a connection is imported before the
kernel filter is on, and no thread exists that could have escaped it. This module and everything it
imports at the top stay light (standard library only).
"""

from __future__ import annotations

import sys

from indoors_server import lockdown, prelaunch

# Processes that see code: they are locked down before anything heavy is imported. All other
# subcommands are commands that a person runs in a terminal.
_LOCKED_ROLES = ("serve", "worker", "indexer", "formatter")


# What may ask an engine elsewhere: it gets a launcher, if a policy lets code leave.
_WITH_LAUNCHER = ("serve", "complete", "refactor", "engines")


def main(arguments: list[str] | None = None) -> int:
    """Run the process that `arguments` (default: the command line) asks for; its exit status."""
    argv = sys.argv[1:] if arguments is None else arguments
    role = argv[0] if argv else ""
    if role in _WITH_LAUNCHER and not _asks_for_help(argv):
        prelaunch.start()
    if role in _LOCKED_ROLES and not _asks_for_help(argv):
        lockdown.apply(role, argv[1:])
        if "--strict" in argv and lockdown.state().state == "unproven":
            return lockdown.refuse_to_run()
    if role == "launcher":
        # It has a lock-down of its own: what it starts may need the network.
        from indoors_server import launcher

        return launcher.main(argv[1:])
    if role == "gateway":
        # So has this, on top of the launcher's: it reads what it needs first.
        if argv[1:] == ["--resolver"]:
            from indoors_server.gateway import resolver_child

            return resolver_child.main()
        from indoors_server.gateway import process

        return process.run(argv[1:])
    if role == "worker":
        from indoors_server.roles import run_worker

        return run_worker(argv[1:])
    if role == "indexer":
        from indoors_server.roles import run_indexer

        return run_indexer(argv[1:])
    if role == "formatter":
        from indoors_server import formatter_role

        return formatter_role.run(argv[1:])
    if role == "prove-child":
        from indoors_server.proof import child

        return child.run(argv[1:])
    from indoors_server import cli

    try:
        return cli.main(argv)
    finally:
        prelaunch.end()


def _asks_for_help(argv: list[str]) -> bool:
    return "-h" in argv or "--help" in argv


if __name__ == "__main__":
    sys.exit(main())
