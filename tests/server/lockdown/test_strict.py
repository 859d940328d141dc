"""A strict policy where the lock-down cannot be proven: nothing runs (row 8 of the threat table).

The kernel's calls are taken away by an outer filter, as in a container whose own filter has none of
them; then nothing that our processes ask for holds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.lsp_client import running_server, server_command
from indoors_completion.engine import replies
from indoors_server import children, lockdown
from indoors_server.policies import Policies
from support.policies import layer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the Linux lock-down")

# Takes seccomp and prctl away from itself, and becomes the command.
OUTER = """
import os, sys
from indoors_server import seccomp
machine = seccomp.machine()
numbers = machine.numbers | {"prctl": 157 if machine is seccomp.X86_64 else 167}
target = machine._replace(numbers=numbers)
absent = seccomp.Rule("outer", ("seccomp", "prctl"), seccomp.ABSENT)
seccomp.install(seccomp.assemble((absent,), target), target)
os.execv(sys.argv[1], sys.argv[1:])
"""


def bare(command: list[str]) -> list[str]:
    return [sys.executable, "-I", "-c", OUTER, *command]


def write_policy(home: Path, **keys: object) -> None:
    place = home / ".config/indoors/policy.json"
    place.parent.mkdir(parents=True, mode=0o700)
    place.write_text(json.dumps(keys))
    place.chmod(0o600)


def test_row_8_a_strict_server_does_not_run_unproven(private_home):
    write_policy(private_home, strict=True)
    done = subprocess.run(bare(server_command()), capture_output=True, input=b"", timeout=60)
    assert done.returncode == 78
    assert done.stdout == b""
    assert b"strict" in done.stderr
    assert b"Function not implemented" in done.stderr
    assert b"Next: indoors doctor" in done.stderr


def test_row_8_with_the_lock_down_a_strict_server_runs(private_home):
    write_policy(private_home, strict=True)
    with running_server() as (client, process):
        result = client.initialize()
        lock = result["capabilities"]["experimental"]["indoors"]["lock"]
        assert lock["state"] != "unproven"
        client.shutdown()
        assert process.wait(20) == 0


def test_row_8_otherwise_the_state_is_unproven_and_shown(private_home):
    assert private_home
    with running_server(command=bare(server_command())) as (client, _):
        result = client.initialize()
        lock = result["capabilities"]["experimental"]["indoors"]["lock"]
        assert lock["state"] == "unproven"
        assert "Function not implemented" in lock["reason"]
        client.wait_for(lambda: client.notifications("indoors/status"))
        assert client.notifications("indoors/status")[-1]["lock"] == "unproven"


def test_row_8_a_strict_workspace_is_neither_completed_nor_indexed(private_home):
    """The server may run unproven for others: this folder's policy is obeyed in it."""
    project = private_home / "project"
    project.mkdir()
    (project / "a.py").write_text("x = 1\n")
    (project / ".indoors.json").write_text(json.dumps({"policy": {"strict": True}}))
    uri = (project / "a.py").as_uri()
    for command, is_refused in ((bare(server_command()), True), (server_command(), False)):
        with running_server(command=command) as (client, _):
            client.initialize(folders=(project,))
            client.open(uri, "x = 1\n")

            def index(client=client):
                reports = client.notifications("indoors/status")
                return reports and reports[-1].get("index")

            client.wait_for(index)
            off = [entry["phase"] == "off" for entry in index()]
            assert off == [is_refused]


@pytest.mark.parametrize("role", ["worker", "indexer"])
def test_row_8_a_child_of_a_strict_server_does_not_run_unproven(role):
    strict = subprocess.run(
        bare(children.command(role, "--strict")), capture_output=True, input=b"", timeout=60
    )
    assert strict.returncode == lockdown.UNPROVEN_STATUS == replies.UNPROVEN_STATUS
    assert strict.stdout == b""
    for command in (bare(children.command(role)), children.command(role, "--strict")):
        control = subprocess.run(command, capture_output=True, input=b"", timeout=60)
        assert control.returncode == 0, control.stderr


def test_what_such_an_end_means_is_said_and_not_tried_again():
    assert replies.is_hopeless(replies.UNPROVEN_STATUS)
    error = replies.death_error([replies.UNPROVEN_STATUS], "")
    assert "strict" in error.why


def policies(*layers, lock="enforced"):
    from indoors_server.policy.decision import merge

    found = Policies(lambda _folder, _editor: merge(layers), lock=lock)
    found.read(["/w"], None)
    return found


def test_strict_and_unproven_refuses_each_file():
    strict = layer("workspace", {"strict": True})
    assert "strict" in policies(strict, lock="unproven").refusal("/w", "a.py")
    assert not policies(strict, lock="unproven").may_index("/w")
    for other in (policies(strict), policies(lock="unproven")):
        assert other.refusal("/w", "a.py") == ""
        assert other.may_index("/w")


def test_a_model_is_refused_by_the_policy_of_any_folder():
    strict = policies(layer("user", {"strict": True, "forbidden_licences": ["GPL-3.0"]}))
    assert strict.strict
    refused = []
    strict.model_refused = lambda verdict, path: refused.append((verdict.key, path))
    assert "publisher" in strict.may_use_model("/m", verified=False, licence="MIT").reason
    assert "GPL-3.0" in strict.may_use_model("/n", verified=True, licence="GPL-3.0").reason
    assert strict.may_use_model("/o", verified=True, licence="MIT")
    assert refused == [("strict", "/m"), ("forbidden_licences", "/n")]
    assert policies().may_use_model("/m", verified=False, licence="")
