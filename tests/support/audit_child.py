"""A process that appends to an audit log: `python audit_child.py DIRECTORY NAME COUNT LIMIT SLOW`.

It prints the number of each record that is on disk. COUNT 0: until it is killed. LIMIT: the largest
file in bytes that it may write, 0 for any. SLOW 1: it writes a line in many small pieces, so that
who kills it hits the middle of one.
"""

from __future__ import annotations

import itertools
import resource
import sys
import time
from io import FileIO
from pathlib import Path

from indoors_server import audit
from indoors_server.audit import AuditError, Log


class SlowFile(FileIO):
    """A file that takes little at a time, as a system may."""

    def write(self, data) -> int:
        time.sleep(0.001)
        return super().write(data[:20])


def main() -> int:
    directory, name, count, limit, slow = sys.argv[1:]
    if slow == "1":
        audit.FileIO = SlowFile  # type: ignore[misc]
    log = Log.open(Path(directory), patience_s=120)
    if int(limit):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    try:
        for number in itertools.count() if count == "0" else range(int(count)):
            log.append(event="sent", kind=name, reason=f"number {number} " + "x" * (number % 90))
            print(number, flush=True)
    except AuditError as error:
        print(error, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
