"""Get an engine onto this machine: the order in which ways are tried, and what the user is told.

For a card: a prebuilt wheel of the user's own index; for NVIDIA a build with the toolkit that the
index's wheels carry, then with an installed one; a build for Metal or Vulkan. The CPU's engine is
never a silent substitute: it is taken where there is no card, or where the user chose it, and the
choice is kept so that nobody is asked twice.

A build is used only after a child process has loaded it on this CPU.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from indoors_completion.types import EngineError, IndoorsError, InputError
from indoors_server import (
    devices,
    downloader,
    engine_build,
    engine_probe,
    engine_store,
    machine,
    paths,
    private_files,
    toolchain,
)
from indoors_server.devices import Devices
from indoors_server.downloader import Downloader
from indoors_server.engine_build import Recipe, Report
from indoors_server.engine_store import EngineBuild, EngineRecord

_CUDA_WHEELS_BYTES = 573_000_000
_ANY_CPU = "any"

Confirm = Callable[[EngineError], bool]


class NoCardEngine(EngineError):
    """No engine for the card could be had; the CPU would do, if the user says so."""


def is_satisfied(found: Devices, backend: str = "", build: EngineBuild | None = None) -> bool:
    """Whether `build` (default: the current one) is right, so that nothing has to be done.

    `backend` is what the user asks for now, "" for whatever suits the machine. A CPU engine suits
    a machine with a card only if the user chose it earlier.
    """
    current = build or engine_store.find()
    if current is None or not current.matches_cpu:
        return False
    if current.directory and current.version != engine_build.pinned_version():
        return False
    wanted = backend or engine_store.choice()
    if wanted:
        return current.backend == wanted
    return current.backend != "cpu" or found.backend == "cpu"


def install(
    report: Report,
    *,
    backend: str = "",
    rebuild: bool = False,
    found: Devices | None = None,
    confirm_cpu: Confirm | None = None,
) -> EngineBuild:
    """Install the engine for `backend`, or for the best card here; the build, checked and selected.

    Does nothing if a suitable one is there, unless `rebuild`. If no engine for the card can be had,
    `confirm_cpu` is asked with the reason; without it, or if it says no, NoCardEngine is raised.
    Two installations at once: the second waits, and then finds the work done.
    """
    seen = found or devices.find()
    if not rebuild and is_satisfied(seen, backend):
        return _remembered(engine_store.require(), backend)
    with _exclusively(report):
        if not rebuild and is_satisfied(seen, backend):
            return _remembered(engine_store.require(), backend)
        wanted = backend or engine_store.choice() or seen.backend
        if wanted == "cpu" and not backend:
            _name_unusable(seen, report)
        try:
            build = _install_backend(wanted, seen, rebuild, report)
        except NoCardEngine as error:
            if backend or confirm_cpu is None or not confirm_cpu(error):
                raise
            backend = "cpu"
            build = _install_backend("cpu", seen, rebuild, report)
        return _remembered(build, backend)


def install_wheel(wheel: Path, report: Report) -> EngineBuild:
    """Install the engine from a wheel file of the user's. Raises InputError or EngineError."""
    if not wheel.is_file():
        raise InputError(f"There is no file {private_files.show(wheel)}.")
    backend = engine_build.wheel_backend(wheel)
    if not wheel.name.endswith(".whl") or len(wheel.name.split("-")) < 5:
        raise InputError(f"{wheel.name} is not a wheel's file name.", why="NAME-VERSION-….whl")
    with _exclusively(report):
        kept, record = engine_build.keep(wheel, backend, _ANY_CPU, "file")
        return _remembered(_adopt(kept, record, report), backend)


def _install_backend(backend: str, seen: Devices, rebuild: bool, report: Report) -> EngineBuild:
    version = engine_build.pinned_version()
    if not rebuild:
        for cpu in (machine.cpu_key(), _ANY_CPU):
            kept = engine_build.cached(version, backend, cpu)
            if kept is not None:
                report.note("using the wheel that was built here before")
                with contextlib.suppress(EngineError):
                    return _adopt(*kept, report)
    pip = downloader.find(manual=["wheel", "--no-deps", f"llama-cpp-python=={version}"])
    tried: list[str] = []
    if not rebuild:
        ready = _prebuilt(backend, version, pip, report, tried)
        if ready is not None:
            return ready
    for make in _recipes(backend, seen, pip, report, tried):
        try:
            return _adopt(*engine_build.build(make, pip, report), report)
        except IndoorsError as error:
            if backend == "cpu":
                raise
            tried.append(f"{make.source}: {error.what} {error.why}".strip())
            report.note(f"{make.source}: that did not work ({error.why or error.what})")
    raise NoCardEngine(
        f"No engine for {_card_name(backend, seen)} could be installed.",
        why="\n  ".join(tried),
        next_step=f"{engine_store.INSTALL_HINT} --cpu   (slower), or remove the cause and retry",
    )


def _prebuilt(
    backend: str, version: str, pip: Downloader, report: Report, tried: list[str]
) -> EngineBuild | None:
    """A wheel for this backend from the user's own index, None if it has none that runs here."""
    report.note("looking for a prebuilt engine in your package index")
    with _download_dir() as directory:
        try:
            requirement = f"llama-cpp-python=={version}"
            wheel = downloader.download_wheels([requirement], directory, pip=pip)[0]
        except downloader.DownloadError as error:
            tried.append(f"prebuilt: your index has none for this system ({error.why[:100]})")
            return None
        has = engine_build.wheel_backend(wheel)
        if has != backend:
            tried.append(f"prebuilt: the one in your index is for {has}")
            return None
        try:
            return _adopt(*engine_build.keep(wheel, backend, _ANY_CPU, "index"), report)
        except EngineError as error:
            tried.append(f"prebuilt: {error.what} {error.why}".strip())
            return None


