"""Every setting, once: the table that decoding, resolving and docs/configuration.md are made from.

`python -I -m indoors_server.settings_table` prints docs/configuration.md; a test fails if the file
differs.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from indoors_server.fit import DEFAULT_CONTEXT_TOKENS
from indoors_server.router import Rule

# How a workspace file may change a setting (I6): it can only narrow.
#   fixed  not at all          off    switch it off
#   lower  make it smaller     add    add entries to the list
Narrowing = Literal["fixed", "off", "lower", "add"]

# Who may set it at all: a person's own file and the editor, or the file alone. What an editor sends
# may come from a repository (`.vscode/settings.json`), and a server cannot tell.
SetBy = Literal["file and editor", "file"]

Words = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=4096)]], Meta(min_length=1, max_length=100)
]
Commands = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=200)], Words], Meta(max_length=100)
]
Names = Annotated[list[Annotated[str, Meta(min_length=1, max_length=200)]], Meta(max_length=500)]


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting: its key, the field of `Settings` that holds it, and its rules.

    `accepts` says in words what `type` checks; `type` is what msgspec checks values against.
    """

    key: str
    field: str
    type: Any
    default: Any
    accepts: str
    narrowing: Narrowing
    text: str
    set_by: SetBy = "file and editor"


TABLE: tuple[Setting, ...] = (
    Setting(
        key="model",
        field="model",
        type=Annotated[str, Meta(max_length=4096)],
        default="",
        accepts="a model's name (`indoors models list`) or the path of a GGUF file",
        narrowing="fixed",
        text="The model that completes. Empty: the one chosen by `indoors setup`.",
    ),
    Setting(
        key="completion.enabled",
        field="enabled",
        type=bool,
        default=True,
        accepts="true or false",
        narrowing="off",
        text="Complete at all.",
    ),
    Setting(
        key="completion.automatic",
        field="automatic",
        type=bool,
        default=True,
        accepts="true or false",
        narrowing="off",
        text="Complete while typing. When off, only an explicit request (a key) is answered.",
    ),
    Setting(
        key="completion.multiline",
        field="multiline",
        type=bool,
        default=True,
        accepts="true or false",
        narrowing="off",
        text="Allow completions of more than one line.",
    ),
    Setting(
        key="completion.maxLines",
        field="max_lines",
        type=Annotated[int, Meta(ge=1, le=200)],
        default=24,
        accepts="a whole number from 1 to 200",
        narrowing="lower",
        text="The most lines that one completion may have.",
    ),
    Setting(
        key="completion.deadlineMs",
        field="deadline_ms",
        type=Annotated[int, Meta(ge=50, le=60_000)],
        default=2000,
        accepts="milliseconds, a whole number from 50 to 60000",
        narrowing="lower",
        text="How long a completion may take; what is there by then is shown.",
    ),
    Setting(
        key="completion.popup",
        field="popup",
        type=bool,
        default=False,
        accepts="true or false",
        narrowing="off",
        text="Offer completions in the ordinary completion list too, for editors without inline "
        "completion. Read when the editor starts the server.",
    ),
    Setting(
        key="completion.background",
        field="background",
        type=Literal["auto", "on", "off"],
        default="auto",
        accepts='"auto", "on" or "off"',
        narrowing="off",
        text="Compute while nobody waits: what follows an accepted suggestion, a file's beginning "
        "when it is opened, and code while you write what shall be done to it. `auto`: not on "
        "battery (where the system tells; macOS does not).",
    ),
    Setting(
        key="completion.languages.off",
        field="languages_off",
        type=Names,
        default=[],
        accepts="a list of language ids (`markdown`, `plaintext`)",
        narrowing="add",
        text="Languages that are not completed. Neovim's names for them (`cs`, `sh`) count too.",
    ),
    Setting(
        key="completion.exclude",
        field="exclude",
        type=Names,
        default=[],
        accepts='a list of patterns (`*.env`, `secrets/*`); `*` also matches "/"',
        narrowing="add",
        text="Files that are not completed, by path relative to the workspace folder or by name.",
    ),
    Setting(
        key="refactor.enabled",
        field="refactor_enabled",
        type=bool,
        default=True,
        accepts="true or false",
        narrowing="off",
        text="Offer edits of existing code as code actions. A file that is not completed is not "
        "edited either.",
    ),
    Setting(
        key="refactor.deadlineSeconds",
        field="refactor_deadline_s",
        type=Annotated[int, Meta(ge=1, le=3600)],
        default=60,
        accepts="seconds, a whole number from 1 to 3600",
        narrowing="lower",
        text="How long answers are asked for until one passes every check. One that is being "
        "written then may still end, within as long again.",
    ),
    Setting(
        key="refactor.formatter",
        field="formatters",
        type=Commands,
        default={},
        accepts="an object: for a language id the program, by its absolute path or its name, and "
        'its arguments (`{"python": ["ruff", "format", "-"]}`)',
        narrowing="fixed",
        text="What puts the edited lines into your form: it gets the edited file on stdin and "
        "gives it on stdout. It runs locked down, without a network and outside of the workspace "
        "(docs/edits.md). **Only your own file can set it, not the editor.**",
        set_by="file",
    ),
    Setting(
        key="engine.gpuLayers",
        field="gpu_layers",
        type=Literal["auto"] | Annotated[int, Meta(ge=0, le=10_000)],
        default="auto",
        accepts='"auto" or the number of layers, 0 or more',
        narrowing="fixed",
        text="Layers that run on the GPU. `auto`: as many as fit with headroom; 0: CPU only.",
    ),
    Setting(
        key="engine.mainGpu",
        field="main_gpu",
        type=Annotated[int, Meta(ge=0, le=63)],
        default=0,
        accepts="a whole number from 0 to 63",
        narrowing="fixed",
        text="Which GPU to use, counted as `CUDA_VISIBLE_DEVICES` leaves them.",
    ),
    Setting(
        key="engine.threads",
        field="threads",
        type=Annotated[int, Meta(ge=0, le=1024)],
        default=0,
        accepts="a whole number from 0 to 1024",
        narrowing="fixed",
        text="CPU threads. 0: as many as this process may use (affinity and cgroup quota).",
    ),
    Setting(
        key="engine.contextTokens",
        field="context_tokens",
        type=Annotated[int, Meta(ge=512, le=131_072)],
        default=DEFAULT_CONTEXT_TOKENS,
        accepts="a whole number from 512 to 131072",
        narrowing="fixed",
        text="Context size in tokens, shared by the open documents: a prompt takes at most a "
        "quarter. More context keeps more documents warm and takes more memory.",
    ),
    Setting(
        key="engine.suffixReuse",
        field="suffix_reuse",
        type=Literal["auto", "exact"],
        default="auto",
        accepts='"auto" or "exact"',
        narrowing="fixed",
        text="`auto`: where the text after the cursor takes too long to evaluate at every key, "
        "what was evaluated a few keys ago is used, and made exact in the background. `exact`: "
        "never.",
    ),
    Setting(
        key="engines.rules",
        field="engine_rules",
        type=Annotated[list[Rule], Meta(max_length=50)],
        default=[],
        accepts='a list of rules, each with `use` (`"local"`, `"none"`, an engine of '
        "`engines.json`, or a list of those that stand in for each other) and, if it should not "
        "always fit, `kinds` (`completion`, `refactor`), `languages`, `minContextTokens`, "
        "`maxContextTokens`, `maxLatencyMs`",
        narrowing="fixed",
        text="Which engine answers: the first rule that fits; without one, the engine on this "
        "machine. Rules allow nothing: the policy does (docs/teams.md). **Only your own file can "
        "set it, not the editor.**",
        set_by="file",
    ),
    Setting(
        key="diagnostics.hiddenCharacters",
        field="marks_hidden",
        type=bool,
        default=True,
        accepts="true or false",
        narrowing="fixed",
        text="Mark in open documents what nobody sees: direction controls, zero-width characters, "
        "tags and their like. The model is not shown them in any case.",
    ),
    Setting(
        key="index.enabled",
        field="index_enabled",
        type=bool,
        default=True,
        accepts="true or false",
        narrowing="off",
        text="Keep an index of the workspace's folders (docs/index.md). When off, what there is of "
        "it stays, and `indoors purge` removes it.",
    ),
    Setting(
        key="log.level",
        field="log_level",
        type=Literal["error", "warning", "info", "debug"],
        default="warning",
        accepts="`error`, `warning`, `info` or `debug`",
        narrowing="fixed",
        text="What the server logs. No level logs source text.",
    ),
    Setting(
        key="log.file",
        field="log_file",
        type=bool,
        default=False,
        accepts="true or false",
        narrowing="fixed",
        text="Log to `server.log` in the state directory (0600) as well as to stderr.",
    ),
)

