"""What the Neovim plugin adds between a key and its ghost text, beside the server's own time.

    python benchmarks/neovim_ghost.py [--keys 300] [--release 0.11|0.12]

The server follows a script and answers at once, so what is left is the editor's side and two pipes.
Times are taken inside Neovim: from the key (InsertCharPre) to the request, from the answer to the
extmarks, and for a key that is typed along, from the key to the extmarks. Milliseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from rows import spread  # noqa: E402

from support.nvim import PLUGIN, Nvim  # noqa: E402
from support.nvim_script import Scripted  # noqa: E402

PROBES = """
    local now = function() return vim.uv.hrtime() / 1e6 end
    local ghost, view = require('indoors.ghost'), require('indoors.view')
    local builtin = require('indoors.builtin')
    local key, asked, answered
    times = { ask = {}, show = {}, along = {}, whole = {} }
    vim.api.nvim_create_autocmd('InsertCharPre', { callback = function()
      key, asked, answered = now(), nil, nil
    end })
    local ask, draw, answer = builtin.ask, view.draw, ghost.answered
    builtin.ask = function(...)
      asked = now()
      if key then table.insert(times.ask, asked - key) end
      return ask(...)
    end
    ghost.answered = function(...)
      answered = now()
      return answer(...)
    end
    view.draw = function(...)
      draw(...)
      if not key then return end
      if answered then
        table.insert(times.show, now() - answered)
        table.insert(times.whole, now() - key)
      elseif not asked then
        table.insert(times.along, now() - key)
      end
      key = nil
    end
"""


def measure(release: str, n_keys: int) -> dict[str, list[float]]:
    """The times of `n_keys` keys that are asked about and as many that are typed along."""
    line = "x" * 60 + "(a, b)\n    return a + b"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        names = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
        environment = os.environ | {name: str(home / name) for name in names}
        environment.pop("NVIM", None)
        arguments = ("--cmd", f"set runtimepath^={PLUGIN}")
        with Nvim(*arguments, environment=environment, release=release) as nvim:
            scripted = Scripted(nvim)
            (home / "large.py").write_text("".join(f"value_{n} = {n}\n" for n in range(2000)))
            scripted.open(home / "large.py")
            nvim.lua(PROBES)
            scripted.tell(items=[line])
            nvim.type("1000Go")
            while len(nvim.lua("return times.whole")) < n_keys:
                for key in ("<Esc>Sx", "x", "x"):
                    nvim.type(key)
                    nvim.lua("vim.wait(1000, require('indoors').is_visible, 2); vim.wait(10)")
            times: dict[str, list[float]] = nvim.lua("return times")
            return times


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=300)
    parser.add_argument("--release", default="0.11")
    options = parser.parse_args()
    times = measure(options.release, options.keys)
    print(f"Neovim {options.release}, load {os.getloadavg()[0]:.1f}")
    for name, said in (
        ("ask", "key to request"),
        ("show", "answer to extmarks"),
        ("along", "key typed along to extmarks"),
        ("whole", "key to extmarks, server that answers at once"),
    ):
        found = spread(times[name], 2)
        print(f"{said:<46} p50 {found['p50']:6.2f}  p95 {found['p95']:6.2f}  n {found['n']:.0f}")
    print(json.dumps({name: spread(values, 2) for name, values in times.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
