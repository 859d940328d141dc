"""The one spawn function: every process of ours is started here, in one form.

The form is the absolute interpreter path with `-I -m indoors_server ROLE`: with anything else a
folder named like our package in the workspace, or PYTHONPATH, decides whose code runs
(tests/e2e/test_launch.py keeps the table of forms). A child reads frames on its stdin and writes
frames on its stdout; it ends itself when its stdin does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import IO

from indoors_server import role_files

# What a child may know of our environment: places, locale, and the choice of GPU. PATH is among
# them for the GPU driver's own helpers only; we never start a program by bare name.
_KEPT_VARIABLES = (
    "PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "XDG_CACHE_HOME", "XDG_STATE_HOME",
    "XDG_CONFIG_HOME", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "GGML_VK_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES", "OMP_NUM_THREADS", "SYSTEMROOT", "LOCALAPPDATA", "USERPROFILE",
)  # fmt: skip
# Where clusters mount NVIDIA's driver into a container. The loader does not look there by itself,
# so such images set LD_LIBRARY_PATH, which no child of ours gets: it decides whose code is loaded.
_DRIVER_FOLDERS = ("/usr/local/nvidia/lib64",)


def command(role: str, *arguments: str) -> list[str]:
    """The command line that starts `role` (a subcommand of `python -I -m indoors_server`)."""
    return [sys.executable, "-I", "-m", "indoors_server", role, *arguments]


def root_options(roots: Iterable[str]) -> list[str]:
    """The part of an indexer's command line that says which folders it may read."""
    return [f"--root={root}" for root in roots]


def spawn(
    role: str,
    *arguments: str,
    stdin: int = subprocess.PIPE,
    stdout: int = subprocess.PIPE,
    stderr: IO[bytes] | int | None = None,
    inherit: Collection[int] = (),
    before_exec: Callable[[], object] | None = None,
) -> subprocess.Popen[bytes]:  # noqa: TID251 - the spawn function gives what it starts
    """Start `role` with pipes on stdin and stdout, or on the descriptors that are given.

    stderr is inherited unless given. The child gets no other descriptor of ours but `inherit` (the
    launcher's folder; and `doctor --prove` shows that one is closed), a short environment, and `/`
    as its working directory, so that nothing in a workspace is on its path. `before_exec` runs in
    the child, for a parent that has no threads.
    """
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    # A driver would keep what it compiles for a card in the home, where nothing of ours writes.
    environment["CUDA_CACHE_PATH"] = str(role_files.cuda_cache())
    if folders := [folder for folder in _DRIVER_FOLDERS if os.path.isdir(folder)]:  # noqa: PTH112
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(folders)
    return subprocess.Popen(  # noqa: TID251 - this is the spawn function
        command(role, *arguments),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=Path(sys.executable).anchor,
        env=environment,
        close_fds=True,
        pass_fds=tuple(inherit),
        preexec_fn=before_exec,
        bufsize=0,
    )
