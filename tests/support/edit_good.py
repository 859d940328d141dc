"""Edits that are right: real functions, changed as people (and good models) change them. Seeded.

Each maker gives the action, the wish and the target's new text, or None where it does not apply.
"""

# ruff: noqa: E501 - patterns and wordings are not broken

from __future__ import annotations

import ast
import random
import re
import warnings
from collections.abc import Callable
from typing import NamedTuple

from indoors_completion.refactor.types import CALLABLE
from indoors_indexing.types import Defined, Named, Span
from support.edit_languages import FORMS
from support.edit_sites import (
    Site,
    Source,
    functions,
    outlined,
    site_of,
    source_of,
    weighted,
    whole_of,
)


class Good(NamedTuple):
    kind: str
    site: Site
    after: str


COMMENTS = (
    "The rest of the request is read lazily.",
    "Remaining bytes are kept for the next call.",
    "Same order as in the table of contents.",
    "Skip the line if it is blank.",
    "Keep the original order of the fields.",
    "Existing entries win over new ones.",
    "Everything before the first colon is the name.",
    "Continue with the next candidate.",
    "Other encodings are not supported by the format.",
    "Note that the lock is held by the caller.",
    "OK: nothing to do.",
    "Let's not ask twice.",
    "In this method, order matters.",
    "Output",
    "Unchanged files are told by their size and time.",
    "The previous value is what undo goes back to.",
    "Leave room for the terminator.",
    "Omitted fields have their default value.",
    "Bail out early: nothing was found.",
    "See RFC 9110, section 8.4, for more details.",
    "Here the lock is held.",
    "Note the order: the parent comes first.",
    "Truncated input is an error, not an end.",
    "Rest of the world uses commas.",
    "All methods of the visitor come through this.",
    "Copy the header before the body is touched.",
    "Add the offset of the section.",
    "Insert at the front, so that the newest is found first.",
    "Loop until nothing changes any more...",
    "This is slow for large inputs.",
    "Guard against a missing handler.",
    "Your mileage may vary on 32-bit machines.",
    "The function above must have been called.",
    "Code points, not bytes.",
    "The body may be empty.",
    "Implementation detail: a set is enough here.",
    "Sure of the type from here on.",
    "Here is the fast path.",
    "Output goes to the second pipe.",
    "etc/passwd is not read.",
    "Die übrigen Zeilen sind schon sortiert.",
    "Le reste de la requête est lu plus tard.",
    "El resto de la división no importa.",
    "その他の文字はそのまま出力する。",
    "Остальные байты читаются позже.",
)


def _lines_of(site: Site) -> list[str]:
    return site.text.split("\n")


def _function_site(source: Source, one: Defined, action: str, instruction: str = "") -> Site | None:
    site = site_of(source, action, Span(one.head.start, one.head.start), instruction)
    if site is None or site.target.defined != one:
        return None
    return site


