"""Tokens of identity providers, and what a forger tries with them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from infra.oauth_store import Provider
from serve.identity import BadTokenError
from serve.oauth.companies import is_safe
from serve.oauth.foreign import ForeignTokens, account_of, role_of
from serve.tokens import check_foreign

NOW = 1_800_000_000.0
ISSUER, AUDIENCE = "https://sso.company.example", "raydesk"
PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RIGHT: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "ann",
    "iat": NOW,
    "exp": NOW + 300,
    "groups": ["agents"],
    "jti": "j1",
}
HEADER = {"alg": "RS256", "typ": "at+jwt", "kid": "k1"}
PROVIDER = Provider(
    org="acme",
    id="sso",
    issuer=ISSUER,
    client_id="app",
    audience=AUDIENCE,
    roles={"agents": "agent", "bosses": "admin"},
)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def jwk_of(key: rsa.RSAPrivateKey, **more: str) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), "use": "sig", **more}


KEYS = {"k1": jwk_of(PRIVATE, kid="k1", alg="RS256")}


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"


def signed(
    claims: dict[str, Any], header: dict[str, Any] = HEADER, key: rsa.RSAPrivateKey = PRIVATE
) -> str:
    said = unsigned(header, claims)
    return f"{said}.{b64(key.sign(said.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def accepting(
    keys: dict[str, Any] | None = None, *providers: Provider
) -> tuple[ForeignTokens, list[str]]:
    wanted: list[str] = []
    found = KEYS if keys is None else keys
    tokens = ForeignTokens(lambda issuer: found if issuer == ISSUER else {}, wanted.append)
    tokens.configured(list(providers) or [PROVIDER])
    return tokens, wanted


def refused(token: str, keys: dict[str, Any] | None = None) -> str:
    with pytest.raises(BadTokenError) as error:
        accepting(keys)[0].verify(token, NOW)
    return str(error.value)


def test_a_token_says_who_it_is_by_the_organisations_mapping() -> None:
    tokens, _ = accepting()
    token = signed(RIGHT)
    assert tokens.knows(token)
    who = tokens.verify(token, NOW)
    assert (who.org, who.subject, who.role, who.token_id) == ("acme", "ann", "agent", "j1")
    assert tokens.verify(signed({**RIGHT, "groups": ["agents", "bosses"]}), NOW).role == "admin"


def test_two_organisations_of_one_issuer_are_told_apart_by_audience() -> None:
    other = Provider(
        org="other", id="sso", issuer=ISSUER, client_id="b", audience="b-api", roles=PROVIDER.roles
    )
    tokens, _ = accepting(None, PROVIDER, other)
    assert tokens.verify(signed({**RIGHT, "aud": ["b-api"]}), NOW).org == "other"
    assert tokens.verify(signed(RIGHT), NOW).org == "acme"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.test"},
        {"iss": ISSUER + "/"},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": None},
        {"exp": NOW - 31},
        {"exp": "never"},
        {"exp": True},
        {"exp": NOW + 90_000},
        {"nbf": NOW + 60},
        {"iat": NOW + 60},
        {"iat": None},
        {"sub": ""},
        {"sub": "a/b"},
        {"sub": 7},
        {"groups": []},
        {"groups": "bosses2"},
        {"groups": {"bosses": True}},
        {"at_hash": "x"},
        {"token_use": "id"},
        {"typ": "ID"},
    ],
)
def test_a_well_signed_token_of_something_else_is_refused(change: dict[str, Any]) -> None:
    tokens, _ = accepting()
    assert tokens.verify(signed(RIGHT), NOW).subject == "ann"
    token = signed({**RIGHT, **change})
    if tokens.knows(token):
        refused(token)
    else:
        assert "iss" in change


def test_alg_none_and_symmetric_algorithms_are_refused_with_every_shape_of_the_key() -> None:
    public = PRIVATE.public_key()
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(serialization.Encoding.PEM, info)
    der = public.public_bytes(serialization.Encoding.DER, info)
    shapes = [pem, pem.strip(), der, base64.b64encode(der), json.dumps(KEYS["k1"]).encode()]
    for alg in ("HS256", "HS384", "HS512"):
        for secret in shapes:
            said = unsigned({**HEADER, "alg": alg}, RIGHT)
            mac = hmac.digest(secret, said.encode(), getattr(hashlib, f"sha{alg[2:]}"))
            refused(f"{said}.{b64(mac)}")
            with pytest.raises(BadTokenError):
                check_foreign(f"{said}.{b64(mac)}", KEYS["k1"], alg)
    for alg in ("none", "None", "NONE", ""):
        refused(f"{unsigned({**HEADER, 'alg': alg}, RIGHT)}.AAAA")


def test_a_provider_that_publishes_a_symmetric_key_is_not_followed() -> None:
    secret = b"a secret that somebody published"
    said = unsigned({**HEADER, "alg": "HS256"}, RIGHT)
    token = f"{said}.{b64(hmac.digest(secret, said.encode(), hashlib.sha256))}"
    refused(token, {"k1": {"kty": "oct", "k": b64(secret), "kid": "k1", "alg": "HS256"}})
    refused(token, {"k1": {"kty": "oct", "k": b64(secret), "kid": "k1"}})


@pytest.mark.parametrize(
    "more",
    [
        {"jku": "https://evil.test/jwks"},
        {"x5u": "https://evil.test/cert"},
        {"jwk": jwk_of(OTHER)},
        {"kid": "../../../dev/null"},
        {"kid": "' UNION SELECT 'x"},
        {"kid": ""},
    ],
)
def test_no_header_brings_a_key_of_its_own(more: dict[str, Any]) -> None:
    refused(signed(RIGHT, {**HEADER, **more}, OTHER))


@pytest.mark.parametrize("more", [{"crit": ["x"], "x": 1}, {"typ": "logout+jwt"}])
def test_a_token_of_another_use_is_refused_though_the_provider_signed_it(
    more: dict[str, Any],
) -> None:
    refused(signed(RIGHT, {**HEADER, **more}))


@pytest.mark.parametrize(
    "more",
    [{"jku": "https://evil.test/jwks"}, {"x5u": "https://evil.test/"}, {"jwk": jwk_of(OTHER)}],
)
def test_what_a_header_brings_along_is_not_read(more: dict[str, Any]) -> None:
    """The provider's own key counts, whatever else the header says."""
    assert accepting()[0].verify(signed(RIGHT, {**HEADER, **more}), NOW).subject == "ann"


