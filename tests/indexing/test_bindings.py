"""Names are bound and used as the languages say; in real files nothing is unknown by mistake."""

# ruff: noqa: E501 - rows of a table

import ast
import sysconfig
from pathlib import Path

import pytest

from indoors_completion.refactor import predefined
from indoors_indexing.outline import outline_of
from indoors_indexing.parse import SyntaxUnavailable, Trees
from indoors_indexing.types import Outline

TREES = Trees()
ROOT = Path(__file__).resolve().parents[2]


def outline(language: str, text: str) -> Outline:
    return outline_of(TREES.parsed(language, text))


def names(language: str, text: str) -> tuple[str, str, str]:
    """The bound, the used and the unknown names of a text, sorted, without repetition."""
    found = outline(language, text).names
    assert found is not None
    kinds = (
        {one.name for one in found if one.is_bound},
        {one.name for one in found if not one.is_bound},
        {one.name for one in found if not one.is_known},
    )
    bound, used, unknown = (" ".join(sorted(kind)) for kind in kinds)
    return bound, used, unknown


PYTHON = [
    # text, bound, used, unknown
    ("import a.b as c, d.e", "c d", "", ""),
    ("from . import x\nfrom ..p.q import y as z, w", "w x z", "", ""),
    ("from __future__ import annotations", "", "", ""),
    ("from m import (\n    a,\n    b as c,\n)", "a c", "", ""),
    ("x = y", "x", "y", "y"),
    ("a.b.c = d.e", "", "a d", "a d"),
    ("a[i] = 1", "", "a i", "a i"),
    ("(a, [b, *c]) = d", "a b c", "d", "d"),
    ("x: int = 1", "x", "int", "int"),
    ("x = 1\nx += y", "x", "x y", "y"),
    ("f(key=value, *args, **kwargs)", "", "args f kwargs value", "args f kwargs value"),
    ("for i, (j, k) in pairs: pass", "i j k", "pairs", "pairs"),
    ("with a as b, c() as (d, e): pass", "b d e", "a c", "a c"),
    ("try: pass\nexcept (A, B) as error: error", "error", "A B error", "A B"),
    ("try: pass\nexcept* A as error: pass", "error", "A", "A"),
    ("if (n := len(x)) > 1: n", "n", "len n x", "len x"),
    ("lambda a, *b, c=d, **e: a + c", "a b c e", "a c d", "d"),
    ("[x for x in xs if x]", "x", "x xs", "xs"),
    ("[x for x in xs]\nx", "x", "x xs", "x xs"),
    ("{k: v for k, v in d.items()}", "k v", "d k v", "d"),
    ("[y for x in xs if (y := f(x))]\ny", "x y", "f x xs y", "f xs"),
    ("def f(a, /, b: T = d, *args, c, **kw) -> R: return a", "a args b c f kw", "R T a d", "R T d"),
    ("def f(self: A, *args: B): pass", "args f self", "A B", "A B"),
    ("def f(): return x\nx = 1", "f x", "x", ""),
    ("def f():\n    x\n    x = 1", "f x", "x", "x"),
    ("def f():\n    x += 1\nx = 0", "f x", "x", "x"),
    ("x = 0\ndef f():\n    global x\n    x += 1", "f x", "x", ""),
    (
        "def f():\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n    return g",
        "f g n",
        "g n",
        "",
    ),
    (
        "class A(B, metaclass=M):\n    x = 1\n    y = x\n    def f(self, z=x): return self",
        "A f self x y z",
        "B M self x",
        "B M",
    ),
    ("class A:\n    x = 1\n    def f(self): return x", "A f self x", "x", "x"),
    ("@decorate(a)\ndef f(): pass", "f", "a decorate", "a decorate"),
    ('f"{a!r:>{w}} {b=} {c:%Y}"', "", "a b c w", "a b c w"),
    ('"{a}"', "", "", ""),
    ("match p:\n    case [a, *b]: a\n    case {'k': v, **r}: v", "a b r v", "a p v", "p"),
    (
        "match p:\n    case Point(x=0, y=z) as q: z\n    case m.C | D(): pass\n    case _: pass",
        "q z",
        "D Point m p z",
        "D Point m p",
    ),
    ("type X[T: B] = list[T]", "T X", "B T list", "B list"),
    ("def f[T: B, *Ts, **P](a: T) -> P: pass", "P T Ts a f", "B P T", "B"),
    ("class A[T](B[T]): pass", "A T", "B T", "B"),
    ("x = [1]\nfor x[0] in y: pass", "x", "x y", "y"),
    ("del a", "", "a", "a"),
    (
        "async def f():\n    async for a in b: await a\n    async with c as d: pass",
        "a d f",
        "a b c",
        "b c",
    ),
    ("def f(): return f", "f", "f", ""),
    ("print(*a, sep=b)", "", "a b print", "a b print"),
    ("'''docs x'''\ny = 'x'", "y", "", ""),
]

