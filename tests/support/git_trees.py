"""Random trees with ignore files, and what git says about each path in them.

Many trees lie beside each other in one repository, because starting git costs more than asking it.
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

NAMES = [
    "a", "b", "c", "ab", "abc", "foo", "bar", "foobar", "build", "src", "A", "a.py", "b.py",
    "foo.py", "foo.txt", "x.tar.gz", ".hidden", "a-b", "a b", " lead", "#hash", "!bang", "[x]",
    "a]b", "é", "naïve.py", "a\\b", "star*", "q?", "tab\t", "1", "12", "a1", "_", "~", "a^",
]  # fmt: skip
SETS = [
    "[ab]", "[!a]", "[^a]", "[a-c]", "[!a-c]", "[]x]", "[!]x]", "[a-]", "[-a]", "[c-a]",
    "[[:alpha:]]", "[[:digit:]x]", "[[:upper:]]", "[[:space:]]", "[![:alnum:]]", "[[:nope:]]",
    "[a\\]]", "[\\a-c]", "[", "[a", "[[]", "[a[]", "[[:]", "[.x]", "[a/b]", "[!/]", "[é]",
    "[+-9]", "[[:alpha:]-z]",
]  # fmt: skip


def segment(rng: random.Random) -> str:
    """One segment of a pattern."""
    kind = rng.random()
    name = rng.choice(NAMES)
    if kind < 0.4:
        return escaped(name, rng)
    if kind < 0.5:
        return "*"
    if kind < 0.6:
        return "**"
    if kind < 0.7:
        return "*" + name[rng.randrange(len(name)) :]
    if kind < 0.8:
        return name[: rng.randrange(len(name) + 1)] + "*" * rng.choice((1, 1, 2))
    out = []
    for character in name:
        out.append(
            rng.choice(("*", "?", "?", rng.choice(SETS), "**", "\\" + character))
            if rng.random() < 0.35
            else character
        )
    return "".join(out)


def escaped(name: str, rng: random.Random) -> str:
    """A name as a careful person writes it, most of the time."""
    if rng.random() < 0.2:
        return name
    return "".join("\\" + character if character in "*?[\\" else character for character in name)


def pattern(rng: random.Random) -> str:
    """One line of an ignore file."""
    text = "/".join(segment(rng) for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))))
    if rng.random() < 0.2:
        text = "/" + text
    if rng.random() < 0.25:
        text += "/"
    if rng.random() < 0.3:
        text = "!" + text
    if rng.random() < 0.1:
        text += rng.choice((" ", "  ", "\\ ", "\t", " \\", "\\", "/", "\r", "//", "\\\\ "))
    if rng.random() < 0.03:
        text = rng.choice(
            ("", "#", "# x", "/", "!", "!/", "**/", "/**", "*/", "//", "\\#hash", "\\!bang")
        )
    return text


def rules(rng: random.Random) -> str:
    """An ignore file."""
    lines = [pattern(rng) for _ in range(rng.choice((1, 2, 3, 5, 8)))]
    if rng.random() < 0.15:
        lines[:0] = ["*", "!*/"]
    text = "\n".join(lines)
    return ("\ufeff" if rng.random() < 0.03 else "") + text + ("\n" if rng.random() < 0.8 else "")


def grow(folder: Path, rng: random.Random, depth: int = 0) -> None:
    """Fill an empty folder: files, folders, links, and ignore files at any depth."""
    if depth == 0 or rng.random() < 0.25:
        (folder / ".gitignore").write_text(rules(rng), "utf-8")
    for name in rng.sample(NAMES, rng.choice((1, 2, 3)) if depth else 6):
        path = folder / name
        if depth < 3 and rng.random() < 0.45:
            path.mkdir()
            grow(path, rng, depth + 1)
        elif rng.random() < 0.05:
            path.symlink_to("." if rng.random() < 0.5 else "nothing")
        else:
            path.touch()


def repository(folder: Path) -> Path:
    """An empty repository, without starting git."""
    for part in ("objects", "refs", "info"):
        (folder / ".git" / part).mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    return folder


def paths_in(folder: Path) -> list[str]:
    """Everything below a folder, relative to it; links are not followed."""
    found: list[str] = []
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != ".git")
        for name in [*folders, *sorted(files)]:
            found.append(os.path.relpath(Path(here, name), folder))
    return found


def git_ignores(folder: Path, paths: list[str]) -> set[str]:
    """The paths that git ignores."""
    done = subprocess.run(
        ["git", "-c", "core.excludesFile=", "check-ignore", "--no-index", "--stdin", "-z"],
        cwd=folder,
        input="".join(f"{path}\0" for path in paths),
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        },
    )
    assert done.returncode in (0, 1), done.stderr
    return {path for path in done.stdout.split("\0") if path}
