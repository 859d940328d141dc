"""The lines of the proof: what a person sees of the ways out, each of which is several attempts."""

from __future__ import annotations

from typing import Literal

# What must be promised for a role before a way has to be shut.
Claim = Literal["network", "read", "write"]

INTERNET = "internet: IPv4 and IPv6, TCP and UDP"
FAMILIES = "all other families, 0 to 45"
DATAGRAMS = "datagrams between local processes"
LOOPBACK = "to a listener on 127.0.0.1"
LOCAL_PATH = "to a local socket, by path"
LOCAL_ABSTRACT = "to a local socket, abstract"
MESSAGES = "messages with an address"
HANDED = "receiving a handed-over descriptor"
INHERITED = "sockets open before the lock-down"
MACHINE_CODE = "machine code that makes the call"
OLDER_THREAD = "a thread older than the lock-down"
CHILDREN = "a child process: Python, shell"
RING = "io_uring"
BITS_32 = "32-bit system calls (int 0x80)"
X32 = "x32 system calls"
OTHERS = "memory, descriptors, ptrace"
NAMESPACES = "a network namespace of its own"
HOOKS = "bpf, userfaultfd"
KEYS = "key rings"
TERMINAL = "typing into a terminal (TIOCSTI)"
READING = "read /etc/passwd, list your home"
WRITING = "write in your home"

# What the screen shows, in this order.
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Open a socket", (INTERNET, FAMILIES, DATAGRAMS)),
    ("Connect", (LOOPBACK, LOCAL_PATH, LOCAL_ABSTRACT)),
    ("Send", (MESSAGES, HANDED, INHERITED)),
    ("Get around", (MACHINE_CODE, OLDER_THREAD, CHILDREN, RING, BITS_32, X32)),
    ("Other processes, the kernel", (OTHERS, NAMESPACES, HOOKS, KEYS, TERMINAL)),
    ("Files", (READING, WRITING)),
)
# Without these nothing is said about a network at all.
ESSENTIAL = (INTERNET, LOOPBACK)
