"""What git ignores and what we ignore: the same, on generated trees and on the odd cases."""

import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indoors_indexing import ignore
from indoors_indexing.reading import open_directory, open_root
from support import git_trees

N_REPOSITORIES, N_TREES_EACH = 20, 50


def ours(root: Path) -> set[str]:
    """The paths below a root that we ignore, found by going down as the scan does."""
    found: set[str] = set()

    def visit(descriptor: int, path: str, levels: ignore.Levels, is_ignored: bool) -> None:
        levels = ignore.enter(levels, descriptor, path)
        with os.scandir(descriptor) as entries:
            for entry in list(entries):
                if entry.name == ".git":
                    continue
                inner = f"{path}/{entry.name}" if path else entry.name
                is_folder = entry.is_dir(follow_symlinks=False)
                out = is_ignored or ignore.ignored(levels, inner, entry.name, is_folder)
                if out:
                    found.add(inner)
                if is_folder:
                    inside = open_directory(entry.name, descriptor)
                    visit(inside, inner, levels, out)
                    os.close(inside)

    descriptor = open_root(str(root))
    visit(descriptor, "", ignore.base_levels(str(root)), False)
    os.close(descriptor)
    return found


def check(root: Path, rules: dict[str, str], *paths: str) -> set[str]:
    """Make a tree (a path that ends in a slash is a folder), and compare with git."""
    git_trees.repository(root)
    for path in paths:
        place = root / path
        (place if path.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)
        if not path.endswith("/"):
            place.touch()
    for path, text in rules.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode())
    found = ours(root)
    assert found == git_trees.git_ignores(root, git_trees.paths_in(root))
    return found


def tree_rules(root: Path, paths: set[str]) -> str:
    """The ignore files that speak about paths, for the message of a failure."""
    files = {root / ".git/info/exclude"}
    for path in paths:
        files |= {folder / ".gitignore" for folder in (root / path).parents if folder >= root}
    return "\n".join(f"{file}: {file.read_bytes()!r}" for file in sorted(files) if file.is_file())


