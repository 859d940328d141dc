"""Emacs and Vim complete with the configurations of docs/editors.md, as they stand there.

The server follows a script: what is tried is whether these editors start it so, ask it, and insert
what it answers.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support.needs import need
from support.nvim_script import SERVER

pytestmark = [pytest.mark.editor]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "editors.md"
PYTHON = "/ABSOLUTE/PATH/TO/venv/bin/python"
ALE = Path("/usr/share/vim-ale")
EGLOT = list(Path("/usr/share/emacs/site-lisp/elpa").glob("eglot-*"))


def configuration(language: str) -> str:
    """The block of the page in a language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    assert PYTHON in found[1]
    return found[1]


# The mode for Python that Emacs 29 has besides, where an older one does not have it.
TREE_SITTER = """
    (unless (fboundp 'python-ts-mode) (define-derived-mode python-ts-mode prog-mode "Python"))
    (add-to-list 'auto-mode-alist '("\\\\.py\\\\'" . python-ts-mode))
"""


@pytest.mark.parametrize("mode", ["python-mode", "python-ts-mode"])
def test_emacs_completes_with_eglot(workspace: Path, tmp_path: Path, mode: str) -> None:
    need(shutil.which("emacs") and EGLOT, "no Emacs with eglot: apt install emacs-nox elpa-eglot")
    file = workspace / "new.py"
    file.write_text("")
    init, drive = tmp_path / "init.el", tmp_path / "drive.el"
    script = f'"{sys.executable}" "-I" "{SERVER}" "--items" "def add(a, b):\\n    return a + b"'
    command = f'"{PYTHON}" "-I" "-m" "indoors_server" "serve"'
    written = configuration("elisp")
    assert command in written
    init.write_text(written.replace(command, script))
    drive.write_text(
        "(require 'package) (package-initialize)\n"
        f'(load "{init}")\n'
        "(setq eglot-sync-connect 20 eglot-connect-timeout 20)\n"
        + (TREE_SITTER if mode == "python-ts-mode" else "")
        + f'(find-file "{file}")\n'
        f'(unless (eq major-mode \'{mode}) (error "%s" major-mode))\n'
        "(require 'eglot) (call-interactively #'eglot)\n"
        '(insert "def a")\n'
        "(eglot--signal-textDocument/didChange)\n"
        "(completion-at-point)\n"
        '(unless (equal (eglot--language-id (eglot-current-server)) "python") (error "its name"))\n'
        f'(write-region (point-min) (point-max) "{tmp_path / "out.py"}")\n'
    )
    home = {**os.environ, "HOME": str(tmp_path)}
    ended = subprocess.run(
        ["emacs", "--batch", "-l", str(drive)],
        env=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out.py").read_text() == "def add(a, b):\n    return a + b"


@contextmanager
def screen() -> Iterator[int]:
    """A terminal whose other end somebody reads."""
    ours, theirs = pty.openpty()
    reader = threading.Thread(target=drain, args=(ours,), daemon=True)
    reader.start()
    try:
        yield theirs
    finally:
        os.close(theirs)
        reader.join(5)
        os.close(ours)


def drain(descriptor: int) -> None:
    with suppress(OSError):  # the other end is closed
        while os.read(descriptor, 65536):
            pass


@pytest.mark.parametrize(
    ("item", "inserted"),
    [("def add = 1 + 2", "def add = 1 + 2"), ("def add(a, b):", "def add")],
    ids=["whole", "up to the bracket"],
)
def test_vim_completes_with_ale(workspace: Path, tmp_path: Path, item: str, inserted: str) -> None:
    need(shutil.which("vim") and ALE.is_dir(), "no Vim with ALE: apt install vim vim-ale")
    file, out = workspace / "new.py", tmp_path / "out"
    file.write_text("\n")
    init, drive = tmp_path / "vimrc", tmp_path / "drive.vim"
    written = configuration("vim").replace(PYTHON, sys.executable)
    command = "'%e -I -m indoors_server serve'"
    assert command in written
    script = f"\"%e -I {SERVER} --items '{item}'\""
    # What Vim's own file does where it was built with Python.
    like_python = tmp_path / "ftplugin" / "python.vim"
    like_python.parent.mkdir()
    like_python.write_text("setlocal omnifunc=python3complete#Complete\n")
    init.write_text(
        f"set nocompatible rtp+={ALE},{tmp_path}\nlet g:ale_completion_enabled = 0\n"
        + written.replace(command, script)
    )
    take = f"\\<C-y>\\<Esc>:call writefile(getline(1, '$'), '{out}')|qa!\\<CR>"
    drive.write_text(
        f"edit {file}\n"
        "func! Begin(t)\n"
        "  call ale#Queue(0)\n"
        '  call feedkeys("Sdef a\\<C-x>\\<C-o>", "t")\n'
        "endfunc\n"
        "func! Take(t)\n"
        '  if pumvisible() | call timer_stop(a:t) | call feedkeys("' + take + '", "t")\n'
        '  elseif mode() ==# "i" | call feedkeys("\\<C-x>\\<C-o>", "t") | endif\n'
        "endfunc\n"
        "call timer_start(500, 'Begin')\n"
        "call timer_start(1500, 'Take', {'repeat': -1})\n"
    )
    with screen() as terminal:
        vim = subprocess.Popen(
            ["vim", "-N", "-u", str(init), "-i", "NONE", "-n", "-S", str(drive)],
            stdin=terminal,
            stdout=terminal,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(tmp_path), "TERM": "xterm"},
        )
        try:
            end = time.monotonic() + 60
            while not out.exists() and time.monotonic() < end:
                time.sleep(0.05)
        finally:
            vim.kill()
            vim.wait()
    assert out.read_text() == f"{inserted}\n"
