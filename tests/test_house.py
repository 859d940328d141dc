"""The house rules: layers, owners, the file ceiling, silence on stdout, no strangers in text."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("server/indoors_server", "completion/indoors_completion", "indexing/indoors_indexing")
CEILING = 400


def python_files() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def run_tool(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def test_layers_hold() -> None:
    """I1, I2 and the one-way layers, by import-linter's contracts in pyproject.toml."""
    run_tool(tool("lint-imports"), "--no-cache")


def test_lint_holds() -> None:
    """Owners of dangerous imports (TID251), no print (T20), no blind except (BLE), the rest."""
    run_tool(tool("ruff"), "check", "--no-cache", "server", "completion", "indexing", "tests")


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_outgrows_its_room(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= CEILING


@pytest.mark.parametrize(
    ("module", "owners"),
    [
        ("pygls", {"app.py", "handlers.py", "convert.py"}),
        ("lsprotocol", {"app.py", "handlers.py", "convert.py"}),
        ("llama_cpp", {"llama.py"}),
        ("tree_sitter", {"parse.py", "languages.py"}),
        (
            "sqlite3",
            {"store.py", "store_files.py", "store_read.py", "store_rows.py", "store_schema.py"},
        ),
        ("watchdog", {"watch.py"}),
        ("http", {"fetch.py"}),
        ("urllib.request", {"fetch.py"}),
        ("requests", set()),
        ("httpx", {"http.py"}),
        ("httpcore", {"http.py"}),
        ("ssl", {"fetch.py", "http.py"}),
        # `resolver_child.py` asks name servers; the others are the proof's own attempts.
        ("socket", {"resolver_child.py", "network.py", "targets.py", "things.py"}),
    ],
)
def test_one_owner_per_dangerous_import(module: str, owners: set[str]) -> None:
    pattern = re.compile(rf"^\s*(from|import)\s+{re.escape(module)}(\.|\s|$)", re.MULTILINE)
    users = {path.name for path in python_files() if pattern.search(path.read_text())}
    assert users <= owners


def test_only_the_command_line_screen_writes_to_stdout() -> None:
    """I5: `sys.stdout` is named only where a command prints, or where a stream is taken over."""
    allowed = {"screen.py", "roles.py", "__init__.py", "transport.py", "complete.py"}
    users = {
        path.name
        for path in python_files()
        if re.search(r"sys\.(__)?stdout", path.read_text()) and path.name not in allowed
    }
    assert not users


def test_no_pattern_has_a_possessive_group() -> None:
    """Python before 3.11.5 matches one wrongly (its issue 106052), and users have such a Python."""
    possessive = re.compile(r"\)(?:[*+?]|\{[\d,]+\})\+")
    assert possessive.search(r"(?:a|b)*+")
    assert not possessive.search(r"(?>(?:a++|b)*)")
    found = [
        f"{path.name}: {line.strip()}"
        for path in python_files()
        for line in path.read_text().splitlines()
        if possessive.search(line)
    ]
    assert found == []


def test_every_invariant_names_a_test_that_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rows = re.findall(r"^\| (I\d+) \|.* \| `(tests/[^`]+)` \|$", text, re.MULTILINE)
    assert len(rows) >= 12
    for invariant, reference in rows:
        file, _, name = reference.partition("::")
        assert (ROOT / file).is_file(), f"{invariant}: {file} does not exist"
        if name:
            assert f"def {name}" in (ROOT / file).read_text(), f"{invariant}: no {reference}"


def test_components_state_their_invariants() -> None:
    for component in ("server", "completion", "indexing"):
        lines = (ROOT / component / "README.md").read_text().splitlines()
        assert 5 <= len(lines) <= 30


def test_locks_carry_hashes_and_no_index_address() -> None:
    locks = sorted(ROOT.glob("*.lock"))
    assert locks
    for lock in locks:
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text
        assert "--find-links" not in text


def test_text_files_carry_no_machine_paths() -> None:
    """Nobody's home or checkout is named in what we publish."""
    pattern = re.compile(r"/" + r"root/|/" + r"work/(main|shared)")
    for path in tracked_files():
        if path.suffix in {".py", ".md", ".toml", ".lua", ".json", ".lock", ".vim", ""}:
            assert not pattern.search(path.read_text(errors="replace")), path
