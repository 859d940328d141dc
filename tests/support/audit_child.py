"""A process that appends to an audit log: `python audit_child.py DIRECTORY NAME COUNT LIMIT`.

It prints the number of each record that is on disk. COUNT 0: until it is killed. LIMIT: the largest
file in bytes that it may write, 0 for any.
"""

from __future__ import annotations

import itertools
import resource
import sys
from pathlib import Path

from indoors_server.audit import AuditError, Log


def main() -> int:
    directory, name, count, limit = sys.argv[1:]
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
