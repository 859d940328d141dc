"""Edits that are wrong, made from real code so that they can be nothing else. Seeded.

Each maker spoils one thing, under a wish that does not ask for it: wishes speak of making things
robust or clear, never of removing, renaming or emptying. What a maker cannot be sure of (a deleted
line that nothing depends on, a shorter number) it does not make: a corruption has lost a statement
in favour of a comment, a name that is used, a bracket, a result, or has brought what nobody typed.
"""

# ruff: noqa: E501 - patterns and wordings are not broken

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable
from typing import NamedTuple

from indoors_indexing.types import Defined, Span
from support.edit_good import body_statements, indent_at
from support.edit_sites import Site, Source, functions, site_of, weighted, whole_of
from support.edit_wordings import ELISIONS, HIDDEN, JUNK, MARKUP, PLAIN_ELISIONS, TALK, WISHES

_OPEN = ("edit", "edit", "handle_errors", "simplify")


class Bad(NamedTuple):
    kind: str
    site: Site
    after: str
    note: str = ""


Maker = Callable[[random.Random, Source, Defined], "Bad | None"]


def _site(rng: random.Random, source: Source, one: Defined, action: str = "") -> Site | None:
    action = action or rng.choice(_OPEN)
    wish = rng.choice(WISHES) if action == "edit" else ""
    site = site_of(source, action, Span(one.head.start, one.head.start), wish)
    return site if site is not None and site.target.defined == one else None


def _replaced(source: Source, span: Span, text: str) -> str:
    return source.text[: span.start] + text + source.text[span.end :]


def _behind_doc(source: Source, one: Defined) -> list[Span]:
    """The statements of a body that do something."""
    spans = body_statements(source, one)
    if source.language == "python" and one.doc.end > one.doc.start and one.doc.start > one.head.end:
        spans = [span for span in spans if span.start > one.doc.start]
    return spans


def _says(source: Source, span: Span) -> bool:
    """Whether a span has code worth the name, and is no comment, `pass` or bracket."""
    said = [
        source.text[leaf.start : leaf.end]
        for leaf in source.outline.leaves
        if leaf.kind in ("code", "string") and span.start <= leaf.start and leaf.end <= span.end
    ]
    return len(said) >= 2 and re.search(r"\w", "".join(said)) is not None


def _comment(rng: random.Random, source: Source, indent: str, said: str) -> str:
    if source.language == "python" and said in PLAIN_ELISIONS and rng.random() < 0.2:
        return f'{indent}"""{said}"""\n'
    if source.language == "python":
        return f"{indent}{rng.choice(('# ', '#', '## '))}{said}\n"
    form = rng.choice(("// {}", "//{}", "/* {} */"))
    return f"{indent}{form.format(said)}\n"


# --- code left out ------------------------------------------------------------------------------