ECMA = [
    ("javascript", "import a, { b as c, d } from 'm'; import * as e from 'n'", "a c d e", "", ""),
    (
        "javascript",
        "export { a as b } from 'm'; export * as c from 'n'; export { d as e }",
        "",
        "d",
        "d",
    ),
    ("javascript", "const { a, b: c, d = e, ...f } = g", "a c d f", "e g", "e g"),
    ("javascript", "const [a, , [b], ...c] = d", "a b c", "d", "d"),
    (
        "javascript",
        "function f(a, { b, c: [d] }, e = g, ...h) { return a }",
        "a b d e f h",
        "a g",
        "g",
    ),
    ("javascript", "let f = a => a + b; let g = async (c) => c", "a c f g", "a b c", "b"),
    ("javascript", "x = { a, b: c, [d]: 1, m(e) { return e } }", "e", "a c d e x", "a c d x"),
    ("javascript", "x.y.z(w)", "", "w x", "w x"),
    ("javascript", "`a ${b} ${`c ${d}`}`", "", "b d", "b d"),
    ("javascript", "for (const [k, v] of m) { k } for (i in o) { }", "k v", "i k m o", "i m o"),
    (
        "javascript",
        "try { } catch ({ message }) { message } try { } catch { }",
        "message",
        "message",
        "",
    ),
    (
        "javascript",
        "class A extends B { #p = 1; static s = c; get g() { return this.#p } }",
        "A",
        "B c",
        "B c",
    ),
    ("javascript", "l: for (;;) { break l; continue l }", "", "", ""),
    ("javascript", "let n = 0; n += m; n++", "n", "m n", "m"),
    ("javascript", "const f = function g() { g() }; g()", "f g", "g", "g"),
    ("javascript", "function f() { let x } x", "f x", "x", "x"),
    ("javascript", "function* g() { yield a } async function h() { await b }", "g h", "a b", "a b"),
    ("typescript", "type A<T> = T extends B<infer U> ? U : never", "A T U", "B T U", "B"),
    (
        "typescript",
        "type M = { [K in keyof A]: A[K] }; interface I { [key: string]: V; m(p: Q): R }",
        "I K M key p",
        "A K Q R V",
        "A Q R V",
    ),
    ("typescript", "function f(x: unknown): x is A { return true }", "f x", "A", "A"),
    ("typescript", "function f(a: A): B; function f(a: any) { return a }", "a f", "A B a", "A B"),
    ("typescript", "enum E { A, B = A, C = 1 }", "E", "", ""),
    ("typescript", "namespace N { export const n = 1 } N.n", "N n", "N", ""),
    (
        "typescript",
        "import r = require('r'); import type { T } from 't'; let x: T = r",
        "T r x",
        "T r",
        "",
    ),
    (
        "typescript",
        "abstract class A<T> extends B<T> implements C { @d() private x: T; constructor(readonly y: D) { super() } }",
        "A T y",
        "B C D T d",
        "B C D d",
    ),
    (
        "typescript",
        "let x: typeof a.b; let y: N.T; const z = <T,>(v: T) => v as U",
        "T v x y z",
        "N T U a v",
        "N U a",
    ),
    ("typescript", "declare module 'm' { export function f(a: A): void }", "a f", "A", "A"),
    (
        "typescriptreact",
        "const a = <Foo bar={b} {...c}><div onClick={d}>text {e}</div></Foo>",
        "a",
        "Foo b c d e",
        "Foo b c d e",
    ),
    ("typescriptreact", "const a = <ns.Foo /> ; const b = <></>", "a b", "ns", "ns"),
    ("javascript", "const a = <Foo><p>{x}</p></Foo>", "a", "Foo x", "Foo x"),
]


@pytest.mark.parametrize(("text", "bound", "used", "unknown"), PYTHON)
def test_python_names(text: str, bound: str, used: str, unknown: str) -> None:
    assert names("python", text + "\n") == (bound, used, unknown)


@pytest.mark.parametrize(("language", "text", "bound", "used", "unknown"), ECMA)
def test_ecma_names(language: str, text: str, bound: str, used: str, unknown: str) -> None:
    assert names(language, text + "\n") == (bound, used, unknown)


@pytest.mark.parametrize("language", ["go", "java", "rust", "c", "ruby", "bash"])
def test_other_languages_say_nothing_of_names(language: str) -> None:
    assert outline(language, "x\n").names is None


def corpus() -> list[Path]:
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    own = [
        path
        for folder in ("server", "completion", "indexing")
        for path in (ROOT / folder).rglob("*.py")
    ]
    return [*sorted(own)[::3], *sorted(stdlib.glob("*.py"))[::3]]


class _Oracle(ast.NodeVisitor):
    """What Python's own parser takes for a use of a name, with its line and column in bytes."""

    def __init__(self) -> None:
        self.used: set[tuple[str, int, int]] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Store):
            self.used.add((node.id, node.lineno, node.col_offset))


def test_names_of_real_files_are_those_of_the_languages_own_parser() -> None:
    """Uses are exactly Python's, and of all uses in the corpus next to none is unknown."""
    n_used, unknown, n_files = 0, [], 0
    for path in corpus():
        text = path.read_text("utf-8", errors="replace")
        try:
            tree = ast.parse(text)
            found = outline("python", text)
        except (SyntaxError, SyntaxUnavailable):
            continue
        if "import *" in text or found.n_errors:
            continue
        n_files += 1
        oracle = _Oracle()
        oracle.visit(tree)
        assert found.names is not None
        used = {one.name for one in found.names if not one.is_bound}
        # `x += 1` is a store to Python's parser, and names in f-strings have no exact place in it.
        missed = {name for name, _, _ in oracle.used} - used
        assert not missed, (path, missed)
        n_used += sum(not one.is_bound for one in found.names)
        unknown += [
            (path.name, one.name)
            for one in found.names
            if not one.is_known and not predefined.has("python", one.name)
        ]
    assert n_files > 100
    assert n_used > 30_000
    # What is left are names that a file gives itself at run time (`globals().update(…)`).
    assert len(unknown) < n_used / 2000, unknown
