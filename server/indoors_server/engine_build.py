"""One build of the engine, from the pinned source to a wheel in our own cache.

pip does the work (`pip wheel`), with every input pinned by hash: the source, and the build tools,
which are installed into a scratch directory and not into any environment. pip's own wheel cache is
turned off: it does not know for which CPU or card a wheel was compiled.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from indoors_completion.types import EngineError
from indoors_server import downloader, engine_store, machine, paths, toolchain
from indoors_server.downloader import Downloader
from indoors_server.engine_store import EngineRecord

_STEP = re.compile(r"^\s*\[(\d+)/(\d+)\] (.*)")
_SOURCE = re.compile(r"\s-c (\S+)")
_LOG = "engine-build.log"
# llama.cpp's "common" holds what its own programs need, an HTTP client among it. The library does
# not use it, so it is not compiled: half the time, and no networking code in the build. The
# binding's build file forces its cache entry ON; a plain variable of that name goes before it.
_WITHOUT_COMMON = "set(LLAMA_BUILD_COMMON OFF)\n"
# Without AMX, the matrix unit of some Xeons. llama.cpp's code for it dies at the first matrix where
# the compiler drops the stores into the tile configuration (GCC before 12.4 and 13.3, its bug
# 114098: general protection fault at ldtilecfg), and it asks the kernel for the unit on one thread
# only (llama.cpp issue 20824, pull request 26954). A flag that the compiler does not know is left.
WITHOUT_AMX = """
include(CheckCXXCompilerFlag)
foreach(part tile int8 bf16)
  check_cxx_compiler_flag(-mno-amx-${part} INDOORS_KNOWS_AMX_${part})
  if(INDOORS_KNOWS_AMX_${part})
    add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:-mno-amx-${part}>")
  endif()
endforeach()
"""
_COMMON_ARGUMENTS = ("-DLLAVA_BUILD=OFF", "-DGGML_NATIVE=ON", "-Wno-dev")


class Report(Protocol):
    """Where a long installation says what it is doing."""

    def note(self, text: str) -> None:
        """Say one line."""

    def progress(self, label: str, done: int, total: int, step: str = "") -> None:
        """Show that `done` of `total` is done; `total` 0 if not known. `step` is the last one."""

    def finish(self) -> None:
        """End a progress line."""


class Recipe(NamedTuple):
    """How to build for one backend.

    `cmake` are the arguments for CMake; `path` is put before PATH; `libraries` are copied beside
    the engine's own (a toolkit that does not stay). `source` is for the record.
    """

    backend: str
    source: str
    cmake: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    libraries: tuple[Path, ...] = ()


def build(recipe: Recipe, pip: Downloader, report: Report) -> tuple[Path, EngineRecord]:
    """Build a wheel by `recipe` and put it into the wheel cache: (its path, its record).

    Raises EngineError with the place of the log if the build fails, DownloadError if its inputs
    cannot be had. An interruption leaves nothing behind but the log.
    """
    toolchain.compiler()
    log = log_path()
    log.write_text("", encoding="utf-8")
    log.chmod(0o600)
    with _scratch() as scratch:
        tools = scratch / "tools"
        report.note("fetching the build tools (cmake, ninja), pinned by hash")
        _pip(pip, log, "the build tools", scratch, [
            "install", "--quiet", "--target", str(tools), "--only-binary", ":all:",
            "--require-hashes", "--requirement", str(toolchain.LOCKS / "engine-build.lock"),
        ])  # fmt: skip
        wheel = _compile(recipe, pip, report, log, scratch, tools)
        if wheel_backend(wheel) != recipe.backend:
            raise EngineError(f"The build has no {recipe.backend} part.", next_step=f"read {log}")
        if recipe.libraries:
            _add_libraries(wheel, recipe.libraries)
        return keep(wheel, recipe.backend, machine.cpu_key(), recipe.source)


def keep(wheel: Path, backend: str, cpu: str, source: str) -> tuple[Path, EngineRecord]:
    """Move a finished wheel into the cache, with its record: (its path there, the record)."""
    version = wheel.name.split("-")[1]
    place = wheel_dir(engine_store.name_for(version, backend, cpu))
    record = EngineRecord(
        version=version, backend=backend, cpu=cpu, built_at=engine_store.now(), source=source,
        sha256=engine_store.file_sha256(wheel), wheel=wheel.name,
        features=machine.cpu_features() if cpu != "any" else (),
    )  # fmt: skip
    paths.make_private(place)
    for old in place.glob("*.whl"):
        old.unlink()
    target = place / wheel.name
    # Copied beside its place first: the wheel may lie on another file system.
    half = place / (wheel.name + ".partial")
    shutil.copyfile(wheel, half)
    half.chmod(0o600)
    half.replace(target)
    engine_store.write_record(place, record)
    return target, record


def cached(version: str, backend: str, cpu: str) -> tuple[Path, EngineRecord] | None:
    """The wheel built earlier for this key, if it is whole: (its path, its record)."""
    place = wheel_dir(engine_store.name_for(version, backend, cpu))
    record = engine_store.read_record(place)
    if record is None or not (place / record.wheel).is_file():
        return None
    if engine_store.file_sha256(place / record.wheel) != record.sha256:
        return None
    return place / record.wheel, record


def wheel_backend(wheel: Path) -> str:
    """The backend of a wheel, by the libraries inside. Raises EngineError for a damaged wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [Path(name).name for name in archive.namelist() if "llama_cpp/lib/" in name]
    except (zipfile.BadZipFile, OSError) as error:
        raise EngineError("The wheel is damaged.", why=str(error)) from error
    for backend in engine_store.BACKENDS:
        if any(f"ggml-{backend}" in name for name in names):
            return backend
    return "cpu"


