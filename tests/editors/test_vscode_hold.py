"""What keeps the terminal of a command open in VS Code, in a terminal of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support.code_server import EXTENSION, until

HOLD = EXTENSION / "python" / "hold.py"
ENTER = b"\n"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a terminal by pty")


class Held:
    """A command that is held, and the other end of its terminal."""

    def __init__(self, told: Path, command: list[str]) -> None:
        self.told = told
        self.control, self._inside = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-I", str(HOLD), str(told), *command],
            stdin=self._inside,
            stdout=self._inside,
            stderr=self._inside,
            start_new_session=True,
            preexec_fn=self._take,
        )
        self.text = ""

    def _take(self) -> None:
        """The terminal is the session's, so that Ctrl+C goes to all who run in it."""
        import fcntl
        import termios

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def press(self, keys: bytes) -> None:
        os.write(self.control, keys)

    def wait(self, text: str) -> None:
        os.set_blocking(self.control, False)

        def read() -> bool:
            with suppress(BlockingIOError):
                self.text += os.read(self.control, 4096).decode()
            return text in self.text

        until(read, text, 20)

    def status(self) -> str:
        return str(until(lambda: self.told.exists() and self.told.read_text(), "a status", 20))

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.control)
        os.close(self._inside)


@contextmanager
def held(told: Path, *command: str) -> Iterator[Held]:
    made = Held(told, list(command))
    try:
        yield made
    finally:
        made.close()


def test_the_status_is_told_at_once_and_the_terminal_stays(tmp_path: Path) -> None:
    with held(tmp_path / "status", "/bin/sh", "-c", "echo it says why; exit 3") as command:
        assert command.status() == "3"
        command.wait("Ended with exit status 3. Press Enter to close this terminal.")
        assert "it says why" in command.text
        time.sleep(0.3)
        assert command.process.poll() is None
        command.press(ENTER)
        assert command.process.wait(10) == 0


def test_what_is_typed_is_for_the_command_and_closes_nothing_later(tmp_path: Path) -> None:
    line = "echo ready; read a; echo got $a; sleep 0.5"
    with held(tmp_path / "status", "/bin/sh", "-c", line) as command:
        command.wait("ready")
        command.press(b"yes\n\n\n")
        command.wait("Press Enter to close")
        assert "got yes" in command.text
        time.sleep(0.3)
        assert command.process.poll() is None


def test_control_c_ends_the_command_and_leaves_what_it_said(tmp_path: Path) -> None:
    with held(tmp_path / "status", "/bin/sh", "-c", "echo begun; exec sleep 100") as command:
        command.wait("begun")
        command.press(b"\x03")
        assert command.status() == "-2"
        command.wait("Press Enter to close")
        assert command.process.poll() is None
        command.press(b"\x03")
        assert command.process.wait(10) == 0


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with held(tmp_path / "status", "/nowhere/python") as command:
        assert command.status() == "127"
        command.wait("Press Enter to close")
        assert "/nowhere/python" in command.text
