"""What Python files tell the index, compared with what Python's own parser says of them."""

import argparse
import ast
import asyncio.base_events
import collections
import concurrent.futures.thread
import dataclasses
import email.message
import enum
import inspect
import logging
import typing
import unittest.mock
from pathlib import Path
from types import ModuleType

import pytest

from indoors_indexing.facts import FileFacts
from indoors_indexing.languages import by_language_id
from indoors_indexing.symbols import facts_of

MODULES = [
    argparse, asyncio.base_events, collections, concurrent.futures.thread, dataclasses,
    email.message, enum, inspect, logging, typing, unittest.mock,
]  # fmt: skip


def read(module: ModuleType) -> tuple[bytes, FileFacts]:
    record = by_language_id("python")
    assert record is not None
    assert module.__file__ is not None
    data = Path(module.__file__).read_bytes()
    return data, facts_of(record, data)


def definitions(node: ast.AST, scope: tuple[str, ...] = ()) -> set[tuple]:
    """Name, scope, first line and whether it is documented, of all definitions below a node."""
    found = set()
    for child in ast.iter_child_nodes(node):
        inner = scope
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([child.lineno, *(one.lineno for one in child.decorator_list)])
            documented = ast.get_docstring(child) is not None
            found.add((child.name, scope, first, documented))
            inner = (*scope, child.name)
        found |= definitions(child, inner)
    return found


def imports(tree: ast.AST) -> set[tuple]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {(one.name, "", one.asname or "", 0) for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            for one in node.names:
                alias = "" if one.asname in (None, one.name) else one.asname
                found.add((node.module or "", one.name, alias, node.level))
    return found


def bases(node: ast.AST, scope: tuple[str, ...] = ()) -> set[tuple]:
    found = set()
    for child in ast.iter_child_nodes(node):
        inner = scope
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = (*scope, child.name)
        if isinstance(child, ast.ClassDef):
            written = [one.value if isinstance(one, ast.Subscript) else one for one in child.bases]
            names = [one for one in written if isinstance(one, ast.Name | ast.Attribute)]
            found |= {(".".join(inner), ast.unparse(one)) for one in names}
        found |= bases(child, inner)
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_facts_are_those_of_pythons_own_parser(module: ModuleType) -> None:
    data, facts = read(module)
    tree = ast.parse(data)
    found = {
        (
            one.name,
            one.scope,
            data.count(b"\n", 0, one.start) + 1,
            data[one.doc_start : one.doc_end].lstrip(b"rRuU")[:1] in (b'"', b"'")
            and one.doc_end > one.doc_start,
        )
        for one in facts.definitions
        if one.kind in ("class", "function", "method", "constructor")
    }
    assert found == definitions(tree)
    assert {(o.module, o.name, o.alias, o.level) for o in facts.imports} == imports(tree)
    assert {(one.child, one.base) for one in facts.bases} == bases(tree)
    assert not facts.has_errors


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_head_parses_with_an_empty_body(module: ModuleType) -> None:
    """`head_end` is exactly where the body begins to be left out."""
    data, facts = read(module)
    for one in facts.definitions:
        if one.kind in ("class", "function", "method", "constructor"):
            head = data[data.rfind(b"\n", 0, one.start) + 1 : one.head_end].decode()
            above = "if True:\n" if head.startswith((" ", "\t")) else ""
            assert ast.parse(f"{above}{head} ..."), head
