"""C and C++: includes, as compilers look for them, else by the end of the path.

The include roots of a build are rarely written where they can be read, so a name that is found on
none of the usual ones is matched by its end, if that leaves no doubt.
"""

from __future__ import annotations

from indoors_indexing.facts import Import
from indoors_indexing.resolve.tree import (
    FileIndex,
    ancestors,
    ending_with,
    existing,
    folder_of,
    join,
)

_USUAL_ROOTS = ("include", "src", "")


def resolve(imp: Import, importer: str, files: FileIndex) -> list[str]:
    """The header that an `#include` means; quotes look beside the including file first."""
    written = imp.module.strip()
    is_angle = written.startswith("<")
    written = written.strip("<>\"' ").replace("\\", "/")
    if not written:
        return []
    folder = folder_of(importer)
    beside = [] if is_angle else existing(files, [join(folder, written)])
    if beside:
        return beside
    around = [f"{one}/{root}" for one in ancestors(folder) for root in _USUAL_ROOTS]
    roots = [*around, *files.project.include_roots]
    found = existing(files, [join(root, written) for root in roots])[:3]
    if found:
        return found
    ending = ending_with(files, written.replace("../", "").replace("./", ""), importer)
    # `<string.h>` is the library's, whatever a project calls its files.
    if "/" not in written and (is_angle or len(ending) > 1):
        return []
    return ending[:3]
