"""Processes of other users than root, who tests must be where root would see past every rule.

The interpreter, the sources and the engine may lie in a folder that only root can enter. Then the
process gets a mount namespace of its own, in which such a folder shows the needed places alone and
lets everybody in. Nothing on the machine is changed for anybody else.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import indoors_completion
import indoors_indexing
import indoors_server
from support.needs import need_programs, need_root

# Two users without any name or right; 65534 would be "nobody", who owns things on some systems.
USER, ANOTHER = 64_001, 64_002


def as_user(user: int, *command: str) -> list[str]:
    """The command line that runs a command as a user, with nothing of root's left."""
    need_root()
    need_programs("unshare", "setpriv", "mount")
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]
    script = "\n".join(["set -e", *_openings(), 'exec "$@"'])
    return ["unshare", "--mount", "--", "sh", "-c", script, "sh", *become, *command]


def tell(user: int, script: str, *arguments: str) -> Any:
    """Run Python as a user; what its `script` printed as JSON."""
    command = as_user(user, sys.executable, "-I", "-c", script, *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _needed() -> list[Path]:
    """What a process of ours reads: the interpreter, its libraries, our packages."""
    packages = (indoors_server, indoors_completion, indoors_indexing)
    ours = [Path(package.__file__ or "").parent for package in packages]
    here = Path(__file__).parent
    return [Path(sys.base_prefix), Path(sys.prefix), *ours, here]


def _openings() -> list[str]:
    """Shell lines that put a folder for everybody over each one that is closed."""
    inside: dict[Path, set[Path]] = {}
    for place in _needed():
        closed = [one for one in place.parents if not one.stat().st_mode & 1]
        if closed:
            inside.setdefault(closed[-1], set()).add(place)
    lines = []
    for folder, places in inside.items():
        lines += ["t=$(mktemp -d)", 'mount -t tmpfs -o mode=755 none "$t"']
        for place in sorted(places):
            target = f'"$t"/{shlex.quote(str(place.relative_to(folder)))}'
            lines += [f"mkdir -p {target}", f"mount --bind {shlex.quote(str(place))} {target}"]
        lines += [f'mount --rbind "$t" {shlex.quote(str(folder))}']
        lines += ['umount -R "$t"', 'rmdir "$t"']
    return lines


def belongs_to(user: int, *places: Path | str) -> None:
    """Give files and folders, with all that is in them, to a user."""
    subprocess.run(["chown", "-hR", f"{user}:{user}", *map(str, places)], check=True)


@contextmanager
def acting_as(user: int) -> Iterator[None]:
    """What this process makes meanwhile is that user's: an index takes in no files of others."""
    os.setegid(user)
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
