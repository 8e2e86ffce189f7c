"""What a site may say of its visitors, and what nobody else may."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from serve.assertions import Assertion, sign_assertion, verify_assertion
from serve.identity import BadTokenError

NOW = 1_800_000_000.0
SECRET = "a-secret-of-the-shop-that-is-long-enough"
TOM = Assertion(
    site="shop", id="4711", iat=NOW, exp=NOW + 300, name="汤姆", vip=3, attributes={"plan": "gold"}
)


def check(text: str, now: float = NOW, site: str = "shop", secret: str = SECRET) -> Assertion:
    return verify_assertion(text, site=site, secret=secret, now=now)


def changed(**keys: Any) -> Assertion:
    return msgspec.structs.replace(TOM, **keys)


def test_what_the_site_signed_is_believed() -> None:
    assert check(sign_assertion(TOM, SECRET)) == TOM


def test_a_signature_with_another_secret_is_refused() -> None:
    with pytest.raises(BadTokenError, match="signature"):
        check(sign_assertion(TOM, SECRET + "!"))


def test_claims_changed_after_signing_are_refused() -> None:
    claims = sign_assertion(changed(vip=100), SECRET).partition(".")[0]
    signature = sign_assertion(TOM, SECRET).partition(".")[2]
    with pytest.raises(BadTokenError, match="signature"):
        check(f"{claims}.{signature}")


@pytest.mark.parametrize(
    "wrong",
    [
        changed(site="other"),
        changed(exp=NOW - 61),
        changed(iat=NOW + 61, exp=NOW + 120),
        changed(exp=NOW + 601),
        changed(exp=NOW, iat=NOW),
        changed(id="visitor-1"),
        changed(id=""),
        changed(vip=-1),
        changed(name="x" * 201),
    ],
)
def test_what_no_site_may_say_is_refused_though_it_is_signed(wrong: Assertion) -> None:
    with pytest.raises(BadTokenError):
        check(sign_assertion(wrong, SECRET))


@pytest.mark.parametrize("text", ["", ".", "a.b", "é.é", "a" * 9000])
def test_rubbish_is_refused(text: str) -> None:
    with pytest.raises(BadTokenError):
        check(text)


def test_a_site_without_a_secret_cannot_assert_anything() -> None:
    for weak in ("", "short"):
        with pytest.raises(BadTokenError, match="cannot be used"):
            check(sign_assertion(TOM, weak), secret=weak)
