"""Every way out of the battery, on the kernel at hand: open without the filter, shut under it.

A way whose positive control does not open here (no x32 in this kernel, an outer sandbox) proves
nothing and is skipped with what was seen; test_table.py judges its rule by interpreter.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from indoors_server import seccomp
from support import escape

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux"),
    pytest.mark.loopback,
]

UNPRIVILEGED = 65534
SUPPORT = Path(escape.__file__).parent
CASES = [(mode, way) for mode in ("apply", "filter") for way in escape.WAYS]
# The rows of the threat table that are single ways of the battery.
ROW_4 = ("i386 socket", "i386 socketcall", "x32 socket", "io_uring socket")
ROW_6 = ("connect, path", "connect, abstract")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """outcomes(mode, uid) runs the battery once per mode and returns way -> outcome."""
    directory = tmp_path_factory.mktemp("escape")
    probe = directory / "probe"
    compiler = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
    if compiler is not None:
        source = str(SUPPORT / "escape_probe.c")
        subprocess.run([compiler, "-O1", "-o", str(probe), source], check=True)
    for place in (probe, directory, *directory.parents[:2]):
        if place.exists() and place.stat().st_uid == os.getuid():
            place.chmod(0o755)  # the unprivileged user starts the probe too

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        port = listener.getsockname()[1]

        @functools.cache
        def run(mode, uid=None):
            options = {"mode": mode, "port": port, "probe": str(probe)}
            if uid is not None:
                options["uid"] = uid
            command = [sys.executable, "-I", str(SUPPORT / "escape.py"), json.dumps(options)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

        yield run


def open_without_the_filter(outcomes, way, uid=None):
    """The positive control's outcome, or a skip that says why there is none."""
    control = outcomes("none", uid)[way]
    if control in {"EPERM", "EACCES", "ENOSYS", "EAFNOSUPPORT", "ENOTSUP", "not started"}:
        pytest.skip(f"positive control: without the filter {way!r} ends in {control} here")
    return control


@pytest.mark.parametrize(("mode", "way"), CASES)
def test_rows_3_to_7_a_way_out_is_shut(outcomes, mode, way):
    open_without_the_filter(outcomes, way)
    assert outcomes(mode)[way] == escape.WAYS[way].denied


@pytest.mark.parametrize("way", ROW_4)
def test_row_4_no_other_door_to_the_same_calls(outcomes, way):
    assert open_without_the_filter(outcomes, way) == "reached"
    assert outcomes("apply")[way] == escape.WAYS[way].denied


@pytest.mark.parametrize("way", ROW_6)
def test_row_6_no_other_program_can_be_asked_to_send(outcomes, way):
    assert open_without_the_filter(outcomes, way) == "reached"
    assert outcomes("apply")[way] == "EPERM"


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="is unprivileged anyway")
@pytest.mark.parametrize("way", escape.WAYS)
def test_rows_3_to_7_a_way_out_is_shut_for_an_unprivileged_user(outcomes, way):
    """Root passes many of the kernel's checks; most users of Indoors are not root."""
    open_without_the_filter(outcomes, way, UNPRIVILEGED)
    assert outcomes("apply", UNPRIVILEGED)[way] == escape.WAYS[way].denied


@pytest.mark.parametrize(
    ("rule", "way"),
    [(way.rule, name) for name, way in escape.WAYS.items() if way.rule != escape.SEVERAL],
)
def test_without_its_rule_a_way_is_open_again(outcomes, rule, way):
    control = open_without_the_filter(outcomes, way)
    assert outcomes(f"without:{rule}")[way] == control


def test_every_rule_shuts_a_way():
    target = seccomp.machine()
    assert target is not None
    guarded = {way.rule for way in escape.WAYS.values()}
    assert {rule.name for rule in seccomp.rules(target)} <= guarded


@pytest.mark.parametrize("mode", ["apply", "filter"])
def test_row_5_of_all_families_only_unix_opens(outcomes, mode):
    control, locked = outcomes("none")["families"], outcomes(mode)["families"]
    assert len(control) == 46
    assert control[socket.AF_INET] == control[socket.AF_UNIX] == "reached"
    assert locked.pop(socket.AF_UNIX) == "reached"
    assert set(locked) == {"EPERM"}


@pytest.mark.parametrize("mode", ["apply", "filter"])
def test_row_5_of_all_socket_types_only_streams_open(outcomes, mode):
    assert outcomes("none")["types"][socket.SOCK_DGRAM - 1] == "reached"
    opened = [kind for kind, end in enumerate(outcomes(mode)["types"], 1) if end == "reached"]
    assert opened == [socket.SOCK_STREAM, socket.SOCK_SEQPACKET]


@pytest.mark.parametrize("mode", ["apply", "filter"])
def test_row_3_a_thread_older_than_the_filter_is_under_it(outcomes, mode):
    assert outcomes("none")["older thread"] == "reached"
    assert outcomes(mode)["older thread"] == "EPERM"
