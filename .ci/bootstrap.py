"""Make .venv and install this checkout into it: what every target of the Makefile needs first.

    python3 .ci/bootstrap.py run      what running Indoors needs
    python3 .ci/bootstrap.py dev      and what testing and checking it needs
    python3 .ci/bootstrap.py editors  and what testing it in VS Code needs
    python3 .ci/bootstrap.py peer     a Python beside it that can run llama-cpp-python's own server,
                                      which tests ask as an engine elsewhere

Standard library only: it runs before anything is installed. uv is used if it is there (and works
with this machine's index), else venv and pip. Everything comes from the hashed lock files, the
build backend too, so that building the checkout itself needs no network.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOCKS = {
    "run": ("requirements.lock", "requirements-build.lock"),
    "dev": ("requirements.lock", "requirements-build.lock", "requirements-dev.lock"),
    "editors": ("requirements-editors.lock",),
    "peer": ("requirements-peer.lock",),
}
PEER = ROOT / ".venv" / "peer"
OLDEST = (3, 11)
NEWER = ("python3.13", "python3.12", "python3.11", "python3.14")


def main(arguments: list[str]) -> int:
    """Make what `arguments` asks for; the exit status."""
    wanted = arguments[0] if arguments else "run"
    if wanted not in LOCKS:
        complain(f"usage: python3 .ci/bootstrap.py {'|'.join(LOCKS)}")
        return 2
    if sys.version_info < OLDEST:
        return hand_over(arguments)
    if wanted == "peer":
        return make_peer()
    started = time.monotonic()
    files = [argument for name in LOCKS[wanted] for argument in ("-r", str(ROOT / name))]
    uv = shutil.which("uv")
    if uv and with_uv(uv, files):
        tool = "uv"
    else:
        problem = with_pip(files)
        if problem:
            complain(problem)
            return 1
        tool = "pip"
    say(f"✓ environment ({wanted}) ready in .venv, by {tool}, {time.monotonic() - started:.0f} s")
    return 0


def make_peer() -> int:
    """A virtual environment of its own: what the server of llama-cpp-python imports has no business
    in ours. The exit status.
    """
    python = PEER / PYTHON.relative_to(VENV)
    lock = str(ROOT / LOCKS["peer"][0])
    uv = shutil.which("uv")
    say("  installing what llama-cpp-python's server imports into .venv/peer …")
    if uv and run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(PEER)]):
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
        if run([*install, "--require-hashes", "-r", lock]):
            return 0
    if not run([sys.executable, "-m", "venv", "--clear", str(PEER)]):
        complain("The virtual environment could not be made (see above).")
        return 1
    install = [str(python), "-I", "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    if not run([*install, "--require-hashes", "-r", lock]):
        complain("The pinned packages could not be installed (see above).")
        return 1
    return 0


def with_uv(uv: str, files: list[str]) -> bool:
    """Install with uv; false (and a line that says so) if uv cannot, for pip to try."""
    install = [uv, "pip", "install", "--quiet", "--python", str(PYTHON)]
    if not usable(PYTHON) and not (
        clear() and run([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)])
    ):
        return False
    say("  installing the pinned packages into .venv with uv …")
    if run([*install, "--require-hashes", *files]) and run(
        [*install, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    ):
        return True
    complain("  uv could not install them here (see above); trying venv and pip")
    return False


def with_pip(files: list[str]) -> str:
    """Install with venv and pip; what is wrong and what to do about it, or "" if all is well."""
    if not has_pip(PYTHON):
        missing = [name for name in ("venv", "ensurepip") if not importlib.util.find_spec(name)]
        if missing:
            version = f"python{sys.version_info.major}.{sys.version_info.minor}"
            return (
                "This Python cannot make virtual environments:"
                f" it has no {' and no '.join(missing)}.\n"
                f"  Next: apt install {version}-venv   (Debian and Ubuntu), or install uv"
            )
        clear()
        say("  making .venv …")
        if not run([sys.executable, "-m", "venv", str(VENV)]):
            return "The virtual environment could not be made (see above)."
    say("  installing the pinned packages into .venv with pip …")
    install = [str(PYTHON), "-I", "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    if not run([*install, "--require-hashes", *files]):
        return "The pinned packages could not be installed (see above)."
    if not run([*install, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)]):
        return "This checkout could not be installed into .venv (see above)."
    return ""


def usable(python: Path) -> bool:
    """Whether .venv holds an interpreter that runs and is new enough."""
    probe = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    return python.exists() and run([str(python), "-I", "-c", probe], quiet=True)


def has_pip(python: Path) -> bool:
    """Whether .venv is usable and has a pip of its own (uv's has none)."""
    return usable(python) and run([str(python), "-I", "-c", "import pip"], quiet=True)


def clear() -> bool:
    """Remove a .venv that cannot be used. A link is removed, not what it points to."""
    if VENV.is_symlink():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    return True


def run(command: list[str], quiet: bool = False) -> bool:
    """Run a command in the checkout; whether it succeeded."""
    output = subprocess.DEVNULL if quiet else None
    try:
        return (
            subprocess.run(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            ).returncode
            == 0
        )
    except OSError as error:
        if not quiet:
            complain(f"  {command[0]}: {error}")
        return False


def say(text: str) -> None:
    """Print a line of progress, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print what is wrong."""
    sys.stderr.write(text + "\n")


def hand_over(arguments: list[str]) -> int:
    """Run again with a newer Python, if there is one."""
    for name in NEWER:
        python = shutil.which(name)
        if python and run(
            [python, "-c", f"import sys; sys.exit(sys.version_info < {OLDEST})"], quiet=True
        ):
            return subprocess.run([python, str(Path(__file__)), *arguments]).returncode
    found = ".".join(map(str, sys.version_info[:3]))
    complain(
        f"Indoors needs Python 3.11 or newer; {sys.executable} is {found}.\n"
        "  Next: install a newer Python (apt install python3.11 python3.11-venv), or uv"
    )
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
