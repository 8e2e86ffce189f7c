"""Our own signing keys: made at first start, kept as one JWK set, known by `kid`.

Only JWKs of one shape are ever accepted: EC, P-256. No PEM, no DER, no symmetric key can come in,
whatever a file or a header says.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FILE = "signing.jwks.json"
COORDINATE_N = 32
"""Bytes of a P-256 coordinate."""
PUBLISH_S = 10.0
"""A new key is published this long before it signs: several looks of every gateway."""
NONCE_N = 12


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


class KeySet(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Keys, newest first. A new key verifies `PUBLISH_S` before it signs, so that every gateway
    knows it by then; an old one verifies until the last token that it signed has expired.

    `signs_from` and `until`: kid -> seconds since 1970; a key that is not in them is not bound.
    """

    keys: list[Jwk]
    signs_from: dict[str, float] = {}
    until: dict[str, float] = {}

    def signing(self, now: float) -> Jwk:
        """Return the newest key that signs at `now`."""
        ready = (key for key in self.keys if self.signs_from.get(key.kid, 0.0) <= now)
        return next(ready, self.keys[-1])

    def verifies(self, kid: str, now: float) -> bool:
        """Tell whether tokens of that key count at `now`."""
        return self.until.get(kid, now + 1.0) > now

    def verifying(self, now: float) -> list[Jwk]:
        """Return the keys whose tokens count at `now`."""
        return [key for key in self.keys if self.verifies(key.kid, now)]

    def rotated(self, new: Jwk, now: float, longest_s: float) -> KeySet:
        """Return the set in which `new` takes over; no token lives longer than `longest_s`."""
        starts, kept = now + PUBLISH_S, self.verifying(now)
        ends = {key.kid: self.until.get(key.kid, starts + longest_s) for key in kept}
        from_ = {key.kid: self.signs_from[key.kid] for key in kept if key.kid in self.signs_from}
        return KeySet(keys=[new, *kept], signs_from={**from_, new.kid: starts}, until=ends)


def load_keys(folder: Path) -> list[Jwk]:
    """Return the keys of `folder`, newest first: the first signs, all verify (`load_key_set`)."""
    return load_key_set(folder).keys


def load_key_set(folder: Path) -> KeySet:
    """Return the keys of `folder`.

    Makes a key if there is none. Several processes may start at once: one makes it, all read it.

    Raises:
        KeysError: the file is damaged, or holds a key of another kind.
    """
    path = folder / FILE
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(path, KeySet(keys=[make_key()]))
    try:
        found = msgspec.json.decode(path.read_bytes(), type=KeySet)
    except (msgspec.DecodeError, OSError) as error:
        raise KeysError(f"{path.name} cannot be read: {error}") from error
    if not found.keys:
        raise KeysError(f"{path.name} holds no key")
    for key in found.keys:
        check_key(key)
        if not key.d:
            raise KeysError(f"{path.name}: key {key.kid} has no private part")
    return found


def rotate(folder: Path, now: float, longest_s: float) -> KeySet:
    """Add a new key to `folder` and return the new set; the old ones verify on."""
    new = load_key_set(folder).rotated(make_key(), now, longest_s)
    draft = _written(folder / FILE, new)
    draft.replace(folder / FILE)
    return new


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


def seal(keys: KeySet) -> dict[str, bytes]:
    """Return the set encrypted (AES-GCM) under each of its keys: whoever has one of them gets all.

    So a rotation reaches every gateway through a store that must not know the keys.
    """
    clear = msgspec.json.encode(keys)
    nonces = {key.kid: secrets.token_bytes(NONCE_N) for key in keys.keys}
    return {
        key.kid: nonces[key.kid]
        + AESGCM(_sealing_key(key)).encrypt(nonces[key.kid], clear, key.kid.encode())
        for key in keys.keys
    }


def unseal(sealed: Mapping[str, bytes], known: Sequence[Jwk]) -> KeySet | None:
    """Return the set that somebody with a key of ours sealed; None: nobody did."""
    for key in known:
        data = sealed.get(key.kid, b"")
        try:
            clear = AESGCM(_sealing_key(key)).decrypt(
                data[:NONCE_N], data[NONCE_N:], key.kid.encode()
            )
            return msgspec.json.decode(clear, type=KeySet)
        except (InvalidTag, ValueError, msgspec.DecodeError):
            continue
    return None


def is_announced(sealed: Mapping[str, bytes], keys: KeySet) -> bool:
    """Tell whether the sealed set has the newest of these keys."""
    found = unseal(sealed, keys.keys)
    return found is not None and keys.keys[0].kid in {key.kid for key in found.keys}


def _sealing_key(key: Jwk) -> bytes:
    return hashlib.blake2b(key.d.encode(), person=b"raydesk-keys-v1", digest_size=32).digest()


def _create(path: Path, keys: KeySet) -> None:
    """Write the file unless there is one by now."""
    draft = _written(path, keys)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _written(path: Path, keys: KeySet) -> Path:
    """Write a draft beside `path`, whole, readable by its owner only."""
    draft = path.with_name(f".{secrets.token_hex(8)}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(keys))
        file.flush()
        os.fsync(file.fileno())
    return draft


def _coordinate(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(COORDINATE_N, "big")).rstrip(b"=").decode()


def _thumbprint(x: str, y: str) -> str:
    members = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
    digest = hashlib.sha256(members.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
