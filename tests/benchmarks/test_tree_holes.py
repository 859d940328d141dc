"""Rows made of a tree: the target is really cut out, and another file really defines its symbol."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import fetch_trees
import pytest
import tree_holes
from repo_rows import RepoRow, cut_out, read_repo_rows, tree_of, write_rows
from tree_files import is_test, source_files
from tree_holes import PREFIX_CHARACTERS, SUFFIX_CHARACTERS, make_rows

FILES = {
    "python/shop/store.py": '''"""Où tout est gardé."""
GREETING = "çà et là"


class Warehouse:
    """Keeps things."""

    def __init__(self, city: str) -> None:
        self.crate_count = 0
        self.city = city

    def take_crate(self, label: str) -> int:
        """Take one."""
        self.crate_count += 1
        return self.crate_count


def open_warehouse(city: str) -> Warehouse:
    return Warehouse(city)
''',
    "python/shop/desk.py": '''"""Das Büro."""
import json

from .store import GREETING, open_warehouse


def serve(name):
    größe = "größer als man denkt"; place = open_warehouse("Köln")
    number = place.take_crate(name + größe)  # counted
    print(json.take_crate(name))
    return place.take_crate(GREETING)
''',
    "web/src/ledger.ts": """export interface Entry { amountInCents: number }

export class Ledger {
  entriesSoFar: Entry[] = []

  postEntry(entry: Entry): void {
    this.entriesSoFar.push(entry)
    this.touch()
  }
  touch() {}
}

export const emptyLedger = () => new Ledger()
""",
    "web/src/till.ts": """import { emptyLedger, Ledger } from './ledger'

export function ring(cents: number): Ledger {
  const ledger = emptyLedger()
  ledger.postEntry({ amountInCents: cents })
  return ledger
}
""",
    "go/bank/vault.go": """package bank

type Vault struct{ GoldBars int }

func (v *Vault) AddBars(n int) error {
	v.GoldBars += n
	return nil
}

func openVault() *Vault { return &Vault{} }
""",
    "go/desk/desk.go": """package desk

import "example.com/go/bank"

func Fill(v *bank.Vault) error {
	if err := v.AddBars(3); err != nil {
		return err
	}
	return nil
}
""",
    "java/org/farm/Barn.java": """package org.farm;

public class Barn {
    public int hayBales;

    public int stackBales(int more) {
        hayBales += more;
        return hayBales;
    }
}
""",
    "java/org/farm/Farmer.java": """package org.farm;

public class Farmer {
    int work(Barn barn) {
        int before = barn.hayBales;
        return barn.stackBales(before);
    }
}
""",
    "rust/src/mill.rs": """pub struct Mill { pub sack_count: u32 }

impl Mill {
    pub fn grind_sack(&mut self) -> u32 {
        self.sack_count += 1;
        self.sack_count
    }
}

pub fn build_mill() -> Mill { Mill { sack_count: 0 } }
""",
    "rust/src/baker.rs": """use crate::mill::build_mill;

