"""The stamp of a password: what a token carries so that a new password ends the old sign-ins."""

from __future__ import annotations

import hashlib

STAMP_N = 16


def stamp_of(password_hash: str) -> str:
    """Return what changes with the password and tells nothing about it; '' without one.

    `password_hash` is argon2id with its own salt, so that equal passwords have different stamps.
    """
    if not password_hash:
        return ""
    return hashlib.sha256(b"raydesk-stamp-v1" + password_hash.encode()).hexdigest()[:STAMP_N]
