"""Row 1 of the threat table: a whole session with the real model, and not one packet.

The server runs in a network where all that is sent would leave, and every counter of that network
is compared: those of its interfaces, lo included, and those of IP, UDP, TCP and ICMP. A second such
network, in which nothing runs, is watched for the same time: a counter that moves by itself would
show there. Then one datagram must move them, also one from inside the worker.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.lsp_client import server_command
from support.altered import altered_command
from support.index_server import Workspace, editing, until
from support.network import INSIDE, Network, moved, network
from support.processes import is_locked, role_of, tree_of
from support.real_session import (
    READY_S,
    SETTINGS,
    complete,
    edit,
    fill,
    jobs_done,
    storm,
    use_the_models_of_this_machine,
)

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux"),
]

N_COMPLETIONS = 100
N_STORM_FILES = 1500
SENT = f"{INSIDE[0]} transmit packets"


@pytest.fixture
def net() -> Iterator[Network]:
    with network() as made:
        yield made


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path)
    use_the_models_of_this_machine(work)
    return work


def test_row_1_a_whole_session_sends_no_packet(net: Network, work: Workspace) -> None:
    fill(work)
    with network() as idle:
        before, before_idle = net.counters(), idle.counters()
        with editing(work, command=[*net.enter, *server_command()], settings=SETTINGS) as editor:
            editor.client.wait_ready(READY_S)
            editor.phase(work.root, "ready")
            # All of them are in that network: whatever they sent would be counted.
            seen = {role_of(pid) for pid in tree_of(editor.pid) if net.holds(pid)}
            assert seen == {role_of(pid) for pid in tree_of(editor.pid)} >= {"worker", "indexer"}
            assert complete(editor.client, work, N_COMPLETIONS) >= N_COMPLETIONS / 2
            assert jobs_done(editor.client) >= N_COMPLETIONS
            edit(editor, work)
            storm(work, N_STORM_FILES)
            assert net.sockets() == []
            # Row 3, after all that: every thread of the server, the worker, the indexer, makers.
            until(lambda: is_locked(editor.pid))
            editor.client.shutdown()
        assert moved(before_idle, idle.counters()) == {}
    assert moved(before, net.counters()) == {}
    assert net.arrived() == 0

    net.send_one(sys.executable)
    changes = moved(before, net.counters())
    assert changes[SENT] == changes["Udp: OutDatagrams"] == 1
    until(lambda: net.arrived() == 1)


@pytest.mark.parametrize("alterations", ["datagram", "datagram,unlocked"])
def test_row_1_a_datagram_from_native_code_in_the_worker(
    net: Network, work: Workspace, tmp_path: Path, alterations: str
) -> None:
    """The same code tries to send in both cases, and is counted only without the lock-down."""
    log = tmp_path / "server.log"
    command = [*net.enter, *altered_command(alterations, "serve")]
    before = net.counters()
    with editing(work, command=command, log_to=log, settings=SETTINGS) as editor:
        editor.client.wait_ready(READY_S)
        complete(editor.client, work, 1)
        editor.client.shutdown()
    (outcome,) = (line for line in log.read_text().splitlines() if line.startswith("ATTEMPT"))
    changes = moved(before, net.counters())
    if "unlocked" in alterations:
        assert outcome == "ATTEMPT worker sent"
        assert changes[SENT] == changes["Udp: OutDatagrams"] == 1
    else:
        assert outcome == "ATTEMPT worker EPERM, no socket"
        assert changes == {}