def elided(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A comment in the place of statements, at the end or in the middle."""
    spans, site = _behind_doc(source, one), _site(rng, source, one)
    if len(spans) < 2 or site is None:
        return None
    first = rng.randrange(1, len(spans))
    last = len(spans) if rng.random() < 0.5 else rng.randrange(first, len(spans)) + 1
    gone = Span(spans[first].start, spans[last - 1].end)
    if not _says(source, gone):
        return None
    said = rng.choice(ELISIONS).replace("{name}", one.name)
    text = _comment(rng, source, indent_at(source, gone.start), said)
    kept = source.text[: gone.start]
    if text.strip() in kept:
        return None
    # The same lines must not stand elsewhere: then nothing would be lost.
    codes = [
        line.strip() for line in source.text[gone.start : gone.end].splitlines() if line.strip()
    ]
    others = [
        line.strip()
        for line in (kept[one.span.start :] + source.text[gone.end : one.span.end]).splitlines()
    ]
    if all(code in others for code in codes):
        return None
    if source.language == "python" and gone.end == one.span.end:
        text = text.rstrip("\n")
    return Bad("elided", site, _replaced(source, gone, text), said)


def elided_in_block(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The block of an `if` or a loop is a comment now (with `pass` where there must be one)."""
    inner = [
        leaf
        for leaf in source.outline.leaves
        if leaf.begins and one.head.end <= leaf.start < one.span.end
    ]
    site = _site(rng, source, one)
    if not inner or site is None:
        return None
    depth = inner[0].depth
    deep = [leaf for leaf in inner if leaf.depth == depth + 1]
    if not deep:
        return None
    leaf = rng.choice(deep)
    line = source.text.rfind("\n", 0, leaf.start) + 1
    following = [it.start for it in inner if it.start > leaf.start]
    end = source.text.find("\n", leaf.start) + 1
    nested = following and following[0] < end
    if end <= 0 or source.text[line : leaf.start].strip() or nested or end > one.span.end:
        return None
    # One whole statement on one line.
    statement = source.text[line:end]
    if statement.count("(") != statement.count(")") or statement.rstrip().endswith(
        ("{", ":", ",", "\\", "(", "[")
    ):
        return None
    if statement.strip() in source.text[one.span.start : line] + source.text[end : one.span.end]:
        return None
    if not _says(source, Span(line, end)):
        return None
    said = rng.choice(ELISIONS).replace("{name}", one.name)
    text = _comment(rng, source, indent_at(source, line), said)
    if text.strip() in source.text[one.span.start : one.span.end]:
        return None
    if source.language == "python":
        text += f"{indent_at(source, line)}pass\n"
    if not _is_continued(source, line):
        return Bad("elided_in_block", site, _replaced(source, Span(line, end), text), said)
    return None


def _is_continued(source: Source, line: int) -> bool:
    """Whether a line goes on from the one before it (inside of brackets or a string)."""
    before = source.text[:line].rstrip()
    return before.endswith((",", "(", "[", "\\", "+", "and", "or", "||", "&&", "="))


def elided_beside(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A comment that says that code is missing, although none is."""
    spans, site = _behind_doc(source, one), _site(rng, source, one)
    if not spans or site is None:
        return None
    start = rng.choice(spans).start
    said = rng.choice(PLAIN_ELISIONS).replace("{name}", one.name)
    text = _comment(rng, source, indent_at(source, start), said)
    if text.strip() in source.text[one.span.start : one.span.end]:
        return None
    return Bad("elided_beside", site, _replaced(source, Span(start, start), text), said)


def stubbed(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The whole body is a stub."""
    spans, site = _behind_doc(source, one), _site(rng, source, one)
    if not spans or site is None:
        return None
    gone = Span(spans[0].start, spans[-1].end)
    said = [
        leaf
        for leaf in source.outline.leaves
        if leaf.kind in ("code", "string") and gone.start <= leaf.start < gone.end
    ]
    if len(said) < 12:
        return None
    stubs = {
        "python": (
            "pass",
            "...",
            "raise NotImplementedError",
            "return",
            "return None",
            "...  # as before",
            'raise NotImplementedError("to do")',
        ),
        "rust": ("todo!()", 'unimplemented!("later")'),
        "go": ('panic("not implemented")',),
        "java": ('throw new UnsupportedOperationException("not implemented");',),
    }.get(source.language, ("return;", 'throw new Error("not implemented");', "return null;", ""))
    stub = rng.choice(stubs)
    text = f"{indent_at(source, gone.start)}{stub}" + ("" if source.language == "python" else "\n")
    if stub in source.text[gone.start : gone.end] and len(spans) == 1:
        return None
    return Bad("stubbed", site, _replaced(source, gone, text), stub)


def truncated_within(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The answer stops in the middle of a line, with statements behind it lost."""
    spans, site = _behind_doc(source, one), _site(rng, source, one, "edit")
    if len(spans) < 2 or site is None or not _says(source, spans[-1]):
        return None
    cut = rng.randrange(spans[0].start + 1, spans[-1].start)
    line = source.text.rfind("\n", 0, cut) + 1
    if not source.text[line:cut].strip():
        return None
    return Bad("truncated_within", site, _replaced(source, Span(cut, one.span.end), ""))


def truncated_between(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The answer stops behind a statement, and closes what it has to."""
    spans, site = _behind_doc(source, one), _site(rng, source, one, "edit")
    if len(spans) < 2 or site is None:
        return None
    at = rng.randrange(1, len(spans))
    kept = source.text[one.head.end : spans[at].start]
    gone = source.text[spans[at].start : one.span.end]
    codes = [line.strip() for line in gone.splitlines() if re.search(r"\w", line)]
    others = [line.strip() for line in kept.splitlines()]
    last = next((line for line in reversed(others) if re.search(r"\w", line)), "")
    if not _says(source, Span(spans[at].start, one.span.end)) or any(
        code in others for code in codes
    ):
        return None
    if others.count(last) != 1 or last.startswith(("#", "//")):
        return None
    end = one.span.end if source.language == "python" else spans[-1].end
    after = _replaced(source, Span(spans[at].start, end), "")
    if source.language == "python":
        after = source.text[: spans[at].start].rstrip() + source.text[one.span.end :]
    return Bad("truncated_between", site, after)


def emptied(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """Nothing is left, or only the signature."""
    site = _site(rng, source, one)
    if site is None:
        return None
    if rng.random() < 0.4:
        return Bad("emptied", site, whole_of(site, ""))
    head = source.text[site.target.span.start : one.head.end]
    return Bad("emptied", site, whole_of(site, head.rstrip()))


# --- broken syntax ------------------------------------------------------------------------------


def unbalanced(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """One bracket is missing, or one too many."""
    brackets = [
        leaf
        for leaf in source.outline.leaves
        if leaf.kind == "code"
        and one.span.start <= leaf.start < one.span.end
        and source.text[leaf.start : leaf.end] in ("(", ")", "[", "]", "{", "}")
    ]
    site = _site(rng, source, one)
    if not brackets or site is None:
        return None
    leaf = rng.choice(brackets)
    near = [
        it
        for it in source.outline.leaves
        if it.kind == "string" and (it.start == leaf.end or it.end == leaf.start)
    ]
    if near:
        return None  # twice, it may be a character of the string around it
    text = "" if rng.random() < 0.6 else source.text[leaf.start : leaf.end] * 2
    return Bad("unbalanced", site, _replaced(source, Span(leaf.start, leaf.end), text))


def unterminated(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A string or a comment that is begun and not ended."""
    spans, site = _behind_doc(source, one), _site(rng, source, one)
    if not spans or site is None:
        return None
    start = rng.choice(spans).start
    opening = rng.choice(('"""', "'''") if source.language == "python" else ("/*", "/* x"))
    text = f"{indent_at(source, start)}{opening}\n"
    return Bad("unterminated", site, _replaced(source, Span(start, start), text))


def junk(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A line that is no code."""
    spans, site = _behind_doc(source, one), _site(rng, source, one)
    if not spans or site is None:
        return None
    start = rng.choice(spans).start
    said = rng.choice(JUNK)
    if _is_valid_somewhere(source.language, said):
        return None
    text = f"{indent_at(source, start)}{said}\n"
    return Bad("junk", site, _replaced(source, Span(start, start), text), said)


def _is_valid_somewhere(language: str, said: str) -> bool:
    # `$$$` and `def` are names elsewhere; a lone `@` takes the next line for its own in some.
    return said in ("$$$", "@", "?!", "def") and language != "python"


def wrongly_indented(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A line of a Python body that is indented by no level, or the whole target by another one."""
    spans, site = _behind_doc(source, one), _site(rng, source, one)
    if source.language != "python" or not spans or site is None:
        return None
    if rng.random() < 0.3:
        shown = "\n".join(" " + line if line.strip() else line for line in site.text.split("\n"))
        first = f" {site.target.indent}# Looks at each.\n"
        return Bad("wrongly_indented", site, whole_of(site, first + shown), "whole")
    start = rng.choice(spans[1:] or spans).start
    if len(spans) == 1:
        return None
    line = indent_at(source, start)
    lead = rng.choice((line + " ", line + "   ", line[:-1], "\t" + line, line[:-2]))
    if source.text[:start].rstrip().endswith(":") and lead.startswith(line):
        return None
    end = start + len(line)
    # A comment beside it, so that more than white space differs.
    spoiled = f"{line}# Looks at each.\n{lead}"
    return Bad("wrongly_indented", site, _replaced(source, Span(start, end), spoiled), repr(lead))


# --- names --------------------------------------------------------------------------------------


def renamed(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The function has another name, and nobody asked for that."""
    site = _site(rng, source, one)
    head = source.text[one.head.start : one.head.end]
    match = re.search(rf"\b{re.escape(one.name)}\b", head)
    if site is None or match is None or one.kind == "constructor":
        return None
    at = one.head.start + match.start()
    return Bad("renamed", site, _replaced(source, Span(at, at + len(one.name)), f"{one.name}_v2"))


def swapped(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """Another function of the file in its place."""
    site = _site(rng, source, one)
    others = [it for it in functions(source) if it.name != one.name and it.scope == one.scope]
    if site is None or not others:
        return None
    other = rng.choice(others)
    if (
        one.span.start <= other.span.start < one.span.end
        or other.span.start <= one.span.start < other.span.end
    ):
        return None
    first = source.text.rfind("\n", 0, other.span.start) + 1
    return Bad("swapped", site, whole_of(site, source.text[first : other.span.end]))


def member_dropped(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A class without one of its methods, or a file without one of its functions."""
    holders = [
        it
        for it in source.outline.definitions
        if it.kind in ("class", "interface", "enum") and it.name == (one.scope or ("",))[-1]
    ]
    is_used = len(re.findall(rf"\b{re.escape(one.name)}\b", source.text)) > 1
    if not holders or not (one.exported or is_used):
        return None
    if sum(it.name == one.name and it.scope == one.scope for it in source.outline.definitions) > 1:
        return None
    holder = holders[0]
    if not (holder.span.start < one.span.start and one.span.end <= holder.span.end):
        return None
    site = site_of(source, "edit", holder.span, rng.choice(WISHES))
    if site is None:
        return None
    first = source.text.rfind("\n", 0, one.span.start) + 1
    return Bad(
        "member_dropped",
        site,
        _replaced(source, Span(first, min(one.span.end + 1, holder.span.end)), ""),
    )


def duplicated(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The function twice."""
    site = _site(rng, source, one)
    if site is None:
        return None
    return Bad("duplicated", site, whole_of(site, f"{site.text}\n\n{site.text}"))


def parameter_lost(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A parameter that is not taken any more, or has another name (in the body, too)."""
    head = source.text[one.head.start : one.head.end]
    opening = head.find("(", max(0, head.rfind("def ")))
    if head.startswith("@") or "#" in head or opening < 0:
        return None
    found = [
        match
        for match in re.finditer(r"(?<=[(,\s])([a-z_]\w*)(?=\s*[,)=:])", head[opening:])
        if match[1] not in ("self", "cls", "this", "mut", "key", "value")
    ]
    if source.language not in ("python", "javascript", "typescript") or not found:
        return None
    if any(character in head[opening + 1 :] for character in "([{\"'"):
        return None
    match = rng.choice(found)
    name = match[1]
    named = [
        it
        for it in source.outline.names or ()
        if it.name == name and one.head.start <= it.start < one.head.end
    ]
    if not any(it.is_bound for it in named):
        return None
    site = _site(rng, source, one)
    if site is None or re.search(rf"\b{name}\b", site.request.instruction):
        return None
    at = one.head.start + opening + match.start()
    if rng.random() < 0.5:
        body = source.text[at : one.span.end]
        return Bad(
            "parameter_lost",
            site,
            _replaced(source, Span(at, one.span.end), re.sub(rf"\b{name}\b", f"{name}_arg", body)),
            name,
        )
    end = re.compile(r"[^,)]*,?\s*").match(source.text, at)
    assert end is not None
    return Bad("parameter_lost", site, _replaced(source, Span(at, end.end()), ""), name)


def binding_lost(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A line that alone gives a name its meaning is gone, and the name is used."""
    spans = _behind_doc(source, one)
    site = _site(rng, source, one, "edit")
    if len(spans) < 2 or site is None:
        return None
    form = {
        "python": r"[ \t]+(\w+)(?:: [^=\n]+)? = [^\n]+\n",
        "javascript": r"[ \t]+(?:const|let|var) (\w+) = [^\n]+;\n",
        "typescript": r"[ \t]+(?:const|let|var) (\w+)(?:: [^=\n]+)? = [^\n]+;\n",
        "go": r"[ \t]+(\w+) := [^\n{]+\n",
        "java": r"[ \t]+[A-Z\w<>\[\]]+ (\w+) = [^\n]+;\n",
        "rust": r"[ \t]+let (?:mut )?(\w+)(?:: [^=\n]+)? = [^\n]+;\n",
    }[source.language]
    rng.shuffle(spans)
    for span in spans:
        text = source.text[span.start : span.end]
        match = re.fullmatch(form, text.rstrip("\n") + "\n")
        if match is None or text.count("(") != text.count(")"):
            continue
        name = match[1]
        if source.outline.names is not None:
            bound = [it for it in source.outline.names if it.name == name and it.is_bound]
            used = [
                it
                for it in source.outline.names
                if it.name == name and not it.is_bound and span.end <= it.start < one.span.end
            ]
            if len(bound) != 1 or not used:
                continue
        else:
            rest = source.text[one.head.start : span.start] + source.text[span.end : one.span.end]
            if not re.search(rf"(?<![.\w:]){name}\b(?!\s*:)", source.text[span.end : one.span.end]):
                continue
            declares = rf"\b(?:let|mut|var|int|String|for)\s+(?:\w+, )?{name}\b|\b{name}\b[^\n]*:=|[|(]{name}\b"
            if re.search(declares, rest) or any(
                it.name == name for it in source.outline.definitions
            ):
                continue
        return Bad(
            "binding_lost",
            site,
            _replaced(source, Span(span.start, span.start + len(text.rstrip("\n")) + 1), ""),
            name,
        )
    return None


def import_lost(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """An import that is used is gone from the lines that may change."""
    found = list(
        re.finditer(
            r"(?m)^(?:import (\w+)|from [\w.]+ import (\w+)|import (\w+) from [^\n]+|use [\w:]+::(\w+);|import java[\w.]+\.(\w+);)\n",
            source.text,
        )
    )
    names = [(match, next(name for name in match.groups() if name)) for match in found]
    names = [
        (match, name)
        for match, name in names
        if len(re.findall(rf"(?<![\w.]){name}\b", source.text)) > 1
        and _is_code(source, name, match.end())
    ]
    if not names:
        return None
    match, name = rng.choice(names)
    if (
        source.outline.names is not None
        and sum(it.is_bound and it.name == name for it in source.outline.names) != 1
    ):
        return None
    before = source.text.rfind("\n", 0, match.start() - 1) + 1
    site = site_of(source, "edit", Span(before, match.end()), rng.choice(WISHES))
    if site is None or site.target.defined is not None or before == match.start():
        return None
    return Bad(
        "import_lost", site, _replaced(source, Span(match.start() - 1, match.end() - 1), ""), name
    )


def _is_code(source: Source, name: str, behind: int) -> bool:
    """Whether a name is used in code (as a name of its own, not a member)."""
    if source.outline.names is not None:
        return any(it.name == name and not it.is_bound for it in source.outline.names)
    return any(
        leaf.start > behind
        and leaf.kind != "comment"
        and source.text[leaf.start : leaf.end] == name
        for leaf in source.outline.leaves
    )


def invented(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A call of something that is nowhere."""
    spans, site = _behind_doc(source, one), _site(rng, source, one)
    if source.outline.names is None or not spans or site is None:
        return None
    start = rng.choice(spans).start
    name = rng.choice(
        ("validate_input_data", "ensureReady", "logger_for_module", "HelperFactory", "numpy_like")
    )
    end = "" if source.language == "python" else ";"
    text = f"{indent_at(source, start)}{name}(1){end}\n"
    return Bad("invented", site, _replaced(source, Span(start, start), text), name)


# --- out of place -------------------------------------------------------------------------------


def outside(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A change outside of the target, beside a right one in it or alone."""
    site = _site(rng, source, one)
    if site is None:
        return None
    span = site.target.span
    text = source.text
    places = [
        at
        for at in (rng.randrange(len(text)), 0, len(text) - 1)
        if not span.start <= at <= span.end
    ]
    if not places:
        return None
    at = rng.choice(places)
    changed = rng.choice(
        (
            text[:at] + "x" + text[at:],
            text[:at] + text[at + 1 :],
            text[:at] + "\n" + text[at:],
            text[: at // 2] + text[at:] if at > 2 else text[:-1],
        )
    )
    return None if changed == text else Bad("outside", site, changed, str(at))


def swallows(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The end of the target opens something that what follows it falls into."""
    site = _site(rng, source, one)
    if site is None or one.span.end >= len(source.text.rstrip()):
        return None
    indent = indent_at(source, source.text.rfind("\n", 0, one.span.start) + 1)
    tails = {
        "python": (
            f"\n{indent}if True:",
            f'\n{indent}x = """',
            f"\n{indent}@",
            f"\n{indent}class A:",
            f"\n{indent}(",
            f"\n{indent}for x in",
        ),
    }.get(source.language, (" /*", " {", " (", ' "', " class A {"))
    tail = rng.choice(tails)
    return Bad("swallows", site, whole_of(site, site.text + tail), tail)


# --- what nobody typed --------------------------------------------------------------------------


def leaked(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """Marks of a chat, a fence or a conflict."""
    spans, site = _behind_doc(source, one), _site(rng, source, one)
    if not spans or site is None:
        return None
    mark = rng.choice(MARKUP)
    if mark in source.text or (mark == "=======" and source.language == "rust"):
        return None
    where = rng.randrange(4)
    start = rng.choice(spans).start
    lead = indent_at(source, start)
    if where == 0:
        return Bad("leaked", site, whole_of(site, f"{mark}\n{site.text}"), mark)
    if where == 1:
        return Bad("leaked", site, whole_of(site, f"{site.text}\n{mark}"), mark)
    if where == 2 and not mark.startswith(("=", "#", "@", "|", "+", "<<", ">>")):
        return (
            Bad(
                "leaked",
                site,
                _replaced(source, Span(start, start), f"{lead}{source.comment()} {mark}\n"),
                mark,
            )
            if "`" not in mark and "~" not in mark
            else None
        )
    return Bad("leaked", site, _replaced(source, Span(start, start), f"{mark}\n"), mark)


def talked(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """Talk, as text or as a comment."""
    spans, site = _behind_doc(source, one), _site(rng, source, one)
    if not spans or site is None:
        return None
    said = rng.choice(TALK)
    # As a comment "Output:" may be a headline of somebody's.
    is_bare = said == "Output:" or rng.random() < 0.4
    shown = said if is_bare else f"{source.comment()} {said}"
    if rng.random() < 0.4:
        return Bad(
            "talked", site, whole_of(site, f"{site.target.indent}{shown}\n{site.text}"), shown
        )
    if rng.random() < 0.6:
        return Bad(
            "talked", site, whole_of(site, f"{site.text}\n{site.target.indent}{shown}"), shown
        )
    start = rng.choice(spans).start
    text = f"{indent_at(source, start)}{shown}\n"
    return Bad("talked", site, _replaced(source, Span(start, start), text), shown)


def hidden_character(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A character that a reader cannot see, or takes for a blank."""
    site = _site(rng, source, one, rng.choice(("edit", "document", "annotate", "handle_errors")))
    if site is None:
        return None
    character = rng.choice(HIDDEN)
    span = site.target.span
    at = rng.randrange(span.start, span.end)
    if character in source.text:
        return None
    return Bad(
        "hidden_character", site, _replaced(source, Span(at, at), character), repr(character)
    )


def look_alike(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A letter of another script within a word."""
    site = _site(rng, source, one)
    words = list(re.finditer(r"[a-z]*[aeopcx][a-z]+", source.text[one.span.start : one.span.end]))
    if site is None or not words:
        return None
    match = rng.choice(words)
    word = match[0]
    other = dict(zip("aeopcx", "аеорсх", strict=True))
    at = next(index for index, letter in enumerate(word) if letter in other)
    start = one.span.start + match.start() + at
    return Bad("look_alike", site, _replaced(source, Span(start, start + 1), other[word[at]]), word)


def line_ends(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """Line ends of another kind."""
    site = _site(rng, source, one)
    spans = _behind_doc(source, one)
    if site is None or "\r" in source.text or "\n" not in site.text or not spans:
        return None
    start = rng.choice(spans).start
    said = f"{indent_at(source, start)}{source.comment()} Looks at each.\n"
    whole = _replaced(source, Span(start, start), said)
    end = len(whole) - (len(source.text) - site.target.span.end)
    text = whole[site.target.span.start : end]
    n_ends = 0 if rng.random() < 0.5 else 1
    return Bad("line_ends", site, whole_of(site, text.replace("\n", "\r\n", n_ends or -1)))


# --- more than was asked for --------------------------------------------------------------------


def code_changed(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """`document` or `annotate` with other code: a token, a statement, an indentation."""
    action = rng.choice(("document", "annotate")) if source.language == "python" else "document"
    site = _site(rng, source, one, action)
    leaves = [
        leaf
        for leaf in source.outline.leaves
        if leaf.kind in ("code", "string") and one.head.end < leaf.start < one.span.end
    ]
    spans = _behind_doc(source, one)
    if site is None or not leaves or not spans:
        return None
    how = rng.randrange(4)
    if how == 0:
        leaf = rng.choice(leaves)
        text = source.text[leaf.start : leaf.end]
        new = {
            "==": "!=",
            "+": "-",
            "and": "or",
            "True": "False",
            "<": "<=",
            "0": "1",
            "not": "",
        }.get(text)
        if new is None:
            if not re.fullmatch(r"[A-Za-z]\w*|\d+", text) or text in ("pass", "return"):
                return None
            new = text + "1"
        return Bad(
            "code_changed",
            site,
            _replaced(source, Span(leaf.start, leaf.end), new),
            f"{text}->{new}",
        )
    if how == 1:
        span = rng.choice(spans)
        if not _says(source, span) or len(spans) < 2:
            return None
        text = source.text[: span.start] + source.text[span.end :]
        if source.language == "python" and span.end == one.span.end:
            text = source.text[: span.start].rstrip() + source.text[span.end :]
        return Bad("code_changed", site, text, "deleted")
    start = rng.choice(spans).start
    indent = indent_at(source, start)
    if how == 2:
        line = {"python": "x = 1", "go": "x := 1", "rust": "let x = 1;", "java": "int x = 1;"}.get(
            source.language, "let x = 1;"
        )
        return Bad(
            "code_changed",
            site,
            _replaced(source, Span(start, start), f"{indent}{line}\n"),
            "added",
        )
    return _moved_into_block(source, one, site)


def _moved_into_block(source: Source, one: Defined, site: Site) -> Bad | None:
    """A statement behind a block is in it now: only its white space differs."""
    if source.language != "python":
        return None
    spans = body_statements(source, one)
    for before, span in itertools.pairwise(spans):
        head = source.text[before.start : before.end]
        last = head.rstrip().rsplit("\n", 1)[-1]
        line = source.text[span.start : span.end]
        if not re.match(r"\s*(?:if|for|while|with)\b.*:\n", head) or "\n" in line.rstrip():
            continue
        deeper = indent_at(source, span.start) + source.unit
        if (
            not last.startswith(deeper)
            or last.strip().startswith(("#", ")", "]", "}"))
            or line.lstrip().startswith("#")
        ):
            continue
        if not last.startswith(deeper) or last[len(deeper) : len(deeper) + 1] == " ":
            continue
        at = span.start + len(indent_at(source, span.start))
        # Something that the action may do goes with it.
        after = _replaced(source, Span(span.start, at), f"{deeper}# Each time.\n{deeper}")
        if site.request.action == "annotate":
            head = source.text[one.head.start : one.head.end]
            typed = re.sub(r"\)\s*:\s*$", ") -> object:", head)
            after = _replaced(source, Span(span.start, at), deeper)
            after = after[: one.head.start] + typed + after[one.head.end :]
        return Bad("code_changed", site, after, "moved into a block")
    return None


def comment_changed(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """`annotate` that touches comments or documentation."""
    spans = _behind_doc(source, one)
    site = _site(rng, source, one, "annotate")
    if source.language != "python" or site is None or not spans:
        return None
    start = rng.choice(spans).start
    text = f"{indent_at(source, start)}# Returns an integer.\n"
    return Bad("comment_changed", site, _replaced(source, Span(start, start), text))


def signature_changed(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """Another parameter where the action is not about signatures."""
    action = rng.choice(("handle_errors", "simplify", "document"))
    site = _site(rng, source, one, action)
    head = source.text[one.head.start : one.head.end]
    opening = head.find("(", max(0, head.rfind(one.name)))
    if site is None or opening < 0 or head.startswith("@"):
        return None
    new = {
        "python": "extra_one=None",
        "go": "extra int",
        "java": "int extra",
        "rust": "extra: i32",
    }.get(source.language, "extra")
    at = one.head.start + opening + 1
    inner = source.text[at : one.head.end].lstrip()
    if inner[:1] in ("*", "/") or source.language == "rust":
        return None
    text = new if inner.startswith(")") else f"{new}, "
    return Bad("signature_changed", site, _replaced(source, Span(at, at), text))


def head_spoiled(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A signature without a decorator, a default value, `export` or `async`, or with a new duty."""
    site = _site(rng, source, one, "edit")
    head = source.text[one.head.start : one.head.end]
    found = [
        (pattern, new)
        for pattern, new in (
            (r"@[\w.]+(?:\([^\n]*\))?\n\s*", ""),
            (r"(?<=\w)=[\w.]+(?=[,)])", ""),
            (r"\bexport (?=function|class|async)", ""),
            (r"\basync (?=def|function|\w+\()", ""),
            (r"(?<=\()(?=\w+[,)=])", "needed_now, " if source.language == "python" else None),
        )
        if new is not None and re.search(pattern, head)
    ]
    if site is None or not found or "#" in head:
        return None
    pattern, new = rng.choice(found)
    if "needed" in new and (re.search(r"\((?:self|cls)\b", head) or "@" in head):
        return None
    spoiled = re.sub(pattern, new, head, count=1)
    return Bad("head_spoiled", site, _replaced(source, one.head, spoiled), pattern)


def documentation_lost(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The documentation is gone."""
    spans = _behind_doc(source, one)
    site = _site(rng, source, one)
    if site is None or one.doc.end <= one.doc.start or not spans:
        return None
    if one.doc.start > one.head.end:
        first = source.text.rfind("\n", 0, one.doc.start) + 1
        return Bad("documentation_lost", site, _replaced(source, Span(first, spans[0].start), ""))
    first = source.text.rfind("\n", 0, one.span.start) + 1
    return Bad(
        "documentation_lost", site, _replaced(source, Span(site.target.span.start, first), "")
    )


MAKERS: tuple[Maker, ...] = (
    elided,
    elided,
    elided,
    elided_in_block,
    elided_beside,
    stubbed,
    truncated_within,
    truncated_between,
    emptied,
    unbalanced,
    unbalanced,
    unterminated,
    junk,
    wrongly_indented,
    renamed,
    swapped,
    member_dropped,
    duplicated,
    parameter_lost,
    binding_lost,
    binding_lost,
    import_lost,
    invented,
    outside,
    outside,
    swallows,
    leaked,
    talked,
    hidden_character,
    hidden_character,
    look_alike,
    line_ends,
    code_changed,
    code_changed,
    comment_changed,
    signature_changed,
    documentation_lost,
    head_spoiled,
)


def corrupted_edits(seed: int, count: int) -> list[Bad]:
    """Edits that must not pass, of all kinds in turn."""
    rng = random.Random(seed)
    found: list[Bad] = []
    tries = 0
    while len(found) < count:
        maker = MAKERS[tries % len(MAKERS)]
        tries += 1
        for _ in range(80):
            source = weighted(rng)
            several = list(functions(source))
            if not several:
                continue
            bad = maker(rng, source, rng.choice(several))
            if bad is not None and bad.after != source.text:
                found.append(bad)
                break
    return found
