"""What a server asks an editor before anything is sent to an API of others."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

HOST = "https://api.example.com:443"


def params(body: str, text: str, **more: Any) -> dict[str, Any]:
    """As the server's `Preview.as_json` gives it: `text` is what can be read of the body."""
    data = body.encode()
    return {
        "endpoint": "theirs",
        "host": HOST,
        "operator": f"whoever runs {HOST} (not known here)",
        "model": "big-1",
        "body": body,
        "text": text,
        "bytes": len(data),
        "sha256": sha256(data).hexdigest(),
        "sources": ["src/shapes.py"],
        "redactions": ["/home/me is sent as HOME_1 (a home folder, 2×)"],
        "price": "",
    } | more