def body_statements(source: Source, one: Defined) -> list[Span]:
    """The statements of a body that begin their lines, up to where the next one begins.

    They are told by how far they are indented, so that this holds for every language.
    """
    text = source.text
    behind = text[one.head.end : one.span.end]
    opens = re.match(r"\s*=?\s*\{", behind)
    is_closed = source.language not in ("python", "ruby", "lua")
    if is_closed and not (opens and behind.rstrip().endswith("}")):
        return []  # an expression, or a declaration alone
    first = text.find("\n", one.head.end + (opens.end() if opens else 0)) + 1
    if source.language == "python":
        begun = [it.start for it in source.outline.leaves if it.begins and it.start >= one.head.end]
        first = text.rfind("\n", 0, begun[0]) + 1 if begun else 0
        if one.doc.start > one.head.end:
            first = text.rfind("\n", 0, one.doc.start) + 1
    last = one.span.end
    if source.language != "python":
        last = text.rfind("\n", 0, one.span.end) + 1
    if not first or not one.head.end < first < last:
        return []
    inside = [it for it in source.outline.leaves if it.kind in ("comment", "string")]
    starts: list[int] = []
    indent, at, is_labelled = "", 0, False
    for raw in text[first:last].splitlines(keepends=True):
        start, first = first, first + len(raw)
        while at < len(inside) and inside[at].end <= start:
            at += 1
        said = raw.strip()
        is_inside = at < len(inside) and inside[at].start < start
        margin = start + len(raw) - len(raw.lstrip())
        is_comment = (
            at < len(inside) and inside[at].start == margin and inside[at].kind == "comment"
        )
        if not said or is_inside or (is_comment and inside[at].end >= start + len(raw.rstrip())):
            continue
        lead = raw[: len(raw) - len(raw.lstrip())]
        if not starts:
            indent, starts = lead, [start]
        elif starts and len(lead) < len(indent):
            return []  # of no shape that is understood here: a label, a macro, code at the margin
        elif starts and lead == indent and not _GOES_ON.match(said) and not is_labelled:
            starts.append(start)
        is_labelled = said.endswith(_OPEN_ENDS) and lead == indent and bool(starts)
    ends = [*starts[1:], last][: len(starts)]
    return [Span(*pair) for pair in zip(starts, ends, strict=True) if pair[1] > pair[0]]


# A line at the margin that belongs to the statement before it.
_GOES_ON = re.compile(
    r"[{})\]]|(?:else|elif|elsif|elseif|except|finally|catch|rescue|ensure|when|end|until|fi|done|esac"
    r"|then|do|case|default|in)\b|[.&|+?:*/=<>,-](?!-)|;;|\w+:$|#(?:else|endif|elif|if)|and\b|or\b"
)
_OPEN_ENDS = (",", "(", "[", "\\", "=", "&&", "||", "+", ".", "?", ":")


def indent_at(source: Source, offset: int) -> str:
    line = source.text[offset : source.text.find("\n", offset)]
    return line[: len(line) - len(line.lstrip())]


def _inserted(site: Site, offset: int, text: str) -> str:
    whole = site.source.text
    return whole[:offset] + text + whole[offset:]


def _parameters(source: Source, one: Defined) -> list[str]:
    tree = _tree(source, one)
    if tree is None:
        return []
    return [arg.arg for arg in tree.args.args if arg.arg not in ("self", "cls")]


def _named_parameters(source: Source, one: Defined) -> list[str]:
    """The names of plain parameters, as code has them."""
    if source.language == "python":
        return _parameters(source, one)
    sign = "$" if source.language == "php" else ""
    return [sign + name for _, name in parameters_of(source, one)]


# Where a parameter is written with its type before it.
_TYPE_FIRST = ("c", "cpp", "csharp", "java", "php")


def parameters_of(source: Source, one: Defined) -> list[tuple[Span, str]]:
    """The parameters of a plain signature, each with its text's place and its name."""
    head = source.text[one.head.start : one.head.end]
    named = re.search(rf"\b{re.escape(one.name)}\s*\(", head)
    if named is None or head.startswith(("@", "[")) or "#" in head or "//" in head:
        return []
    opening = one.head.start + named.end()
    inside = re.match(r"[^()\[\]{}<>'\"|]*(?=\))", source.text[opening : one.head.end])
    if inside is None:
        return []
    found, start = [], opening
    for part in inside[0].split(","):
        span, start = Span(start, start + len(part)), start + len(part) + 1
        said = part.partition("=")[0].strip()
        form = r"(?:mut |var |val )?(\w+)(?:\s*:.*|\s+\S+)?"
        if source.language in _TYPE_FIRST:
            form = r"(?:.*[\s*&$])?(\w+)"
        match = re.fullmatch(form, said)
        if match is not None and match[1] not in _NO_PARAMETERS:
            found.append((span, match[1]))
    return found


_NO_PARAMETERS = ("self", "cls", "this", "void", "const", "func", "_")


