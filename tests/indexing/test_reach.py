"""What an index needs outside of its root, and how a process notices that it needs another one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indoors_indexing.reach import Reach, rule_files_above


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "top/.git/info").mkdir(parents=True)
    (tmp_path / "top/packages/one").mkdir(parents=True)
    return tmp_path / "top"


def test_above_a_root_are_the_rules_up_to_the_top_of_its_repository(repository: Path) -> None:
    root = repository / "packages/one"
    assert rule_files_above(str(root)) == [
        str(repository / "packages/.gitignore"),
        str(repository / ".gitignore"),
        str(repository / ".git/info/exclude"),
    ]
    assert rule_files_above(str(repository)) == [str(repository / ".git/info/exclude")]


def test_a_root_in_no_repository_needs_nothing_else(tmp_path: Path) -> None:
    assert rule_files_above(str(tmp_path)) == []


def test_a_linked_worktree_needs_what_its_repository_says(repository: Path) -> None:
    git = repository / ".git/worktrees/tree"
    git.mkdir(parents=True)
    (git / "commondir").write_text("../..\n")
    tree = repository.parent / "tree"
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {git}\n")
    found = [os.path.normpath(path) for path in rule_files_above(str(tree))]
    assert str(repository / ".git/info/exclude") in found
    assert str(git / "commondir") in found


def test_a_link_that_stands_for_a_rule_file_opens_nothing(repository: Path) -> None:
    """A repository comes from somebody else: what it calls its exclude file may be your key."""
    secret = repository.parent / "secret"
    secret.write_text("x")
    (repository / ".git/info/exclude").symlink_to(secret)
    assert rule_files_above(str(repository)) == []


def replaced(path: Path) -> None:
    """Another folder under the same name."""
    path.rename(path.with_name("old"))
    path.mkdir()


def written(path: Path) -> None:
    """As editors save: a new file takes the name."""
    path.with_name("new").write_text("x\n")
    path.with_name("new").rename(path)


@pytest.mark.parametrize("name", [".gitignore", ".git/info/exclude"])
def test_another_file_of_rules_above_is_noticed(repository: Path, name: str) -> None:
    root = str(repository / "packages/one")
    none = Reach([root])
    assert none.has(root)
    written(repository / name)
    assert not none.has(root)
    first = Reach([root])
    assert first.has(root)
    (repository / name).write_text("y\n")  # the same file with other text may be read
    assert first.has(root)
    written(repository / name)
    assert not first.has(root)


def test_another_root_is_noticed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    reach = Reach([str(root)])
    assert reach.has(str(root))
    replaced(root)
    assert not reach.has(str(root))
    assert not reach.has(str(tmp_path))
