"""A machine's policy that is malformed or may be somebody else's (threat row 11)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from indoors_server import policy
from indoors_server.policy import files
from indoors_server.policy.decision import Policy
from indoors_server.policy.files import MachinePlace
from support.policies import A, place_in

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="owners by number")

ROOT = Path(__file__).resolve().parents[3]
GRANT = json.dumps({"mode": "onprem", "onprem_hosts": [A], "deny_paths": ["contracts/"]})
NOBODY = 65534
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away"
)


@pytest.fixture
def place(tmp_path: Path) -> MachinePlace:
    """A machine's place with a good policy."""
    found = place_in(tmp_path / "top")
    write(found.directory / "policy.json", GRANT)
    return found


def write(path: Path, text: str | bytes, mode: int = 0o644) -> Path:
    path.parent.mkdir(mode=0o755, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def load(place: MachinePlace, tmp_path: Path) -> Policy:
    """The policy with a user's file that would grant everything."""
    user = write(tmp_path / "user.json", json.dumps({"mode": "closed"}), 0o600)
    return policy.load(machine=place, user=user)


def assert_held(found: Policy, says: str) -> None:
    """Local, strict, and an error that a person sees, which names what is wrong."""
    assert (found.mode, found.strict) == ("local", True)
    assert not found.may_send("a.py", A, "inline")
    errors = [str(problem) for problem in found.problems if problem.severity == "error"]
    assert any(says in error for error in errors), errors


def test_row_11_control_a_good_policy_is_used(place: MachinePlace, tmp_path: Path) -> None:
    found = load(place, tmp_path)
    assert (found.mode, found.strict, found.problems) == ("onprem", False, ())
    assert found.may_send("a.py", A, "inline")
    assert not found.may_send("contracts/a.py", A, "inline")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (GRANT[:-9], "not valid JSON"),
        ("", "not valid JSON"),
        (GRANT + "{}", "not valid JSON"),
        ('{"mode": "onprem",\n "colour": 1}', "line 2: colour is not a key"),
        ('{"mode": "onprem",\n "onprem_host": []}', "onprem_hosts is"),
        ('{"mode": "local",\n "mode": "onprem"}', "line 2: mode occurs twice"),
        ('{"mode": "onprem", "x": {"y": 1, "y": 2}}', "y occurs twice"),
        ('{"mode": "on-prem"}', "mode must be off, local, onprem or closed"),
        ('{"mode": ["onprem"]}', "mode must be"),
        ('{"mode": "onprem", "strict": 0}', "strict must be true or false, not 0"),
        ('{"closed_monthly_bytes": true}', "must be a whole number"),
        ('{"closed_monthly_bytes": 1.0}', "must be a whole number"),
        ('{"closed_monthly_bytes": -1}', "must be a whole number"),
        ('{"closed_monthly_bytes": NaN}', "NaN"),
        ('{"closed_monthly_bytes": 1e999}', "must be a whole number"),
        ('{"closed_monthly_bytes": ' + "9" * 5000 + "}", "number"),
        ('{"onprem_hosts": "' + A + '"}', "must be a list"),
        ('{"onprem_hosts": ["https://*.example"]}', "scheme, host and port"),
        ('{"deny_paths": ["!a"]}', "only grows"),
        ('{"deny_paths": ["\\ud800"]}', "can be printed"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "must be an object"),
        ("null", "must be an object"),
        (b'{"mode": "onprem"}\xff', "not UTF-8"),
        (" " * 300_000, "larger than"),
    ],
)
@pytest.mark.parametrize("name", ["policy.json", "policy.d/10.json"])
def test_row_11_a_malformed_machine_policy(
    place: MachinePlace, tmp_path: Path, name: str, content: str | bytes, says: str
) -> None:
    write(place.directory / name, content)
    assert_held(load(place, tmp_path), says)


def world_writable(place: MachinePlace) -> None:
    (place.directory / "policy.json").chmod(0o666)


def group_writable_folder(place: MachinePlace) -> None:
    place.directory.chmod(0o775)


def writable_parent(place: MachinePlace) -> None:
    place.directory.parent.chmod(0o777)


def sticky_parent(place: MachinePlace) -> None:
    place.directory.parent.chmod(0o1777)


def linked_file(place: MachinePlace) -> None:
    file = place.directory / "policy.json"
    file.rename(place.directory / "real.txt")
    file.symlink_to("real.txt")


def dangling_link(place: MachinePlace) -> None:
    file = place.directory / "policy.json"
    file.unlink()
    file.symlink_to("nowhere")


def linked_folder(place: MachinePlace) -> None:
    place.directory.rename(place.directory.parent / "real")
    place.directory.symlink_to("real")


def linked_parent(place: MachinePlace) -> None:
    place.directory.parent.rename(place.top / "real")
    place.directory.parent.symlink_to("real")


def linked_extra(place: MachinePlace) -> None:
    (place.directory / "policy.d").symlink_to(".")


def writable_extra(place: MachinePlace) -> None:
    (place.directory / "policy.d").mkdir()
    (place.directory / "policy.d").chmod(0o777)


def writable_extra_file(place: MachinePlace) -> None:
    write(place.directory / "policy.d" / "1.json", "{}", 0o646)


def pipe(place: MachinePlace) -> None:
    (place.directory / "policy.json").unlink()
    os.mkfifo(place.directory / "policy.json", 0o644)


def folder_for_a_file(place: MachinePlace) -> None:
    (place.directory / "policy.json").unlink()
    (place.directory / "policy.json").mkdir(0o755)