def _tree(source: Source, one: Defined) -> ast.FunctionDef | None:
    if source.language != "python":
        return None
    text = source.text[one.span.start : one.span.end]
    indent = indent_at(source, source.text.rfind("\n", 0, one.span.start) + 1)
    try:
        tree = ast.parse(
            "\n".join(line.removeprefix(indent) for line in (indent + text).split("\n"))
        )
    except SyntaxError:
        return None
    first = tree.body[0]
    return first if isinstance(first, ast.FunctionDef) else None


def _has_long_string(source: Source, span: Span) -> bool:
    return any(
        leaf.kind in ("string", "comment")
        and span.start <= leaf.start < span.end
        and "\n" in source.text[leaf.start : leaf.end]
        for leaf in source.outline.leaves
    )


def _compiles(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "", "exec", dont_inherit=True)
        except SyntaxError:
            return False
    return True


# --- the makers ---------------------------------------------------------------------------------


def renamed_local(rng: random.Random, source: Source, one: Defined) -> Good | None:
    if source.language != "python":
        return None
    names = source.outline.names or ()
    inside = [name for name in names if one.span.start <= name.start < one.span.end]
    outside = {name.name for name in names if name not in inside}
    own = (
        {name.name for name in inside if name.is_bound and name.start >= one.head.end}
        - {name.name for name in inside if name.start < one.head.end}
        - outside
    )
    text = source.text[one.span.start : one.span.end]
    own = {name for name in own if not re.search(rf"\b(global|nonlocal)\b.*\b{name}\b", text)}
    own = {name for name in own if not name.startswith("__")}
    if not own:
        return None
    chosen = rng.choice(sorted(own))
    site = _function_site(source, one, "edit", "Use clearer names for local variables.")
    return (
        None
        if site is None
        else Good("renamed_local", site, _with_name(source, inside, chosen, f"{chosen}_value"))
    )


def _with_name(source: Source, names: list[Named], old: str, new: str) -> str:
    pieces, at = [], 0
    for start in sorted({name.start for name in names if name.name == old}):
        pieces += [source.text[at:start], new]
        at = start + len(old)
    return "".join([*pieces, source.text[at:]])


def documented(rng: random.Random, source: Source, one: Defined) -> Good | None:
    site = _function_site(source, one, "document")
    if site is None:
        return None
    said = rng.choice(("Do what the name says.", "Work on the arguments and give the result."))
    if source.language != "python":
        unit = indent_at(source, site.target.span.start)
        opens, goes_on, closes = FORMS[source.language].doc
        lines = [opens, f"{goes_on}{said}", closes]
        doc = "".join(f"{unit}{line}\n" for line in lines if line)
        start = source.text.rfind("\n", 0, one.span.start) + 1
        if one.doc.end > one.doc.start and one.doc.end <= one.span.start:
            first = source.text.rfind("\n", 0, one.doc.start) + 1
            return Good("documented", site, source.text[:first] + doc + source.text[start:])
        return Good("documented", site, _inserted(site, start, doc))
    spans = body_statements(source, one)
    if not spans:
        return None
    indent = indent_at(source, spans[0].start)
    doc = f'{indent}"""{said}\n\n{indent}Args are taken as they are; raises what is below.\n{indent}"""\n'
    has_doc = one.doc.end > one.doc.start and one.doc.start > one.head.end
    if has_doc:
        text = doc.strip() if rng.random() < 0.5 else f'"""{said}"""'
        return Good(
            "documented", site, source.text[: one.doc.start] + text + source.text[one.doc.end :]
        )
    return Good("documented", site, _inserted(site, spans[0].start, doc))


