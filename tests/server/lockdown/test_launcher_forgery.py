"""What a taken-over server could send to its launcher, and leave in their folder."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from support.launchers import ROOT, Remote, server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the launcher is Linux only")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    found = tmp_path / "home"
    found.mkdir()
    return found


PIPES = """
    held = []
    def make(name, mode=0o600):
        os.mkfifo(name, 0o600, dir_fd=outcome.descriptor)
        if mode != 0o600: os.chmod(name, mode, dir_fd=outcome.descriptor)
        held.append(os.open(name, os.O_RDWR | os.O_NONBLOCK, dir_fd=outcome.descriptor))
    make("echo.out", OUT)
"""


def forged(locked: Remote, make: str, out: str = "0o600") -> str:
    """The launcher's answer to `start echo` with one right pipe and whatever `make` makes."""
    wipe = "[os.unlink(n, dir_fd=outcome.descriptor) for n in os.listdir(outcome.descriptor)]\n"
    code = textwrap.dedent(PIPES).replace("OUT", out) + textwrap.dedent(make)
    locked.run(wipe + code)
    return str(locked.run("say(line=raw(b'start echo\\n'))")["line"])


FOLDER = "outcome.descriptor"
FORGERIES = {
    "nothing": "",
    "a link to a pipe": f"""
        make("real")
        os.symlink("real", "echo.in", dir_fd={FOLDER})
    """,
    "a regular file": f"""
        os.close(os.open("echo.in", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd={FOLDER}))
    """,
    "a folder": f'os.mkdir("echo.in", dir_fd={FOLDER})',
    "a link to a file": f'os.symlink("/etc/passwd", "echo.in", dir_fd={FOLDER})',
    "a pipe that others may open": 'make("echo.in", 0o660)',
    "a pipe with a second name": f"""
        make("echo.in")
        os.link("echo.in", "other", src_dir_fd={FOLDER}, dst_dir_fd={FOLDER})
    """,
    "a socket": f"""
        os.fchdir({FOLDER})  # a socket's address has a hundred characters
        held.append(socket.socket(socket.AF_UNIX)); held[-1].bind("echo.in")
    """,
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_row_16_what_is_no_private_pipe_of_ours_is_not_opened(home, forgery):
    with server(home, open=False) as locked:
        assert locked.run("say(line=heard())") == {"line": "waiting"}
        answer = forged(locked, FORGERIES[forgery])
        assert answer.startswith("refused echo pipes "), answer
        code = "[os.rmdir('echo.in', dir_fd=outcome.descriptor)] if 'echo.in' in names() and"
        locked.run(f"{code} stat.S_ISDIR(os.stat('echo.in', dir_fd={FOLDER}).st_mode) else None")
        # The control, and: a refusal is not the end.
        assert forged(locked, 'make("echo.in")') == "started echo"


def test_row_16_the_pipe_to_us_is_looked_at_too(home):
    with server(home, open=False) as locked:
        locked.run("heard()")
        assert forged(locked, 'make("echo.in")', "0o606").startswith("refused echo pipes ")
        assert forged(locked, 'make("echo.in")') == "started echo"


@pytest.mark.skipif(not ROOT, reason="only root can give a file away")
def test_row_16_a_pipe_of_another_user_is_not_opened(home):
    with server(home, open=False) as locked:
        locked.run("heard()")
        give = f'make("echo.in"); os.chown("echo.in", 65534, -1, dir_fd={FOLDER})'
        assert forged(locked, give).startswith("refused echo pipes ")
        assert forged(locked, 'make("echo.in")') == "started echo"


def test_row_16_another_folder_in_the_place_of_the_agreed_one_is_not_used(home):
    with server(home, open=False) as locked:
        locked.run("heard()")
        swap = """
            there = Path(os.readlink(f"/proc/self/fd/{outcome.descriptor}"))
            there.rename(there.with_name("away")); there.mkdir(0o700)
            for name in ("echo.in", "echo.out"):
                os.mkfifo(there / name, 0o600)
                held.append(os.open(there / name, os.O_RDWR | os.O_NONBLOCK))
            os.unlink("echo.out", dir_fd=outcome.descriptor)
        """
        assert forged(locked, swap).startswith("refused echo pipes ")
        # The control: the same pipes in the folder that was open from the start.
        assert forged(locked, 'make("echo.in")') == "started echo"


def test_row_16_a_folder_that_others_can_reach_is_not_used(home):
    with server(home, open=False) as locked:
        locked.run("heard()")
        opened = 'make("echo.in"); os.chmod(outcome.descriptor, 0o755)'
        assert forged(locked, opened).startswith("refused echo pipes ")
        locked.run("os.chmod(outcome.descriptor, 0o700)")
        assert forged(locked, 'make("echo.in")') == "started echo"


@pytest.mark.parametrize(
    "line",
    [
        b"start ../echo\n",
        b"start echo --model x\n",
        b"start /bin/sh\n",
        b"START echo\n",
        b"start  echo\n",
        b"\n",
        b"start echo\r\n",
        b"start echo\0\n",
        b"start " + b"e" * 21 + b"\n",
        b"start " + b"echo" * 100,
        b"\xff\xfe\n",
    ],
)
def test_what_is_no_command_ends_the_launcher(home, line):
    with server(home, open=False) as locked:
        found = locked.run(f"""
            first = heard()
            unknown = raw(b"start nothing\\n")
            say(first=first, unknown=unknown, last=raw({line!r}),
                status=outcome.process.wait())
        """)
    assert found["first"] == "waiting"
    # The control: a command that is one, for what is in no table.
    assert found["unknown"] == "refused nothing unknown the launcher starts no nothing"
    assert found["last"] == ""
    assert found["status"] == 2