def test_a_key_is_used_for_what_it_was_published() -> None:
    refused(signed(RIGHT), {"k1": {**KEYS["k1"], "use": "enc"}})
    refused(signed(RIGHT), {"k1": {**KEYS["k1"], "alg": "PS256"}})
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    assert "short" in refused(signed(RIGHT, HEADER, weak), {"k1": jwk_of(weak)})
    refused(signed(RIGHT, HEADER, OTHER))


def test_an_unknown_key_is_asked_for_once_the_issuer_is_ours() -> None:
    tokens, wanted = accepting({})
    with pytest.raises(BadTokenError, match="not known here yet"):
        tokens.verify(signed(RIGHT), NOW)
    assert wanted == [ISSUER]


def test_an_audience_that_is_the_client_needs_marked_access_tokens() -> None:
    unclear = Provider(
        org="acme",
        id="s",
        issuer=ISSUER,
        client_id=AUDIENCE,
        audience=AUDIENCE,
        roles={"agents": "agent"},
    )
    tokens, _ = accepting(None, unclear)
    with pytest.raises(BadTokenError, match="ID token"):
        tokens.verify(signed(RIGHT), NOW)
    assert tokens.verify(signed({**RIGHT, "token_use": "access"}), NOW).subject == "ann"


def test_an_address_counts_only_when_it_was_verified() -> None:
    by_mail = Provider(org="acme", id="s", issuer=ISSUER, client_id="a", login_claim="email")
    claims = {"email": "ann@company.example"}
    with pytest.raises(BadTokenError):
        account_of(claims, by_mail)
    assert account_of({**claims, "email_verified": True}, by_mail) == "ann@company.example"


def test_groups_may_lie_inside_another_claim() -> None:
    keycloak = Provider(
        org="a",
        id="k",
        issuer=ISSUER,
        client_id="a",
        groups_claim="realm_access.roles",
        roles={"x": "leader"},
    )
    assert role_of({"realm_access": {"roles": ["x"]}}, keycloak) == "leader"
    with pytest.raises(BadTokenError):
        role_of({"realm_access.roles": ["x"]}, keycloak)


@pytest.mark.parametrize(
    ("url", "issuer", "safe"),
    [
        ("https://a.example/x", "https://a.example", True),
        ("https://b.example/x", "https://a.example", True),
        ("http://a.example/x", "https://a.example", False),
        ("http://127.0.0.1:1/x", "https://a.example", False),
        ("http://127.0.0.1:1/x", "http://127.0.0.1:1", True),
        ("http://10.0.0.1/x", "http://10.0.0.1", False),
        ("file:///etc/passwd", "https://a.example", False),
        ("https:///x", "https://a.example", False),
    ],
)
def test_providers_are_called_by_https_only(url: str, issuer: str, safe: bool) -> None:
    assert is_safe(url, issuer) is safe
