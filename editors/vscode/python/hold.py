"""Run a command in this terminal, tell how it ended, and keep the terminal open to be read.

    python -I hold.py TOLD COMMAND…

VS Code closes a terminal once its process has ended, and tells an extension nothing before. So the
command's exit status is written into the file TOLD as soon as it is known, and this process stays
until somebody presses Enter. Any Python 3 can run it: it may be there to install the rest.
"""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path


def main(arguments: "list[str]") -> int:
    """Always 0: VS Code would show another status as an error of its own."""
    told, command = arguments[0], arguments[1:]
    # Ctrl+C is for the command. To ignore it would make the command ignore it too.
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        status = subprocess.call(command)
    except OSError as error:
        sys.stdout.write(f"{error}\n")
        status = 127
    tell(told, status)
    sys.stdout.write(f"\nEnded with exit status {status}. Press Enter to close this terminal.\n")
    sys.stdout.flush()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt, OSError):
        forget_keys()
        sys.stdin.readline()
    return 0


def tell(told: str, status: int) -> None:
    """Write the status in one step, so that nobody reads half of it."""
    new = Path(told + ".new")
    with contextlib.suppress(OSError):  # the window that waited for it may be gone
        new.write_text(str(status), encoding="ascii")
        new.replace(told)


def forget_keys() -> None:
    """Keys that were pressed while the command ran close nothing."""
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():
            msvcrt.getch()
    else:
        import termios

        with contextlib.suppress(termios.error):  # it may be no terminal
            termios.tcflush(sys.stdin, termios.TCIFLUSH)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
