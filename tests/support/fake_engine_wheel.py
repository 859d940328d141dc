"""Wheels for the tests of the engine store, and a pip that is a small script."""

from __future__ import annotations

import sys
import textwrap
import zipfile
from pathlib import Path

from indoors_server import engine_store
from indoors_server.downloader import Downloader

NAME = "llama_cpp_python-0.3.36-py3-none-linux_x86_64.whl"
LIBRARY = b"\x7fELF" + b"x" * 8192


def make(directory: Path, *, backend: str = "cpu", name: str = NAME) -> Path:
    """A wheel with the layout of llama-cpp-python's; its libraries cannot be loaded."""
    directory.mkdir(parents=True, exist_ok=True)
    wheel = directory / name
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("llama_cpp/__init__.py", "")
        archive.writestr("llama_cpp/llama_cpp.py", "# the binding\n")
        archive.writestr("llama_cpp/server/app.py", "# not wanted\n")
        backends = dict.fromkeys((f"libggml-{backend}.so", "libggml-cpu.so"))
        for library in ("libllama.so", "libllama.so.0", *backends):
            contents = LIBRARY + library.split(".")[0].encode()
            archive.writestr(f"llama_cpp/lib/{library}", contents)
        archive.writestr("lib/libllama.so", LIBRARY)
        archive.writestr("llama_cpp_python-0.3.36.dist-info/METADATA", "Name: llama_cpp_python\n")
    return wheel


def of_the_real_engine(directory: Path) -> Path:
    """A wheel made of the engine that is installed here: it loads and answers a probe."""
    build = engine_store.require()
    package = engine_store.package_dir(build)
    directory.mkdir(parents=True, exist_ok=True)
    wheel = directory / NAME
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in sorted(package.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, f"llama_cpp/{path.relative_to(package)}")
    return wheel


def record(backend: str = "cpu", cpu: str = "any", built_at: str = "") -> engine_store.EngineRecord:
    return engine_store.EngineRecord(
        version="0.3.36", backend=backend, cpu=cpu, built_at=built_at or engine_store.now(),
        source="test", sha256="0" * 64, wheel=NAME,
    )  # fmt: skip


def fake_pip(directory: Path, body: str) -> Downloader:
    """A pip whose behaviour is `body`, with `verb` and `arguments` (after pip's global options)."""
    directory.mkdir(parents=True, exist_ok=True)
    script = directory / "pip.py"
    head = """
    import os, pathlib, shutil, sys
    arguments = [a for a in sys.argv[1:] if a not in ("--no-input", "--disable-pip-version-check")]
    verb = arguments[0]
    with open(__file__ + ".calls", "a") as calls:
        calls.write(" ".join(arguments) + "\\n")
    def after(option):
        return pathlib.Path(arguments[arguments.index(option) + 1])
    if verb == "--version":
        raise SystemExit(0)
    """
    script.write_text(textwrap.dedent(head) + textwrap.dedent(body), encoding="utf-8")
    return Downloader("a test's pip", (sys.executable, "-I", str(script)))


def calls(pip: Downloader) -> list[str]:
    """What the pip was asked to do, a line for each call."""
    log = Path(pip.command[-1] + ".calls")
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


class Notes:
    """An `engine_build.Report` that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[tuple[str, int, int, str]] = []
        self.finished = 0

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, label: str, done: int, total: int, step: str = "") -> None:
        self.steps.append((label, done, total, step))

    def finish(self) -> None:
        self.finished += 1
