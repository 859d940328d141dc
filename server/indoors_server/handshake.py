"""Whether an editor plugin of ours and this server understand each other.

A plugin sends `initializationOptions.client = {"name", "version", "protocol"}`. `protocol` counts
the incompatible changes of docs/protocol.md. Plugins and server are installed separately, so they
can drift apart; then a person must be told which of the two to update.
"""

from __future__ import annotations

from indoors_server import __version__

PROTOCOL = 1
OLDEST_PROTOCOL = 1


def check(client: object) -> str:
    """What to tell the person, "" if all is well. Clients that send nothing are not ours."""
    if not isinstance(client, dict):
        return ""
    protocol = client.get("protocol")
    if not isinstance(protocol, int) or isinstance(protocol, bool):
        return ""
    name = str(client.get("name") or "The Indoors plugin")[:80]
    version = str(client.get("version") or "of unknown version")[:40]
    pair = f"{name} {version} speaks protocol {protocol}, this server ({__version__})"
    if protocol > PROTOCOL:
        return f"{pair} up to {PROTOCOL}.\nNext: update the server (uv tool upgrade indoors)."
    if protocol < OLDEST_PROTOCOL:
        return f"{pair} from {OLDEST_PROTOCOL} on.\nNext: update the plugin in your editor."
    return ""
