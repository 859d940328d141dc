"""The one door: the process that carries bytes to engines and APIs which a person has named.

    server -- frames over two pipes --> desk -> door (policy, locks, limits) -> http -> an endpoint
                                                  resolver: names to addresses, in a child

It exists only where a policy's mode is `onprem` or `closed`, is started by the launcher and is the
only process of ours with an internet socket. It trusts nothing that the server says beyond what it
can check itself: an endpoint is a *name* in a file of the machine or the person, never an address.
"""
