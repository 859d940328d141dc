"""What comes back from a model has the file's indentation, quotes and line ends."""

from hypothesis import given
from hypothesis import strategies as st

from indoors_completion.refactor import style
from support.edit_sites import outlined


def fitted(code: str, before: str, **given: str) -> str:
    settings = {"indent": style.indent_of(before), "unit": "    ", "newline": "\n"} | given
    return style.fitted(code, before, **settings)


def test_an_answer_is_indented_as_its_target() -> None:
    before = "        def f(self):\n            return 1"
    assert fitted("def f(self):\n    return 2", before) == before.replace("1", "2")
    assert fitted("    def f(self):\n        return 2", before) == before.replace("1", "2")


def test_tabs_become_spaces_and_spaces_tabs() -> None:
    assert fitted("def f():\n\treturn 2", "def f():\n    return 1") == "def f():\n    return 2"
    before = "\tfunc() {\n\t\treturn 1\n\t}"
    assert fitted("func() {\n    return 2\n}", before, unit="\t") == before.replace("1", "2")


def test_another_step_becomes_the_files() -> None:
    code = "def f():\n  if a:\n    return 2"
    assert fitted(code, "def f():\n    return 1") == "def f():\n    if a:\n        return 2"
    before = "function f() {\n  return 1;\n}"
    code = "function f() {\n    return 2;\n}"
    assert fitted(code, before, unit="  ") == before.replace("1", "2")


def test_line_ends_are_the_files() -> None:
    before = "def f():\r\n    return 1"
    after = fitted("def f():\n    return 2\n", before, newline="\r\n")
    assert after == "def f():\r\n    return 2"


def test_blank_lines_around_the_target_stay() -> None:
    assert fitted("\n\nx = 2\n\n\n", "\nx = 1\n\n") == "\nx = 2\n\n"


def test_a_line_that_differs_in_its_quotes_alone_is_the_old_one() -> None:
    before = "a = 'x'\nb = 'it'"
    code = 'a = "x"\nb = "its"'
    assert fitted(code, before, language="python") == "a = 'x'\nb = \"its\""
    assert fitted(code, before, language="go") == code


def test_blanks_at_the_end_of_an_old_line_stay_and_of_a_new_one_go() -> None:
    assert fitted("a = 1\nb = 2  ", "a = 1  \nc = 2") == "a = 1  \nb = 2"


@given(
    st.lists(st.sampled_from(["a", "    b", "        'c'", "", '    "d"']), min_size=1, max_size=9),
    st.sampled_from(["", "    ", "\t"]),
)
def test_what_is_not_changed_comes_back_as_it_was(lines: list[str], indent: str) -> None:
    before = "\n".join(indent + line if line else "" for line in lines)
    taken = style.indent_of(before)
    shown = style.without_indent(before, taken)
    assert fitted(shown, before, indent=taken) == before or not before.strip()


def test_the_files_quote_is_that_of_most_strings() -> None:
    text = "a = 'x'\nb = 'y'\nc = 'z'\ne = f('w', 'v')\nd = \"new\"\n"
    outline = outlined("python", text)
    assert outline is not None
    assert style.quotes_of(text, outline.leaves, "python") == "'"
    assert style.quotes_of(text, outline.leaves, "bash") == ""
    assert style.with_quotes(text, outline.leaves, "'", 0, len(text)).endswith("d = 'new'\n")
    assert style.with_quotes(text, outline.leaves, "", 0, len(text)) == text


def test_a_string_with_quotes_or_escapes_in_it_keeps_its_own() -> None:
    text = 'a = \'x\'\nb = "it\'s"\nc = "\\n"\nd = f"x"\n'
    outline = outlined("python", text)
    assert outline is not None
    assert style.with_quotes(text, outline.leaves, "'", 0, len(text)) == text


def test_strings_in_the_braces_of_an_f_string_keep_their_quotes() -> None:
    text = "a = f\"{b['x']:{'w'}} {c or '<none>'!r}\" + 'y' + f"
    text += "\"{ {'k': f'{d}'}['k'] } '{e}'\" f'\"{f}' + 'z'\n"
    outline = outlined("python", text)
    assert outline is not None
    assert not outline.n_errors
    quoted = style.with_quotes(text, outline.leaves, '"', 0, len(text))
    assert quoted == text.replace("'y'", '"y"').replace("'z'", '"z"')


def test_an_empty_text_has_no_indentation() -> None:
    assert style.indent_of("") == style.indent_of("\n  \n") == ""
    assert style.with_indent("a\n\nb", "  ") == "  a\n\n  b"
