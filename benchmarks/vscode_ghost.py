"""What VS Code and the extension add between a key and its ghost text, beside the server's time.

    python benchmarks/vscode_ghost.py [--keys 100]

The server follows a script and answers at once, so what is left is the editor's side: VS Code's own
50 ms of waiting for the next key, its browser, its extension host, the extension, and two pipes.
VS Code runs as code-server with Chromium on this machine. Times are taken in the page, at the key
and when the ghost text is in the document (the next frame paints it), and in the server, when a
request is read and when it is answered. Milliseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from playwright.sync_api import sync_playwright  # noqa: E402
from rows import spread  # noqa: E402

from support import code_server  # noqa: E402
from support.vscode_script import Script, scripted_python  # noqa: E402
from support.vscode_window import Window  # noqa: E402

LINE = "def add(a, b):"
# Notes when a key comes, and when ghost text that begins as wanted is there.
PROBES = """() => {
  const now = () => performance.timeOrigin + performance.now();
  window.key = 0; window.drawn = 0; window.wanted = "";
  addEventListener("keydown", () => { if (window.key === 0) window.key = now(); }, true);
  new MutationObserver(() => {
    if (window.drawn !== 0 || window.wanted === "") return;
    const parts = document.querySelectorAll(".ghost-text-decoration");
    const text = [...parts].map((one) => one.textContent).join("").replaceAll("\\u00a0", " ");
    if (text.startsWith(window.wanted)) window.drawn = now();
  }).observe(document.querySelector(".editor-instance"), {
    subtree: true, childList: true, characterData: true, attributes: true,
  });
}"""


def measure(home: Path, n_keys: int) -> dict[str, list[float]]:
    """The times of `n_keys` keys that are asked about, and of twice as many typed along."""
    shop = home / "shop"
    shop.mkdir()
    (shop / "a.py").write_text("".join(f"value_{number} = {number}\n" for number in range(2000)))
    python = scripted_python(home / "script")
    script = Script(home / "script")
    times: dict[str, list[float]] = {"ask": [], "server": [], "show": [], "whole": [], "along": []}
    with (
        code_server.running(home, code_server.VSIX, indoors__python=str(python)) as server,
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(
            executable_path=code_server.CHROMIUM, args=code_server.FLAGS
        )
        page = browser.new_page(viewport={"width": 1200, "height": 760})
        window = Window(page, server, shop)
        window.wait_label("ready")
        window.open("a.py")
        page.evaluate(PROBES)
        while len(times["whole"]) < n_keys:
            script.forget()
            for n_typed in range(1, 4):
                key_ms, drawn_ms = press(window, LINE[n_typed - 1], LINE[n_typed:])
                if n_typed > 1:
                    times["along"].append(drawn_ms - key_ms)
                    continue
                asked_ms, answered_ms = served(script)
                times["whole"].append(drawn_ms - key_ms)
                times["ask"].append(asked_ms - key_ms)
                times["server"].append(answered_ms - asked_ms)
                times["show"].append(drawn_ms - answered_ms)
            page.keyboard.press("Shift+Home")
            page.keyboard.press("Delete")
            window.wait(lambda: window.ghost.count() == 0, "no ghost text")
            page.wait_for_timeout(200)
        browser.close()
    return times


def press(window: Window, key: str, wanted: str) -> tuple[float, float]:
    """Press a key, and wait for its ghost text: when either was."""
    page: Any = window.page
    page.evaluate("wanted => { window.key = window.drawn = 0; window.wanted = wanted; }", wanted)
    page.keyboard.press(key)
    window.wait(lambda: page.evaluate("window.drawn"), "ghost text")
    found = page.evaluate("[window.key, window.drawn]")
    page.wait_for_timeout(150)  # what VS Code asks again for a key that is typed along
    return found[0], found[1]


def served(script: Script) -> tuple[float, float]:
    """When the first request was read, and when it was answered."""
    every = script.all()
    asked = next(one for one in every if one.get("method") == "textDocument/inlineCompletion")
    answered = next(one for one in every if one.get("answered") == asked["id"])
    return asked["at"] * 1000, answered["at"] * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = measure(Path(folder), options.keys)
    print(f"VS Code (code-server), load {os.getloadavg()[0]:.1f}")
    for name, said in (
        ("ask", "key to request, 50 of them VS Code waits"),
        ("server", "the scripted server's own"),
        ("show", "answer to ghost text"),
        ("whole", "key to ghost text, server that answers at once"),
        ("along", "key typed along to ghost text"),
    ):
        found = spread(times[name], 1)
        print(f"{said:<48} p50 {found['p50']:6.1f}  p95 {found['p95']:6.1f}  n {found['n']:.0f}")
    print(json.dumps({name: spread(values, 1) for name, values in times.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
