"""Whole paths: a folder that is opened by itself is not harmless for that.

The built-in patterns name files by where they lie (`secrets/`, `.docker/config.json`); who opens
such a folder has paths in it that no longer say so. Patterns of layers are relative to a workspace,
as their writers mean them, and are not asked here. Pure.
"""

from __future__ import annotations

from indoors_indexing import denies as globs
from indoors_server.policy.table import BUILT_IN_DENIES
from indoors_server.policy.verdict import ALLOWED, Verdict


def may_show(folder: str, path: str) -> Verdict:
    """Whether a file may be shown, by where its workspace folder lies. `path` is relative to it,
    or absolute where a link leads out; "" asks about the folder.
    """
    if not folder:
        return ALLOWED
    whole = path if path.startswith("/") else f"{folder.rstrip('/')}/{path}"
    rule = globs.denies(BUILT_IN_DENIES).match(whole)
    if not rule:
        return ALLOWED
    what = f"{whole!r} is denied by the pattern {rule} (deny_paths, built in)"
    return Verdict(allowed=False, reason=what, key="deny_paths", rule=rule)