BY_KEY = {setting.key: setting for setting in TABLE}

_NARROWED = {
    "fixed": "no",
    "off": "can switch it off",
    "lower": "can lower it",
    "add": "can add entries",
}

_HEAD = """\
# Configuration

<!-- Generated from server/indoors_server/settings_table.py; do not edit. -->

Nothing needs to be set. Settings come in layers, and a later one wins:

1. the defaults below;
2. your own file, `config.json` in the configuration directory (`~/.config/indoors` on Linux and
   WSL, `~/Library/Application Support/indoors` on macOS, `%LOCALAPPDATA%\\indoors\\config` on
   Windows);
3. the editor's settings (`initializationOptions.settings`, and `workspace/didChangeConfiguration`
   with the settings under `indoors`). An editor may have them from a repository, so what names a
   program counts in your own file only;
4. `.indoors.json` at the top of a workspace folder, for files in that folder. It arrives with the
   repository, so it can only narrow: switch off, lower, exclude. The last column says how.

All of them have the same form: JSON with the sections below as objects, for example

```json
{ "completion": { "maxLines": 8, "languages": { "off": ["markdown"] } } }
```

A value that cannot be used never stops the server: you are told which key, why, and what is used
instead. A file in which a key occurs twice is not used at all, because two readers could disagree
about which of the two counts.
"""


def configuration_page() -> str:
    """The text of docs/configuration.md."""
    rows = [
        "| key | default | accepts | what it does | `.indoors.json` |",
        "|---|---|---|---|---|",
    ]
    rows += [
        f"| `{setting.key}` | `{json.dumps(setting.default)}` | {setting.accepts} | "
        f"{setting.text} | {_NARROWED[setting.narrowing]} |"
        for setting in TABLE
    ]
    return f"{_HEAD}\n" + "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stderr.flush()
    print(configuration_page(), end="")  # noqa: T201 - a script that prints a page
