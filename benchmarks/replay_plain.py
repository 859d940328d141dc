"""Plain llama-cpp-python in a typing replay: what somebody writes with it in an afternoon.

A window of whole lines around the cursor, one job at a time, the newest key next when it is free,
the answer shown if the cursor is still where it was asked for (or has typed through it since the
text was shown). No cache of answers, no filters. The worker is plain_worker.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from replay_metrics import Key, Shown, Totals
from replay_system import System, SystemFailed
from replay_trace import Change, Document, Event, Trace

HERE = Path(__file__).resolve().parent
# The window begins at a multiple of `_STEP` lines, so that it does not slide at every line break
# and the common beginning stays common. Sizes that two cores can bear are in its favour.
_LINES_BEFORE, _STEP, _LINES_AFTER = 64, 16, 32
_LOAD_S = 300.0
_ANSWER_S = 120.0
_LIMIT = 4 * 1024 * 1024


def window(text: str, offset: int) -> tuple[str, str]:
    """The text before and after the cursor that is sent."""
    before, after = text[:offset].split("\n"), text[offset:].split("\n")
    first = max(0, len(before) - 1 - _LINES_BEFORE) // _STEP * _STEP
    return "\n".join(before[first:]), "\n".join(after[: _LINES_AFTER + 1])


class PlainLlama(System):
    """The worker process and a minimal client."""

    name = "llama-cpp-python"

    def __init__(self, model: Path, engine: str, threads: int, *, verbose: bool) -> None:
        self._command = [sys.executable, str(HERE / "plain_worker.py"), "--model", str(model)]
        self._command += ["--engine", engine, "--threads", str(threads)]
        self._verbose = verbose
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._loaded = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._document: Document | None = None
        self._key: Key | None = None  # the last one
        self._waiting: Key | None = None
        self._job: Key | None = None
        self._ghost = ""
        self._n_jobs = 0
        self._totals = Totals()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=None if self._verbose else asyncio.subprocess.DEVNULL,
            limit=_LIMIT,
        )
        self._reader = asyncio.create_task(self._read())
        try:
            async with asyncio.timeout(_LOAD_S):
                await self._loaded.wait()
        except TimeoutError:
            raise SystemFailed("the plain worker did not load the model: try --verbose") from None
        self._check()

    async def open(self, trace: Trace, document: Document) -> None:
        del trace
        self._document = document

    def press(self, key: Key, document: Document, change: Change, event: Event) -> None:
        del change
        self._check()
        self._key, self._document = key, document
        typed = event.text if event.kind != "backspace" else ""
        through = bool(typed) and self._ghost.startswith(typed)
        self._ghost = self._ghost[len(typed) :] if through else ""
        self._waiting = key
        self._next()

    def jump(self, document: Document) -> None:
        del document
        self._ghost, self._key, self._waiting = "", None, None

    def shown(self) -> Shown | None:
        return Shown(self._ghost) if self._ghost else None

    async def settled(self) -> None:
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self._idle.wait()
        except TimeoutError:
            raise SystemFailed(f"the plain worker gave no answer within {_ANSWER_S:g} s") from None
        self._check()

    async def close(self) -> None:
        self._ghost, self._key, self._waiting = "", None, None
        await self.settled()
        self._document = None

    async def totals(self) -> Totals:
        self._check()
        return self._totals

    async def stop(self) -> None:
        if self._process is None:
            return
        if self._process.returncode is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 15)
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()
        if self._reader is not None:
            await self._reader

    def _next(self) -> None:
        """Start the newest key's job if the worker is free."""
        if self._job is not None or self._waiting is None:
            return
        assert self._document is not None
        assert self._process is not None
        assert self._process.stdin is not None
        self._job, self._waiting = self._waiting, None
        self._idle.clear()
        self._n_jobs += 1
        prefix, suffix = window(self._document.text, self._document.offset)
        request = {"id": self._n_jobs, "prefix": prefix, "suffix": suffix}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            message = json.loads(line)
            if message.get("ready"):
                self._loaded.set()
            elif "first_line" in message:
                self._show(message["first_line"])
            else:
                self._done(message)
        await self._process.wait()
        self._loaded.set()
        self._idle.set()

    def _show(self, text: str) -> None:
        key = self._job
        assert key is not None
        if text.strip() and key.first_line_ms is None:
            key.source = "model"
            key.first_line_ms = (time.perf_counter() - key.pressed_s) * 1000
        # Typed since: the text belongs to another place, and nothing here moves it along.
        if key is self._key:
            self._ghost = text
            self.on_change()

    def _done(self, message: dict[str, Any]) -> None:
        key = self._job
        assert key is not None
        self._show(str(message["text"]))
        key.total_ms = (time.perf_counter() - key.pressed_s) * 1000
        key.ttft_ms = float(message["ttft_ms"])
        if key.source != "model":
            key.source = "empty"
        self._totals.model_calls += 1
        self._totals.tokens_evaluated += int(message["n_evaluated"])
        self._totals.tokens_generated += int(message["n_generated"])
        self._job = None
        self._next()
        if self._job is None:
            self._idle.set()

    def _check(self) -> None:
        if self._process is None or self._process.returncode is not None:
            raise SystemFailed("the plain worker ended: run again with --verbose to see why")