def annotated(rng: random.Random, source: Source, one: Defined) -> Good | None:
    tree = _tree(source, one)
    site = _function_site(source, one, "annotate")
    if tree is None or site is None or "\n" in source.text[one.head.start : one.head.end]:
        return None
    bare = [arg.arg for arg in tree.args.args if arg.annotation is None]
    bare = [name for name in bare if name not in ("self", "cls")]
    head = source.text[one.head.start : one.head.end]
    new = head
    for name in bare:
        kind = rng.choice(("int", "str", "object", "list[str]"))
        new = re.sub(rf"(?<=[(,\s])\b{name}\b(?=\s*[,)=])", f"{name}: {kind}", new, count=1)
    if tree.returns is None:
        new = re.sub(r"\)\s*:\s*$", ") -> object:", new)
    if new == head:
        return None
    text = source.text
    return Good("annotated", site, text[: one.head.start] + new + text[one.head.end :])


def commented(rng: random.Random, source: Source, one: Defined) -> Good | None:
    spans = body_statements(source, one)
    site = _function_site(source, one, "edit", "Explain what is not obvious.")
    if not spans or site is None:
        return None
    start = rng.choice(spans).start
    text = f"{indent_at(source, start)}{source.comment()} {rng.choice(COMMENTS)}\n"
    return Good("commented", site, _inserted(site, start, text))


def _behind_doc(source: Source, one: Defined) -> int | None:
    spans = body_statements(source, one)
    if source.language == "python" and one.doc.start > one.head.end and one.doc.end > one.doc.start:
        spans = [span for span in spans if span.start > one.doc.start]
    return spans[0].start if spans else None


def guarded(rng: random.Random, source: Source, one: Defined) -> Good | None:
    names, start = _named_parameters(source, one), _behind_doc(source, one)
    action, wish = rng.choice(
        (("handle_errors", ""), ("edit", "Check the arguments first."), ("edit", "Make it robust"))
    )
    site = _function_site(source, one, action, wish)
    if not names or start is None or site is None or one.kind == "constructor":
        return None
    name, indent = rng.choice(names), indent_at(source, start)
    form = FORMS[source.language].guard
    if not form:
        return None
    lines = form.format(name=name, unit=source.unit).split("\n")
    text = "".join(f"{indent}{line}\n" for line in lines)
    return Good("guarded", site, _inserted(site, start, text))


def returned_early(rng: random.Random, source: Source, one: Defined) -> Good | None:
    names, start = _parameters(source, one), _behind_doc(source, one)
    site = _function_site(source, one, "edit", "Do nothing when there is nothing to do.")
    if not names or start is None or site is None:
        return None
    name, indent = rng.choice(names), indent_at(source, start)
    if source.language != "python":
        return None
    text = f"{indent}if not {name}:\n{indent}{source.unit}return None\n"
    return Good("returned_early", site, _inserted(site, start, text))


def tried(rng: random.Random, source: Source, one: Defined) -> Good | None:
    start = _behind_doc(source, one)
    site = _function_site(source, one, "handle_errors")
    if source.language != "python" or start is None or site is None:
        return None
    end = one.span.end
    if _has_long_string(source, Span(start, end)):
        return None
    indent, unit = indent_at(source, start), source.unit
    body = "\n".join(
        unit + line if line.strip() else line for line in source.text[start:end].split("\n")
    )
    after = rng.choice(
        (
            f'{indent}{unit}raise RuntimeError("it failed") from error',
            f"{indent}{unit}print(error)\n{indent}{unit}raise",
        )
    )
    text = f"{indent}try:\n{body}\n{indent}except (OSError, ValueError) as error:\n{after}"
    return Good("tried", site, source.text[:start] + text + source.text[end:])


def constant(rng: random.Random, source: Source, one: Defined) -> Good | None:
    numbers = [
        leaf
        for leaf in source.outline.leaves
        if leaf.kind == "code"
        and one.head.end < leaf.start < one.span.end
        and source.text[leaf.start : leaf.end].isdecimal()
    ]
    site = _function_site(source, one, "edit", "Raise the limit by one.")
    if not numbers or site is None:
        return None
    leaf = rng.choice(numbers)
    value = int(source.text[leaf.start : leaf.end]) + 1
    return Good("constant", site, source.text[: leaf.start] + str(value) + source.text[leaf.end :])


