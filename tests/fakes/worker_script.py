"""A worker without llama.cpp: speaks the frames, and misbehaves as its argument says.

    python worker_script.py BEHAVIOUR LOG

LOG gets one line per start ("start") and per frame received (its tag). Behaviours:

    echo             answers with the plain parts, one character a frame
    endless          generates until cancelled
    fail-load        every load fails as "corrupt"
    die-start SIG    dies of the signal at once
    die-load         exits with 3 when asked to load
    die-first        dies of SIGKILL in its first generation, echoes after a restart
    die-generate SIG dies of the signal in every generation
    garbage          answers the first generation with bytes that are no frame, echoes after restart
    deaf             loads, then ignores everything, the end of its input included
    half-frame       answers the first generation with a part of a frame, and exits
    large            answers with one token of 200 kB
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from indoors_completion.engine import wire
from indoors_completion.types import ModelInfo

MODEL = ModelInfo(
    key="fake", name="Fake", family="qwen2.5-coder", architecture="qwen2", instruct=True,
    n_params=1, size_bytes=1, n_ctx=4096, n_ctx_train=4096, n_layers=1, n_gpu_layers=0,
    device="cpu", can_shift=True,
)  # fmt: skip


def send(message: wire.Message) -> None:
    os.write(1, wire.encode(message))


def generate(message: wire.Generate, behaviour: list[str], first: bool) -> None:
    kind = behaviour[0]
    if kind == "die-generate":
        os.kill(os.getpid(), getattr(signal, behaviour[1]))
        time.sleep(10)
    if kind == "die-first" and first:
        send(wire.Token(request=message.request, text="half", logprobs=(-1.0,)))
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(10)
    if kind == "garbage" and first:
        os.write(1, b"\x00\x00\x00\x05hello")
        return
    if kind == "half-frame" and first:
        os.write(1, b"\x00\x00\x10\x00abc")
        os._exit(0)
    if kind == "large":
        send(wire.Token(request=message.request, text="x" * 200_000, logprobs=(-1.0,)))
    else:
        for part in message.job.parts:
            for character in "" if part.special else part.text:
                send(wire.Token(request=message.request, text=character, logprobs=(-0.5,)))
    send(wire.Done(request=message.request, stop_reason="eos", n_generated=1))


def main() -> None:
    *behaviour, log = sys.argv[1:]
    kind = behaviour[0]
    starts = Path(log).read_text().count("start") if Path(log).exists() else 0

    def note(text: str) -> None:
        with Path(log).open("a") as file:
            file.write(text + "\n")

    note("start")
    if kind == "die-start":
        os.kill(os.getpid(), getattr(signal, behaviour[1]))
        time.sleep(10)
    running: set[int] = set()
    while (body := wire.read_body(sys.stdin.buffer)) is not None:
        message = wire.decode_to_worker(body)
        note(type(message).__name__)
        if isinstance(message, wire.Load):
            if kind == "die-load":
                sys.exit(3)
            send(wire.Progress(request=message.request, fraction=0.5))
            if kind == "fail-load":
                send(
                    wire.Failed(
                        request=message.request, kind="corrupt", what="It is damaged.", why="test",
                        next_step="pull it",
                    )
                )  # fmt: skip
            else:
                send(wire.Loaded(request=message.request, model=MODEL))
            if kind == "deaf":
                while True:
                    time.sleep(1)
        elif isinstance(message, wire.Generate):
            if kind == "endless":
                running.add(message.request)
                send(wire.Token(request=message.request, text="on", logprobs=(-1.0,)))
            else:
                generate(message, behaviour, starts == 0)
        elif isinstance(message, wire.Cancel) and message.request in running:
            running.discard(message.request)
            send(wire.Done(request=message.request, stop_reason="cancelled"))
        elif isinstance(message, wire.GetStats):
            send(wire.Stats(request=message.request, state="ready", rss_bytes=1, n_threads=1))
        elif isinstance(message, wire.Inspect):
            send(
                wire.Failed(
                    request=message.request, kind="missing", what="No such model.",
                    why=message.path, next_step="list them",
                )
            )  # fmt: skip


if __name__ == "__main__":
    main()
