"""What a server session leaves in the audit log at its end: how much was done here, as numbers."""

from __future__ import annotations

import logging

from indoors_server import audit, paths
from indoors_server.status import Counters

_log = logging.getLogger("indoors.audit")

# The editor has gone and the process is about to end: it does not wait long for other windows.
_PATIENCE_S = 1.0


def record(counters: Counters) -> None:
    """Append one record; none where nothing was asked for. A log that cannot be used is noted."""
    try:
        audit.Log.open(paths.state_dir(), patience_s=_PATIENCE_S).end_session(
            requested=counters.requested,
            answered=counters.answered,
            shown=counters.shown,
            accepted=counters.accepted,
            partially_accepted=counters.partially_accepted,
        )
    except audit.AuditError as error:
        _log.warning("%s", error.what)
