"""What a server session leaves in the audit log: what the policy refused, each at once, and at its
end how much was done here, as numbers.
"""

from __future__ import annotations

import logging

from indoors_server import audit, paths
from indoors_server.refusals import Refusal
from indoors_server.status import Counters

_log = logging.getLogger("indoors.audit")

# At the end the editor has gone and the process is about to go; and what is refused meanwhile waits
# in a row. Neither waits long for other windows.
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


def refused(refusal: Refusal) -> None:
    """Append one record of what was refused. Raises AuditError."""
    audit.Log.open(paths.state_dir(), patience_s=_PATIENCE_S).refused(
        kind=refusal.kind,
        reason=refusal.reason,
        path=refusal.path,
        policy_hash=refusal.policy_hash,
    )
