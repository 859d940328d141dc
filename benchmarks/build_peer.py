"""Build llama-server from the very llama.cpp that is inside llama-cpp-python's sdist.

The comparison in typing_replay.py is between programs, not between versions of llama.cpp: the
version is the one that pyproject.toml pins for the engine. pip fetches the sdist from whichever
index the user configured; cmake builds the one target that is needed, optimised for this machine
as the engine is. Everything lies in the user's cache under `bench/` and is built once (about five
minutes on two cores). Progress goes to stderr; the last line of stdout is one JSON object:
{"llama_server", "llama_cpp_python", "seconds"}
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from pathlib import Path

from indoors_server import downloader, engine_build, paths
from indoors_server.machine import cpu_key

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "llama-cpp-python"
# Nothing but the server is wanted: no tests, no web page, no TLS, no downloads. BUILD_SHARED_LIBS
# off makes the binary independent of where it was built.
OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=OFF",
    "-DGGML_NATIVE=ON",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_CURL=OFF",
    "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_BUILD_UI=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",
    "-Wno-dev",
)


def pinned_version() -> str:
    """The llama-cpp-python version that pyproject.toml pins for the engine."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in project["optional-dependencies"]["engine"]:
        name, _, version = str(requirement).partition("==")
        if name == PACKAGE and version:
            return version
    sys.exit(f"pyproject.toml pins no {PACKAGE}: add it to the extra `engine`")


def bench_dir() -> Path:
    """Where the peer's sources and its binary are kept."""
    return paths.make_private(paths.cache_dir() / "bench")


def server_path(version: str | None = None) -> Path:
    """Where llama-server lies once it has been built for this machine."""
    return _place(version or pinned_version()) / "llama-server"


def _place(version: str) -> Path:
    # -march=native: a home directory shared between machines must not share the binary.
    recipe = " ".join(OPTIONS) + engine_build.WITHOUT_AMX
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:8]
    return bench_dir() / f"llama-server-{version}-{cpu_key()}-{digest}"


def fetch_sdist(version: str, into: Path, given: Path | None) -> Path:
    """The sdist: the one given, one fetched before, or one that pip fetches now."""
    if given is not None:
        if not given.is_file():
            sys.exit(f"{given} is no file: give the sdist's path, or leave --sdist out")
        return given
    name = f"{PACKAGE.replace('-', '_')}-{version}.tar.gz"
    if not (into / name).exists():
        say(f"fetching the sdist of {PACKAGE} {version} with pip (about 75 MB)")
        with tempfile.TemporaryDirectory(prefix=".pip-", dir=into) as scratch:
            done = downloader.run_pip(
                downloader.find(),
                # Asking pip to download an sdist makes it prepare the build as well, hence the
                # minutes of silence; the sdist itself is what is wanted.
                ["download", "--no-deps", "--no-binary", PACKAGE, "--dest", scratch,
                 f"{PACKAGE}=={version}"],
                environment={"TMPDIR": scratch},
                on_line=say,
            )  # fmt: skip
            if done.status != 0:
                sys.exit(f"pip could not fetch the sdist: {downloader.reason(done.tail)}")
            (Path(scratch) / name).rename(into / name)
    return into / name


def unpack(sdist: Path, into: Path) -> Path:
    """Unpack only llama.cpp; its directory."""
    with tarfile.open(sdist) as archive:
        wanted = [m for m in archive.getmembers() if "/vendor/llama.cpp/" in f"{m.name}/"]
        archive.extractall(into, members=wanted, filter="data")
    found = next(iter(into.glob("*/vendor/llama.cpp")), None)
    if found is None:
        sys.exit(f"{sdist} holds no vendor/llama.cpp: is it the sdist of {PACKAGE}?")
    return found


def build(source: Path, into: Path, jobs: int) -> Path:
    """Configure and build the target; the binary's path in the build tree."""
    cmake = shutil.which("cmake")
    if cmake is None:
        sys.exit("no cmake on PATH: install it with the system's package manager, or with pip")
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    include = into / "indoors.cmake"
    into.mkdir(parents=True, exist_ok=True)
    include.write_text(engine_build.WITHOUT_AMX, encoding="utf-8")
    options = [*OPTIONS, f"-DCMAKE_PROJECT_INCLUDE={include}"]
    run([cmake, "-S", str(source), "-B", str(into), *generator, *options])
    run([cmake, "--build", str(into), "--target", "llama-server", "--parallel", str(jobs)])
    return into / "bin" / "llama-server"


def run(command: list[str]) -> None:
    """Run a build step; its output is ours on stderr, because stdout is for the result."""
    done = subprocess.run(command, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        sys.exit(f"{command[0]} ended with {done.returncode}; its last lines say why")


def say(text: str) -> None:
    """One line of progress."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sdist", type=Path, help="an sdist that was fetched before")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--force", action="store_true", help="build again")
    options = parser.parse_args()

    started = time.monotonic()
    version = pinned_version()
    binary = server_path(version)
    if options.force or not binary.exists():
        sdist = fetch_sdist(version, bench_dir(), options.sdist)
        with tempfile.TemporaryDirectory(prefix=".build-", dir=bench_dir()) as scratch:
            made = build(unpack(sdist, Path(scratch)), Path(scratch) / "build", options.jobs)
            binary.parent.mkdir(mode=0o700, exist_ok=True)
            partial = binary.with_suffix(".partial")
            shutil.copy2(made, partial)
            partial.replace(binary)  # whole or not at all
    result = {
        "llama_server": str(binary),
        "llama_cpp_python": version,
        "seconds": round(time.monotonic() - started, 1),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