pub fn bake() -> u32 {
    let mut mill = build_mill();
    mill.grind_sack()
}
""",
    "web/dist/ledger.js": "export class Ledger { postEntry(e) {} }\n",
    "web/bundle.js": "var a=1;" * 200 + "\n",
}


@pytest.fixture(params=["\n", "\r\n"], ids=["lf", "crlf"])
def tree(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "town-1.0" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.replace("\n", request.param).encode())
    return tmp_path / "town-1.0"


@pytest.fixture
def made(tree: Path) -> list[dict[str, Any]]:
    return make_rows(tree, "town-1.0", 200, seed=1)


def rows_of(made: list[dict[str, Any]], path: Path) -> list[RepoRow]:
    write_rows(path, made)
    return read_repo_rows(path)


def test_offsets_and_windows_are_those_of_the_file(tree: Path, made: list[dict[str, Any]]) -> None:
    assert {row["kind"] for row in made} == {"xmember", "xapi", "line", "block"}
    for row in made:
        data = (tree / row["path"]).read_bytes()
        assert data[row["byte_start"] : row["byte_end"]].decode() == row["groundtruth"]
        before, after = data[: row["byte_start"]].decode(), data[row["byte_end"] :].decode()
        assert row["prefix"] == before[-PREFIX_CHARACTERS:]
        assert row["suffix"] == after[:SUFFIX_CHARACTERS]
        assert row["file_sha1"] == hashlib.sha1(data).hexdigest()
        assert row["file_bytes"] == len(data)
        assert row["line"] == before.count("\n") + 1
        assert not row["groundtruth"].endswith(("\r", "\n", " "))


def test_windows_are_bounded_in_characters(tree: Path) -> None:
    file = tree / "python/shop/desk.py"
    file.write_text(
        "# ü\n" * 3000 + FILES["python/shop/desk.py"] + "# ü\n" * 3000, encoding="utf-8"
    )
    rows = [row for row in make_rows(tree, "t", 200, seed=1) if row["path"].endswith("desk.py")]
    assert rows
    for row in rows:
        assert len(row["prefix"]) == PREFIX_CHARACTERS
        assert len(row["suffix"]) == SUFFIX_CHARACTERS
        assert row["prefix_truncated"]
        assert row["suffix_truncated"]


def test_the_target_is_in_no_file_once_it_is_cut_out(
    tree: Path, made: list[dict[str, Any]], tmp_path: Path
) -> None:
    for row in rows_of(made, tmp_path / "rows.jsonl.gz"):
        assert tree_of(row, tree.parent) == tree
        data = (tree / row.path).read_bytes()
        left = cut_out(row, data).decode()
        assert len(left.encode()) == len(data) - len(row.target.encode())
        assert left == row.prefix + row.suffix
        with pytest.raises(ValueError, match="does not stand"):
            cut_out(row, b"another file")


def test_symbols_are_defined_elsewhere_and_reachable(made: list[dict[str, Any]]) -> None:
    needed = {(row["kind"], row["symbol"]) for row in made if row["symbol"]}
    assert ("xapi", "open_warehouse") in needed
    assert ("xmember", "take_crate") in needed
    assert ("xapi", "emptyLedger") in needed
    assert ("xmember", "postEntry") in needed
    assert ("xmember", "AddBars") in needed
    assert ("xmember", "stackBales") in needed
    assert ("xapi", "Barn") in needed
    assert ("xmember", "grind_sack") in needed
    assert ("xapi", "build_mill") in needed
    for row in made:
        if row["kind"] in ("xmember", "xapi"):
            assert row["groundtruth"].startswith(row["symbol"])
            assert row["path"] not in row["def_paths"]
            assert "web/dist/ledger.js" not in row["def_paths"]
            assert {shown["path"] for shown in row["oracle_def"]} == set(row["def_paths"])
            assert all(row["symbol"] in shown["text"] for shown in row["oracle_def"])
            assert "json." not in row["prefix"].split("\n")[-1]
        else:
            assert row["symbol"] is None
            assert row["def_paths"] == []


def test_comments_imports_and_built_files_have_no_holes(made: list[dict[str, Any]]) -> None:
    assert not any(row["path"].startswith(("web/dist", "web/bundle")) for row in made)
    for row in made:
        assert "  #" not in row["groundtruth"]
        assert not row["groundtruth"].startswith(("import ", "from ", "use ", '"""'))


def test_blocks_are_whole_bodies(made: list[dict[str, Any]]) -> None:
    blocks = {row["groundtruth"].replace("\r\n", "\n") for row in made if row["kind"] == "block"}
    assert "    this.entriesSoFar.push(entry)\n    this.touch()" in blocks
    assert (
        '        """Take one."""\n        self.crate_count += 1\n        return self.crate_count'
        in blocks
    )
    assert all(2 <= len(block.split("\n")) <= 8 for block in blocks)


