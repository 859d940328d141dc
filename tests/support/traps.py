"""A repository full of traps: each leaves a marker when somebody runs what the repository brings.

A trap is sprung "the naive way" by its own `spring`, which shows that it works; a server that works
in the repository must spring none.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

# Programs that tools start by their bare name.
PROGRAMS = (
    "git", "python", "python3", "sh", "make", "gcc", "cc", "c++", "ld", "ldconfig", "objdump",
    "uname", "nvidia-smi", "nvcc", "vulkaninfo", "lsb_release", "xdg-open", "node", "rg", "ctags",
    "pip", "tty", "stty", "less", "ps",
)  # fmt: skip
# What ours and their dependencies are called, and what Python imports by itself.
MODULES = (
    "sitecustomize", "usercustomize", "pygls", "msgspec", "tree_sitter", "pathspec", "watchdog",
    "lsprotocol", "llama_cpp", "json", "typing_extensions", "tree_sitter_python",
)  # fmt: skip
GIT = "/usr/bin/git"


class Traps:
    """The repository, its markers, and an environment that leads into it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.markers = folder / "markers"
        self.root.mkdir(exist_ok=True)
        self.markers.mkdir()
        self.springs: dict[str, Callable[[], object]] = {}
        self._programs()
        self._modules()
        self._git()
        self._tools()

    def sprung(self) -> list[str]:
        """The traps that somebody ran into."""
        return sorted(marker.name for marker in self.markers.iterdir())

    def poison(self) -> dict[str, str]:
        """Variables as an editor has them whose shell or plugin was led astray by the folder."""
        root, script = str(self.root), str(self._shell("variable"))
        return {
            "PATH": f"{root}/bin:{root}:{os.environ['PATH']}", "PYTHONPATH": root,
            "PYTHONSTARTUP": str(self.root / "startup.py"), "PYTHONUSERBASE": root,
            "LD_LIBRARY_PATH": f"{root}/lib", "ENV": script, "BASH_ENV": script, "PAGER": script,
            "EDITOR": script, "VISUAL": script, "BROWSER": script, "GIT_EXTERNAL_DIFF": script,
            "GIT_SSH": script, "CC": script, "CXX": script, "CMAKE_GENERATOR": "Ninja",
        }  # fmt: skip

    # --- making them ------------------------------------------------------------------------------

    def _put(self, path: str, text: str, mode: int = 0o644) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    def _shell(self, name: str, path: str = "") -> Path:
        """A script that leaves a marker; it uses nothing that is looked up in PATH."""
        text = f"#!/bin/sh\n: > '{self.markers}/{name}'\nexit 0\n"
        return self._put(path or f"traps/{name.replace(' ', '-')}.sh", text, 0o755)

    def _python(self, name: str) -> str:
        return f"open({str(self.markers / name)!r}, 'w').close()\n"

    def _run(self, *command: str, **environment: str) -> None:
        subprocess.run(
            command, cwd=self.root, env=os.environ | environment, capture_output=True,
            stdin=subprocess.DEVNULL, check=False, timeout=60,
        )  # fmt: skip

    def _programs(self) -> None:
        for name in PROGRAMS:
            self._shell(f"program {name}", f"bin/{name}")
            path = f"{self.root}/bin:{os.environ['PATH']}"
            self.springs[f"program {name}"] = lambda n=name, p=path: self._run(n, PATH=p)
        self._shell("program git in the folder", "git")
        self.springs["program git in the folder"] = lambda: self._run("./git")

    def _modules(self) -> None:
        base = sys._base_executable  # a virtual environment has no `usercustomize`
        for name in MODULES:
            path = f"{name}/__init__.py" if name == "tree_sitter" else f"{name}.py"
            self._put(path, self._python(f"module {name}"))
            code = "pass" if name.endswith("customize") else f"import {name}"
            self.springs[f"module {name}"] = lambda c=code: self._run(
                base, "-c", c, PYTHONPATH=str(self.root)
            )
        self._put("startup.py", self._python("startup"))
        self.springs["startup"] = lambda: self._run(
            base, "-i", PYTHONSTARTUP=str(self.root / "startup.py")
        )
        self._put("trap.pth", "import sys; " + self._python("pth"))
        add = f"import site; site.addsitedir({str(self.root)!r})"
        self.springs["pth"] = lambda: self._run(base, "-I", "-c", add)

    def _git(self) -> None:
        def git(*arguments: str) -> None:
            self._run(GIT, "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments)

        self._put("tracked.py", "x = 1\n")
        git("init", "-q")
        git("add", "tracked.py")
        git("commit", "-q", "-m", "first")
        self._put("tracked.py", "x = 2\n")
        self._put(".gitattributes", "*.py diff=trap filter=trap\n")
        for hook in ("pre-commit", "post-checkout", "post-index-change", "pre-auto-gc"):
            self._shell("git hooks", f"traps/hooks/{hook}")
        values = {
            "core.fsmonitor": self._shell("git fsmonitor"), "core.pager": self._shell("git pager"),
            "core.hooksPath": self.root / "traps/hooks", "core.editor": self._shell("git editor"),
            "diff.trap.textconv": self._shell("git textconv"),
            "filter.trap.clean": self._shell("git filter"),
        }  # fmt: skip
        for key, value in values.items():
            self._run(GIT, "config", key, str(value))

        def page() -> None:
            here = Path.cwd()
            os.chdir(self.root)
            try:
                pty.spawn([GIT, "log"], lambda descriptor: os.read(descriptor, 1024))
            finally:
                os.chdir(here)

        self.springs |= {
            "git fsmonitor": lambda: git("status"),
            "git hooks": lambda: git("commit", "--allow-empty", "-m", "second"),
            "git textconv": lambda: git("diff"),
            "git filter": lambda: git("add", "tracked.py"),
            "git pager": page,
            "git editor": lambda: git("commit", "--allow-empty"),
        }

    def _tools(self) -> None:
        base = sys._base_executable
        interpreter = self._shell("venv", ".venv/bin/python")
        self._put(".venv/pyvenv.cfg", "home = /nowhere\n")
        self.springs["venv"] = lambda: self._run(str(interpreter))
        self._put("envdir/sitecustomize.py", self._python("dotenv"))
        self._put(".env", f"PYTHONPATH={self.root}/envdir\nPYTHONSTARTUP={self.root}/startup.py\n")

        def load() -> None:
            lines = (self.root / ".env").read_text().splitlines()
            self._run(base, "-c", "pass", **dict(line.split("=", 1) for line in lines))

        self.springs["dotenv"] = load
        named = {
            "indoors.server.command": [str(self._shell("editor settings"))],
            "indoors.path": str(self._shell("editor settings")),
            "python.defaultInterpreterPath": str(interpreter),
        }
        self._put(".vscode/settings.json", json.dumps(named))
        self._put(".indoors.json", json.dumps({"server": named}))

        def obey() -> None:
            read = json.loads((self.root / ".vscode/settings.json").read_text())
            self._run(*read["indoors.server.command"])

        self.springs["editor settings"] = obey
        self._put("trap_backend.py", self._python("build backend"))
        self._put(
            "pyproject.toml",
            '[build-system]\nrequires = []\nbuild-backend = "trap_backend"\nbackend-path = ["."]\n'
            '[project]\nname = "trap"\nversion = "1"\n',
        )
        build = "import sys; sys.path.insert(0, '.'); import trap_backend"
        self.springs["build backend"] = lambda: self._run(base, "-c", build)
        script = self._shell("make")
        self._put("Makefile", f".PHONY: all\nall help:\n\t@{script}\n$(shell {script})\n")
        self.springs["make"] = lambda: self._run("/usr/bin/make")
        self._put(".envrc", f". '{self._shell('direnv')}'\n")
        self.springs["direnv"] = lambda: self._run("/bin/sh", ".envrc")
        self._put("lib/libnothing.so", "no library\n")
        self._put("conftest.py", self._python("conftest"))
        self.springs["conftest"] = lambda: self._run(base, "-c", "import conftest", PYTHONPATH=".")
        self.springs["variable"] = lambda: self._run("/bin/sh", "-c", '"$PAGER"', **self.poison())
