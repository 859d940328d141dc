"""Logging to stderr, and on request to a file: never source text (I10).

Our own loggers (`indoors.*`) write what their authors saw fit; those lines hold numbers, names and
reasons. Libraries log parameters and whole messages (pygls does, with the text of documents), so of
their records only the unformatted template and the type of the exception are written.
"""

from __future__ import annotations

import logging
import os
import sys
from io import TextIOWrapper
from pathlib import Path

from indoors_server import paths

MAX_FILE_BYTES = 4 * 1024 * 1024


class QuietFormatter(logging.Formatter):
    """Formats our records in full and those of libraries without their arguments."""

    def format(self, record: logging.LogRecord) -> str:
        """One line (and for our own exceptions the traceback without the exception's text)."""
        ours = record.name.split(".", 1)[0] == "indoors"
        # asyncio puts the repr of an exception into its template, on a line of its own.
        text = record.getMessage() if ours else str(record.msg).partition("\n")[0][:120]
        line = f"{self.formatTime(record)} {record.levelname.lower()} {record.name}: {text}"
        if record.exc_info and record.exc_info[0] is not None:
            line += f" [{record.exc_info[0].__name__}]"
            frame = record.exc_info[2]
            while frame is not None:
                code = frame.tb_frame.f_code
                line += f"\n    {Path(code.co_filename).name}:{frame.tb_lineno} {code.co_name}"
                frame = frame.tb_next
        return line


class PrivateFile(logging.FileHandler):
    """A log file that only its owner can read, begun anew when it has grown large."""

    def _open(self) -> TextIOWrapper:
        path = Path(self.baseFilename)
        paths.make_private(path.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        if path.exists() and path.stat().st_size > MAX_FILE_BYTES:
            flags |= os.O_TRUNC
        descriptor = os.open(path, flags, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")


def configure(level: str, to_file: bool) -> None:
    """Set the level and the handlers of the root logger. A file that fails leaves stderr."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler.formatter, QuietFormatter):
            root.removeHandler(handler)
            if isinstance(handler, logging.FileHandler):
                handler.close()
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    problem = ""
    if to_file:
        try:
            handlers.append(PrivateFile(log_path()))
        except OSError as error:
            problem = error.strerror or type(error).__name__
    for handler in handlers:
        handler.setFormatter(QuietFormatter())
        root.addHandler(handler)
    root.setLevel(level.upper())
    # A library's chatter at info and debug is a template without arguments: of no use to anyone.
    for name in ("pygls", "asyncio", "cattrs"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if problem:
        logging.getLogger("indoors.log").warning("no log file: %s", problem)


def log_path() -> Path:
    """Where `log.file` puts the log."""
    return paths.state_dir() / "server.log"
