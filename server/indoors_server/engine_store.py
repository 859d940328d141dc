"""The engines on this machine: unpacked llama-cpp-python wheels, and which of them is current.

    <cache>/engines/llama-cpp-python-<version>-<backend>-<cpu key>/   llama_cpp/…, engine.json
    <cache>/engines/current.json                                      {cpu key: directory name}
    <cache>/engines/choice.json                                       {cpu key: backend asked for}
    <cache>/wheels/<the same name>/*.whl                              the wheel it was unpacked from

Why not plain site-packages: a plain dependency would quietly build the CPU variant on a machine
with a card, and pip's cache does not know for which CPU a wheel was built. `current.json` is keyed
by CPU because a home directory may be shared by several machines. Everything is written beside its
place and renamed into it, so an interrupted installation leaves nothing half-usable.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from indoors_completion.types import EngineError
from indoors_server import machine, paths, private_files

BACKENDS = ("cuda", "metal", "vulkan", "cpu")
INSTALL_HINT = "indoors engine install"
_RECORD = "engine.json"
_CURRENT = "current.json"
_CHOICE = "choice.json"
_PACKAGE = "llama_cpp"
_DISTRIBUTION = "llama-cpp-python"


class EngineRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`engine.json`: what is in an engine's directory.

    `cpu` is the `machine.cpu_key` it was built for, or "any" for a wheel that was not built here
    (`source` "index" or "file"): such a wheel says itself, when probed, which features it needs.
    `features` are the CPU features of the build machine; `sha256` is the wheel's.
    """

    version: str
    backend: str
    cpu: str
    built_at: str
    source: str
    sha256: str
    wheel: str = ""
    features: tuple[str, ...] = ()


class EngineBuild(msgspec.Struct, frozen=True, kw_only=True):
    """An engine that can be given to the worker as `--engine DIRECTORY`.

    `directory` is "" for a llama-cpp-python in this interpreter's own site-packages.
    """

    directory: str
    version: str
    backend: str
    cpu_key: str
    matches_cpu: bool
    built_at: str = ""
    source: str = ""
    sha256: str = ""


def find(engines: Path | None = None, cpu_key: str | None = None) -> EngineBuild | None:
    """The engine to use: the selected one, else the newest for this CPU, else site-packages'.

    Only if nothing else exists, a build for another CPU (`matches_cpu` false), so that its owner
    can be told. None if there is no engine at all.
    """
    key = cpu_key if cpu_key is not None else machine.cpu_key()
    builds = list_builds(engines, key)
    selected = _read_names((engines or paths.engines_dir()) / _CURRENT).get(key, "")
    usable = [build for build in builds if build.matches_cpu]
    for build in usable:
        if Path(build.directory).name == selected:
            return build
    if usable:
        return usable[0]
    return site_packages() or (builds[0] if builds else None)


def require(engines: Path | None = None, cpu_key: str | None = None) -> EngineBuild:
    """`find`, or an EngineError that says how to get an engine that runs here."""
    build = find(engines, cpu_key)
    if build is None:
        raise EngineError("The engine (llama.cpp) is not installed.", next_step=INSTALL_HINT)
    if not build.matches_cpu:
        raise EngineError(
            "The engine was built for another CPU and would crash on this one.",
            why=f"built for {build.cpu_key}, this machine is {cpu_key or machine.cpu_key()}",
            next_step=f"{INSTALL_HINT} --rebuild",
        )
    return build


def list_builds(engines: Path | None = None, cpu_key: str | None = None) -> list[EngineBuild]:
    """Every recorded build, the newest first. A directory without a readable record is no build."""
    key = cpu_key if cpu_key is not None else machine.cpu_key()
    found = []
    for directory in _directories(engines or paths.engines_dir()):
        record = read_record(directory)
        if record is not None and (directory / _PACKAGE).is_dir():
            found.append(as_build(directory, record, key))
    return sorted(found, key=lambda build: build.built_at, reverse=True)


def site_packages() -> EngineBuild | None:
    """llama-cpp-python as installed beside us (the extra `engine`), found without importing it."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    try:
        version = importlib.metadata.version(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    package = Path(next(iter(spec.submodule_search_locations)))
    return EngineBuild(
        directory="",
        version=version,
        backend=backend_of(package),
        cpu_key="any",
        matches_cpu=True,
        source="site-packages",
    )


def backend_of(package: Path) -> str:
    """The backend of a llama_cpp package directory, by the libraries that it carries."""
    names = {path.name.lower() for path in (package / "lib").glob("*")}
    for backend in BACKENDS:
        if any(f"ggml-{backend}" in name for name in names):
            return backend
    return "unknown"


def package_dir(build: EngineBuild) -> Path:
    """The `llama_cpp` directory of a build. Raises EngineError if it has gone."""
    if build.directory:
        return Path(build.directory) / _PACKAGE
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EngineError("The engine has been removed.", next_step=INSTALL_HINT)
    return Path(next(iter(spec.submodule_search_locations)))


def name_for(version: str, backend: str, cpu: str) -> str:
    """The directory name of a build, which is also its key in the wheel cache."""
    return f"{_DISTRIBUTION}-{version}-{backend}-{cpu}"


def read_record(directory: Path) -> EngineRecord | None:
    """The record in an engine's directory, None if there is none or it cannot be read."""
    try:
        return msgspec.json.decode((directory / _RECORD).read_bytes(), type=EngineRecord)
    except (OSError, msgspec.DecodeError):
        return None


