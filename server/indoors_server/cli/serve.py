"""`indoors serve`: the language server on stdin and stdout. Editors start it, not people."""

from __future__ import annotations

import argparse
import time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--stdio` is what several editors pass by habit; there is no other transport."""
    parser.add_argument("--stdio", action="store_true", help="the default, and the only way")


def run(options: argparse.Namespace) -> int:  # noqa: ARG001 - the form of every command
    """Serve until the editor leaves. A strict policy ends it with 78 where nothing is proven."""
    from indoors_server import lockdown, log, policy, settings

    if lockdown.state().state == "unproven" and policy.load().strict:
        return lockdown.refuse_to_run()
    from indoors_server.core import EngineCore

    user = settings.resolve(settings.user_layer())
    log.configure(user.log_level, user.log_file)
    from indoors_server import app, paths, prelaunch, session_record
    from indoors_server.elsewhere import Elsewhere
    from indoors_server.gateway_client import GatewayClient
    from indoors_server.launching import Launcher
    from indoors_server.retrieval import IndexRetrieval

    retrieval = IndexRetrieval(paths.cache_dir)
    launcher = Launcher(prelaunch.outcome())
    gateway = GatewayClient(launcher)  # the only one: a launcher has one gateway at a time
    core = EngineCore(retrieval=retrieval, elsewhere=Elsewhere(gateway, time.monotonic))
    record, refused = session_record.record, session_record.refused
    door = gateway if launcher.state != "none" else None
    return app.run(core, time.monotonic, retrieval, record, refused, launcher, door)
