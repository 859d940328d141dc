"""Which files each of our processes may open: decided from its command line, before anything runs.

    serve    reads what the editor shows it, so anything its user can; writes in our cache and state
    worker   reads its model, its engine and libraries; writes what a driver compiles, in our cache
    indexer  reads the roots that it was started for, what git's rules for them come from, and
             libraries; writes in our cache only
    launcher reads its libraries, the system's settings and what is ours; writes in cache and state
    gateway  reads its libraries, certificates and what a person or administrator wrote for us;
             writes in our state
    resolver reads its libraries and how this system resolves names; writes nothing

Graphics drivers are devices that are opened for writing, so they stay allowed where there are any.
What a server may not do its children may not either, so a driver's needs count for it too.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from indoors_server import paths
from indoors_server.landlock import Files

# What native libraries and the C library look at: no file of a person is there.
_SYSTEM = (
    "/usr", "/lib", "/lib64", "/bin", "/sbin", "/opt/cuda", "/opt/rocm", "/nix/store", "/gnu/store",
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload",
    "/etc/localtime", "/etc/vulkan", "/etc/OpenCL", "/etc/nvidia",
    "/sys", "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random",
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/devices", "/proc/modules",
    "/proc/version", "/proc/filesystems", "/proc/driver", "/proc/sys/vm", "/proc/sys/kernel",
)  # fmt: skip
# Where systems keep the certificates that everybody trusts, and the machine's policy for us.
_CERTIFICATES = (
    "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies", "/etc/indoors",
)  # fmt: skip
_NAMES = (
    "/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
    "/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf",
)  # fmt: skip
# NVIDIA's driver writes to /proc/self/task/N/comm, and does not start (error 304) if it cannot.
_NAMES_ITS_THREADS = re.compile(r"nvidia\d+|dxg")
# With these a process that may write below /proc could change the system: as root, on most systems.
_SYSTEM_SWITCHES = ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger")
_DEVICES = re.compile(r"nvidia\S*|dri|kfd|dxg|nvhost\S*|nvmap")
# A model in several files: `name-00001-of-00003.gguf` names the others.
_SHARD = re.compile(r"(.*-)(\d{5})-of-(\d{5})\.gguf\Z")
_MAX_SHARDS = 1000


def files_of(role: str, arguments: list[str]) -> Files | None:
    """What a role started with these arguments may open; None where nothing is restricted."""
    cache, state = paths.cache_dir(), paths.state_dir()
    if role == "serve":
        return Files(None, (*_made(cache, state), "/dev/null", *_devices(), *_thread_names()))
    if role == "indexer":
        from indoors_indexing import reach

        roots = _options(arguments, "--root")
        above = [path for root in roots for path in reach.rule_files_above(root)]
        return Files((*_libraries(), *roots, *above), (*_made(cache), "/dev/null"))
    if role == "launcher":
        return _launcher_files(cache, state)
    if role == "gateway":
        return Files((*_libraries(), *_CERTIFICATES, *_written()), (*_made(state), "/dev/null"))
    if role == "resolver":
        return Files((*_libraries(), *_NAMES), ("/dev/null",))
    if role != "worker":
        return None
    write = (*_made(cuda_cache()), "/dev/null", "/proc/self", *_devices())
    model = _option(arguments, "--model")
    if not model:
        return Files(None, write)
    engine = _option(arguments, "--engine")
    return Files((*_libraries(), *_shards(model), *([engine] if engine else ())), write)


def cuda_cache() -> Path:
    """Where a driver keeps what it compiled for the card."""
    return paths.cache_dir() / "cuda"


def _launcher_files(cache: Path, state: Path) -> Files:
    """For the launcher and what it starts: no workspace, no home but our own folders in it.

    /etc has the machine's policy, name resolution and certificates. /proc/self is another folder in
    each process, so all of /proc is there, as far as the kernel shows it.
    """
    ours = (*_written(), str(cache), str(state))
    system = ("/etc", "/proc", "/run/systemd/resolve", "/run/NetworkManager")
    write = (*_made(cache, state), "/dev/null", *_devices())
    return Files((*_libraries(), *system, *ours), write)


def _written() -> list[str]:
    """Where a person keeps what they wrote for us.

    A policy may be a link to where such files are kept: its folder then, because editors replace
    files, but never a home or what is above one.
    """
    found = [str(paths.config_dir())]
    home = os.path.realpath(Path.home())
    for name in ("policy.json", "engines.json"):
        file = Path(os.path.realpath(paths.config_dir() / name))
        is_home = f"{home}/".startswith(f"{file.parent}/".replace("//", "/"))
        found.append(str(file if is_home else file.parent))
    return list(dict.fromkeys(found))


def _libraries() -> list[str]:
    """Where this interpreter and what it imports are. Never a home directory, or one above it."""
    home = os.path.realpath(Path.home())
    found = [*_SYSTEM]
    modules = str(Path(os.__file__).parent)
    for place in (sys.prefix, sys.base_prefix, sys.exec_prefix, modules, *sys.path):
        real = os.path.realpath(place) if place else ""
        if real and real != "/" and not f"{home}/".startswith(f"{real}/"):
            found.append(real)
    return list(dict.fromkeys(found))


def _shards(model: str) -> list[str]:
    match = _SHARD.match(model)
    if match is None:
        return [model]
    count = min(int(match[3]), _MAX_SHARDS)
    return [f"{match[1]}{number:05d}-of-{match[3]}.gguf" for number in range(1, count + 1)]


def _devices() -> list[str]:
    try:
        names = sorted(os.listdir("/dev"))  # noqa: PTH208 - before the lock-down
    except OSError:
        return []
    return [f"/dev/{name}" for name in names if _DEVICES.fullmatch(name)]


def _thread_names() -> list[str]:
    """Where a driver in the server's worker names its threads: below /proc.

    The rules name folders as they are now, and the worker's /proc/self is not there yet. What this
    opens to the server itself is little: the kernel asks the same of a write to another process's
    memory as of a debugger, and Landlock refuses both. For who could change the system by it (root)
    it stays shut, and such a server has no card.
    """
    has_driver = any(_NAMES_ITS_THREADS.fullmatch(Path(one).name) for one in _devices())
    if not has_driver or any(os.access(one, os.W_OK) for one in _SYSTEM_SWITCHES):
        return []
    return ["/proc"]


def _made(*directories: Path) -> list[str]:
    """Directories as rules need them: they must be there. What cannot be made stays forbidden."""
    found = []
    for directory in directories:
        try:
            paths.make_private(directory)
        except OSError:
            continue
        found.append(str(directory))
    return found


def _option(arguments: list[str], name: str) -> str:
    return next(iter(_options(arguments, name)), "")


def _options(arguments: list[str], name: str) -> list[str]:
    """All values of an option, in both spellings."""
    found = []
    for position, one in enumerate(arguments):
        if one == name and position + 1 < len(arguments):
            found.append(arguments[position + 1])
        elif one.startswith(f"{name}="):
            found.append(one[len(name) + 1 :])
    return found