def logged(rng: random.Random, source: Source, one: Defined) -> Good | None:
    start = _behind_doc(source, one)
    site = _function_site(source, one, "edit", "Log that it was called.")
    if start is None or site is None or one.kind == "constructor":
        return None
    text = f"{indent_at(source, start)}{FORMS[source.language].log}\n"
    return Good("logged", site, _inserted(site, start, text))


def extracted(rng: random.Random, source: Source, one: Defined) -> Good | None:
    if source.language != "python" or one.scope:
        return None
    tree = _tree(source, one)
    line_start = source.text.rfind("\n", 0, one.span.start) + 1
    if tree is None or tree.decorator_list or line_start != one.span.start:
        return None
    names = source.outline.names or ()
    local = {
        name.name for name in names if name.is_bound and one.span.start < name.start < one.span.end
    }
    for span in rng.sample(body_statements(source, one), len(body_statements(source, one))):
        line = source.text[span.start : span.end].rstrip()
        match = re.fullmatch(r"(\s+)(\w+) = ([^\n#:]+)", line)
        if match is None or "await" in line or "yield" in line or match[2] in match[3]:
            continue
        used = sorted(
            {
                name.name
                for name in names
                if not name.is_bound and span.start <= name.start < span.end
            }
            & local
        )
        bound = [name for name in names if name.is_bound and span.start <= name.start < span.end]
        if len(bound) != 1:
            continue
        site = site_of(source, "extract", Span(span.start, span.start + len(line)))
        if site is None or site.target.defined != one:
            continue
        helper = f"_made_{match[2].strip('_')}"
        call = f"{match[1]}{match[2]} = {helper}({', '.join(used)})"
        text = source.text
        body = text[: span.start] + call + text[span.start + len(line) : one.span.end]
        new = f"\n\n\ndef {helper}({', '.join(used)}):\n{source.unit}return {match[3]}"
        after = body + new + text[one.span.end :]
        if _compiles(after):  # and so the line was a whole statement
            return Good("extracted", site, after)
    return None


def named_result(rng: random.Random, source: Source, one: Defined) -> Good | None:
    if source.language not in ("python", "javascript", "typescript"):
        return None
    text = source.text[one.span.start : one.span.end]
    found = [
        match
        for match in re.finditer(r"(?m)^([ \t]+)return ([^\n;#]+?)(;?)$", text)
        if match[2].count("(") == match[2].count(")")
        and match[2].count("[") == match[2].count("]")
        and match[2].count("{") == match[2].count("}")
        and not match[2].endswith(("\\", ",", "(", "and", "or", "=>"))
        and '"""' not in match[2]
    ]
    site = _function_site(source, one, "edit", "Give the result a name.")
    if not found or site is None:
        return None
    match = rng.choice(found)
    declares = "" if source.language == "python" else "const "
    new = f"{match[1]}{declares}outcome = {match[2]}{match[3]}\n{match[1]}return outcome{match[3]}"
    at = one.span.start
    after = source.text[: at + match.start()] + new + source.text[at + match.end() :]
    if source.language == "python":
        if not _compiles(after):
            return None  # a line of a longer statement, or text in a string
        if any(
            leaf.kind != "code" and leaf.start < at + match.start() < leaf.end
            for leaf in source.outline.leaves
        ):
            return None
    return Good("named_result", site, after)


