"""Make what the extension shares with the server from the server's own tables.

    python scripts/generate.py          write package.json, src/generated.ts and the README's table
    python scripts/generate.py --check  exit status 1 if they differ

A setting's scope is never one that a workspace can set: a repository narrows with `.indoors.json`,
which the server reads by its own rules. What depends on the machine has the scope `machine` (in a
remote window: the remote's), what is a person's taste `application`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from indoors_server import __version__
from indoors_server.policy.table import BUILT_IN_DENIES
from indoors_server.settings_table import TABLE, Setting

HERE = Path(__file__).resolve().parents[1]
MACHINE = ("model", "engine.", "log.")
TITLES = {
    "model": "Model",
    "completion": "Completion",
    "refactor": "Edits",
    "engine": "Engine",
    "diagnostics": "Diagnostics",
    "index": "Index",
    "log": "Log",
}
KEPT = (
    "type",
    "enum",
    "items",
    "minimum",
    "maximum",
    "maxItems",
    "maxLength",
    "minLength",
    "anyOf",
)


def configuration(setting: Setting) -> dict[str, Any]:
    """One setting, as VS Code's settings editor takes it."""
    made = shape(msgspec.json.schema(setting.type))
    if "anyOf" in made:
        made["type"] = sorted({kind_of(one) for one in made["anyOf"]})
    made.setdefault("type", kind_of(made))
    is_machine = setting.key.startswith(MACHINE)
    made["scope"] = "machine" if is_machine else "application"
    made["default"] = setting.default
    made["markdownDescription"] = setting.text
    return made


def shape(schema: dict[str, Any]) -> dict[str, Any]:
    """The part of a JSON Schema that VS Code knows."""
    made = {key: value for key, value in schema.items() if key in KEPT}
    if "items" in made:
        made["items"] = shape(made["items"])
    if "anyOf" in made:
        made["anyOf"] = [shape(one) for one in made["anyOf"]]
    return made


def kind_of(schema: dict[str, Any]) -> str:
    """The type that a schema's values have."""
    return str(schema.get("type") or ("string" if "enum" in schema else "object"))


def package(text: str) -> str:
    """package.json with the settings of the table and the version of the server."""
    made = json.loads(text)
    made["version"] = __version__
    groups: dict[str, dict[str, Any]] = {}
    for setting in TABLE:
        if setting.set_by == "file":
            continue  # it would look as if it counted here
        section = setting.key.partition(".")[0]
        title = f"Indoors: {TITLES[section]}"
        group = groups.setdefault(section, {"title": title, "properties": {}})
        group["properties"][f"indoors.{setting.key}"] = configuration(setting)
    own = made["contributes"]["configuration"][0]
    made["contributes"]["configuration"] = [own, *groups.values()]
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def generated() -> str:
    """src/generated.ts."""
    names = "".join(f"  {json.dumps(pattern)},\n" for pattern in BUILT_IN_DENIES)
    return (
        "// Made by scripts/generate.py from the server's tables; do not edit.\n\n"
        "/** Files that every policy denies; patterns as in a `.gitignore`. */\n"
        f"export const SECRET_FILES: readonly string[] = [\n{names}];\n"
    )


BEGIN = "<!-- settings: made by scripts/generate.py from the server's table -->\n"
END = "<!-- end of settings -->"


def readme(text: str, manifest: str) -> str:
    """README.md with a table of all settings, in the form that prettier keeps."""
    head, _, rest = text.partition(BEGIN)
    groups = json.loads(manifest)["contributes"]["configuration"]
    rows = [["setting", "default", ""], ["", "", ""]]
    for group in groups:
        for name, one in group["properties"].items():
            told = one["markdownDescription"].replace("|", "\\|").replace("*", "_")
            scope = " _(machine)_" if one["scope"] == "machine" else ""
            rows.append([f"`{name}`", f"`{json.dumps(one['default'])}`", told + scope])
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    rows[1] = ["-" * width for width in widths]
    lines = (
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    table = "".join(f"| {line} |\n" for line in lines)
    return f"{head}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}"


def main(arguments: list[str]) -> int:
    """Write the files, or compare them."""
    manifest = package((HERE / "package.json").read_text())
    made = {
        HERE / "package.json": manifest,
        HERE / "README.md": readme((HERE / "README.md").read_text(), manifest),
        HERE / "src" / "generated.ts": generated(),
    }
    old = {path: path.read_text() if path.exists() else "" for path in made}
    stale = [path.name for path, text in made.items() if old[path] != text]
    if "--check" in arguments:
        if stale:
            sys.stderr.write(f"{', '.join(stale)}: differs. Next: {Path(__file__).name}\n")
        return int(bool(stale))
    for path, text in made.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
