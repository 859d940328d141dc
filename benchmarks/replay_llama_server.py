"""llama-server in a typing replay, driven as llama.vim drives it (llama_vim.py says how)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import time
from pathlib import Path
from typing import Any

import llama_vim
from replay_metrics import Key, Shown, Totals
from replay_system import System, SystemFailed
from replay_trace import Change, Document, Event, Trace

_LOAD_S = 300.0
_ANSWER_S = 120.0
_POLL_S = 0.01
# A context and a batch for a machine without a card, and reuse of chunks of at least 256 tokens, as
# llama.vim's own instructions have it. One slot: one editor.
_FLAGS = ("-c", "4096", "-b", "512", "-ub", "512", "--cache-reuse", "256", "-np", "1")


class LlamaServer(System):
    """The server process and llama.vim's client."""

    name = "llama-server"

    def __init__(self, binary: Path, model: Path, threads: int, *, verbose: bool) -> None:
        self._command = [str(binary), "-m", str(model), *_FLAGS]
        self._command += ["-t", str(threads), "-tb", str(threads)]
        self._verbose = verbose
        self._process: asyncio.subprocess.Process | None = None
        self._port = 0
        self._client = llama_vim.Client(self._send, self._later)
        self._jobs: set[asyncio.Task[None]] = set()
        self._key: Key | None = None
        self._key_document: Document | None = None
        self._failure: str = ""
        self._asked: set[int] = set()
        self._totals = Totals(extra={"n_speculative": 0})

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        quiet = None if self._verbose else asyncio.subprocess.DEVNULL
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                *("--host", "127.0.0.1", "--port", str(self._port)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sys.stderr if self._verbose else quiet,
                stderr=quiet,
            )
        except OSError as error:
            raise SystemFailed(
                f"llama-server does not start ({error}): run benchmarks/build_peer.py"
            ) from error
        deadline_s = time.monotonic() + _LOAD_S
        while time.monotonic() < deadline_s:
            if self._process.returncode is not None:
                break
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
                status, _ = await self._http("GET", "/health", None)
                if status == 200:
                    return
            await asyncio.sleep(0.2)
        raise SystemFailed(
            "llama-server did not load the model: run again with --verbose to see why"
        )

    async def open(self, trace: Trace, document: Document) -> None:
        # llama.vim does nothing here that the first request would find (llama_vim.py).
        del trace
        self._key, self._key_document = None, document

    def press(self, key: Key, document: Document, change: Change, event: Event) -> None:
        del change, event
        self._check()
        self._key, self._key_document = key, document
        self._client.moved(llama_vim.Buffer.at(document.text, document.offset))
        if self._is_shown():
            key.source = "cache"
            key.answer_ms = (time.perf_counter() - key.pressed_s) * 1000

    def jump(self, document: Document) -> None:
        self._key = None
        self._client.moved(llama_vim.Buffer.at(document.text, document.offset))

    def shown(self) -> Shown | None:
        hint = self._client.hint
        if hint is None or not hint.can_accept or self._key_document is None:
            return None
        text, after = "\n".join(hint.lines), self._key_document.after
        # An emptied hint still carries the rest of the line, which nobody sees as a suggestion.
        return None if text == after else Shown(text, len(after))

    async def settled(self) -> None:
        # Until the key's own place was asked for or needs no request; the speculative job may run.
        try:
            async with asyncio.timeout(_ANSWER_S):
                while not self._client.is_idle:
                    self._check()
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise SystemFailed(f"llama-server did not answer within {_ANSWER_S:g} s") from None

    async def close(self) -> None:
        # The job that still runs belongs to this document, and the next one must not wait for it.
        self._client.leave()
        await asyncio.gather(*self._jobs)
        self._client.leave()
        self._key = self._key_document = None

    async def totals(self) -> Totals:
        self._check()
        return self._totals

    async def stop(self) -> None:
        for job in self._jobs:
            job.cancel()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 10)
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()

    # --- jobs ---------------------------------------------------------------------------------

    def _later(self, delay_s: float, call: Any) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(delay_s, call)

    def _send(self, request: llama_vim.Request) -> None:
        key = None if request.speculative else self._key
        job = asyncio.create_task(self._job(request, key))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def _job(self, request: llama_vim.Request, key: Key | None) -> None:
        try:
            status, answer = await self._http("POST", "/infill", request.body())
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            self._failure = f"llama-server stopped answering: {error!r}"
            self._client.failed()
            return
        now_s = time.perf_counter()
        if status != 200:
            self._failure = f"llama-server answered {status}: {answer}"
            self._client.failed()
            return
        timings = answer.get("timings") or {}
        self._totals.model_calls += 1
        self._totals.extra["n_speculative"] += request.speculative
        self._totals.tokens_evaluated += int(timings.get("prompt_n", 0))
        self._totals.tokens_generated += int(timings.get("predicted_n", 0))
        if not request.speculative:
            # Its prompt has been evaluated when its first token is there. Nothing waits in a queue:
            # there is one job at a time.
            self._totals.ttft_ms.append(float(timings.get("prompt_ms", 0.0)))
        text = str(answer.get("content", ""))
        self._client.answered(request, text)
        self._note(key, text, now_s)

    def _note(self, key: Key | None, text: str, now_s: float) -> None:
        """Write down what an answer means for the key that it was asked for, and for the last."""
        if key is not None and key.source == "superseded":
            stands = self._is_shown() if key is self._key else bool(text.strip())
            key.source = "model" if stands else "empty"
            if stands:
                key.first_line_ms = key.total_ms = (now_s - key.pressed_s) * 1000
        last = self._key
        unserved = last is not None and last is not key and last.source == "superseded"
        if last is not None and unserved and self._is_shown():
            # An answer for an earlier key that fits what was typed since: no call for this one.
            last.source = "joined"
            last.first_line_ms = (now_s - last.pressed_s) * 1000
        self.on_change()

    def _is_shown(self) -> bool:
        shown = self.shown()
        return shown is not None and shown.visible

    def _check(self) -> None:
        if self._failure:
            raise SystemFailed(self._failure)

    async def _http(self, method: str, path: str, body: object) -> tuple[int, dict[str, Any]]:
        """One request on a connection of its own; the status and the JSON object."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            data = b"" if body is None else json.dumps(body).encode()
            head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
            writer.write(head.encode() + data)
            status = int((await reader.readline()).split()[1])
            length = -1
            while (line := await reader.readline()).strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            raw = await (reader.readexactly(length) if length >= 0 else reader.read())
            answer = json.loads(raw)
            return status, answer if isinstance(answer, dict) else {"content": answer}
        finally:
            writer.close()
