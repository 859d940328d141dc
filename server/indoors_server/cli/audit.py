"""`indoors audit show | verify | head`: what was refused, sent or counted, and whether it is whole.

The log is tamper-evident against an anchor, no more: `head` prints the anchor, which only helps if
it is kept where whoever could change the log cannot change it.
"""

from __future__ import annotations

import argparse
import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import msgspec

from indoors_server import audit_check, paths, private_files
from indoors_server import audit_files as files
from indoors_server import audit_records as records
from indoors_server.audit_records import Record
from indoors_server.cli import screen

_VERIFY = (
    "Check the chain. Shows an edit, a missing record, another order and a record twice. That the "
    "end was cut off, or the whole log replaced by somebody with the key, shows only against an "
    "anchor: the log is tamper-evident against an anchor. Exit status 1 if it is not whole."
)
_HEAD = (
    "Print the anchor, SEQ:H. Keep it where nobody who can change the log can change it; give it "
    "to `verify --anchor` later."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three actions."""
    actions = parser.add_subparsers(dest="action", metavar="show | verify | head", required=True)
    show = actions.add_parser("show", help="print the last records (unchecked)")
    show.add_argument("--last", type=int, default=20, metavar="N", help="0: all (default: 20)")
    show.add_argument("--path", default="", help="only records about this file or folder")
    show.add_argument("--json", action="store_true", help="one JSON object per record")
    verify = actions.add_parser("verify", help="check the chain", description=_VERIFY)
    verify.add_argument("--anchor", default="", metavar="SEQ:H", help="what `head` printed earlier")
    verify.add_argument("--json", action="store_true", help="one JSON object")
    head = actions.add_parser("head", help="print the anchor", description=_HEAD)
    for action in (show, verify, head):
        action.add_argument(
            "--directory", default="", metavar="DIR", help=f"of {files.LOG} and {files.KEY}"
        )


def run(options: argparse.Namespace) -> int:
    """Do one of them."""
    directory = Path(options.directory) if options.directory else paths.state_dir()
    if options.action == "show":
        return _show(directory, options)
    if options.action == "verify":
        return _verify(directory, options)
    screen.say(str(audit_check.head(directory)))
    return 0


def _show(directory: Path, options: argparse.Namespace) -> int:
    found = _about(directory, options.path) if options.path else audit_check.read(directory)
    wanted = deque(found, options.last) if options.last > 0 else found
    for record in wanted:
        if options.json:
            screen.say(msgspec.json.encode(record).decode())
        else:
            screen.say(screen.clean(_line(record)))
    return 0


def _about(directory: Path, path: str) -> Iterator[Record]:
    """The records about a path, as it was given or with its links followed."""
    if not (directory / files.LOG).exists():
        return
    key = files.read_key(directory)
    names = {records.absolute(path), str(Path(path).resolve())}
    wanted = {records.path_hmac(key, name) for name in names}
    for record in audit_check.read(directory):
        if record.path_hmac in wanted:
            yield record


def _line(record: Record) -> str:
    parts = [f"{record.seq:>6}", record.ts, record.event, record.kind, record.decision, record.host]
    if record.size:
        parts.append(f"{record.size} bytes")
    parts += [f"{name}={count}" for name, count in record.counts.items()]
    if record.path_hmac:
        parts.append(f"path:{record.path_hmac[:12]}")
    if record.reason:
        parts.append(f"({record.reason})")
    return "  ".join(part for part in parts if part)


def _verify(directory: Path, options: argparse.Namespace) -> int:
    anchor = records.anchor_of(options.anchor) if options.anchor else None
    verdict = audit_check.verify(directory, anchor)
    if options.json:
        screen.say(json.dumps(msgspec.to_builtins(verdict)))
        return 0 if verdict.ok else 1
    shown = private_files.show(directory / files.LOG)
    if not verdict.ok:
        screen.warn(f"NOT WHOLE: {shown} breaks at record {verdict.first_bad_seq}.")
        screen.warn(f"  {verdict.problem}.")
        screen.warn(f"  {verdict.n_records} records before it are as they were written.")
        screen.warn(f"  Next: keep a copy of the file and of {files.KEY} before anything else")
        return 1
    screen.say(f"whole: {verdict.n_records} records in {shown}")
    if verdict.n_repairs:
        numbers = ", ".join(str(seq) for seq in verdict.repaired_seqs)
        more = " …" if verdict.n_repairs > len(verdict.repaired_seqs) else ""
        screen.say(
            f"repaired: {verdict.n_repairs} torn lines, {verdict.n_lost_bytes} bytes lost, "
            f"told by record {numbers}{more}"
        )
    if anchor is None:
        screen.say("Without --anchor this cannot show that the end was cut off.")
    else:
        screen.say(f"anchor: record {anchor.seq} is the one that was written down")
    return 0