@pytest.mark.parametrize("seed", range(N_REPOSITORIES))
def test_generated_trees_are_ignored_as_git_does(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    root = git_trees.repository(tmp_path / "repository")
    if seed % 2:
        (root / ".git/info/exclude").write_text(git_trees.rules(rng), "utf-8")
    for number in range(N_TREES_EACH):
        tree = root / f"tree{number}"
        tree.mkdir()
        git_trees.grow(tree, rng)
    paths = git_trees.paths_in(root)
    wrong = ours(root) ^ git_trees.git_ignores(root, paths)
    assert not wrong, f"{sorted(wrong)[:10]}\n{tree_rules(root, set(sorted(wrong)[:10]))}"
    # A path asked about by itself has the answer that it has on the way down.
    levels, descriptor = ignore.base_levels(str(root)), open_root(str(root))
    expected = ours(root)
    for path in rng.sample(paths, 40):
        is_folder = (root / path).is_dir() and not (root / path).is_symlink()
        assert ignore.is_ignored(levels, descriptor, path, is_folder) == (path in expected)
    os.close(descriptor)


def test_nothing_comes_back_below_an_excluded_directory(tmp_path: Path) -> None:
    rules = {".gitignore": "out\n!out/keep.py\n", "out/.gitignore": "!*\n"}
    assert "out/keep.py" in check(tmp_path, rules, "out/keep.py", "src/out.py")


def test_a_nearer_file_decides(tmp_path: Path) -> None:
    rules = {".gitignore": "*.log\n", "keep/.gitignore": "!*.log\n", ".git/info/exclude": "b.py\n"}
    found = check(tmp_path, rules, "a.log", "keep/a.log", "keep/deep/b.log", "b.py")
    assert found == {"a.log", "b.py"}


@pytest.mark.parametrize(
    ("line", "paths"),
    [
        ("foo/", ("foo", "x/foo/y")),
        ("/foo", ("foo", "x/foo")),
        ("a/b", ("a/b", "x/a/b")),
        ("**/foo", ("foo", "x/y/foo")),
        ("a/**/b", ("a/b", "a/x/b", "a/x/y/b", "ab")),
        ("a/**", ("a/b", "a/c/d", "x/a/b")),
        ("foo**/bar", ("foo/bar", "foox/bar", "foox/y/bar", "foo/x/bar")),
        ("*.py\r", ("a.py", "a.py\r")),
        ("a\\ ", ("a ", "a")),
        ("a\\\\ ", ("a\\", "a\\ ")),
        ("trailing   ", ("trailing", "trailing   ")),
        ("tab\t", ("tab\t", "tab")),
        ("à", ("à", "a")),
        ("?", ("é", "e")),
        ("??", ("é", "ee")),
        ("[[:alpha:]]", ("a", "1")),
        ("x[a/b]", ("xa", "y/xa", "xb")),
        ("[!a]b", ("bb", "ab", "x/bb")),
        ("[z-a]", ("z", "-", "a")),
        ("\\#a", ("#a",)),
        ("!#a", ("#a",)),
        ("a//", ("a/b",)),
        ("a\\/", ("a/b",)),
        ("\\/a", ("a", "b/a")),
        ("**\\/a", ("a", "b/a", "b/c/a")),
        ("**/**/**/**/**/a", ("a", "b/a")),
        ("a\\/b", ("a/b", "x/a/b")),
        ("$", ("$", "a")),
        ("a.b", ("a.b", "axb")),
    ],
)
def test_odd_lines_mean_what_they_mean_to_git(
    tmp_path: Path, line: str, paths: tuple[str, ...]
) -> None:
    check(tmp_path, {".gitignore": line + "\n"}, *paths)


@pytest.fixture(scope="module")
def small_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of every short name there is, at three depths."""
    root = git_trees.repository(tmp_path_factory.mktemp("small"))
    for folder in ("", "d/", "d/a/", "da/"):
        (root / folder).mkdir(exist_ok=True)
        for name in ("a", "b", "ab", "-", "[a", "a]", "!a", "#a", "a\\", "*", "^", "a ", "[:a:]"):
            if folder != "d/" or name != "a":
                (root / folder / name).touch()
    return root


@settings(max_examples=60)
@given(
    st.lists(
        st.lists(
            st.sampled_from([*"ab*?[]!^-\\/# d:", "**", "**/", "/**", "[:alpha:]", "[!", "a]"]),
            max_size=7,
        ).map("".join),
        max_size=3,
    )
)
def test_any_line_means_what_it_means_to_git(small_tree: Path, lines: list[str]) -> None:
    (small_tree / ".gitignore").write_text("\n".join(lines))
    expected = git_trees.git_ignores(small_tree, git_trees.paths_in(small_tree))
    assert ours(small_tree) == expected


def test_our_own_file_has_the_last_word_in_its_folder(tmp_path: Path) -> None:
    git_trees.repository(tmp_path)
    (tmp_path / ".gitignore").write_text("*.gen.py\n")
    (tmp_path / ".indoorsignore").write_text("!*.gen.py\nsecret\n")
    for name in ("a.gen.py", "secret", "b.py"):
        (tmp_path / name).touch()
    assert ours(tmp_path) == {"secret"}


def test_a_root_inside_a_repository_obeys_the_rules_above_it(tmp_path: Path) -> None:
    git_trees.repository(tmp_path)
    (tmp_path / ".gitignore").write_text("*.log\n/packages/one/build\n")
    (tmp_path / ".git/info/exclude").write_text("one/private\n/packages/one/own\n")
    root = tmp_path / "packages/one"
    for name in ("a.log", "build", "private", "own", "kept"):
        root.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    everything = git_trees.git_ignores(tmp_path, git_trees.paths_in(tmp_path))
    assert {f"packages/one/{path}" for path in ours(root)} == everything
    assert ours(root) == {"a.log", "build", "own"}


def test_no_rules_are_taken_from_above_where_there_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*\n")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/a").touch()
    assert ours(tmp_path / "root") == set()


def test_a_linked_worktree_finds_the_exclude_file_of_its_repository(tmp_path: Path) -> None:
    main = git_trees.repository(tmp_path / "main")
    (main / ".git/info/exclude").write_text("private\n")
    linked = main / ".git/worktrees/linked"
    linked.mkdir(parents=True)
    (linked / "commondir").write_text("../..\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {linked}\n")
    (tree / "private").touch()
    assert ours(tree) == {"private"}


def test_a_fifo_in_place_of_an_ignore_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".gitignore")
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / ".git/info")
    assert ours(tmp_path) == set()


@pytest.mark.parametrize("line", ["*a" * 40 + "b", "**/a/" * 40 + "b", "*" * 9000, "[a" * 5000])
def test_a_hostile_line_ends(tmp_path: Path, line: str) -> None:
    (tmp_path / ".gitignore").write_text(line + "\n")
    (tmp_path / ("a" * 200)).touch()
    deep = tmp_path / "/".join("a" * 30)
    deep.mkdir(parents=True)
    # A pattern that is tried in all possible ways would still be at it tomorrow.
    assert ours(tmp_path) <= set(git_trees.paths_in(tmp_path))
