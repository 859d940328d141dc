"""Makes of "write tests for this" a request for an edit of the file that they go to.

    place of the symbol -> what is tested -> paths of the project -> the test file, as it is
                        -> imports and beginning in the project's way -> EditRequest of that file

The server and the command line share it. Reads files, in a thread, and nothing that is refused.
"""

from __future__ import annotations

import asyncio
import os
import posixpath
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

import msgspec

from indoors_completion.refactor import actions, tests_place
from indoors_completion.refactor.target import of_lines
from indoors_completion.refactor.tests_frame import UnderTest, frame_of
from indoors_completion.refactor.types import EditRequest, Subject
from indoors_completion.types import InputError
from indoors_indexing.folders import folders
from indoors_indexing.types import Defined, Document, Outline, Span
from indoors_server import edit_request, source_file
from indoors_server.language_ids import language_id
from indoors_server.session import path_of

# A class that is no longer than this is shown whole, also where one of its methods is tested.
_SHORT_CLASS_LINES = 80
_EXAMPLE_CHARACTERS = 1200
# Without an index the folders are listed; no more files are looked at than this.
_MOST_PATHS = 50_000
_MANIFEST = "package.json"


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """The project that a file is in: `root` is its folder, `paths` gives what files it has (None
    where no index says it), `refuses` why a file may not be read ("" if it may), `opened` the
    document of a path, if an editor has it open, and `outline` what a document says.
    """

    root: Path
    paths: Callable[[], Awaitable[Collection[str] | None]]
    refuses: Callable[[str], str]
    outline: Callable[[Document], Awaitable[Outline | None]]
    opened: Callable[[str], Document | None] = lambda _path: None


async def for_tests(request: EditRequest, around: Around) -> EditRequest:
    """The request for tests of what is at a request's place. Raises InputError where tests cannot
    be written there.
    """
    document, outline = request.document, request.outline
    target = actions.BY_NAME[actions.TESTS].applies(request)
    if target is None or target.defined is None:
        raise InputError("there is nothing here that tests could import")
    if posixpath.isabs(document.path):
        raise InputError("the file is in no folder that is open, so its tests have no place")
    known = await around.paths()
    paths = known if known is not None else await asyncio.to_thread(listed, around.root)
    place = tests_place.place_of(document.path, outline.language, paths)
    there, is_new = await _document(document, place.path, around)
    example = there.text if not is_new else await _text(place.example, around)
    is_ecma = outline.language in ("javascript", "typescript", "tsx")
    manifest = await _text(_MANIFEST, around) if is_ecma else ""
    imported = actions.tested_name(request, target.defined)
    unit = edit_request.indent_unit(document if is_new else there, request.selection.start)
    about = UnderTest(
        outline.language, imported, target.defined.name, document.path, place.path, document.text,
        paths, example, manifest, unit,
    )  # fmt: skip
    outline_there = await around.outline(there)
    if outline_there is None:
        raise InputError("this language cannot be parsed here, and so no test could be checked")
    return EditRequest(
        document=there,
        selection=Span(0, 0),
        action=actions.TESTS,
        outline=outline_there,
        instruction=request.instruction,
        snippets=request.snippets,
        indent_unit=unit,
        seed=request.seed,
        subject=Subject(
            name=target.defined.name,
            imported=imported,
            path=document.path,
            code=_code(request, target.defined),
            frame=frame_of(about),
            example=_first_tests(example) if place.path != document.path else "",
            example_path=place.example if is_new else there.path,
            is_new=is_new,
        ),
    )


def is_as_read(document: Document, *, is_new: bool) -> bool:
    """Whether a file on the disk is still what the edit was made for."""
    where = Path(path_of(document.uri))
    if is_new:
        return not os.path.lexists(where)
    try:
        return source_file.read(where).text == document.text
    except InputError:
        return False


def listed(root: Path) -> set[str]:
    """The files of a project, as far as they count for an index; only so many."""
    found: set[str] = set()
    for folder in folders(str(root), "", lambda _path: None, with_files=True):
        if folder.kept:
            found.update(folder.files)
        if len(found) >= _MOST_PATHS:
            break
    return found


async def _document(asked: Document, path: str, around: Around) -> tuple[Document, bool]:
    """The test file, and whether it is to be created."""
    if path == asked.path:
        return asked, False
    if why := around.refuses(path):
        raise InputError(f"the tests would go to {path}: {why}")
    if (opened := around.opened(path)) is not None:
        return opened, False
    where = around.root / path
    is_there = os.path.lexists(where)
    _require_inside(around.root, where)
    text = (await asyncio.to_thread(source_file.read, where)).text if is_there else ""
    if len(text) > edit_request.MAX_CHARACTERS:
        raise InputError(f"{path}: {edit_request.TOO_LONG}")
    document = Document(
        uri=where.as_uri(), path=path, language=language_id(where.name), version=0, text=text,
        root=str(around.root),
    )  # fmt: skip
    return document, not is_there


def _require_inside(root: Path, where: Path) -> None:
    """A link may lead a path out of the project: there nothing is read or written."""
    inside = os.path.realpath(root)
    if not os.path.realpath(where).startswith(inside.rstrip(os.sep) + os.sep):
        raise InputError(f"{where.name} is outside of the project")


async def _text(path: str, around: Around) -> str:
    """A file's text, "" where it cannot be had: it only says how things are done here."""
    if not path or around.refuses(path):
        return ""
    if (opened := around.opened(path)) is not None:
        return opened.text
    try:
        _require_inside(around.root, around.root / path)
        return (await asyncio.to_thread(source_file.read, around.root / path)).text
    except InputError:
        return ""


def _code(request: EditRequest, defined: Defined) -> str:
    """What is tested: a function, a class, a method with its class around it."""
    text, outline = request.document.text, request.outline
    around = next(
        (
            one
            for one in outline.definitions
            if one.kind == "class" and (one.name,) == defined.scope
        ),
        None,
    )
    if around is None:
        return of_lines(text, defined.span).text
    whole = of_lines(text, around.span).text
    if whole.count("\n") < _SHORT_CLASS_LINES:
        return whole
    head = of_lines(text, around.head).text
    method = of_lines(text, defined.span)
    return head + "\n" + "\n".join(f"{method.indent}{line}" for line in method.text.split("\n"))


def _first_tests(text: str) -> str:
    """The beginning of a test file, up to a blank line."""
    text = text.replace("\r\n", "\n").strip("\n")
    if len(text) <= _EXAMPLE_CHARACTERS:
        return text
    end = text.rfind("\n\n", 0, _EXAMPLE_CHARACTERS)
    return text[: end if end > 0 else text.rfind("\n", 0, _EXAMPLE_CHARACTERS)].rstrip()
