"""Ask a child process of ours one question: what could crash or hang must not do it in ours."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import NamedTuple

from indoors_server import children

Spawn = Callable[..., subprocess.Popen[bytes]]  # noqa: TID251 - a type; nothing is started


class Answer(NamedTuple):
    """How the child ended (negative: the signal that killed it) and what it wrote."""

    status: int
    stdout: bytes
    stderr: bytes


def ask(*arguments: str, timeout_s: float, spawn: Spawn = children.spawn) -> Answer:
    """Start `python -I -m indoors_server ARGUMENTS`, close its stdin, and read its answer.

    It gets the short environment that the worker gets, so what loads there loads here. Raises
    subprocess.TimeoutExpired (the child is killed) and OSError.
    """
    with spawn(*arguments, stderr=subprocess.PIPE) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except BaseException:
            process.kill()
            raise
    return Answer(process.returncode, stdout, stderr)