def file_for_a_folder(place: MachinePlace) -> None:
    shutil.rmtree(place.directory)
    write(place.directory, GRANT)


@pytest.mark.parametrize(
    "tamper",
    [
        world_writable,
        group_writable_folder,
        writable_parent,
        sticky_parent,
        linked_file,
        dangling_link,
        linked_folder,
        linked_parent,
        linked_extra,
        writable_extra,
        writable_extra_file,
        pipe,
        folder_for_a_file,
        file_for_a_folder,
    ],
)
def test_row_11_a_tampered_machine_policy(
    place: MachinePlace, tmp_path: Path, tamper: Callable[[MachinePlace], None]
) -> None:
    tamper(place)
    assert_held(load(place, tmp_path), "TAMPERED")


@as_root
@pytest.mark.parametrize("part", ["etc/indoors/policy.json", "etc/indoors", "etc", "."])
def test_row_11_a_file_or_folder_of_a_user(place: MachinePlace, tmp_path: Path, part: str) -> None:
    assert place.owner == 0
    os.chown(place.top / part, NOBODY, -1)
    assert_held(load(place, tmp_path), f"TAMPERED: belongs to user {NOBODY}, not to root")


def test_row_11_files_of_another_than_the_owner(place: MachinePlace, tmp_path: Path) -> None:
    """The same without being root: the files belong to whoever runs this."""
    other = msgspec.structs.replace(place, owner=place.owner + 1)
    assert_held(load(other, tmp_path), "TAMPERED: belongs to user")


def test_nothing_in_a_tampered_file_is_used(place: MachinePlace, tmp_path: Path) -> None:
    write(place.directory / "policy.json", '{"mode": "off"}', 0o666)
    found = load(place, tmp_path)
    assert found.mode == "local"


def test_what_is_right_in_an_invalid_file_still_narrows(
    place: MachinePlace, tmp_path: Path
) -> None:
    text = '{"index": false, "deny_paths": ["!a", "b/"], "onprem_hosts": ["x"], "mood": "off"}'
    write(place.directory / "policy.json", text)
    found = load(place, tmp_path)
    assert (found.index, "b/" in found.deny_paths, found.onprem_hosts) == (False, True, ())
    assert len(found.problems) == 3


def test_files_of_the_folder_narrow_and_are_read_in_the_order_of_names(
    place: MachinePlace, tmp_path: Path
) -> None:
    extra = place.directory / "policy.d"
    write(extra / "20.json", '{"mode": "local"}')
    write(extra / "10.json", '{"strict": true}')
    write(extra / ".hidden.json", "no")
    write(extra / "30.json~", "no")
    names = [Path(layer.file).name for layer in files.machine_layers(place)]
    assert names == ["policy.json", "10.json", "20.json"]
    found = load(place, tmp_path)
    assert (found.mode, found.strict) == ("local", True)
    assert found.origin("mode").file.endswith("20.json")


def test_without_a_folder_there_is_no_layer_whoever_owns_what_is_above(tmp_path: Path) -> None:
    place = place_in(tmp_path / "top")
    place.directory.rmdir()
    place.directory.parent.chmod(0o777)
    assert files.machine_layers(place) == ()


def test_this_system_has_a_place_that_no_variable_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    before = files.machine_place()
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "ProgramData", "INDOORS_POLICY"):
        monkeypatch.setenv(name, "/elsewhere")
    assert files.machine_place() == before
    assert (before.owner, before.top) == (0, Path("/"))
    if sys.platform == "linux":
        assert before.directory == Path("/etc/indoors")


# --- as an ordinary user ------------------------------------------------------------------------


@pytest.fixture
def readable() -> Iterator[MachinePlace]:
    """A place that other users can reach, which pytest's own folders are not."""
    top = Path(tempfile.mkdtemp(prefix="indoors-policy-"))
    found = place_in(top / "top")
    top.chmod(0o755)
    write(found.directory / "policy.json", GRANT)
    yield found
    shutil.rmtree(top)


SCRIPT = """
import json, os, sys
from pathlib import Path
from indoors_server import policy
from indoors_server.policy.files import MachinePlace
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
top = Path(sys.argv[1])
place = MachinePlace(directory=top / "etc" / "indoors", top=top)
found = policy.load(machine=place, user=top / "none.json")
print(json.dumps([found.mode, found.strict, [str(problem) for problem in found.problems]]))
"""


def as_nobody(place: MachinePlace) -> tuple[str, bool, list[str]]:
    search = os.pathsep.join(str(ROOT / part) for part in ("server", "completion", "indexing"))
    command = [sys.executable, "-P", "-c", SCRIPT, str(place.top)]
    done = subprocess.run(
        command, env={"PYTHONPATH": search}, capture_output=True, text=True, check=True, timeout=60
    )
    mode, strict, problems = json.loads(done.stdout)
    return mode, strict, problems


@as_root
def test_row_11_an_ordinary_user_reads_what_root_wrote(readable: MachinePlace) -> None:
    assert as_nobody(readable) == ("onprem", False, [])


@as_root
@pytest.mark.parametrize("part", ["policy.json", "."])
def test_row_11_what_an_ordinary_user_cannot_read(readable: MachinePlace, part: str) -> None:
    path = readable.directory / part
    path.chmod(path.stat().st_mode & 0o700)
    mode, strict, problems = as_nobody(readable)
    assert (mode, strict) == ("local", True)
    assert "cannot be read (Permission denied)" in problems[0]
    assert "a+r" in problems[0]