def with_parameter(rng: random.Random, source: Source, one: Defined) -> Good | None:
    tree = _tree(source, one)
    if tree is None or tree.args.vararg or tree.args.kwarg or tree.args.kwonlyargs:
        return None
    head = source.text[one.head.start : one.head.end]
    opening = head.find("(", head.find("def "))
    closing = head.rfind(")")
    inner = head[opening + 1 : closing].rstrip()
    if "->" in head:
        closing = head[: head.rfind("->")].rfind(")")
        inner = head[opening + 1 : closing].rstrip()
    if (
        "#" in head
        or head.startswith("@")
        or "verbose" in source.text[one.span.start : one.span.end]
    ):
        return None
    comma = "" if not inner.strip() or inner.endswith(",") else ", "
    new = head[: opening + 1] + inner + comma + "verbose=False" + head[closing:]
    site = _function_site(
        source, one, "edit", "Add a parameter verbose, off by default, and print when it is on"
    )
    start = _behind_doc(source, one)
    if site is None or start is None:
        return None
    indent = indent_at(source, start)
    use = f"{indent}if verbose:\n{indent}{source.unit}print('working')\n"
    text = source.text
    after = text[: one.head.start] + new + text[one.head.end : start] + use + text[start:]
    return Good("with_parameter", site, after)


def reordered(rng: random.Random, source: Source, one: Defined) -> Good | None:
    if source.language != "python" or len(one.scope) != 1:
        return None
    classes = [
        it for it in source.outline.definitions if it.kind == "class" and it.name == one.scope[0]
    ]
    methods = [
        it
        for it in source.outline.definitions
        if it.kind in CALLABLE and it.scope == one.scope and not it.scope[1:]
    ]
    at = methods.index(one) if one in methods else -1
    if not classes or at < 0 or at + 1 >= len(methods):
        return None
    other = methods[at + 1]
    text = source.text
    between = text[one.span.end : other.span.start]
    if between.strip():
        return None
    site = site_of(source, "edit", classes[0].span, "Sort the methods by name.")
    if site is None or other.name == one.name:
        return None
    new = text[other.span.start : other.span.end] + between + text[one.span.start : one.span.end]
    return Good("reordered", site, text[: one.span.start] + new + text[other.span.end :])


def imported(rng: random.Random, source: Source, one: Defined) -> Good | None:
    if source.language != "python":
        return None
    found = list(re.finditer(r"(?m)^import \w+$", source.text))
    if not found:
        return None
    match = rng.choice(found)
    site = site_of(source, "edit", Span(match.start(), match.end()), "Import json as well.")
    if site is None or site.target.defined is not None:
        return None
    return Good("imported", site, _inserted(site, match.end(), "\nimport json"))


def call_removed(rng: random.Random, source: Source, one: Defined) -> Good | None:
    spans = body_statements(source, one)
    calls = []
    for span in spans[:-1]:
        match = re.fullmatch(r"[ \t]*([\w.]+)\([^\n]*\);?\s*", source.text[span.start : span.end])
        if match is not None:
            calls.append((span, match[1]))
    if not calls or len(spans) < 3:
        return None
    span, name = rng.choice(calls)
    site = _function_site(source, one, "edit", f"Remove the call of {name}.")
    if site is None:
        return None
    line_end = source.text.index("\n", span.start) + 1
    return Good("call_removed", site, source.text[: span.start] + source.text[line_end:])


def renamed_function(rng: random.Random, source: Source, one: Defined) -> Good | None:
    found = list(re.finditer(rf"\b{re.escape(one.name)}\b", source.text))
    if len(found) != 1 or one.name.startswith("__") or one.kind == "constructor":
        return None
    new = f"{one.name}_again"
    site = _function_site(source, one, "edit", f"Rename {one.name} to {new}.")
    if site is None:
        return None
    match = found[0]
    return Good(
        "renamed_function", site, source.text[: match.start()] + new + source.text[match.end() :]
    )


