"""A block of ports for the ingress of one system on this machine, which no other system uses.

Serve's defaults are the same for every cluster. While no gateway is up, HAProxy sends people to its
fallback proxy, port 8500, which all clusters of a machine share (SO_REUSEPORT): some reach another
system, whose gateway tells them that their tokens are signed with an unknown key. (Seen with three
systems on one machine and one gateway killed.) Gateways' own ports begin at 30000 everywhere.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager

PORTS_N = 100
"""A port that was used is put aside for minutes, so a gateway that dies often needs many."""
LOWEST, HIGHEST = 20_000, 32_700
"""Below the ports that Linux gives to whoever asks for any (32768 and up)."""


@contextmanager
def port_block() -> Iterator[range]:
    """Hold a block of ports until the block of code ends; its first port is the sign that it is
    taken, the others may be used.

    Raises:
        RuntimeError: all blocks are taken.
    """
    firsts = list(range(LOWEST, HIGHEST - PORTS_N, PORTS_N))
    random.shuffle(firsts)
    for first in firsts:
        with socket.socket() as sign:
            try:
                sign.bind(("127.0.0.1", first))
            except OSError:
                continue
            yield range(first + 1, first + PORTS_N)
            return
    raise RuntimeError(f"no block of {PORTS_N} ports is free from {LOWEST} to {HIGHEST}")
