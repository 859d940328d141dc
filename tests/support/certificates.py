"""Certificates for the servers of tests, by `openssl`: a CA of one's own, and what it signed."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

from support.needs import need_programs


class Signed(NamedTuple):
    """A certificate and its key, as PEM files."""

    cert: Path
    key: Path


class Authority:
    """A CA in `folder`."""

    def __init__(self, folder: Path, name: str = "Test CA") -> None:
        need_programs("openssl")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.cert, self._key = folder / "ca.pem", folder / "ca.key"
        request = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
        _openssl(
            *request, "-subj", f"/CN={name}", "-keyout", str(self._key), "-out", str(self.cert)
        )

    def sign(self, name: str, *, days: int = 2, alternatives: str = "") -> Signed:
        """A certificate for `name`; with negative `days` it has expired."""
        base = self.folder / f"{name}{days}"
        cert, key, request = (base.with_suffix(end) for end in (".pem", ".key", ".csr"))
        _openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
            "-keyout", str(key), "-out", str(request),
        )  # fmt: skip
        extensions = base.with_suffix(".ext")
        extensions.write_text(f"subjectAltName={alternatives or f'DNS:{name}'}\n")
        _openssl(
            "x509", "-req", "-in", str(request), "-CA", str(self.cert), "-CAkey", str(self._key),
            "-CAcreateserial", "-days", str(days), "-extfile", str(extensions), "-out", str(cert),
        )  # fmt: skip
        key.chmod(0o600)
        return Signed(cert, key)


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