_FORMATS = (
    (
        re.compile(r"""(['"])([^'"{}%\\\n]*)%s([^'"{}%\\\n]*)\1 % (\w+)(?=[)\n])"""),
        r"f\1\2{\4}\3\1",
    ),
    (
        re.compile(r"""(?<![\w'"])(['"])([^'"{}\\\n]*)\{\}([^'"{}\\\n]*)\1\.format\((\w+)\)"""),
        r"f\1\2{\4}\3\1",
    ),
    (re.compile(r"\bnot (\w+) in (\w+)\b"), r"\1 not in \2"),
    (re.compile(r"\b(\w+) = \1 \+ (\w+)$", re.MULTILINE), r"\1 += \2"),
    (re.compile(r"\blen\((\w+)\) == 0"), r"not \1"),
    (re.compile(r"\blen\((\w+)\) > 0"), r"bool(\1)"),
    (re.compile(r"\b(\w+) == None\b"), r"\1 is None"),
    (
        re.compile(r"\bisinstance\((\w+), (\w+)\) or isinstance\(\1, (\w+)\)"),
        r"isinstance(\1, (\2, \3))",
    ),
)


def modernized(rng: random.Random, source: Source, one: Defined) -> Good | None:
    if source.language != "python":
        return None
    action, wish = rng.choice((("simplify", ""), ("edit", "Use modern Python.")))
    site = _function_site(source, one, action, wish)
    if site is None:
        return None
    for pattern, new in rng.sample(_FORMATS, len(_FORMATS)):
        for match in pattern.finditer(source.text, one.head.end, one.span.end):
            in_text = any(
                leaf.kind == "comment" and leaf.start <= match.start() < leaf.end
                for leaf in source.outline.leaves
            )
            if not in_text:
                text = source.text
                after = text[: match.start()] + match.expand(new) + text[match.end() :]
                if _compiles(after):
                    return Good("modernized", site, after)
    return None


def implemented(rng: random.Random, source: Source, one: Defined) -> Good | None:
    start = _behind_doc(source, one)
    if source.language != "python" or start is None:
        return None
    indent = indent_at(source, start)
    stub = rng.choice(
        ("pass", "...", "raise NotImplementedError", "# TODO: do it\n" + indent + "pass")
    )
    text = source.text[:start] + f"{indent}{stub}" + source.text[one.span.end :]
    empty = source_of(source.path, source.language, text)
    if empty.outline.n_errors:
        return None
    site = site_of(empty, "implement", Span(one.head.start, one.head.start))
    if site is None or site.defined.name != one.name:
        return None
    return Good("implemented", site, source.text)


def inlined_else(rng: random.Random, source: Source, one: Defined) -> Good | None:
    """`if a:\n return b\nelse:\n c` without its `else`, as a simplification."""
    text = source.text[one.span.start : one.span.end]
    match = re.search(
        r"(?m)^([ \t]+)if [^\n]+:\n\1[ \t]+return[^\n(\[{]*\n(\1)else:\n((?:\1[ \t]+[^\n]+(?:\n|\Z))+)",
        text,
    )
    site = _function_site(source, one, "simplify")
    if source.language != "python" or match is None or site is None or "'''" in text:
        return None
    body = "\n".join(line.replace(source.unit, "", 1) for line in match[3].split("\n"))
    at = one.span.start
    after = source.text[: at + match.start(2)] + body + source.text[at + match.end(3) :]
    return Good("inlined_else", site, after)


def renamed_variable(rng: random.Random, source: Source, one: Defined) -> Good | None:
    """A local variable with another name wherever it stands, told by its declaration."""
    form = FORMS[source.language].binding
    site = _function_site(source, one, "edit", "Use clearer names for local variables.")
    if source.language == "python" or form is None or site is None:
        return None
    for span in body_statements(source, one):
        match = re.fullmatch(form, source.text[span.start : span.end].rstrip("\n") + "\n")
        if match is None:
            continue
        name = match[1]
        whole = re.compile(rf"(?<![\w$]){re.escape(name)}\b" if name[0] == "$" else rf"\b{name}\b")
        body = source.text[one.head.end : one.span.end]
        outside = source.text[: one.head.end] + source.text[one.span.end :]
        if whole.search(outside) or re.search(rf"[.:>@$'\"]{name}\b|\b{name}:", body):
            continue
        new = whole.sub(lambda _, name=name: f"{name}_value", body)
        text = source.text[: one.head.end] + new + source.text[one.span.end :]
        return Good("renamed_variable", site, text)
    return None


