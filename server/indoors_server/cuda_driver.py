"""Ask NVIDIA's driver which cards there are, through its own library.

The library is the user's driver, loaded with ctypes; a broken driver can crash or hang the process
that asks, so this runs in a child (`indoors engine probe-driver`) that prints one JSON object.
The driver itself honours CUDA_VISIBLE_DEVICES.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import msgspec

NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE: no card, or every one is hidden
REFUSED = 304  # CUDA_ERROR_OPERATING_SYSTEM: also when a file may not be written
_LIBRARIES = {
    "linux": ("libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"),
    "win32": ("nvcuda.dll",),
}
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*
_NAME_BYTES = 256


class DriverCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card as the driver names it. Memory in bytes; `compute` is its capability, as "89"."""

    name: str
    total_bytes: int
    free_bytes: int
    compute: str


class DriverReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the driver said.

    `loaded`: its library was found. `status`: what cuInit returned (0 is success). `cuda` is the
    newest CUDA version that the driver serves, as (major, minor).
    """

    loaded: bool
    status: int = 0
    cuda: tuple[int, int] = (0, 0)
    cards: tuple[DriverCard, ...] = ()


def load_library(platform: str = sys.platform) -> Any | None:  # noqa: ANN401 - ctypes has no type
    """The driver's library, None if this system has none."""
    for name in _LIBRARIES.get(platform, ()):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def query(load: Callable[[], Any | None] = load_library) -> DriverReport:
    """Initialize the driver and describe its cards."""
    cuda = load()
    if cuda is None:
        return DriverReport(loaded=False)
    status = int(cuda.cuInit(0))
    version = ctypes.c_int(0)
    cuda.cuDriverGetVersion(ctypes.byref(version))
    newest = (version.value // 1000, version.value % 1000 // 10)
    count = ctypes.c_int(0)
    if status == 0:
        status = int(cuda.cuDeviceGetCount(ctypes.byref(count)))
    cards = tuple(_card(cuda, index) for index in range(count.value))
    return DriverReport(loaded=True, status=status, cuda=newest, cards=cards)


def _card(cuda: Any, index: int) -> DriverCard:  # noqa: ANN401 - ctypes has no type
    device = ctypes.c_int(0)
    cuda.cuDeviceGet(ctypes.byref(device), index)
    name = ctypes.create_string_buffer(_NAME_BYTES)
    cuda.cuDeviceGetName(name, _NAME_BYTES, device)
    total = ctypes.c_size_t(0)
    cuda.cuDeviceTotalMem_v2(ctypes.byref(total), device)
    numbers = []
    for attribute in (_MAJOR, _MINOR):
        value = ctypes.c_int(0)
        cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
        numbers.append(str(value.value))
    return DriverCard(
        name=name.value.decode("utf-8", "replace"),
        total_bytes=total.value,
        free_bytes=_free_memory(cuda, device, total.value),
        compute="".join(numbers),
    )


def _free_memory(cuda: Any, device: ctypes.c_int, otherwise: int) -> int:  # noqa: ANN401
    """Free memory needs a context on the card; without one (it is full) nothing is free."""
    context = ctypes.c_void_p()
    if cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device) != 0:
        return 0
    free, total = ctypes.c_size_t(0), ctypes.c_size_t(0)
    cuda.cuCtxSetCurrent(context)
    status = cuda.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total))
    cuda.cuCtxSetCurrent(None)
    cuda.cuDevicePrimaryCtxRelease_v2(device)
    return free.value if status == 0 else otherwise
