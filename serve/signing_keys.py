"""Our own signing keys: made at first start, kept as one JWK set, known by `kid`.

Only JWKs of one shape are ever accepted: EC, P-256. No PEM, no DER, no symmetric key can come in,
whatever a file or a header says.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

FILE = "signing.jwks.json"
COORDINATE_N = 32
"""Bytes of a P-256 coordinate."""


class KeysError(Exception):
    """The key file cannot be used; the text says why."""


class Jwk(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One EC P-256 key (RFC 7517, RFC 7518). `d` is the private part."""

    kty: str
    crv: str
    x: str
    y: str
    kid: str
    alg: str = ""
    use: str = ""
    d: str = ""

    def public(self) -> dict[str, str]:
        """Return the public JWK, ready to publish."""
        parts = {"kty": "EC", "crv": "P-256", "x": self.x, "y": self.y}
        return {**parts, "kid": self.kid, "alg": "ES256", "use": "sig"}

    def private(self) -> dict[str, str]:
        """Return the JWK with its private part, for signing."""
        return {"kty": "EC", "crv": "P-256", "x": self.x, "y": self.y, "d": self.d}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: list[Jwk]


def load_keys(folder: Path) -> list[Jwk]:
    """Return the keys of `folder`, newest first: the first signs, all verify.

    Makes a key if there is none. Several processes may start at once: one makes it, all read it.

    Raises:
        KeysError: the file is damaged, or holds a key of another kind.
    """
    path = folder / FILE
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(path, [make_key()])
    try:
        keys = msgspec.json.decode(path.read_bytes(), type=_File).keys
    except (msgspec.DecodeError, OSError) as error:
        raise KeysError(f"{path.name} cannot be read: {error}") from error
    if not keys:
        raise KeysError(f"{path.name} holds no key")
    for key in keys:
        check_key(key)
        if not key.d:
            raise KeysError(f"{path.name}: key {key.kid} has no private part")
    return keys


def make_key() -> Jwk:
    """Return a fresh private key; its `kid` is its thumbprint (RFC 7638)."""
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    x, y = _coordinate(numbers.public_numbers.x), _coordinate(numbers.public_numbers.y)
    return Jwk(
        kty="EC", crv="P-256", x=x, y=y, kid=_thumbprint(x, y), d=_coordinate(numbers.private_value)
    )


def check_key(key: Jwk) -> None:
    """Refuse every key but EC P-256.

    Raises:
        KeysError: another type or curve, or coordinates of another size.
    """
    if key.kty != "EC" or key.crv != "P-256" or key.alg not in ("", "ES256"):
        raise KeysError(f"key {key.kid}: only EC P-256 keys for ES256 are accepted")
    for part in filter(None, (key.x, key.y, key.d)):
        try:
            size = len(base64.urlsafe_b64decode(part + "=="))
        except ValueError:
            size = 0
        if size != COORDINATE_N:
            raise KeysError(f"key {key.kid}: a coordinate is not {COORDINATE_N} bytes")


def _create(path: Path, keys: list[Jwk]) -> None:
    """Write the file whole or not at all, readable by its owner only; keep one already there."""
    draft = path.with_name(f".{secrets.token_hex(8)}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(_File(keys)))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def _coordinate(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(COORDINATE_N, "big")).rstrip(b"=").decode()


def _thumbprint(x: str, y: str) -> str:
    members = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
    digest = hashlib.sha256(members.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
