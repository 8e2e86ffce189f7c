"""A block of ports for the gateways of one system on this machine, which no other system uses.

Serve gives every cluster's replicas the direct ports 30000, 30001, ... When a gateway dies, another
cluster's next one may take its port while our HAProxy still sends people there: they would be told
that their tokens are signed with an unknown key.
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
