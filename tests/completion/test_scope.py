"""Where an answer of several lines ends.

A fixture is a document with `|` at the cursor and the model's text; `~` marks where it must end.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion import gate, scope
from indoors_completion.types import CompletionRequest, Document, Span
from indoors_completion.window import line_at
from indoors_indexing.types import SyntaxSite


def judge(marked, language, site=None, max_lines=24):
    before, _, after = marked.partition("|")
    line = line_at(before + after, len(before))
    document = Document(uri="u", path="p", language=language, version=1, text=before + after)
    request = CompletionRequest(document=document, offset=len(before))
    return scope.Scope(
        scope.frame(
            language,
            line,
            after,
            site,
            opens_block=gate.opens_block(request.document.language, line, site),
            max_lines=max_lines,
        )
    )


def check(marked, answer, language="python", reason=None, **options):
    expected, mark, beyond = answer.partition("~")
    said = expected + beyond
    results = set()
    for size in (1, 3, len(said) or 1):
        scope_ = judge(marked, language, **options)
        for start in range(0, len(said), size):
            if scope_.feed(said[start : start + size]):
                break
        results.add((scope_.finish(complete=True), scope_.reason))
    assert len(results) == 1, "the pieces in which text arrives must not matter"
    text, why = results.pop()
    assert text == (expected.rstrip("\n") if mark else said.rstrip("\n"))
    if reason is not None:
        assert why == reason


@pytest.mark.parametrize(
    ("name", "marked", "answer", "reason"),
    [
        (
            "a body ends at its dedent, not at its blank lines",
            "def f(x):\n    |\n",
            "y = 1\n\n\n    return y~\nprint(f(1))\n",
            "the block ends here",
        ),
        (
            "a body that starts on the header's line",
            "def f(x):|\n",
            "\n    y = 1\n    return y~\n\nz = 1",
            "the block ends here",
        ),
        (
            "the text below is reached",
            "def f(x):\n    |\n    return y\n",
            "y = 1~\n    return y\n",
            "the text below is reached",
        ),
        (
            "a deeper line that looks like the text below is not it",
            "def f(x):\n    |\n    return y\n",
            "if x:\n        return y\n    y = 2~\n    return y\n",
            "the text below is reached",
        ),
        (
            "one definition at the top level",
            "import os\n\n|\n",
            "def f():\n    a = 1\n\n    return a~\n\n\ndef g():\n    pass\n",
            "the definition ends here",
        ),
        (
            "one method in a class",
            "class A:\n    |\n",
            "def f(self):\n        return 1~\n\n    def g(self):\n        return 2\n",
            "the definition ends here",
        ),
        (
            "lines inside brackets and strings have any indentation",
            "def f(x):\n    |\n",
            'y = [\n1,\n]\n    z = """\ntext\n"""\n    return y~\nq = 1\n',
            "the block ends here",
        ),
        (
            "an answer that indents itself",
            "def f(x):\n|\n",
            "    y = 1\n    return y~\nprint()\n",
            "the block ends here",
        ),
        (
            "a statement is one line",
            "x = |\n",
            "1~\ny = 2\n",
            "the statement ends here",
        ),
        (
            "a statement inside brackets that were opened on its line",
            "x = foo(|\n",
            "\n    1,\n    2,\n)~\ny = 2\n",
            None,
        ),
        (
            "a statement that goes on behind an operator",
            "x = (|\n",
            "1 +\n     2)~\ny = 2\n",
            None,
        ),
        (
            "an element of a list ends behind the comma of the bracket it closes",
            "x = [\n    foo(|\n]\n",
            "\n        1,\n    ),~\n    foo(2),\n",
            "the statement ends here",
        ),
        (
            "a header takes its body along",
            "def f():\n    for |\n",
            "x in y:\n        print(x)\n\n        print(y)~\n    return 1\n",
            "the block ends here",
        ),
        (
            "a dictionary that is closed below",
            "x = {\n    |\n}\n",
            '"a": 1,\n    "b": 2,~\n}\ny = 1\n',
            "the block ends here",
        ),
    ],
)
def test_python(name, marked, answer, reason):
    check(marked, answer, reason=reason)


@pytest.mark.parametrize(
    ("name", "marked", "answer", "reason"),
    [
        (
            "a body whose brace is there already",
            "function f() {\n  |\n}\n",
            "const a = 1;\n\n  if (a) {\n    return a;\n  }~\n}\n\nfunction g() {",
            "the block is closed below",
        ),
        (
            "a body whose brace is missing",
            "function f() {|\n",
            "\n  return 1;\n}~\n\nfunction g() {",
            "the block is closed",
        ),
        (
            "a missing brace is not that of the block around it",
            "class A {\n  f() {|\n}\n",
            "\n    return 1;\n  }~\n\n  g() {",
            "the block is closed",
        ),
        (
            "braces in strings and comments do not count",
            "function f() {\n  |\n}\n",
            'log("}"); // }\n  log(`}`);~\n}\n',
            "the block is closed below",
        ),
        (
            "a statement with a block",
            "if (x) {\n  if |\n}\n",
            "(y) {\n    z();\n  }~\n  q();\n}",
            "the statement ends here",
        ),
        (
            "arguments that are there already",
            "  foo|\n    a,\n  );\n",
            "(~\n    a,\n  );\n",
            "the text below is reached",
        ),
        (
            "a closer further in than the one below closes another block",
            "function f() {\n  if (a) {\n    b();\n  |\n  c();\n}\n",
            "}~\n  c();\n}\n",
            "the block is closed",
        ),
        (
            "behind an accepted line, a closer further in closes another block, too",
            "function f() {\n  if (a) {\n    b();|\n  c();\n}\n",
            "\n  }~\n  c();\n}\n",
            "the block is closed",
        ),
        (
            "a closer that stands like the one below is the one below",
            "function f() {\n  if (a) {\n    |\n  }\n}\n",
            "b();~\n  }\n  c();\n",
            "the block is closed below",
        ),
        (
            "a block that is closed and opened again goes on",
            "if (a) {\n  |\nx();\n",
            "b();\n} else {\n  c();\n}~\ny();\n",
            "the block is closed",
        ),
        (
            "an element of a list ends behind its comma",
            "x = [\n  {|\n  { b: 1 },\n];\n",
            "\n    a: 1,\n  },~\n  { a: 2 },\n",
            "the block is closed",
        ),
        (
            "a body that begins with a constant has more than that",
            "function f() {\n  |\n}\n",
            "const a = b.map((c) => {\n    return c;\n  });\n\n  return a;~\n}\n",
            "the block is closed below",
        ),
        (
            "one definition at the top level",
            "|\n",
            "function f() {\n  return 1;\n}~\n\nfunction g() {\n  return 2;\n}\n",
            "the definition ends here",
        ),
    ],
)
def test_javascript(name, marked, answer, reason):
    check(marked, answer, "javascript", reason)


@pytest.mark.parametrize(
    ("name", "language", "marked", "answer"),
    [
        (
            "marks below count with the line after them",
            "rust",
            "impl A\n    where |\n{\n    f(x);\n}\n",
            "B: C,~\n{\n    f(x);\n}\n",
        ),
        (
            "in a comment two lines must be the same",
            "java",
            "class A {\n    |\n     * Says a.\n     * Says b.\n     */\n}\n",
            "/**~\n     * Says a.\n     * Says b.\n",
        ),
        (
            "one is not enough there",
            "java",
            "class A {\n    |\n     * Says a.\n     * Says b.\n     */\n}\n",
            "/**\n     * Says a.\n     * Says c.\n     */",
        ),
        (
            "blank lines between them do not matter",
            "python",
            "# a\n|\n#\n\n# b\n",
            "# c~\n#\n# b\n",
        ),
        (
            "the run begins again",
            "python",
            "|\n#\n# b\n",
            "# c\n#~\n#\n# b\n",
        ),
    ],
)
def test_the_text_below_is_reached(name, language, marked, answer):
    check(marked, answer, language)


@pytest.mark.parametrize(
    ("language", "marked", "answer"),
    [
        ("c", "int f() {\n    |\n}\n", "static char *x[] = {\n        0,\n    };\n\n    return 1;"),
        ("java", "class A {\n    |\n}\n", "static int f() {\n        g();\n    }~\n\n    int g;"),
        ("python", "def f():\n    |\n", "async with a:\n        b()\n\n    c()"),
    ],
)  # fmt: skip
def test_what_is_a_definition(language, marked, answer):
    check(marked, answer, language)


def test_a_body_under_a_header_of_several_lines():
    check("def f(\n    a,\n) -> int:|\n", "\n    b = a\n    return b~\nx = 1\n")


def test_rust_lifetimes_are_not_strings():
    check("fn f<'a>(x: &'a str) {\n    |\n}\n", "g(x);~\n}\n", "rust")


def test_the_tree_gives_the_indentation():
    site = SyntaxSite(
        language="python", region="code", block=Span(0, 0), block_indent="        ",
        opens_block=True, statement=None,
    )  # fmt: skip
    check("class A:\n    def f(self):\n|\n", "        return 1~\n    x = 2\n", site=site)


def test_max_lines():
    check("def f():\n    |\n", "a\n    b\n\n    c~\n    d\n", max_lines=3)


def test_a_language_without_facts_is_bounded_by_lines():
    check("|\n", "one\ntwo\n\nthree\nfour~\nfive", "plaintext", max_lines=4)


@pytest.mark.parametrize(
    ("language", "marked", "said", "expected"),
    [
        ("python", "def f():\n    |\n", "a = 1\n    b = foo(", "a = 1"),
        ("python", "def f():\n    |\n", "a = foo(\n        1,\n", "a = foo("),
        ("python", "def f():\n    |\n", "a = 1\n    if a:\n", "a = 1"),
        ("python", "def f():\n    |\n", "a = 1\n    b = 2\n    if a:\n        c = 3\n", None),
        ("python", "def f():\n    |\n", "return sel", "return sel"),
        ("python", "def f():|\n", "\n    return sel", "\n    return sel"),
        ("python", "x = |\n", "foo(\n    1,\n    2", "foo("),
        ("javascript", "f() {\n  |\n", "a();\n  b();\n  if (c) {\n    d", "a();\n  b();"),
        ("javascript", "f() {\n  |\n", "if (a) {\n    b();\n    c();\n    d(", None),
        ("javascript", "f() {|\n", "\n  b();\n  c", "\n  b();"),
    ],
)
def test_what_was_cut_off_is_cut_back_to_a_statement(language, marked, said, expected):
    scope_ = judge(marked, language)
    assert not scope_.feed(said)
    text = scope_.finish(complete=False)
    whole_lines = said.rpartition("\n")[0]
    assert text == (whole_lines if expected is None else expected)


@given(st.text(alphabet="ab(){}[]:,'\"\n \t#/", max_size=120), st.booleans(), st.data())
def test_any_text_in_any_pieces(said, complete, data):
    marked = data.draw(st.sampled_from(["|", "def f():\n    |\n", "x = |\n", "f() {|}\n", "(|\n"]))
    language = data.draw(st.sampled_from(["python", "javascript", "plaintext"]))
    whole, pieces = judge(marked, language), judge(marked, language)
    whole.feed(said)
    for character in said:
        if pieces.feed(character):
            break
    result = whole.finish(complete=complete)
    assert said.startswith(result)
    if complete:
        assert pieces.finish(complete=True) == result


def test_columns():
    assert [scope.columns(text) for text in ("", "a", "  a", "\ta", "  \ta", "\t a")] == [
        0, 0, 2, 4, 4, 5,
    ]  # fmt: skip