def write_record(directory: Path, record: EngineRecord) -> None:
    """Write the record into an engine's directory (or beside a wheel in the cache)."""
    private_files.write_atomically(
        directory / _RECORD, msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    )


def unpack(wheel: Path, record: EngineRecord, engines: Path | None = None) -> Path:
    """Unpack `wheel` into its place, replacing what was there, and return the directory.

    Only the package and its metadata are taken: the wheel carries its libraries a second time.
    Files with equal contents (libllama.so, .so.0, .so.0.5.0) become links. The record is written
    last, and the whole directory is renamed into place, so it exists complete or not at all.
    Raises EngineError for a wheel that is no llama-cpp-python.
    """
    root = paths.make_private(engines or paths.engines_dir())
    place = root / name_for(record.version, record.backend, record.cpu)
    scratch = Path(tempfile.mkdtemp(prefix=".unpack-", dir=root))
    try:
        _extract(wheel, scratch)
        write_record(scratch, record)
        _swap(scratch, place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return place


def select(directory: Path, engines: Path | None = None, cpu_key: str | None = None) -> None:
    """Make the build in `directory` the current one for this CPU."""
    root = paths.make_private(engines or paths.engines_dir())
    key = cpu_key if cpu_key is not None else machine.cpu_key()
    _write_names(root / _CURRENT, {**_read_names(root / _CURRENT), key: directory.name})


def choice(engines: Path | None = None, cpu_key: str | None = None) -> str:
    """The backend that the user asked for by name on this machine, "" if none was."""
    key = cpu_key if cpu_key is not None else machine.cpu_key()
    chosen = _read_names((engines or paths.engines_dir()) / _CHOICE).get(key, "")
    return chosen if chosen in BACKENDS else ""


def remember_choice(backend: str, engines: Path | None = None, cpu_key: str | None = None) -> None:
    """Keep the user's choice of a backend, so that a CPU chosen once is not asked for again."""
    root = paths.make_private(engines or paths.engines_dir())
    key = cpu_key if cpu_key is not None else machine.cpu_key()
    _write_names(root / _CHOICE, {**_read_names(root / _CHOICE), key: backend})


def file_sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def now() -> str:
    """The time for `built_at`: UTC, to the second, sortable as text."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_build(directory: Path, record: EngineRecord, cpu_key: str | None = None) -> EngineBuild:
    """What `find` returns for a directory with this record."""
    key = cpu_key if cpu_key is not None else machine.cpu_key()
    return EngineBuild(
        directory=str(directory),
        version=record.version,
        backend=record.backend,
        cpu_key=record.cpu,
        matches_cpu=record.cpu in (key, "any"),
        built_at=record.built_at,
        source=record.source,
        sha256=record.sha256,
    )


def _directories(root: Path) -> Iterator[Path]:
    try:
        entries = sorted(root.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(_DISTRIBUTION) and entry.is_dir():
            yield entry


def _read_names(path: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        return {}


def _write_names(path: Path, names: dict[str, str]) -> None:
    data = msgspec.json.format(msgspec.json.encode(names), indent=2) + b"\n"
    private_files.write_atomically(path, data)


def _extract(wheel: Path, into: Path) -> None:
    first_with: dict[tuple[int, int], Path] = {}
    try:
        with zipfile.ZipFile(wheel) as archive:
            wanted = [info for info in archive.infolist() if _is_wanted(info)]
            if not any(info.filename == f"{_PACKAGE}/{_PACKAGE}.py" for info in wanted):
                raise EngineError(
                    "This wheel is not llama-cpp-python.", why=f"no {_PACKAGE} inside {wheel.name}"
                )
            for info in wanted:
                target = into / info.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                # ZipFile.extract drops "..", drive letters and absolute paths; links are not made.
                twin = first_with.get((info.CRC, info.file_size))
                if twin is None or not _link(twin, target, archive, info):
                    archive.extract(info, into)
                    first_with.setdefault((info.CRC, info.file_size), target)
    except (zipfile.BadZipFile, EOFError) as error:
        raise EngineError(
            "The engine's wheel is damaged.", why=str(error), next_step=f"{INSTALL_HINT} --rebuild"
        ) from error


def _is_wanted(info: zipfile.ZipInfo) -> bool:
    top = info.filename.split("/", 1)[0]
    if info.is_dir() or info.filename.startswith(f"{_PACKAGE}/server/"):
        return False
    return top == _PACKAGE or top.endswith(".dist-info") or top.endswith(".libs")


def _link(twin: Path, target: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Link `target` to `twin` if they are equal (a CRC proves nothing) and links work here."""
    if info.file_size < 4096 or twin.parent != target.parent:
        return False
    if twin.read_bytes() != archive.read(info):
        return False
    try:
        target.symlink_to(twin.name)
    except OSError:
        return False
    return True


def _swap(scratch: Path, place: Path) -> None:
    """Rename `scratch` to `place`; what was there is moved aside first and then removed."""
    old = scratch.with_name(scratch.name + ".old")
    if place.exists():
        place.rename(old)
    scratch.rename(place)
    place.chmod(0o700)
    shutil.rmtree(old, ignore_errors=True)
