"""A server as far as launching goes: it starts a launcher, is locked down, and then does what a
test sends it (launchers.py): one JSON string of Python a line, in which `await` is allowed.

`launching_server.py SETTINGS`, JSON: `locked`, `open` (listen to the launcher), `real` (the
launcher and roles of the product, not of a test), and what launcher_child.py takes. Each line is
answered by the JSON of what it passed to `say`, or of the error that it raised.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import signal
import sys
from pathlib import Path
from typing import Any

from indoors_server import children, launching, lockdown, prelaunch

settings = json.loads(sys.argv[1])
STUCK_S = 90
CHILD = str(Path(__file__).with_name("launcher_child.py"))
if not settings.get("real"):
    children.command = lambda role, *arguments: [
        sys.executable, "-I", CHILD, json.dumps(settings), *arguments
    ]  # fmt: skip

prelaunch.start()
if settings.get("locked", True):
    lockdown.apply("serve")


async def main() -> None:
    launcher = launching.Launcher(prelaunch.outcome())
    if settings.get("open", True):
        await launcher.open()
    answer: dict[str, Any] = {}
    names = {"launcher": launcher, "say": answer.update, "outcome": prelaunch.outcome()}
    exec(HELPERS, names)
    while line := await asyncio.to_thread(sys.stdin.readline):
        answer.clear()
        signal.alarm(STUCK_S)  # a test that hangs fails instead
        code = compile(json.loads(line), "test", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        try:
            result = eval(code, names)
            if inspect.isawaitable(result):
                await result
        except Exception as error:  # noqa: BLE001 - the test is told
            answer["error"] = repr(error)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    await launcher.close()


HELPERS = '''
import asyncio, ctypes, errno, json, os, signal, socket, stat, threading
from pathlib import Path
from indoors_server import launching
from indoors_server.launching import Pipes, Refusal

async def heard_from(pipes):
    """The next line of a role, through the event loop as a client would; None at the end."""
    loop, data = asyncio.get_running_loop(), b""
    while not data.endswith(b"\\n"):
        ready = loop.create_future()
        loop.add_reader(pipes.reader.fileno(), lambda: ready.done() or ready.set_result(None))
        await ready
        loop.remove_reader(pipes.reader.fileno())
        more = pipes.reader.read(65536)
        if not more:
            return None
        data += more
    return json.loads(data)

async def talk(pipes, line):
    pipes.writer.write(line.encode() + b"\\n")
    return await heard_from(pipes)

async def ended(pipes):
    return await heard_from(pipes) is None

def attempt(call):
    try: call()
    except OSError as error: return errno.errorcode[error.errno]
    return "reached"

def internet(): return attempt(lambda: socket.socket().close())

def names(): return sorted(os.listdir(outcome.descriptor))

def raw(line):
    """Past our own side: bytes to the launcher, and its answer."""
    os.write(outcome.process.stdin.fileno(), line)
    return heard()

def heard():
    data = b""
    while not data.endswith(b"\\n"):
        more = os.read(outcome.process.stdout.fileno(), 1)
        if not more: break
        data += more
    return data.decode().rstrip("\\n")
'''

asyncio.run(main())
