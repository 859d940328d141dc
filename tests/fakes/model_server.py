"""A server of engines elsewhere, on loopback: says what a test wrote, in any dialect's form."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from indoors_server.endpoints import Api, Endpoint

TOKENS = {"<|fim_prefix|>": 1, "<|fim_suffix|>": 2, "<|fim_middle|>": 3, "<|im_start|>": 4,
          "<|im_end|>": 5, "<|repo_name|>": 6, "<|file_sep|>": 7}  # fmt: skip


class ModelServer:
    """`say` is what it answers: pieces of text, or a function of the request's body.

    `status` other than 200 is answered to every request that carries a prompt, with `error` as
    the body. `hang_after` pieces it stops writing and waits for the connection's end;
    `break_after` it closes the connection, `fail_after` it says an `error`. `pause_s` it waits
    before each piece. `cut` counts connections that the other side closed.
    While it is `silent` it takes connections and says nothing, as a process that was stopped does;
    while its queue is `stuck` it says what it is, and nothing to what carries a prompt.
    """

    def __init__(self, api: Api, name: str = "gpu", model: str = "Qwen2.5-Coder-7B") -> None:
        self.api, self.name, self.model = api, name, model
        self.say: list[str] | Callable[[dict[str, Any]], list[str]] = ["x", " = 1", "\n"]
        self.status, self.error, self.headers = 200, {"error": {"message": "no"}}, ""
        self.hang_after: int | None = None
        self.break_after: int | None = None
        self.fail_after: int | None = None
        self.owner = "vllm"
        self.raw: bytes | None = None
        self.pause_s = 0.0
        self.silent = self.stuck = False
        self.n_ctx = 4096
        self.finish = "stop"
        self.passes_on: set[str] = set()  # the calls in which an Ollama says that it is not its own
        self.tokens = TOKENS
        self.infills = False  # whether it knows how its model is asked (llama-server)
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.cut = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    def endpoint(self, **fields: Any) -> Endpoint:
        url = f"http://127.0.0.1:{self.port}"
        return Endpoint(**({"name": self.name, "url": url, "api": self.api} | fields))

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """As if it were killed: open connections end."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
            while self._open:
                for writer in list(self._open):
                    writer.transport.abort()
                await asyncio.sleep(0.001)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[ModelServer]:
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, IndexError):
            self.cut += 1
        finally:
            writer.close()
            self._open.discard(writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.silent:
            await reader.read()
            return
        path = (await reader.readline()).split()[1].decode()
        size = 0
        while line := (await reader.readline()).strip().lower():
            if line.startswith(b"content-length:"):
                size = int(line.split(b":")[1])
        body = json.loads(await reader.readexactly(size)) if size else {}
        self.paths.append(path)
        if path == "/infill" and not self.infills:
            await self._whole(writer, 501, {"error": {"message": "not supported by this model"}})
            return
        if (told := self._told(path, body)) is not None:
            await self._whole(writer, 200, told)
            return
        self.bodies.append(body)
        if self.stuck:
            await reader.read()
            return
        if self.raw is not None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + self.raw)
            await writer.drain()
            return
        if self.status != 200:
            await self._whole(writer, self.status, self.error)
            return
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        pieces = self.say(body) if callable(self.say) else self.say
        for number, piece in enumerate([*pieces, ""]):
            if self.break_after == number:
                writer.transport.abort()
                return
            if self.fail_after == number:
                await self._event(writer, self.error)
                break
            if self.hang_after == number:
                await writer.drain()
                assert not await reader.read(1)
                self.cut += 1
                return
            if number == len(pieces):
                break
            await asyncio.sleep(self.pause_s)
            await self._event(writer, self._piece(piece))
        for event in self._last(len(pieces)):
            await self._event(writer, event)
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _whole(self, writer: asyncio.StreamWriter, status: int, value: Any) -> None:
        data = json.dumps(value).encode()
        head = f"HTTP/1.1 {status} X\r\n{self.headers}Content-Length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        await writer.drain()

    async def _event(self, writer: asyncio.StreamWriter, event: Any) -> None:
        text = event if isinstance(event, str) else json.dumps(event)
        data = (f"{text}\n" if self.api == "ollama" else f"data: {text}\n\n").encode()
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await writer.drain()
        await asyncio.sleep(0)

    def _told(self, path: str, body: dict[str, Any]) -> Any:
        """What it says of itself; None for a request that carries a prompt."""
        if path in ("/health", "/api/version"):
            return {}
        if self.api == "ollama" and not path.startswith("/api/"):
            return None
        if path == "/v1/models":
            about = {"id": self.model, "owned_by": self.owner, "max_model_len": self.n_ctx}
            return {"data": [about]}
        if path == "/props":
            return {
                "default_generation_settings": {"n_ctx": self.n_ctx},
                "model_path": f"/models/{self.model}.gguf",
                "bos_token": "<|endoftext|>",
            }
        if path == "/tokenize":
            texts = body["content"].split("\n")
            if not body.get("with_pieces"):
                return {"tokens": [9]}
            known = self.tokens
            return {"tokens": [{"id": known.get(t, 9), "piece": t if t in known else "?"}
                               for t in texts]}  # fmt: skip
        if path == "/infill" and not body.get("stream"):
            return {"content": "y", "stop": True}
        if path == "/api/tags":
            name = self.model if ":" in self.model else f"{self.model}:latest"
            return {"models": [{"name": name, **self._passed_on(path)}]}
        if path == "/api/show":
            return {"model_info": {"qwen2.context_length": 32768}, **self._passed_on(path)}
        return None

    def _passed_on(self, path: str) -> dict[str, str]:
        there = {"remote_host": "https://ollama.com:443", "remote_model": self.model}
        return there if path in self.passes_on else {}

    def _piece(self, text: str) -> dict[str, Any]:
        if self.api == "llama-server":
            return {"content": text, "stop": False,
                    "completion_probabilities": [{"logprob": -0.5}]}  # fmt: skip
        if self.api == "ollama":
            return {"response": text, "done": False, **self._passed_on("/api/generate")}
        if self.api == "chat":
            return {"choices": [{"delta": {"content": text}, "finish_reason": None}]}
        return {"choices": [{"text": text, "finish_reason": None,
                             "logprobs": {"token_logprobs": [-0.5]}}]}  # fmt: skip

    def _last(self, n_pieces: int) -> list[Any]:
        if self.api == "llama-server":
            kind = "limit" if self.finish == "length" else "eos"
            return [{"content": "", "stop": True, "stop_type": kind, "tokens_predicted": n_pieces,
                     "tokens_evaluated": 400, "timings": {"prompt_n": 300, "prompt_ms": 30.0,
                     "predicted_ms": 9.0}}]  # fmt: skip
        if self.api == "ollama":
            return [{"response": "", "done": True, "done_reason": self.finish,
                     "prompt_eval_count": 400, "eval_count": n_pieces}]  # fmt: skip
        usage = {"prompt_tokens": 400, "completion_tokens": n_pieces}
        return [{"choices": [{"text": "", "delta": {}, "finish_reason": self.finish}]},
                {"choices": [], "usage": usage}, "[DONE]"]  # fmt: skip
