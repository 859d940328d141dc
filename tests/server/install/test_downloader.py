from pathlib import Path

import pytest

from indoors_server import downloader
from indoors_server.downloader import Downloader, DownloadError
from support import fake_engine_wheel
from support.fake_engine_wheel import fake_pip

ARRIVES = """
import time
scratch = pathlib.Path(os.environ["TMPDIR"])
half = scratch / "half"
half.write_bytes(b"x" * 5000)
deadline = time.monotonic() + 30
while not (after("--dest") / "seen").exists() and time.monotonic() < deadline:
    time.sleep(0.01)
half.rename(after("--dest") / "some_model-1.0-py3-none-any.whl")
"""


def test_a_wheel_arrives_and_its_growth_is_seen(tmp_path: Path) -> None:
    into, sizes = tmp_path / "into", []

    def see(count: int) -> None:
        sizes.append(count)
        if count >= 5000:
            (into / "seen").touch()

    pip = fake_pip(tmp_path / "pip", ARRIVES)
    paths = downloader.download_wheels(["some-model==1.0"], into, on_bytes=see, pip=pip)
    assert paths == [into / "some_model-1.0-py3-none-any.whl"]
    assert max(sizes) == 5000
    assert [path.name for path in into.glob(".pip-*")] == []
    (call,) = fake_engine_wheel.calls(pip)
    assert "--no-deps --only-binary :all:" in call


def test_a_failure_says_what_pip_said_and_how_to_do_it_by_hand(tmp_path: Path) -> None:
    pip = fake_pip(
        tmp_path / "pip", "sys.exit('ERROR: No matching distribution found for some-model==1.0')"
    )
    with pytest.raises(DownloadError, match="could not be downloaded") as caught:
        downloader.download_wheels(["some-model==1.0"], tmp_path / "into", pip=pip)
    assert caught.value.why == "No matching distribution found for some-model==1.0"
    assert caught.value.next_step.startswith("python3 -m pip download --no-deps")


def test_success_without_a_wheel_is_not_believed(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="left no wheel"):
        downloader.download_wheels(["m==1"], tmp_path / "into", pip=fake_pip(tmp_path, "pass"))


def test_the_first_pip_that_answers_is_taken(tmp_path: Path) -> None:
    absent = Downloader("absent", (str(tmp_path / "nothing"),))
    broken = fake_pip(tmp_path / "broken", "")
    Path(broken.command[-1]).write_text("raise SystemExit(1)")
    good = fake_pip(tmp_path / "good", "")
    assert downloader.find([absent, broken, good]) == good


def test_without_any_pip_the_manual_command_is_given() -> None:
    with pytest.raises(DownloadError, match="No pip") as caught:
        downloader.find([], manual=["download", "some-model==1.0"])
    assert caught.value.next_step == "python3 -m pip download some-model==1.0"


def test_the_order_is_own_pip_then_uv_then_pipx(tmp_path: Path) -> None:
    shared = tmp_path / ".local/share/pipx/shared/bin/python"
    shared.parent.mkdir(parents=True)
    shared.touch()
    found = list(downloader.candidates(lambda name: f"/opt/{name}", tmp_path))
    names = [option.name for option in found]
    assert names[:3] == ["pip", "uv", "pipx's pip"]
    assert found[0].command[1:] == ("-I", "-m", "pip")
    assert found[1].command == ("/opt/uv", "tool", "run", "pip")
    assert found[2].command[0] == str(shared)


def test_a_stopped_run_ends_pip(tmp_path: Path) -> None:
    """Whatever stops us while pip works, pip is ended and waited for."""
    pip = fake_pip(tmp_path, "print(os.getpid(), flush=True)\nimport time\ntime.sleep(600)")

    class StoppedError(Exception):
        pass

    seen: list[int] = []

    def stop(line: str) -> None:
        seen.append(int(line))
        raise StoppedError

    with pytest.raises(StoppedError):
        downloader.run_pip(pip, ["download"], on_line=stop)
    assert not Path(f"/proc/{seen[0]}").exists()


def test_this_machine_has_a_pip_to_download_with() -> None:
    assert downloader.find().command
