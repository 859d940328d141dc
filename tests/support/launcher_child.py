"""The launcher with a table of roles for tests: `launcher_child.py SETTINGS FOLDER`.

SETTINGS is JSON: `pauses` keeps the product's pauses between starts, `harden` false leaves the
launcher's own lock-down out, `path` is added to where modules are. It is what a test's server
starts in the place of the launcher; the product has no option for any of this.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from indoors_server import children, launcher, launcher_lock

settings = json.loads(sys.argv[1])
ROLE = Path(__file__).with_name("launched_role.py").read_text()

sys.path += settings.get("path", [])
launcher.ROLES = {
    "echo": launcher.Role(("echo",), "indoors_server.launcher", "onprem"),
    "closed-echo": launcher.Role(("echo",), "indoors_server.launcher", "closed"),
    "extra": launcher.Role(("echo",), "indoors_server.launcher", "onprem", "extra_of_a_test"),
    "knowing": launcher.Role(("echo",), "indoors_server.launcher", "onprem", knows_policy=True),
    "not-there": launcher.Role(("echo",), "indoors_server.not_there", "onprem"),
}
children.command = lambda role, *arguments: [sys.executable, "-I", "-c", ROLE, *arguments]
if not settings.get("pauses"):
    launcher.FIRST_PAUSE_S = 0.0
if settings.get("harden") is False:
    launcher_lock.apply = lambda kept: None

sys.exit(launcher.main(sys.argv[2:]))
