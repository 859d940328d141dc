"""What builds the engine: a C++ compiler, and for a card the tools of its maker.

CUDA's compiler, headers and libraries are on the package index as ordinary wheels. They are
downloaded by hash and unpacked into one directory, never installed: a card with a driver is enough.
"""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from indoors_completion.types import EngineError
from indoors_server import downloader
from indoors_server.downloader import Downloader

LOCKS = Path(__file__).parent / "locks"
_WHEEL_MAJOR = 13  # before CUDA 13 the wheels lack nvcc itself
_OLDEST_CARD = 75  # what CUDA 13 still compiles for (Turing)
_PREFIX = "nvidia/cu13"
# What a CUDA build loads at run time; nvblas and the static libraries are not among them.
_RUNTIME = ("libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13")
_PACKAGE_MANAGERS = {
    "apt": "apt install g++",
    "dnf": "dnf install gcc-c++",
    "pacman": "pacman -S gcc",
    "zypper": "zypper install gcc-c++",
    "apk": "apk add g++",
}

Which = Callable[[str], str | None]


def compiler(which: Which = shutil.which, environment: Mapping[str, str] | None = None) -> str:
    """The path of a C++ compiler. Raises EngineError with the command that installs one."""
    variables = os.environ if environment is None else environment
    names = [variables.get("CXX", ""), "c++", "g++", "clang++", "cl"]
    for name in names:
        path = which(name) if name else None
        if path:
            return path
    raise EngineError(
        "No C++ compiler was found, and the engine must be compiled on this machine.",
        why=f"looked for {', '.join(name for name in names if name)}",
        next_step=compiler_hint(which),
    )


def compiler_hint(which: Which = shutil.which, platform: str = sys.platform) -> str:
    """The command that installs a C++ compiler here."""
    if platform == "darwin":
        return "xcode-select --install"
    if platform == "win32":
        return "install the Visual Studio Build Tools with the C++ workload"
    for manager, command in _PACKAGE_MANAGERS.items():
        if which(manager):
            return command
    return "install g++ or clang++"


def wheels_serve(cuda: tuple[int, int], computes: tuple[str, ...], platform: str) -> str:
    """Why the toolkit of the index's wheels cannot be used here, or "" if it can.

    `cuda` is the newest version that the driver serves, `computes` the cards' capabilities.
    """
    if platform != "linux":
        return "the toolkit of the package index is for Linux"
    if cuda[0] < _WHEEL_MAJOR:
        return f"the driver serves CUDA {cuda[0]}.{cuda[1]}, {_WHEEL_MAJOR} is needed: update it"
    old = [compute for compute in computes if compute.isdigit() and int(compute) < _OLDEST_CARD]
    if old:
        return f"CUDA {_WHEEL_MAJOR} does not compile for capability {'.'.join(old[0])} cards"
    return ""


def unpack_cuda(into: Path, pip: Downloader, on_bytes: Callable[[int], None] | None = None) -> Path:
    """Download CUDA's wheels by hash and unpack them under `into`; the toolkit's root.

    The same toolkit unpacked before is used again. Raises DownloadError.
    """
    root = into / _PREFIX
    complete = into / ".complete"
    lock = LOCKS / "engine-cuda.lock"
    if complete.exists() and complete.read_bytes() == lock.read_bytes():
        return root
    shutil.rmtree(into, ignore_errors=True)
    wheels = into / "wheels"
    downloader.download_locked(lock, wheels, pip=pip, on_bytes=on_bytes)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(into)
    shutil.rmtree(wheels)
    # ZipFile does not set permissions, and the linker looks for names without a version.
    for directory in (root / "bin", root / "nvvm/bin"):
        for program in directory.glob("*"):
            if program.is_file():
                program.chmod(0o755)
    for library in (root / "lib").glob("*.so.*"):
        plain = library.with_name(library.name.split(".so.", 1)[0] + ".so")
        plain.unlink(missing_ok=True)
        plain.symlink_to(library.name)
    complete.write_bytes(lock.read_bytes())
    return root


def runtime_libraries(toolkit: Path) -> list[Path]:
    """The toolkit's libraries that a build needs beside it at run time."""
    return [path for name in _RUNTIME if (path := toolkit / "lib" / name).is_file()]


def installed_libraries(nvcc: Path) -> list[Path]:
    """An installed toolkit's own copies of what a build needs at run time, by their short names."""
    toolkit = nvcc.resolve().parent.parent
    folders = [toolkit / "lib64", toolkit / "lib", *toolkit.glob("targets/*/lib")]
    found = []
    for plain in _RUNTIME:
        pattern = plain.split(".so.", 1)[0] + ".so.*"
        names = {path.name for folder in folders for path in folder.glob(pattern)}
        # libcudart.so.13 is what is linked with; libcudart.so.13.0.96 is the file behind it.
        short = sorted(name for name in names if name.count(".") == 2)
        paths = (folder / name for name in short for folder in folders)
        found += [path for path in paths if path.is_file()][:1]
    return found


def system_nvcc(
    which: Which = shutil.which,
    environment: Mapping[str, str] | None = None,
    root: Path = Path("/"),
) -> Path | None:
    """The CUDA compiler of an installed toolkit, None if there is none."""
    variables = os.environ if environment is None else environment
    places = [Path(variables[name]) for name in ("CUDA_HOME", "CUDA_PATH") if variables.get(name)]
    on_path = which("nvcc")
    candidates = [place / "bin" / "nvcc" for place in places]
    candidates += [Path(on_path)] if on_path else []
    candidates += [root / "usr/local/cuda/bin/nvcc", root / "opt/cuda/bin/nvcc"]
    return next((path for path in candidates if path.is_file()), None)


def has_driver_stub(nvcc: Path, root: Path = Path("/")) -> bool:
    """Whether there is a `libcuda.so` to link with: a toolkit's stub, or the driver's own.

    What is made of wheels has none, nor has a toolkit without its `driver-dev` package.
    """
    toolkit = nvcc.resolve().parent.parent
    places = [toolkit / "lib64/stubs", toolkit / "lib/stubs", root / "usr/lib64"]
    places += toolkit.glob("targets/*/lib/stubs")
    for libraries in (toolkit / "lib", root / "usr/lib"):
        places += [*libraries.glob("*-linux-gnu/stubs"), *libraries.glob("*-linux-gnu")]
    return any((place / "libcuda.so").exists() for place in places)


def vulkan_missing(which: Which = shutil.which, root: Path = Path("/")) -> str:
    """What a Vulkan build lacks here, or ""."""
    lacking = []
    if which("glslc") is None:
        lacking.append("glslc")
    headers = [Path(os.environ.get("VULKAN_SDK", "/nonexistent")) / "include", root / "usr/include"]
    if not any((place / "vulkan/vulkan.hpp").is_file() for place in headers):
        lacking.append("Vulkan's headers")
    if not lacking:
        return ""
    return f"no {' and no '.join(lacking)} (apt install glslc libvulkan-dev)"
