"""Small stand-ins for model files, catalogue entries and the wheels that carry parts."""

from __future__ import annotations

import base64
import hashlib
import random
import sys
import zipfile
from pathlib import Path

from indoors_completion.catalog import HttpsFile, ModelEntry, WheelParts
from indoors_server.downloader import Downloader


def gguf_bytes(size: int, seed: int = 1) -> bytes:
    """`size` bytes that begin as a GGUF file does."""
    return b"GGUF" + random.Random(seed).randbytes(size - 4)


def entry_for(data: bytes, *sources: HttpsFile | WheelParts, **changes: object) -> ModelEntry:
    """An entry for a file with these bytes, named `tiny-model`."""
    fields: dict[str, object] = {
        "name": "tiny-model",
        "family": "qwen2.5-coder",
        "kind": "base",
        "parameters": 1000,
        "quantization": "Q4_K_M",
        "file": "tiny-model.gguf",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "licence": "Apache-2.0",
        "context_length": 1024,
        "sources": sources,
    }
    return ModelEntry(**{**fields, **changes})  # type: ignore[arg-type]


def wheel_parts(count: int) -> WheelParts:
    """A wheel source of `count` parts, as `write_wheels` makes them."""
    return WheelParts(
        project="tiny-model-part{n}",
        version="1.0",
        member="tiny_model_part{n}/data/part{n:02d}.bin",
        parts=count,
        uploader="someone <someone@example.com>",
    )


def write_wheels(data: bytes, count: int, into: Path, *, spoil: int = 0) -> None:
    """Write `data` as `count` wheels; the RECORD of part `spoil` names another hash."""
    into.mkdir(parents=True, exist_ok=True)
    step = -(-len(data) // count)
    for n in range(1, count + 1):
        body = data[(n - 1) * step : n * step]
        package = f"tiny_model_part{n}"
        info = f"{package}-1.0.dist-info"
        hashed = hashlib.sha256(body if n != spoil else b"other").digest()
        digest = base64.urlsafe_b64encode(hashed).decode().rstrip("=")
        member = f"{package}/data/part{n:02d}.bin"
        with zipfile.ZipFile(into / f"{package}-1.0-py3-none-any.whl", "w") as wheel:
            # Importing this package must never happen: it would leave a trace.
            wheel.writestr(f"{package}/__init__.py", "raise SystemExit('imported')\n")
            wheel.writestr(member, body)
            meta = f"Metadata-Version: 2.1\nName: tiny-model-part{n}\nVersion: 1.0\n"
            wheel.writestr(f"{info}/METADATA", meta)
            wheel.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{info}/RECORD", f"{member},sha256={digest},{len(body)}\n")


_COPIER = """
import pathlib, shutil, sys
wheels = pathlib.Path(sys.argv[1])
if "--version" in sys.argv:
    raise SystemExit(0)
dest = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
name, version = sys.argv[-1].split("==")
with open(wheels / "asked.log", "a") as log:
    log.write(sys.argv[-1] + chr(10))
found = wheels / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
if not found.exists():
    sys.stderr.write(f"ERROR: No matching distribution found for {sys.argv[-1]}" + chr(10))
    raise SystemExit(1)
shutil.copy(found, dest)
"""


def copier(wheels: Path, script: Path) -> Downloader:
    """A stand-in for pip that copies wheels from a directory: quick, and it logs what is asked."""
    script.write_text(_COPIER)
    return Downloader("copier", (sys.executable, "-I", str(script), str(wheels)))


def asked(wheels: Path) -> list[str]:
    """The requirements that the copier was asked for."""
    log = wheels / "asked.log"
    return log.read_text().split() if log.exists() else []