def comment_above(rng: random.Random, source: Source, one: Defined) -> Good | None:
    """A word more in a comment, or another comment at the end of a line."""
    site = _function_site(source, one, "edit", "Say in a comment what it works on.")
    lines = [span for span in body_statements(source, one) if _ends_plainly(source, span)]
    if site is None or not lines:
        return None
    span = rng.choice(lines)
    end = source.text.index("\n", span.start)
    said = FORMS[source.language].comments[0].format(rng.choice(COMMENTS))
    return Good("comment_above", site, source.text[:end] + f"  {said}" + source.text[end:])


def _ends_plainly(source: Source, span: Span) -> bool:
    """Whether the first line of a statement may have a comment behind it."""
    end = source.text.find("\n", span.start)
    line = source.text[span.start : end]
    return (
        end >= 0
        and not line.endswith("\\")
        and not any(
            leaf.kind in ("string", "comment") and leaf.start < end < leaf.end
            for leaf in source.outline.leaves
        )
    )


def statement_removed(rng: random.Random, source: Source, one: Defined) -> Good | None:
    """What must not go unasked goes when it was asked for."""
    spans = body_statements(source, one)
    site = _function_site(source, one, "edit", "Remove the check that is not needed.")
    found = [
        span
        for span in spans[:-1]
        if re.match(r"\s*(?:if|unless)\b", source.text[span.start : span.end])
        and source.text[span.start : span.end].count("\n") <= 4
        and "=" not in re.sub(r"[=!<>]=", "", source.text[span.start : span.end])
    ]
    if site is None or len(spans) < 4 or not found:
        return None
    span = rng.choice(found)
    text = source.text[: span.start] + source.text[span.end :]
    edited = outlined(source.language, text)
    if edited is None or edited.n_errors:
        return None
    return Good("statement_removed", site, text)


def commented_out(rng: random.Random, source: Source, one: Defined) -> Good | None:
    spans = body_statements(source, one)
    site = _function_site(source, one, "edit", "Comment out the first call.")
    calls = [
        span
        for span in spans[:-1]
        if re.fullmatch(r"[ \t]*[\w.]+\([^\n]*\);?\s*", source.text[span.start : span.end])
    ]
    if site is None or not calls or len(spans) < 3:
        return None
    lead, first = indent_at(source, calls[0].start), calls[0].start
    said = FORMS[source.language].comments[0].partition("{}")[0]
    at = first + len(lead)
    return Good("commented_out", site, source.text[:at] + said + source.text[at:])


MAKERS: tuple[Callable[[random.Random, Source, Defined], Good | None], ...] = (
    renamed_local,
    documented,
    annotated,
    commented,
    guarded,
    returned_early,
    tried,
    constant,
    logged,
    extracted,
    named_result,
    with_parameter,
    reordered,
    imported,
    call_removed,
    renamed_function,
    modernized,
    implemented,
    inlined_else,
    renamed_variable,
    comment_above,
    statement_removed,
    commented_out,
    documented,
    commented,
    guarded,
    logged,
    constant,
)


def good_edits(seed: int, count: int) -> list[Good]:
    """Edits that should pass, of all kinds in turn."""
    rng = random.Random(seed)
    found: list[Good] = []
    tries = 0
    while len(found) < count:
        maker = MAKERS[tries % len(MAKERS)]
        tries += 1
        for _ in range(300):
            source = weighted(rng)
            several = list(functions(source))
            if not several:
                continue
            good = maker(rng, source, rng.choice(several))
            if good is not None and good.after != good.site.source.text:
                found.append(good)
                break
    return found[:count]


__all__ = ["COMMENTS", "Good", "body_statements", "good_edits", "indent_at", "whole_of"]
