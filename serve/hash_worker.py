"""Hashes passwords in a process of its own, which runs only when nobody else wants the processor.

Started by `serve/password_hashes.py`. Each line of standard input is a request
`[stored hash or "", password]`; each line of standard output its answer: for a stored hash whether
the password is right, else the new hash. Ends with its input, so never outlives who started it.
"""

from __future__ import annotations

import json
import math
import sys
import time

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from serve.priority import give_way, run_when_idle

REST_S, REST_TIMES = 2.0, 3.0
REST_ABOVE = 1.25
"""Times the best hash's duration that is still no sign of a busy machine."""


def rest_after(took_s: float, best_s: float) -> float:
    """Return how long to leave the processor to others after a hash.

    A hash that took longer than the best one shared the machine with chats: rest `REST_TIMES` as
    long as it was held up, at most `REST_S` (J. Douceur, W. Bolosky, Progress-based Regulation of
    Low-importance Processes, SOSP 1999). On an idle machine there is no rest.
    """
    return min(REST_S, max(0.0, REST_TIMES * (took_s - REST_ABOVE * best_s)))


def answer(hasher: PasswordHasher, stored: str, password: str) -> str | bool:
    """Return the hash of the password, or, given a stored one, whether it is the password's."""
    if not stored:
        return hasher.hash(password)
    try:
        return hasher.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False


def main() -> None:
    """Answer until the input ends."""
    give_way()
    run_when_idle()
    hasher, best_s = PasswordHasher(), math.inf
    for line in sys.stdin.buffer:
        started = time.perf_counter()
        told = answer(hasher, *json.loads(line))
        took_s = time.perf_counter() - started
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        best_s = min(best_s, took_s)
        time.sleep(rest_after(took_s, best_s))


if __name__ == "__main__":
    main()
