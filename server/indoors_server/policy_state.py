"""What tells that a file of a policy, or of engines elsewhere, was changed or replaced since.

Asked for each request.
"""

from __future__ import annotations

import os

from indoors_server import endpoint_files, prelaunch
from indoors_server.policy.files import WORKSPACE_FILE

State = tuple[tuple[int, ...] | None, ...]


def state(folder: str = "") -> State:
    """The state of the machine's and the user's files and, with a workspace folder, of its own.

    Of the machine's folders too, since a file may be added.
    """
    files = prelaunch.policy_files()
    places = [*files, prelaunch.MACHINE_DIRECTORY, prelaunch.MACHINE_DIRECTORY / prelaunch.FOLDER]
    own = [os.path.join(folder, WORKSPACE_FILE)] if folder else []  # noqa: PTH118 - for each request
    return tuple(_of(place) for place in (*map(os.fspath, places), *own))


def of_engines() -> State:
    """The state of the files that name engines elsewhere."""
    places = (prelaunch.MACHINE_DIRECTORY / endpoint_files.FILE, endpoint_files.user_file())
    return tuple(_of(os.fspath(place)) for place in places)


def _of(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - asked for each request
    except OSError:
        return None
    return (
        found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns,
        found.st_mode, found.st_uid,
    )  # fmt: skip