def wheel_dir(name: str) -> Path:
    """Where the wheel of the build `name` is kept."""
    return paths.cache_dir() / "wheels" / name


def log_path() -> Path:
    """The log of the last build."""
    return paths.make_private(paths.state_dir()) / _LOG


def pinned_version() -> str:
    """The version of llama-cpp-python in the lock file."""
    text = (toolchain.LOCKS / "engine.lock").read_text(encoding="utf-8")
    found = re.search(r"^llama-cpp-python==(\S+)", text, re.MULTILINE)
    assert found, "engine.lock is part of the package"
    return found[1]


def step_of(line: str) -> tuple[int, int, str] | None:
    """Read one of ninja's lines, `[5/83] c++ … -c file.cpp …`: (done, total, what)."""
    match = _STEP.match(line)
    if match is None:
        return None
    source = _SOURCE.search(match[3])
    what = Path(source[1]).name if source else " ".join(match[3].split()[:2])
    return int(match[1]), int(match[2]), what[:40]


def _compile(
    recipe: Recipe, pip: Downloader, report: Report, log: Path, scratch: Path, tools: Path
) -> Path:
    include = scratch / "indoors.cmake"
    include.write_text(_WITHOUT_COMMON + WITHOUT_AMX, encoding="utf-8")
    arguments = [*_COMMON_ARGUMENTS, f"-DCMAKE_PROJECT_INCLUDE={include}", *recipe.cmake]
    first = [*recipe.path, str(tools / "bin"), str(tools / "cmake/data/bin")]
    environment = {
        "PYTHONPATH": str(tools),
        "PATH": os.pathsep.join([*first, os.environ.get("PATH", os.defpath)]),
        "CMAKE_ARGS": shlex.join(arguments),
        "CMAKE_GENERATOR": "Ninja",
        "CMAKE_BUILD_PARALLEL_LEVEL": str(_jobs()),
        "TMPDIR": str(scratch),
    }
    label = f"compiling llama.cpp ({recipe.backend})"
    report.note("fetching the engine's source, pinned by hash")

    def follow(line: str) -> None:
        found = step_of(line)
        if found:
            report.progress(label, *found)

    out = scratch / "out"
    try:
        _pip(pip, log, "llama.cpp", scratch, [
            "wheel", "--verbose", "--no-deps", "--no-cache-dir", "--no-build-isolation",
            "--no-binary", ":all:", "--require-hashes", "--wheel-dir", str(out),
            "--requirement", str(toolchain.LOCKS / "engine.lock"),
        ], environment, follow)  # fmt: skip
    finally:
        report.finish()
    return next(out.glob("*.whl"))


def _pip(
    pip: Downloader,
    log: Path,
    what: str,
    scratch: Path,
    arguments: Sequence[str],
    environment: dict[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> None:
    variables = environment or {"TMPDIR": str(scratch)}
    done = downloader.run_pip(pip, arguments, environment=variables, log=log, on_line=on_line)
    if done.status != 0:
        raise EngineError(
            f"{what[0].upper()}{what[1:]} could not be fetched and built.",
            why=_failure(done.tail),
            next_step=f"read {log}, then try again (what was finished is kept)",
        )


def _failure(tail: Sequence[str]) -> str:
    """The line that says why: the compiler's error goes before pip's summary of it."""
    for line in tail:
        if re.search(r"\b(fatal )?error:|CMake Error|Killed|No space left", line):
            return line.strip()[:200]
    return downloader.reason(tail)[:200]


def _add_libraries(wheel: Path, libraries: Sequence[Path]) -> None:
    """Put the toolkit's run-time libraries beside the engine's own, where $ORIGIN finds them."""
    with zipfile.ZipFile(wheel, "a", zipfile.ZIP_STORED) as archive:
        for library in libraries:
            archive.write(library.resolve(), f"llama_cpp/lib/{library.name}")


def _jobs() -> int:
    """As many compilers as CPUs we may use, but one for each 1.5 GB of memory at most."""
    count = machine.cpu_count()
    available = machine.memory().available_bytes
    by_memory = int(available // 1_500_000_000) if available else count
    return max(1, min(count, by_memory))


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """A private directory on the cache's file system: a build needs more than some /tmp hold."""
    root = paths.make_private(paths.cache_dir() / "build")
    directory = Path(tempfile.mkdtemp(prefix="engine-", dir=root))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
