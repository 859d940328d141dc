"""What stands around tests in a test file: imports, the beginning of the first one, the end.

The model writes tests into a frame that is there already, so it is not left to chance what they are
imported from, what they are called, and whether they are found. What a project uses is read from
one of its test files, else from its manifest.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from indoors_completion.refactor import tests_place
from indoors_completion.refactor.types import Frame

_ECMA = ("javascript", "typescript", "tsx")


class UnderTest(NamedTuple):
    """What tests are about: the name that is imported and the name that is meant (a method's, of an
    imported class; else the same), where it is, and where its tests go. `source` is the text of
    its file, `paths` are the project's, `example` is one of its test files and `manifest` what its
    package manager reads ("" for none); `unit` is one level of indentation.
    """

    language: str
    imported: str
    name: str
    path: str
    test_path: str
    source: str
    paths: Collection[str]
    example: str = ""
    manifest: str = ""
    unit: str = "    "


def frame_of(about: UnderTest) -> Frame:
    """The frame for a language's tests, as the project writes them."""
    return _FRAMES[about.language](about)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).strip("_").lower()


def _capital(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _python(about: UnderTest) -> Frame:
    module = tests_place.python_module(about.path, about.paths)
    brings = (f"from {module} import {about.imported}", "")
    is_unittest = "unittest.TestCase" in about.example or "(TestCase)" in about.example
    if is_unittest and "import pytest" not in about.example:
        title = _capital(_snake(about.name))
        return Frame(
            told="unittest",
            imports=(("import unittest", ""), brings),
            opening=f"class {title}Test(unittest.TestCase):\n{about.unit}def test_",
            begins=rf"\n+(?={about.unit}def test)",
            gap="\n\n\n",
        )
    return Frame(
        told="pytest and plain assert statements",
        imports=(("import pytest", "pytest"), brings),
        opening=f"def test_{_snake(about.name)}",
        begins=r"\n\n+(?=(?:@|def |class ))",
        gap="\n\n\n",
    )


def _ecma(about: UnderTest) -> Frame:
    requires = re.search(r"\brequire\(|\bmodule\.exports\b", f"{about.example}\n{about.source}")
    is_module = about.language != "javascript" or requires is None
    source = tests_place.relative_import(
        about.path, about.test_path, with_extension=is_module and about.language == "javascript"
    )
    told, tools = _ecma_tools(about.example, about.manifest, is_module=is_module)
    is_default = re.search(
        rf"\bexport\s+default\s+(?:async\s+)?(?:function\*?|class)?\s*{re.escape(about.imported)}\b",
        about.source,
    )
    name = about.imported if is_default else f"{{ {about.imported} }}"
    bring = (
        f'import {name} from "{source}";' if is_module else f'const {name} = require("{source}");'
    )
    return Frame(
        told=told,
        imports=(*((line, "") for line in tools), (bring, "")),
        opening=f'describe("{about.name}", () => {{\n{about.unit}it("',
        begins=rf"\n+(?={about.unit}(?:it|test)\()",
        stop="\n});",
        closing="\n});\n",
    )


def _ecma_tools(example: str, manifest: str, *, is_module: bool) -> tuple[str, tuple[str, ...]]:
    said = example or manifest
    if "vitest" in said:
        return "vitest (describe, it, expect)", ('import { describe, expect, it } from "vitest";',)
    if "node:test" in said or ("jest" not in manifest and "node:assert" in example):
        lines = ('import assert from "node:assert";', 'import { describe, it } from "node:test";')
        if not is_module:
            lines = (
                'const assert = require("node:assert");',
                'const { describe, it } = require("node:test");',
            )
        return "node:test and node:assert", lines
    if "@jest/globals" in said:
        return "jest", ('import { describe, expect, it } from "@jest/globals";',)
    if "chai" in said:
        line = 'import { expect } from "chai";'
        return "mocha and chai", (line if is_module else 'const { expect } = require("chai");',)
    return "jest (describe, it and expect are global)", ()


def _go(about: UnderTest) -> Frame:
    package = re.search(r"(?m)^package (\w+)", about.source)
    name = package[1] if package is not None else "main"
    return Frame(
        told="the package testing alone, with t.Errorf",
        imports=(('import "testing"', ""),),
        opening=f"func Test{_capital(about.name)}",
        begins=r"\n+(?=func )",
        head=f"package {name}\n\n",
    )


def _java(about: UnderTest) -> Frame:
    folder = posixpath.dirname(about.path)
    package = re.sub(r"^.*?src/(?:main|test)/java/?", "", folder).replace("/", ".")
    is_old = "org.junit.Test" in about.example
    kit, unit = "org.junit" if is_old else "org.junit.jupiter.api", about.unit
    asserts = f"import static {kit}.{'Assert' if is_old else 'Assertions'}.*;"
    title = posixpath.splitext(posixpath.basename(about.test_path))[0]
    return Frame(
        told="JUnit 4" if is_old else "JUnit 5",
        imports=((asserts, ""), (f"import {kit}.Test;", "")),
        opening=f"class {title} {{\n\n{unit}@Test\n{unit}void ",
        inner=f"{unit}@Test\n{unit}void ",
        begins=rf"\n+(?={unit}@Test)",
        head=f"package {package};\n\n" if package else "",
        stop="\n}",
        closing="\n}\n",
    )


def _rust(about: UnderTest) -> Frame:
    unit = about.unit
    return Frame(
        told="#[test] functions with assert! and assert_eq!",
        imports=(),
        opening=f"#[cfg(test)]\nmod tests {{\n{unit}use super::*;\n\n{unit}#[test]\n{unit}fn ",
        inner=f"{unit}#[test]\n{unit}fn ",
        begins=rf"\n+(?={unit}#\[test\])",
        stop="\n}",
        closing="\n}\n",
    )


_FRAMES: dict[str, Callable[[UnderTest], Frame]] = {
    "python": _python,
    **dict.fromkeys(_ECMA, _ecma),
    "go": _go,
    "java": _java,
    "rust": _rust,
}