def test_the_same_seed_makes_the_same_rows(tree: Path, made: list[dict[str, Any]]) -> None:
    assert make_rows(tree, "town-1.0", 200, seed=1) == made
    few = make_rows(tree, "town-1.0", 10, seed=1)
    assert few != make_rows(tree, "town-1.0", 10, seed=2)
    assert len(few) <= 10


def test_holes_do_not_share_lines(made: list[dict[str, Any]]) -> None:
    taken: set[tuple[str, int]] = set()
    for row in made:
        last = row["line"] + row["groundtruth"].count("\n")
        lines = {(row["path"], line) for line in range(row["line"], last + 1)}
        assert not lines & taken
        taken |= lines


def test_a_line_that_stands_twice_is_marked(made: list[dict[str, Any]]) -> None:
    marked = {row["groundtruth"] for row in made if row["line_elsewhere_in_repo"]}
    single = {row["groundtruth"] for row in made if not row["line_elsewhere_in_repo"]}
    assert marked <= {"return nil", "package bank", "package org.farm;", "self.sack_count"}
    assert "barn.stackBales(before);" not in marked
    assert single


def test_ids_are_unique_and_odd_trees_have_no_rows(
    tmp_path: Path, made: list[dict[str, Any]]
) -> None:
    assert len({row["id"] for row in made}) == len(made)
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / "latin.py").write_bytes("x = 'é'\n".encode("latin-1"))
    (odd / "nul.py").write_bytes(b"x = 1\n\0\n")
    (odd / "empty.py").write_bytes(b"")
    (odd / "broken.py").write_text("def (((\n" * 50)
    (odd / "link.py").symlink_to(tmp_path / "town-1.0" / "python/shop/desk.py")
    assert [file.path for file in source_files(odd)] == ["broken.py"]
    assert all(row["kind"] in ("line", "block") for row in make_rows(odd, "odd", 50, seed=1))


def test_every_language_of_the_tables_is_one_that_is_parsed() -> None:
    from tree_names import DEFINES, MEMBERS

    from indoors_indexing.languages import LANGUAGES, by_language_id

    assert set(DEFINES) == set(MEMBERS)
    assert all(by_language_id(name) or name == "tsx" for name in DEFINES)
    assert set(DEFINES) <= {record.name for record in LANGUAGES}
    assert sum(tree_holes.SHARES.values()) == 100


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        ("src/a.py", False),
        ("tests/a.py", True),
        ("src/core_tests/a.rs", True),
        ("src/a_test.go", True),
        ("src/test_a.py", True),
        ("src/a.spec.ts", True),
        ("src/testing/a.py", False),
        ("src/contest.py", True),
        ("src/latest/a.py", False),
    ],
)
def test_where_no_holes_are_cut(path: str, verdict: bool) -> None:
    assert is_test(path) is verdict


def test_what_is_kept_of_a_package_stays_below_its_folder() -> None:
    tree = fetch_trees.Tree("t", "wheel", "p", "1", "MIT", 0, keep=("src/",), strip="go/")
    assert fetch_trees.kept_path(tree, "go/src/a.go") == "src/a.go"
    assert fetch_trees.kept_path(tree, "src/a.go") is None
    assert fetch_trees.kept_path(tree, "go/bin/go") is None
    assert fetch_trees.kept_path(tree, "go/src/../../a.go") is None
    assert fetch_trees.kept_path(tree, "go/src/") is None


def test_the_rows_that_come_with_the_sources_are_of_the_trees_that_can_be_had() -> None:
    rows = read_repo_rows(fetch_trees.ROWS)
    counts = {tree.name: tree.count for tree in fetch_trees.TREES if tree.count}
    assert {row.repo for row in rows} == set(counts)
    assert len(rows) >= 300
    assert len({row.language for row in rows}) >= 3
    assert sum(row.needs_symbol for row in rows) >= 200
    assert all(row.oracle for row in rows if row.needs_symbol)
    assert {tree.licence for tree in fetch_trees.TREES} <= {"MIT", "Apache-2.0", "BSD-3-Clause"}
