"""The extension as a package: made from the server's tables, small, licensed, hostless."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from indoors_server.settings_table import TABLE
from support import code_server
from support.code_server import EXTENSION
from support.needs import need


def manifest() -> dict[str, Any]:
    return dict(json.loads((EXTENSION / "package.json").read_text()))


def settings() -> dict[str, Any]:
    groups = manifest()["contributes"]["configuration"]
    return {name: one for group in groups for name, one in group["properties"].items()}


def test_settings_and_secret_files_are_those_of_the_server() -> None:
    script = [sys.executable, str(EXTENSION / "scripts" / "generate.py"), "--check"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = {f"indoors.{one.key}" for one in TABLE if "editor" in one.set_by}
    assert names <= settings().keys()
    assert "indoors.refactor.formatter" not in settings(), "a program is named in a file only"


def test_the_first_minutes_page_has_the_words_that_are_shown() -> None:
    """Every message that the page quotes is in the sources, and each of the sources on the page."""
    page = (code_server.ROOT / "docs" / "first-minute.md").read_text()
    source = "\n".join(file.read_text() for file in sorted((EXTENSION / "src").glob("*.ts")))
    source += (EXTENSION / "package.json").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ") and "you see" not in line]
    quoted = [words for words in re.findall(r"`([^`]*)`", "\n".join(rows)) if len(words) > 13]
    made = {  # put together of several parts
        "Indoors is indoors; GitHub Copilot is also on",
        "This extension speaks protocol 1, the server 2. Next: update the extension",
        "… -I -m indoors_server setup --no-editor-lines",
        "Next: indoors …",
        "⌂ loading 42 %",
        "Indoors: Why This Suggestion",
        "Nothing is sent: something else that would be sent is on the screen. "
        "Next: answer that, then ask again.",
        "Next: ask again, and update server and extension if this is said again.",
        "Nothing is sent: what came to be shown is not what the server would send",
        "Nothing is sent: the server gave no bytes to show",
        "Indoors: Install the Server From a Wheel…",
        "off: this workspace is not trusted",
    }
    assert made <= set(quoted)
    assert len(quoted) > len(made) + 8
    wanted = {words.removeprefix("Indoors: ").strip("? ") for words in set(quoted) - made}
    server = (code_server.ROOT / "server" / "indoors_server" / "lockdown.py").read_text()
    assert not {words for words in wanted if words not in source + server}
    for title in ("Install Indoors", "Set up Indoors"):
        assert f'"{title}",' in source
        assert f"`{title}?`" in page
    assert not [part for message in messages(source) for part in message if part not in page]
    for line in rows:
        cells = [cell for cell in re.split(r" ?\| ?", line.strip("| ")) if cell]
        assert len(cells) in {2, 3}, f"no step without its next one: {line}"


# What VS Code is told to say, and why there is no server or none any more.
SAID = re.compile(
    r"""(?:show\w+Message\(|problem:\ |\bstopped\(|become\("missing",)\s*
    (?:[\w.()?-]+\ \|\|\ )?  # what it is put behind, where that is said instead
    (`[^`]*`|"[^"\n]*"|\w+)""",
    re.VERBOSE,
)
# Names of what is put together elsewhere: the server's messages, a dialog's question, the note of
# an edit, and reasons that are given a name where they are made.
ELSEWHERE = {"message", "question", "title", "text", "reason", "string"}


def messages(source: str) -> list[list[str]]:
    """The messages of the sources, each as the parts of it that are fixed."""
    found = []
    for said in SAID.findall(source):
        if said.isupper():
            (said,) = re.findall(rf"const {said} =\s*(\"[^\"\n]*\")", source)
        if said in ELSEWHERE:
            continue
        assert said[0] in '"`', f"a message that is not looked for on the page: {said}"
        parts = [part.strip(" .:") for part in re.split(r"\$\{[^}]*\}", said[1:-1])]
        found.append([part for part in parts if len(part) > 3 and part not in ("Indoors", "Next")])
    assert len(found) > 15
    return found


def test_no_setting_can_come_from_a_workspace() -> None:
    """I6, in VS Code: what arrives with a repository sets nothing of ours."""
    assert settings()
    for name, one in settings().items():
        assert one["scope"] in {"machine", "application"}, name
    for name in ("indoors.python", "indoors.model", "indoors.engine.gpuLayers"):
        assert settings()[name]["scope"] == "machine", "a remote machine has its own"


def test_an_untrusted_workspace_is_declared_and_nothing_starts_before_a_command() -> None:
    made = manifest()
    assert made["capabilities"]["untrustedWorkspaces"]["supported"] == "limited"
    assert made["extensionKind"] == ["workspace"], "it runs where the code is"
    assert "dependencies" not in made


def test_every_link_to_a_command_leads_somewhere() -> None:
    """A link to a command that nobody declared does nothing, and says nothing."""
    made = manifest()["contributes"]
    declared = {one["command"] for one in made["commands"]}
    steps = [step for one in made["walkthroughs"] for step in one["steps"]]
    texts = [str(one.get("description", "")) for one in (*made["walkthroughs"], *steps)]
    texts += [file.read_text() for file in sorted((EXTENSION / "media").glob("*.md"))]
    links = set(re.findall(r"\bcommand:([\w.-]+)", "\n".join(texts)))
    assert len(links) >= 4
    own = {link for link in links if not link.startswith(("workbench.", "editor.action."))}
    assert own <= declared


def test_the_walkthrough_ticks_what_was_reached_and_not_what_was_begun() -> None:
    steps = [step for one in manifest()["contributes"]["walkthroughs"] for step in one["steps"]]
    events = [event for step in steps for event in step["completionEvents"]]
    # A suggestion is accepted by this command.
    begun = {event for event in events if event.startswith("onCommand:")}
    assert begun == {"onCommand:indoors.accepted"}
    source = (EXTENSION / "src" / "walkthrough.ts").read_text()
    (reached,) = re.findall(r"type Reached = ([^;]+);", source)
    keys = {f"onContext:indoors.{name}" for name in re.findall(r'"(\w+)"', reached)}
    assert keys == set(events) - begun


def test_every_command_is_declared_and_every_key_is_named() -> None:
    declared = {one["command"] for one in manifest()["contributes"]["commands"]}
    source = (EXTENSION / "src" / "extension.ts").read_text()
    registered = set(re.findall(r'^    "(indoors\.\w+)":', source, re.MULTILINE))
    # Called by the server's menu with an argument, so nobody finds them in the palette.
    assert registered - declared == {"indoors.askInstruction", "indoors.preview"}
    assert declared <= registered


def test_where_a_key_is_named_that_of_a_mac_is_too() -> None:
    steps = [step for one in manifest()["contributes"]["walkthroughs"] for step in one["steps"]]
    lines = [step["description"] for step in steps]
    lines += [row for row in (EXTENSION / "README.md").read_text().splitlines() if row[:1] == "|"]
    lines += (code_server.ROOT / "docs" / "first-minute.md").read_text().splitlines()
    named = [line for line in lines if "Ctrl+" in line]
    assert len(named) >= 6
    assert [line for line in named if "Cmd+" not in line] == []


def test_no_command_asks_for_the_focus_that_the_palette_takes() -> None:
    """VS Code's palette leaves out what is not enabled while the palette itself has the focus."""
    enabled = [one.get("enablement", "") for one in manifest()["contributes"]["commands"]]
    assert any(enabled)
    assert not [when for when in enabled if "Focus" in when]


def test_lock_files_name_no_registry() -> None:
    here = Path(__file__).parent
    for lock in (EXTENSION / "package-lock.json", here / "code-server" / "package-lock.json"):
        packages = json.loads(lock.read_text())["packages"]
        assert all("resolved" not in one for one in packages.values())
        assert all("integrity" in one for name, one in packages.items() if name)


def test_the_parts_that_need_no_editor() -> None:
    need(code_server.NODE.exists(), "no Node here: make vsix puts it there")
    tests = [str(path) for path in sorted((EXTENSION / "test").glob("*.test.ts"))]
    done = subprocess.run(
        [str(code_server.NODE), "--no-warnings", "--test", *tests],
        cwd=EXTENSION,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"^. pass [1-9]", done.stdout, re.MULTILINE), done.stdout


@pytest.fixture(scope="module")
def packed() -> zipfile.ZipFile:
    path = code_server.VSIX
    need(path.is_file(), "no vsix here: make vsix builds it")
    assert path.stat().st_size <= 1_000_000
    return zipfile.ZipFile(path)


def test_the_vsix_has_the_bundle_and_every_licence(packed: zipfile.ZipFile) -> None:
    names = set(packed.namelist())
    assert "extension/dist/extension.js" in names
    assert "extension/LICENSE.txt" in names
    assert not {name for name in names if name.endswith((".ts", ".map")) or "node_modules" in name}
    licences = packed.read("extension/dist/THIRD_PARTY_LICENSES.txt").decode()
    for name in ("vscode-languageclient", "vscode-jsonrpc", "semver", "minimatch"):
        assert f"{name} " in licences
    pictures = set(re.findall(r"media/[\w-]+\.png", (EXTENSION / "package.json").read_text()))
    assert len(pictures) == 7
    assert {f"extension/{name}" for name in pictures} <= names
    for name in names:
        assert not name.endswith(".png") or packed.getinfo(name).file_size <= 200_000, name


def test_the_bundle_names_no_host_and_opens_no_connection(packed: zipfile.ZipFile) -> None:
    code = packed.read("extension/dist/extension.js").decode()
    assert not re.findall(r"https?://[^\s\"'`]*", code)
    loaded = set(re.findall(r"require\(\"(?:node:)?([\w/]+)\"\)", code))
    # vscode-jsonrpc can speak over a local socket or pipe; we start it on stdin and stdout alone.
    assert {"vscode", "child_process"} <= loaded
    assert loaded <= {"vscode", "child_process", "fs", "os", "path", "util", "url", "net", "crypto",
                      "events", "readline", "assert", "string_decoder", "stream"}  # fmt: skip
    assert not re.search(r"fetch\(|XMLHttpRequest|WebSocket|createTelemetryLogger", code)
