"""Wheels from the user's own package index, through whichever pip this machine has.

Used only by commands that a person runs. The index, proxies, certificates and credentials are
those that the user configured for pip: a company mirror works, and no address is written here.
A virtual environment made by uv has no pip, so pip is looked for in this order:

1. `python -I -m pip` of this interpreter (venv, pipx);
2. uv's: `uv tool run pip`;
3. the one that pipx shares between its environments;
4. the pip of the Python that this environment was made from;
5. none: the error carries the command to run by hand.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from indoors_completion.types import IndoorsError

_PIP_CHECK_SECONDS = 60
_POLL_SECONDS = 0.2
_TAIL_LINES = 40


class DownloadError(IndoorsError):
    """Nothing could be downloaded: no pip, no index, no such package, or a wrong hash."""


class Downloader(NamedTuple):
    """A pip that works: `command` is followed by pip's own arguments."""

    name: str
    command: tuple[str, ...]


class Finished(NamedTuple):
    """A pip run that ended: its exit status and the last lines that it printed."""

    status: int
    tail: tuple[str, ...]


def candidates(
    which: Callable[[str], str | None] = shutil.which, home: Path | None = None
) -> Iterator[Downloader]:
    """The pips that this machine may have, in the order in which they are tried."""
    yield Downloader("pip", (sys.executable, "-I", "-m", "pip"))
    uv = which("uv")
    if uv:
        yield Downloader("uv", (uv, "tool", "run", "pip"))
    for shared in _pipx_shared(home or Path.home()):
        yield Downloader("pipx's pip", (str(shared), "-I", "-m", "pip"))
    base = getattr(sys, "_base_executable", "") or ""
    if base and base != sys.executable:
        yield Downloader("the base Python's pip", (base, "-I", "-m", "pip"))


def find(options: Iterable[Downloader] | None = None, *, manual: Sequence[str] = ()) -> Downloader:
    """The first pip that answers. Raises DownloadError with `manual` as the command to run."""
    for option in candidates() if options is None else options:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(
                [*option.command, "--version"],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=_PIP_CHECK_SECONDS,
                check=False,
            )
            if done.returncode == 0:
                return option
    by_hand = " ".join(["python3 -m pip", *manual]) if manual else "python3 -m ensurepip"
    raise DownloadError(
        "No pip was found to download with.",
        why="looked for this environment's pip, uv, pipx's pip and the base Python's",
        next_step=by_hand,
    )


def download_wheels(
    requirements: Sequence[str],
    into: Path,
    *,
    on_bytes: Callable[[int], None] | None = None,
    pip: Downloader | None = None,
    extra: Sequence[str] = (),
) -> list[Path]:
    """Download one wheel for each requirement (`name==version`) into `into`; never installs.

    Dependencies are not followed and nothing is built. `on_bytes` is told, a few times a second,
    how many bytes have arrived. Returns the paths of the wheels, in the order of `requirements`.
    Raises DownloadError; wheels that were complete by then stay in `into`.
    """
    pip = pip or find(manual=["download", "--no-deps", *requirements])
    _download(requirements, [*extra, *requirements], into, pip, on_bytes)
    return [_wheel_for(requirement, into) for requirement in requirements]


def _download(
    names: Sequence[str],
    what: Sequence[str],
    into: Path,
    pip: Downloader,
    on_bytes: Callable[[int], None] | None,
) -> None:
    arguments = ["download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    arguments += ["--dest", str(into), *what]
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    # pip collects a download in its temporary directory. Ours lies beside the destination: the
    # progress can be seen there, and a small /tmp is not filled by a large model.
    with (
        tempfile.TemporaryDirectory(prefix=".pip-", dir=into) as scratch,
        _watched(into, on_bytes),
    ):
        done = run_pip(pip, arguments, environment={"TMPDIR": scratch})
    if done.status != 0:
        raise DownloadError(
            f"{', '.join(names)} could not be downloaded from your package index.",
            why=reason(done.tail),
            next_step=f"python3 -m pip {' '.join(arguments)}",
        )


def download_locked(
    lock: Path,
    into: Path,
    *,
    pip: Downloader,
    on_bytes: Callable[[int], None] | None = None,
) -> None:
    """Download the wheels that a hashed lock file names into `into`. Raises DownloadError."""
    arguments = ["--require-hashes", "--requirement", str(lock)]
    _download([lock.stem], arguments, into, pip, on_bytes)


def run_pip(
    pip: Downloader,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Finished:
    """Run pip and hand each line of its output to `on_line` and to the file `log`.

    The child is ended if we are interrupted. It inherits our environment (pip's configuration may
    live there) but no input: a question for a password is an error and not a hang.
    """
    tail: list[str] = []
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(log.open("a", encoding="utf-8")) if log else None
        process = stack.enter_context(
            subprocess.Popen(  # noqa: TID251 - pip is not a process of ours
                [*pip.command, "--no-input", "--disable-pip-version-check", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {}), "PYTHONUNBUFFERED": "1"},
                encoding="utf-8",
                errors="replace",
            )
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                tail = [*tail[-_TAIL_LINES:], line.rstrip()]
                if stream is not None:
                    stream.write(line)
                if on_line is not None:
                    on_line(line.rstrip())
        except BaseException:
            process.terminate()
            raise
    return Finished(process.returncode, tuple(tail))


def reason(tail: Sequence[str]) -> str:
    """The line of pip's output that says why it failed."""
    for line in tail:
        if line.lower().startswith("error:"):
            return line[len("error:") :].strip()
    return next((line.strip() for line in reversed(tail) if line.strip()), "pip said nothing")


def _pipx_shared(home: Path) -> Iterator[Path]:
    roots = [Path(os.environ["PIPX_HOME"])] if os.environ.get("PIPX_HOME") else []
    roots += [home / ".local/share/pipx", home / ".local/pipx"]
    roots += [home / "Library/Application Support/pipx", home / "AppData/Local/pipx"]
    for root in roots:
        for python in (root / "shared/bin/python", root / "shared/Scripts/python.exe"):
            if python.exists():
                yield python


def _wheel_for(requirement: str, directory: Path) -> Path:
    name, _, version = requirement.partition("==")
    wanted = (_normal(name), version.split(" ", 1)[0].strip())
    for path in sorted(directory.glob("*.whl")):
        parts = path.name.split("-")
        if _normal(parts[0]) == wanted[0] and (not wanted[1] or parts[1] == wanted[1]):
            return path
    raise DownloadError(f"pip reported success but left no wheel of {requirement}.")


def _normal(name: str) -> str:
    return name.strip().replace("-", "_").replace(".", "_").lower()


@contextlib.contextmanager
def _watched(directory: Path, on_bytes: Callable[[int], None] | None) -> Iterator[None]:
    """Report the growth of `directory` while the block runs."""
    if on_bytes is None:
        yield
        return
    before = _size(directory)
    ended = threading.Event()
    report = on_bytes

    def watch() -> None:
        while not ended.wait(_POLL_SECONDS):
            report(max(0, _size(directory) - before))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    report(max(0, _size(directory) - before))


def _size(directory: Path) -> int:
    total = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).stat().st_size
    return total
