"""Settings name languages as LSP does or as Neovim does, and mean the same."""

from __future__ import annotations

import pytest

from indoors_server import settings
from indoors_server.language_ids import named


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("csharp", "cs"), ("cs", "csharp"), ("sh", "shellscript"), ("bash", "shellscript"),
        ("shellscript", "sh"), ("python", "python"), ("markdown", "markdown"),
        ("typescriptreact", "typescriptreact"),
    ],
)  # fmt: skip
def test_both_names_of_a_language_count(language: str, name: str) -> None:
    assert named(language, ["go", name]) == name
    sent = {"completion": {"languages": {"off": [name]}}}
    counted = settings.resolve(settings.editor_layer(sent))
    assert counted.refusal("a", language, "automatic") == f"completion.languages.off names {name}"
    own = settings.decode("own", {"refactor": {"formatter": {name: ["/usr/bin/fmt"]}}})
    assert settings.resolve(own).formatter(language) == ["/usr/bin/fmt"]


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("python", "ruby"), ("markdown", "plaintext"), ("", "python"), ("c", "cpp"),
        ("javascript", "javascriptreact"), ("javascriptreact", "javascript"),
        ("typescriptreact", "typescript"),
    ],
)  # fmt: skip
def test_another_language_is_another_one(language: str, name: str) -> None:
    assert named(language, [name]) == ""
    assert named(language, []) == ""
    own = settings.decode("own", {"refactor": {"formatter": {name: ["/usr/bin/fmt"]}}})
    assert settings.resolve(own).formatter(language) == []


def test_the_name_itself_comes_first() -> None:
    assert named("cs", ["csharp", "cs"]) == "cs"
