"""The copy of a project that a command is run in: the same files as git has, and nothing else."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from indoors_completion.types import InputError
from indoors_server import git_index, scratch_copy
from indoors_server.scratch_copy import Limits
from support.needs import need_programs

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes, links and pipes of POSIX")


def git(folder: Path, *arguments: str, **more: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.invalid"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        capture_output=True,
        check=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"},
    )
    return os.fsdecode(done.stdout)


def files_in(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def fill(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"the text of {name}\n")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def repository(project: Path) -> Path:
    """Files of every kind: tracked, new, ignored, ignored but tracked; with names of every kind."""
    need_programs("git")
    git(project, "init", "-q")
    fill(
        project, "a.py", "deep/er/b.py", "ignored.log", "kept.log", "build/out.o", "build/kept.o",
        "deep/local.txt", "with a blank", "ünïcode/ä.py", "x" * 200, "-dash", "deep/.hidden",
    )  # fmt: skip
    fill(project, "in.exclude", "deep/new.tmp")
    (project / ".gitignore").write_text("*.log\nbuild/\n")
    (project / "deep/.gitignore").write_text("local.txt\n*.tmp\n!new.tmp\n")
    (project / ".git/info/exclude").write_text("in.exclude\n")
    git(project, "add", ".")
    git(project, "add", "-f", "kept.log", "build/kept.o")
    git(project, "commit", "-q", "-m", "x")
    fill(project, "untracked.py", "deep/untracked.py")
    return project


def listed(repository: Path) -> set[str]:
    said = git(repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return {name for name in said.split("\0") if name}


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_the_copy_has_what_git_has_or_would_take(
    repository: Path, tmp_path: Path, version: str
) -> None:
    git(repository, "update-index", "--index-version", version)
    fill(repository, "meant.py")
    if version == "3":
        git(repository, "add", "-N", "meant.py")  # an entry with extended flags
    assert set(git_index.tracked(repository)) == {
        name for name in git(repository, "ls-files", "-z").split("\0") if name
    }
    scratch_copy.copy(repository, tmp_path / "copy")
    assert files_in(tmp_path / "copy") == listed(repository)
    assert {"kept.log", "build/kept.o", "untracked.py"} <= listed(repository)
    assert (tmp_path / "copy/deep/er/b.py").read_text() == "the text of deep/er/b.py\n"


def test_a_linked_work_tree_is_one(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", str(tmp_path / "linked"))
    fill(tmp_path / "linked", "other.py", "more.log")
    scratch_copy.copy(tmp_path / "linked", tmp_path / "copy")
    assert files_in(tmp_path / "copy") == listed(tmp_path / "linked")


def test_an_index_with_long_hashes_is_read(project: Path, tmp_path: Path) -> None:
    need_programs("git")
    git(project, "init", "-q", "--object-format=sha256")
    fill(project, "a.py", "b.log")
    (project / ".gitignore").write_text("*.log\n")
    git(project, "add", "-f", "a.py", "b.log")
    scratch_copy.copy(project, tmp_path / "copy")
    assert files_in(tmp_path / "copy") == {"a.py", "b.log", ".gitignore"}


@pytest.mark.parametrize(
    "data", [b"", b"DIRC", b"DIRC\0\0\0\2\xff\xff\xff\xff", b"x" * 500, b"DIRC\0\0\0\4\0\0\0\1"]
)
def test_an_index_that_is_none_adds_nothing(project: Path, tmp_path: Path, data: bytes) -> None:
    (project / ".git").mkdir()
    (project / ".git/index").write_bytes(data)
    fill(project, "a.py")
    scratch_copy.copy(project, tmp_path / "copy")
    assert files_in(tmp_path / "copy") == {"a.py"}


def test_row_16_an_index_cannot_name_a_file_outside(repository: Path, tmp_path: Path) -> None:
    """Also with a folder that has become a link since git saw it."""
    secret = tmp_path / "elsewhere"
    fill(secret, "kept.o", "key")
    path = repository / ".git/index"
    path.write_bytes(path.read_bytes().replace(b"build/kept.o", b"../elsewhere"))
    assert "../elsewhere" not in git_index.tracked(repository)
    path.write_bytes(path.read_bytes().replace(b"../elsewhere", b"build/kept.o"))
    (repository / "build").rename(repository / "was")
    (repository / "build").symlink_to(secret)
    assert "build/kept.o" in git_index.tracked(repository), "the control"
    scratch_copy.copy(repository, tmp_path / "copy")
    assert (tmp_path / "copy/build").is_symlink()
    assert not any("text of kept.o" in path.read_text() for path in regular(tmp_path / "copy"))
    assert files_in(secret) == {"kept.o", "key"}


def regular(folder: Path) -> list[Path]:
    return [folder / name for name in files_in(folder) if not (folder / name).is_symlink()]


def test_row_19_a_repository_makes_nothing_run(repository: Path, tmp_path: Path) -> None:
    marker, script = tmp_path / "marker", tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {marker}\n")
    script.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(script))
    scratch_copy.copy(repository, tmp_path / "copy")
    assert files_in(tmp_path / "copy")
    assert not marker.exists()
    git(repository, "status")
    assert marker.exists(), "the control: git itself runs it"


def test_without_git_everything_is_copied(project: Path, tmp_path: Path) -> None:
    fill(project, "a.py", "b.log", "build/out.o", ".indoorsignore")
    (project / ".gitignore").write_text("*.log\nbuild/\n")
    scratch_copy.copy(project, tmp_path / "copy")
    assert files_in(tmp_path / "copy") == files_in(project)


def test_our_own_ignore_file_leaves_nothing_out(repository: Path, tmp_path: Path) -> None:
    """What is not indexed may well be needed by tests."""
    (repository / ".indoorsignore").write_text("a.py\ndeep/\n")
    scratch_copy.copy(repository, tmp_path / "copy")
    assert files_in(tmp_path / "copy") == listed(repository)


def test_the_edited_file_is_there_even_if_it_is_ignored(repository: Path, tmp_path: Path) -> None:
    scratch_copy.copy(repository, tmp_path / "copy", ["build/out.o"])
    assert files_in(tmp_path / "copy") == {*listed(repository), "build/out.o"}


def test_row_16_links_stay_links_and_lead_nowhere_else(project: Path, tmp_path: Path) -> None:
    fill(project, "a.py", "folder/b.py")
    fill(tmp_path, "secret")
    links = {
        "relative": "folder/b.py",
        "to_folder": "folder",
        "out": "../secret",
        "gone": "nowhere",
        "absolute": str(project / "folder/b.py"),
        "system": "/etc/hostname",
    }
    for name, leads in links.items():
        (project / name).symlink_to(leads)
    copy = tmp_path / "here/copy"
    copy.parent.mkdir()
    scratch_copy.copy(project, copy)
    links["absolute"] = str(copy / "folder/b.py")
    assert {name: os.readlink(copy / name) for name in links} == links  # noqa: PTH115
    assert not any("secret" in path.read_text() for path in regular(copy))


def test_pipes_and_sockets_are_left_out_and_nobody_waits_for_them(
    project: Path, tmp_path: Path
) -> None:
    fill(project, "a.py")
    os.mkfifo(project / "pipe")
    scratch_copy.copy(project, tmp_path / "copy")
    assert files_in(tmp_path / "copy") == {"a.py"}


def test_modes_and_times_stay_and_nobody_else_looks_in(project: Path, tmp_path: Path) -> None:
    fill(project, "run.sh", "folder/data")
    (project / "run.sh").chmod(0o4755)
    (project / "folder/data").chmod(0o440)
    (project / "folder").chmod(0o555)
    os.utime(project / "run.sh", ns=(10**18, 10**18 + 7))
    before = os.umask(0o077)
    scratch_copy.copy(project, tmp_path / "copy")
    os.umask(before)
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "copy/run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "copy/folder/data").stat().st_mode) == 0o440
    assert (tmp_path / "copy/run.sh").stat().st_mtime_ns == 10**18 + 7
    (project / "folder").chmod(0o755)


@pytest.mark.parametrize("limits", [Limits(n_files=3), Limits(n_bytes=55)])
def test_a_project_that_is_too_large_is_not_copied(
    project: Path, tmp_path: Path, limits: Limits
) -> None:
    fill(project, "a", "b", "c", "d")
    with pytest.raises(InputError, match="too large"):
        scratch_copy.copy(project, tmp_path / "copy", limits=limits)
    scratch_copy.copy(project, tmp_path / "control", limits=Limits(n_files=4, n_bytes=56))


def test_what_was_made_unwritable_is_removed_too(tmp_path: Path) -> None:
    """As somebody who may not do everything; root may."""
    script = """
        import os, shutil, sys
        from pathlib import Path
        from indoors_server import scratch_copy
        if os.getuid() == 0:
            os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
        for name in ("copy", "control"):
            folder = Path(sys.argv[1]) / name
            (folder / "deep/er").mkdir(parents=True)
            (folder / "deep/er/a").touch()
            (folder / "leads").symlink_to("..")
            (folder / "deep/er").chmod(0o500)
            (folder / "deep").chmod(0o000)
        shutil.rmtree(folder, ignore_errors=True)
        print(scratch_copy.remove(folder.parent / "copy"), sorted(os.listdir(folder.parent)))
    """
    place = tmp_path / "place"
    place.mkdir()
    place.chmod(0o777)
    for folder in tmp_path.parents[:2]:
        folder.chmod(folder.stat().st_mode | 0o711)
    tmp_path.chmod(0o711)
    done = subprocess.run(
        [sys.executable, "-I", "-c", textwrap.dedent(script), str(place)],
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().strip() == "True ['control']"