def _recipes(
    backend: str, seen: Devices, pip: Downloader, report: Report, tried: list[str]
) -> Iterator[Recipe]:
    """The ways to build for `backend` here, in order; why others are none goes to `tried`."""
    if backend in ("cpu", "metal"):
        metal = "ON" if backend == "metal" else "OFF"
        yield Recipe(backend, "source", (f"-DGGML_METAL={metal}",))
    elif backend == "vulkan":
        lacking = toolchain.vulkan_missing()
        if lacking:
            tried.append(f"Vulkan: {lacking}")
        else:
            yield Recipe("vulkan", "source", ("-DGGML_VULKAN=ON",))
    elif backend == "cuda":
        yield from _cuda_recipes(seen, pip, report, tried)
    else:
        raise InputError(f"There is no backend {backend!r}.", why=", ".join(engine_store.BACKENDS))


def _cuda_recipes(
    seen: Devices, pip: Downloader, report: Report, tried: list[str]
) -> Iterator[Recipe]:
    cards = [card for card in seen.usable if card.backend == "cuda"]
    if not cards:
        problems = [card.problem for card in seen.cards if card.backend == "cuda" and card.problem]
        tried.append(problems[0] if problems else seen.hidden or "no NVIDIA card is visible")
        return
    computes = tuple(sorted({card.compute for card in cards if card.compute}))
    # Code for exactly the cards that are here: every further architecture doubles the build.
    architectures = ";".join(f"{compute}-real" for compute in computes) or "native"
    options: tuple[str, ...] = (
        "-DGGML_CUDA=ON",
        f"-DCMAKE_CUDA_ARCHITECTURES={architectures}",
        # For several cards at once, over sockets if need be. We use one, and have no network.
        "-DGGML_CUDA_NCCL=OFF",
    )
    refusal = toolchain.wheels_serve(seen.cuda, computes, sys.platform)
    if refusal:
        tried.append(f"CUDA from the package index: {refusal}")
    else:
        place = paths.cache_dir() / "build" / "cuda"
        try:
            toolkit = _fetch_cuda(place, pip, report)
        except IndoorsError as error:
            tried.append(f"CUDA from the package index: {error.why or error.what}")
        else:
            # The wheels carry no stub of the driver's library to link with, hence NO_VMM.
            yield Recipe(
                "cuda", "source, CUDA from the package index",
                (*options, "-DGGML_CUDA_NO_VMM=ON", f"-DCUDAToolkit_ROOT={toolkit}",
                 f"-DCMAKE_CUDA_COMPILER={toolkit / 'bin' / 'nvcc'}"),
                (str(toolkit / "bin"),), tuple(toolchain.runtime_libraries(toolkit)),
            )  # fmt: skip
    nvcc = toolchain.system_nvcc()
    if nvcc is None:
        tried.append("installed CUDA toolkit: none (nvcc was not found)")
    else:
        options += (f"-DCMAKE_CUDA_COMPILER={nvcc}",)
        if not toolchain.has_driver_stub(nvcc):
            options += ("-DGGML_CUDA_NO_VMM=ON",)
        libraries = toolchain.installed_libraries(nvcc)
        if libraries and engine_probe.can_load([library.name for library in libraries]):
            libraries = []
        yield Recipe(
            "cuda", "source, installed CUDA", options, (str(nvcc.parent),), tuple(libraries)
        )


def _fetch_cuda(place: Path, pip: Downloader, report: Report) -> Path:
    def show(count: int) -> None:
        report.progress("fetching CUDA's compiler and libraries", count, _CUDA_WHEELS_BYTES)

    try:
        return toolchain.unpack_cuda(place, pip, show)
    finally:
        report.finish()


def _adopt(wheel: Path, record: EngineRecord, report: Report) -> EngineBuild:
    """Unpack a wheel, run it once in a child, select it. One that does not run is removed."""
    report.note("checking that the engine runs on this CPU")
    directory = engine_store.unpack(wheel, record)
    build = engine_store.as_build(directory, record)
    try:
        probe = engine_probe.probe(build)
        if record.backend != "cpu" and not probe.cards:
            raise EngineError(f"The {record.backend} engine starts but sees no card.")
    except EngineError:
        shutil.rmtree(directory, ignore_errors=True)
        shutil.rmtree(wheel.parent, ignore_errors=True)
        raise
    engine_store.select(directory)
    # Gigabytes that only a build needs; what it needs at run time lies beside it.
    shutil.rmtree(paths.cache_dir() / "build" / "cuda", ignore_errors=True)
    return build


def _remembered(build: EngineBuild, backend: str) -> EngineBuild:
    if backend:
        engine_store.remember_choice(backend)
        if build.directory and build.backend == backend:
            engine_store.select(Path(build.directory))
    return build


def _name_unusable(seen: Devices, report: Report) -> None:
    """Say which cards stay unused because nothing could use them now, and what to do about it."""
    for card in seen.cards:
        if card.backend and card.problem:
            report.note(f"{card.name} is not used: {card.problem}. {card.next_step}")


def _card_name(backend: str, seen: Devices) -> str:
    names = [card.name for card in seen.cards if card.backend == backend]
    return names[0] if names else backend


@contextlib.contextmanager
def _exclusively(report: Report) -> Iterator[None]:
    def waiting() -> None:
        report.note("another installation is running; waiting for it")

    with private_files.exclusive(paths.cache_dir() / "engine.lock", waiting):
        yield


@contextlib.contextmanager
def _download_dir() -> Iterator[Path]:
    root = paths.make_private(paths.cache_dir() / "build")
    with tempfile.TemporaryDirectory(prefix="wheel-", dir=root) as directory:
        yield Path(directory)
