"""Tokens and every known attack on them, each replayed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from serve.identity import BadTokenError, Identity
from serve.signing_keys import FILE, Jwk, KeysError, check_key, load_keys, make_key
from serve.tokens import Tokens

NOW = 1_800_000_000.0
ANN = Identity(org="acme", subject="ann", role="leader", name="安", kind="human")
TOM = Identity(
    org="acme",
    subject="tom",
    role="customer",
    name="Tom",
    site="shop",
    device="d1",
    lang="zh",
    vip=3,
    attributes={"plan": "gold"},
)
KEY = make_key()


@pytest.fixture
def tokens() -> Tokens:
    return Tokens([KEY])


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = token.split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(p + "==")) for p in (header, claims))


def private(key: Jwk) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(base64.urlsafe_b64decode(key.d + "=="), "big")
    return ec.derive_private_key(number, ec.SECP256R1())


def forge(header: dict[str, Any], claims: dict[str, Any], key: Jwk = KEY) -> str:
    """Sign whatever is asked with an EC key, past our own issuer."""
    signing = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    der = private(key).sign(signing.encode(), ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)
    return f"{signing}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def forge_hmac(header: dict[str, Any], claims: dict[str, Any], secret: bytes, digest: Any) -> str:
    signing = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{signing}.{b64(hmac.digest(secret, signing.encode(), digest))}"


def public_shapes() -> dict[str, bytes]:
    """The public key in every shape that a confused verifier might take for a secret."""
    public = private(KEY).public_key()
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    point = serialization.PublicFormat.UncompressedPoint
    return {
        "pem": public.public_bytes(serialization.Encoding.PEM, info),
        "der": public.public_bytes(serialization.Encoding.DER, info),
        "der base64": base64.b64encode(public.public_bytes(serialization.Encoding.DER, info)),
        "openssh": public.public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        ),
        "point": public.public_bytes(serialization.Encoding.X962, point),
        "jwk": json.dumps(KEY.public()).encode(),
        "x": KEY.x.encode(),
    }


def refused(tokens: Tokens, token: str, now: float = NOW) -> str:
    with pytest.raises(BadTokenError) as error:
        tokens.verify(token, now)
    return str(error.value)


def test_a_token_says_what_it_was_issued_for(tokens: Tokens) -> None:
    ann = tokens.verify(tokens.issue_access(ANN, NOW), NOW)
    assert (ann.org, ann.subject, ann.role, ann.name) == ("acme", "ann", "leader", "安")
    assert ann.token_id
    tom = tokens.verify(tokens.issue_visitor(TOM, NOW), NOW)
    assert (tom.site, tom.device, tom.lang, tom.vip) == ("shop", "d1", "zh", 3)
    assert tom.attributes == {"plan": "gold"}


def test_two_tokens_of_one_person_are_never_the_same(tokens: Tokens) -> None:
    assert tokens.issue_access(ANN, NOW) != tokens.issue_access(ANN, NOW)


def test_a_process_with_the_same_keys_verifies_and_one_with_others_does_not(tokens: Tokens) -> None:
    token = tokens.issue_access(ANN, NOW)
    assert Tokens([KEY]).verify(token, NOW).subject == "ann"
    refused(Tokens([make_key()]), token)


def test_a_rotated_key_still_verifies(tokens: Tokens) -> None:
    old = tokens.issue_access(ANN, NOW)
    rotated = Tokens([make_key(), KEY])
    assert rotated.verify(old, NOW).subject == "ann"
    assert parts(rotated.issue_access(ANN, NOW))[0]["kid"] != KEY.kid


def test_an_expired_token_is_refused_also_when_it_is_remembered(tokens: Tokens) -> None:
    token = tokens.issue_access(ANN, NOW, ttl_s=60.0)
    tokens.verify(token, NOW + 59.0)
    assert "expired" in refused(tokens, token, NOW + 60.0)
    assert "expired" in refused(Tokens([KEY]), token, NOW + 60.0)


def test_a_token_of_the_future_is_refused(tokens: Tokens) -> None:
    token = tokens.issue_access(ANN, NOW + 60.0)
    assert "not valid yet" in refused(tokens, token)


def test_alg_none_is_refused(tokens: Tokens) -> None:
    header, claims = parts(tokens.issue_access(ANN, NOW))
    for alg in ("none", "None", "NONE", "nOnE", ""):
        body = (
            f"{b64(json.dumps({**header, 'alg': alg}).encode())}.{b64(json.dumps(claims).encode())}"
        )
        for signature in ("", "A" * 86):
            refused(tokens, f"{body}.{signature}")


@pytest.mark.parametrize("shape", list(public_shapes()))
@pytest.mark.parametrize(
    ("alg", "digest"),
    [("HS256", hashlib.sha256), ("HS384", hashlib.sha384), ("HS512", hashlib.sha512)],
)
def test_the_public_key_is_no_hmac_secret(
    tokens: Tokens, shape: str, alg: str, digest: Any
) -> None:
    header, claims = parts(tokens.issue_access(ANN, NOW))
    refused(tokens, forge_hmac({**header, "alg": alg}, claims, public_shapes()[shape], digest))
    doubled = forge_hmac({**header, "alg": alg}, claims, public_shapes()[shape], hashlib.sha512)
    refused(tokens, doubled)


def test_the_library_never_sees_a_token_that_is_not_of_our_shape(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr("serve.tokens.jws.verify", lambda token, *_, **__: seen.append(token))
    header, claims = parts(tokens.issue_access(ANN, NOW))
    other = make_key()
    attacks = [
        forge({**header, "alg": "RS256"}, claims),
        forge({**header, "alg": "ES384"}, claims),
        forge({**header, "typ": "JWT"}, claims),
        forge({**header, "jku": "https://evil.test/jwks"}, claims),
        forge({**header, "x5u": "https://evil.test/cert"}, claims),
        forge({**header, "x5c": ["AAAA"]}, claims),
        forge({**header, "jwk": other.public()}, claims, other),
        forge({**header, "crit": ["exp"]}, claims),
        forge({**header, "kid": "../../etc/passwd"}, claims),
        forge({**header, "kid": "' OR 1=1 --"}, claims),
        forge({**header, "kid": other.kid}, claims, other),
        forge({**header, "kid": ["a"]}, claims),
        forge({"alg": "ES256", "typ": header["typ"]}, claims),
        "",
        "a.b.c",
        "a" * 9000,
        f"{b64(b'{')}.{b64(b'{}')}.{'A' * 86}",
        forge(header, claims) + "=",
        forge(header, claims) + "\n",
        " " + forge(header, claims),
        forge(header, claims).replace("e", "é", 1),
    ]
    for attack in attacks:
        refused(tokens, attack)
    assert seen == []


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "evil"},
        {"aud": "raydesk:visitor"},
        {"aud": "other"},
        {"aud": ["raydesk:staff"]},
        {"role": "customer"},
        {"role": "system"},
        {"role": ""},
        {"sub": ""},
        {"org": ""},
        {"exp": "never"},
        {"nbf": NOW + 3600},
        {"iat": NOW + 3600},
        {"exp": NOW - 1},
    ],
)
def test_claims_signed_by_us_for_something_else_are_refused(
    tokens: Tokens, change: dict[str, Any]
) -> None:
    header, claims = parts(tokens.issue_access(ANN, NOW))
    assert tokens.verify(forge(header, claims), NOW).subject == "ann"
    refused(tokens, forge(header, {**claims, **change}))


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "org", "jti", "exp", "nbf", "iat"])
def test_no_claim_may_be_missing(tokens: Tokens, missing: str) -> None:
    header, claims = parts(tokens.issue_access(ANN, NOW))
    del claims[missing]
    refused(tokens, forge(header, claims))


def test_a_visitor_token_is_no_access_token_and_the_other_way_round(tokens: Tokens) -> None:
    visitor_header, visitor = parts(tokens.issue_visitor(TOM, NOW))
    access_header, access = parts(tokens.issue_access(ANN, NOW))
    refused(tokens, forge(access_header, visitor))
    refused(tokens, forge(visitor_header, access))
    refused(tokens, forge(visitor_header, {**visitor, "role": "admin"}))
    with pytest.raises(ValueError, match="role"):
        tokens.issue_access(TOM, NOW)
    with pytest.raises(ValueError, match="role"):
        tokens.issue_visitor(ANN, NOW)


def test_a_changed_byte_anywhere_is_refused(tokens: Tokens) -> None:
    token = tokens.issue_access(ANN, NOW)
    for place in range(0, len(token) - 1, 7):
        if token[place] == ".":
            continue
        other = "A" if token[place] != "A" else "B"
        refused(Tokens([KEY]), token[:place] + other + token[place + 1 :])


def test_the_memory_of_verified_tokens_is_bounded() -> None:
    tokens = Tokens([KEY], cache_n=3)
    issued = [tokens.issue_access(ANN, NOW) for _ in range(10)]
    for token in issued:
        tokens.verify(token, NOW)
    assert len(tokens._cache) == 3


def test_a_refused_token_is_not_remembered(tokens: Tokens) -> None:
    refused(tokens, "a.b.c")
    assert tokens._cache == {}


def test_the_published_keys_hold_no_private_part(tokens: Tokens) -> None:
    text = json.dumps(tokens.jwks())
    assert KEY.d not in text
    assert '"d"' not in text


# --- the key file --------------------------------------------------------------------------


def test_keys_are_made_once_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    first = load_keys(folder)
    assert load_keys(folder) == first
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir()) == [folder / FILE]


def test_many_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(load_keys, [tmp_path] * 16))
    assert all(keys == loaded[0] for keys in loaded)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"-----BEGIN PUBLIC KEY-----",
        b'{"keys":[]}',
        b'{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"a"}]}',
        msgspec.json.encode({"keys": [{**KEY.public(), "kid": "a"}]}),
        msgspec.json.encode({"keys": [{**KEY.private(), "kid": "a", "crv": "P-384"}]}),
        msgspec.json.encode({"keys": [{**KEY.private(), "kid": "a", "alg": "HS256"}]}),
    ],
)
def test_a_key_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(KeysError):
        load_keys(tmp_path)


def test_no_key_but_ec_p256_enters_the_tokens() -> None:
    with pytest.raises(KeysError):
        Tokens([msgspec.structs.replace(KEY, kty="oct")])
    with pytest.raises(KeysError):
        check_key(msgspec.structs.replace(KEY, x="AAAA"))
