"""The downloader against a server that cuts, lies, stalls and redirects."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from indoors_completion.types import InputError, ModelError
from indoors_server import fetch
from support.model_server import TLS, Behaviour, serve

pytestmark = pytest.mark.loopback

DATA = random.Random(7).randbytes(1_500_000)


@pytest.fixture
def server() -> Iterator[tuple[Behaviour, str]]:
    behaviour = Behaviour(data=DATA)
    with serve(behaviour) as address:
        yield behaviour, f"{address}/model.gguf"


def get(url: str, partial: Path, **options: object) -> list[int]:
    seen: list[int] = []
    fetch.download(url, partial, progress=seen.append, pause=lambda _: None, **options)  # type: ignore[arg-type]
    return seen


def test_a_whole_file_arrives_with_progress_to_the_end(
    server: tuple[Behaviour, str], tmp_path: Path
) -> None:
    _, url = server
    seen = get(url, tmp_path / "data", expected_bytes=len(DATA))
    assert (tmp_path / "data").read_bytes() == DATA
    assert seen[-1] == len(DATA)
    assert seen == sorted(seen)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("seed", range(4))
def test_cuts_at_random_points_are_resumed_and_no_byte_is_sent_twice(
    server: tuple[Behaviour, str], tmp_path: Path, seed: int
) -> None:
    behaviour, url = server
    behaviour.cuts = [random.Random(seed).randrange(1, 400_000) for _ in range(3)]
    cuts = list(behaviour.cuts)
    get(url, tmp_path / "data")
    assert (tmp_path / "data").read_bytes() == DATA
    assert len(behaviour.requests) == 4
    starts = [r["range"] for r in behaviour.requests[1:]]
    assert starts == [f"bytes={sum(cuts[: n + 1])}-" for n in range(3)]
    assert behaviour.body_bytes_sent == len(DATA)


def test_an_interrupted_download_goes_on_in_a_later_run(
    server: tuple[Behaviour, str], tmp_path: Path
) -> None:
    behaviour, url = server
    behaviour.cuts = [100_000] + [0] * 10
    with pytest.raises(ModelError, match="interrupted") as caught:
        get(url, tmp_path / "data")
    assert "goes on where it stopped" in caught.value.next_step
    behaviour.cuts = []
    get(url, tmp_path / "data")
    assert behaviour.requests[-1]["range"] == "bytes=100000-"
    assert behaviour.requests[-1]["if-range"] == '"v1"'
    assert (tmp_path / "data").read_bytes() == DATA


def test_a_complete_partial_is_not_fetched_again(
    server: tuple[Behaviour, str], tmp_path: Path
) -> None:
    behaviour, url = server
    get(url, tmp_path / "data")
    get(url, tmp_path / "data")
    assert len(behaviour.requests) == 1


@pytest.mark.parametrize("obeys", [True, False], ids=["if-range obeyed", "if-range ignored"])
def test_a_file_that_changed_between_two_runs_is_fetched_from_the_start(
    server: tuple[Behaviour, str], tmp_path: Path, obeys: bool
) -> None:
    behaviour, url = server
    behaviour.cuts = [200_000] + [0] * 10
    with pytest.raises(ModelError):
        get(url, tmp_path / "data")
    behaviour.cuts = []
    behaviour.ignores_if_range = not obeys
    behaviour.data = new = DATA[::-1]
    behaviour.etag = '"v2"'
    get(url, tmp_path / "data")
    assert (tmp_path / "data").read_bytes() == new


def test_a_server_without_ranges_or_etag_still_delivers(
    server: tuple[Behaviour, str], tmp_path: Path
) -> None:
    behaviour, url = server
    behaviour.ignores_ranges = True
    behaviour.etag = ""
    behaviour.cuts = [300_000]
    get(url, tmp_path / "data")
    assert (tmp_path / "data").read_bytes() == DATA
    assert "range" not in behaviour.requests[1]


def test_a_partial_longer_than_the_file_starts_over(
    server: tuple[Behaviour, str], tmp_path: Path
) -> None:
    behaviour, url = server
    behaviour.cuts = [1_000_000] + [0] * 10
    with pytest.raises(ModelError):
        get(url, tmp_path / "data")
    behaviour.cuts = []
    behaviour.data = DATA[:500_000]  # same ETag: a careless server; it answers 416
    get(url, tmp_path / "data")
    assert (tmp_path / "data").read_bytes() == DATA[:500_000]


def test_a_truncating_server_is_an_interruption_not_a_file(
    server: tuple[Behaviour, str], tmp_path: Path
) -> None:
    behaviour, url = server
    behaviour.data = DATA[:1000]
    behaviour.claimed_length = 2000
    behaviour.etag = ""
    with pytest.raises(ModelError, match="interrupted") as caught:
        get(url, tmp_path / "data")
    assert "1,000 of 2,000 bytes" in caught.value.why


def test_another_length_than_the_catalogues_is_refused_before_any_byte_is_written(
    server: tuple[Behaviour, str], tmp_path: Path
) -> None:
    _, url = server
    with pytest.raises(ModelError, match="length is not the catalogue's"):
        get(url, tmp_path / "data", expected_bytes=len(DATA) + 1)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("status", "advice"), [(404, "--from wheels"), (403, "import FILE"), (500, "try again later")]
)
def test_a_refusal_names_the_status_and_what_to_do(
    server: tuple[Behaviour, str], tmp_path: Path, status: int, advice: str
) -> None:
    behaviour, url = server
    behaviour.status = status
    with pytest.raises(ModelError, match=str(status)) as caught:
        get(f"{url}?signature=secret", tmp_path / "data")
    assert advice in caught.value.next_step
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_a_slow_server_is_given_up_after_the_time_limit(
    server: tuple[Behaviour, str], tmp_path: Path
) -> None:
    behaviour, url = server
    behaviour.stall_after = 1000
    with pytest.raises(ModelError, match="interrupted") as caught:
        get(url, tmp_path / "data", timeout_s=0.05)
    assert "no answer in time" in caught.value.why
    behaviour.resume.set()
    behaviour.stall_after = None
    get(url, tmp_path / "data")
    assert (tmp_path / "data").read_bytes() == DATA


def test_nobody_there(tmp_path: Path) -> None:
    with serve(Behaviour()) as address:
        pass
    with pytest.raises(ModelError, match="cannot be reached"):
        get(f"{address}/model.gguf", tmp_path / "data")


def test_redirects_on_this_machine_are_followed(
    server: tuple[Behaviour, str], tmp_path: Path
) -> None:
    behaviour, url = server
    behaviour.redirect_to = "/target/model.gguf"
    get(url, tmp_path / "data")
    assert (tmp_path / "data").read_bytes() == DATA


@pytest.mark.parametrize(
    "target", ["http://example.com/model.gguf", "file:///etc/passwd", "ftp://example.com/m.gguf"]
)
def test_a_redirect_that_is_not_https_is_refused(
    server: tuple[Behaviour, str], tmp_path: Path, target: str
) -> None:
    behaviour, url = server
    behaviour.redirect_to = target
    with pytest.raises(ModelError, match="not https: refused"):
        get(url, tmp_path / "data")


def test_tls_is_checked_and_a_company_certificate_can_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behaviour = Behaviour(data=DATA)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with serve(behaviour, tls=True) as address:
        with pytest.raises(ModelError, match="certificate is not trusted") as caught:
            get(f"{address}/model.gguf", tmp_path / "data")
        assert "SSL_CERT_FILE" in caught.value.next_step
        monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "loopback.cert.pem"))
        get(f"{address}/model.gguf", tmp_path / "data")
        digest = hashlib.sha256((tmp_path / "data").read_bytes()).hexdigest()
        assert digest == hashlib.sha256(DATA).hexdigest()


def test_https_never_falls_back_to_http_even_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "loopback.cert.pem"))
    with (
        serve(Behaviour(data=DATA)) as plain,
        serve(Behaviour(redirect_to=plain), tls=True) as tls,
        pytest.raises(ModelError, match="not https: refused"),
    ):
        get(f"{tls}/model.gguf", tmp_path / "data")


@pytest.mark.parametrize(
    "url",
    ["http://example.com/m.gguf", "ftp://example.com/m.gguf", "file:///m.gguf", "m.gguf", "https:"],
)
def test_only_https_addresses_are_fetched(url: str) -> None:
    with pytest.raises(InputError, match="Only https"):
        fetch.check_url(url)


def test_credentials_in_an_address_are_refused_and_not_printed() -> None:
    with pytest.raises(InputError) as caught:
        fetch.check_url("https://user:hunter2@example.com/m.gguf")
    assert "hunter2" not in str(caught.value)
