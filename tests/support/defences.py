"""Takes away one defence at a time, and sees the test of its attack fail.

    python -m tests.support.defences [WORD ...]

Works on a copy of the project in a temporary folder. Prints a line per attack; ends with 1 if a
test passes without its defence. `tests/unit/serve/test_defences.py` keeps the list in step.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("actors", "bot", "policies", "serve", "infra", "tests", "web", "benchmarks", "examples")
TOKENS, ATTACKS = "tests/unit/serve/test_tokens.py", "tests/e2e/test_oauth_attacks.py"
SHAPE = "tests/unit/serve/test_tokens.py::test_the_library_never_sees"
SOCKETS = "tests/e2e/test_gateway_sockets.py"
TEXTS = "tests/contract/test_attacks_by_text.py"


@dataclass(frozen=True)
class Defence:
    """`old` in `file` is the defence, `new` what is left without it; `test` is one test's name."""

    attack: str
    file: str
    old: str
    new: str
    test: str
    too: tuple[str, str] = ("", "")
    """A second defence against the same attack, as old and new."""

    def without(self, whole: str) -> str:
        """Return the file's text without the defence."""
        changed = whole.replace(self.old, self.new)
        return changed.replace(*self.too) if self.too[0] else changed


def d(attack: str, file: str, old: str, new: str, test: str, **too: tuple[str, str]) -> Defence:
    """Return a defence; `test` is `file::beginning of a name`."""
    return Defence(attack, file, old, new, test, **too)


DEFENCES = (
    d(
        "alg none",
        "serve/tokens.py",
        '    alg: Literal["ES256"]\n',
        "    alg: str\n",
        f"{TOKENS}::test_the_library_never_sees",
    ),
    d(
        "alg none, HMAC with the public key: the library is told what to accept",
        "serve/tokens.py",
        "payload = jws.verify(token, key, algorithms=[ALGORITHM])",
        "payload = jws.verify(token, key, algorithms=[ALGORITHM], verify=False)",
        f"{TOKENS}::test_a_changed_byte",
    ),
    d(
        "RS/HS confusion at a provider",
        "serve/tokens.py",
        '    parts = ("kty", "n", "e") if kind == "RSA" else ("kty", "crv", "x", "y")\n'
        '    if kind is None or key.get("kty") != kind or len(token)',
        "    parts = tuple(key)\n    if len(token)",
        "tests/unit/serve/test_oauth_foreign.py::test_a_provider_that_publishes_a_symmetric",
    ),
    d(
        "kid injection",
        "serve/tokens.py",
        "key = self._keys.get(header.kid)",
        "key = self._keys.get(header.kid) or next(iter(self._keys.values()))",
        f"{TOKENS}::test_the_library_never_sees",
    ),
    d(
        "jku, x5u, jwk, crit in a header",
        "serve/tokens.py",
        "class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):",
        "class _Header(msgspec.Struct, frozen=True):",
        f"{TOKENS}::test_the_library_never_sees",
    ),
    d(
        "expired",
        "serve/tokens.py",
        "        if known.expires_at <= now:\n",
        "        if known.expires_at <= 0:\n",
        f"{TOKENS}::test_an_expired_token",
    ),
    d(
        "not yet valid",
        "serve/tokens.py",
        "if claims.nbf > now + LEEWAY_S or claims.iat > now + LEEWAY_S:",
        "if claims.nbf < 0:",
        f"{TOKENS}::test_a_token_of_the_future",
    ),
    d(
        "wrong audience",
        "serve/tokens.py",
        "claims.iss != self.issuer or claims.aud != audience",
        "claims.iss != self.issuer",
        f"{TOKENS}::test_claims_signed_by_us",
    ),
    d(
        "wrong issuer",
        "serve/tokens.py",
        "claims.iss != self.issuer or claims.aud != audience",
        "claims.aud != audience",
        f"{TOKENS}::test_claims_signed_by_us",
    ),
    d(
        "token of another type",
        "serve/tokens.py",
        '(claims.role == "customer") != (typ == VISITOR_TYPE) or ',
        "",
        f"{TOKENS}::test_claims_signed_by_us",
    ),
    d(
        "refresh reuse",
        "serve/oauth/token_endpoint.py",
        "                await self._parts.ending.family(family)\n                return refusal",
        "                return refusal",
        f"{ATTACKS}::test_an_old_refresh_token",
    ),
    d(
        "forged refresh token",
        "serve/oauth/token_endpoint.py",
        "if opened is None or not is_genuine(token, opened.family, said[1]):",
        "if opened is None:",
        f"{ATTACKS}::test_a_forged_refresh_token",
    ),
    d(
        "PKCE downgrade",
        "serve/oauth/grants.py",
        """or data.get("code_challenge_method") != "S256":""",
        """or data.get("code_challenge_method") is None:""",
        f"{ATTACKS}::test_pkce_cannot_be_left_out",
        too=('METHOD = ["S256"]', 'METHOD = ["S256", "plain"]'),
    ),
    d(
        "PKCE left out",
        "serve/oauth/grants.py",
        'raise InvalidRequestError("PKCE is required',
        'return; raise InvalidRequestError("PKCE is required',
        f"{ATTACKS}::test_pkce_cannot_be_left_out",
    ),
    d(
        "redirect variants",
        "serve/oauth/records.py",
        "return redirect_uri in self.record.redirect_uris",
        "return any(redirect_uri.startswith(one) for one in self.record.redirect_uris)",
        f"{ATTACKS}::test_a_redirect_uri_is_compared",
    ),
    d(
        "code replay",
        "serve/oauth/token_endpoint.py",
        "if not await grants.use_code(code):",
        "if not await grants.use_code(code) and not code:",
        f"{ATTACKS}::test_a_code_that_comes_twice",
    ),
    d(
        "CSRF on sign-in: the form token",
        "serve/oauth/browser.py",
        "return hmac.compare_digest(csrf.encode(), pending.csrf.encode())",
        "return True",
        f"{ATTACKS}::test_a_post_from_another_site",
    ),
    d(
        "CSRF on sign-in: the Origin",
        "serve/oauth/browser.py",
        "if origin is not None and origin not in self._origins:",
        "if origin is None:",
        f"{ATTACKS}::test_a_post_from_another_site",
    ),
    d(
        "login CSRF",
        "serve/oauth/browser.py",
        "return bool(secret) and hmac.compare_digest(digest(secret), pending.browser)",
        "return True",
        f"{ATTACKS}::test_a_victim_cannot_be_signed_in",
    ),
    d(
        "open redirect",
        "serve/oauth/sign_in_endpoint.py",
        "        code = Code(\n",
        "        asked = {**asked, **dict(await read_form(request))}\n        code = Code(\n",
        f"{ATTACKS}::test_the_sign_in_leads_only",
    ),
    d(
        "session fixation before the second factor",
        "serve/oauth/sign_in_endpoint.py",
        "        shown = await self._show(more, lang)\n",
        "        await self._grants.put_pending(key, more, PENDING_S)\n"
        "        shown = await self._again(key, more, lang)\n        return shown\n",
        f"{ATTACKS}::test_the_password_renews",
    ),
    d(
        "cookies that scripts or other sites can use",
        "serve/oauth/browser.py",
        'httponly=True, samesite="lax"',
        'httponly=False, samesite="none"',
        f"{ATTACKS}::test_a_planted_cookie",
    ),
    d(
        "cookies over http",
        "serve/oauth/browser.py",
        'return f"__Host-{name}" if self._secure else name',
        "return name",
        "tests/unit/serve/test_oauth_browser_cookies.py::test_over_https",
    ),
    d(
        "TOTP replay",
        "serve/oauth/factors.py",
        "return await self._grants.once(used, STEP_S * (2 * DRIFT + 2))",
        "return True",
        "tests/e2e/test_oauth_flow.py::test_a_second_factor_is_set_up",
    ),
    d(
        "guessing second factors",
        "serve/oauth/sign_in_endpoint.py",
        "if pending.tries >= CODE_TRIES_N or self._factors.wait(account.org, account.id):",
        "if pending.tries >= 1000:",
        f"{ATTACKS}::test_second_factors_cannot_be_guessed",
    ),
    d(
        "enumeration by timing",
        "serve/sign_in.py",
        "right = await self.matches(stored or NOBODYS, password, known=bool(device))",
        "right = bool(account) and await self.matches(stored, password, known=bool(device))",
        f"{ATTACKS}::test_an_unknown_account_costs",
    ),
    d(
        "enumeration by message",
        "serve/sign_in.py",
        "        if account is None or not right",
        "        if account is not None and not account.enabled:\n"
        '            raise ApiError("forbidden", "disabled")\n'
        "        if account is None or not right",
        f"{SOCKETS}::test_staff_signs_in_and_wrong",
    ),
    d(
        "guessing passwords",
        "serve/sign_in.py",
        "            wait = wait or self._by_account.take",
        "            wait = 0.0 and self._by_account.take",
        f"{ATTACKS}::test_a_stranger_is_slowed_down",
    ),
    d(
        "cross-site WebSocket hijack",
        "serve/gateway/opening.py",
        "if peer.origin is None or peer.origin in own:",
        "if True or peer.origin in own:",
        f"{ATTACKS}::test_a_page_of_another_site",
    ),
    d(
        "visitor tokens for strange pages",
        "serve/api_tokens.py",
        "if origin not in site.origins and origin not in parts.origins:",
        "if not origin:",
        f"{SOCKETS}::test_other_pages_get_no_visitor_tokens",
    ),
    d(
        "a forged identity assertion",
        "serve/assertions.py",
        "if not hmac.compare_digest",
        "if False and not hmac.compare_digest",
        "tests/unit/serve/test_assertions.py::test_claims_changed_after",
    ),
    d(
        "a visitor token on another device",
        "serve/api_tokens.py",
        "if device and known.device and device != known.device:",
        "if False:",
        "tests/unit/serve/test_visitors.py::test_a_token_of_another_device",
    ),
    d(
        "SQL injection",
        "infra/directory/kinds.py",
        "    return Filter(takes, lambda value: column == value)",
        "    from sqlalchemy import text\n"
        "    return Filter(takes, lambda value: text(f\"{column.key} = '{value}'\"))",
        f"{TEXTS}::test_a_strange_id_or_filter",
    ),
    d(
        "key injection in Redis",
        "infra/customers.py",
        "return f\"{{c:{quote(org, safe='')}:{quote(customer, safe='')}}}\"",
        'return f"{{c:{org}:{customer}}}"',
        "tests/unit/infra/test_redis_keys.py::test_no_separator_can_be",
    ),
    d(
        "mass assignment",
        "infra/directory/declared_rows.py",
        'extra="forbid"',
        'extra="ignore"',
        f"{TEXTS}::test_a_field_that_is_not_in_the_form",
    ),
)


def main(words: Sequence[str]) -> int:
    """Try every defence whose attack has one of the words."""
    passed = 0
    with tempfile.TemporaryDirectory(prefix="defences") as name:
        copy = Path(name)
        for room in ROOMS:
            shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("node_modules"))
        for file in ("pyproject.toml",):
            shutil.copy(ROOT / file, copy / file)
        for one in DEFENCES:
            if words and not any(word in one.attack for word in words):
                continue
            found = without(copy, one)
            passed += found != "fails"
            sys.stdout.write(f"{found:8} {one.attack}: {one.test}\n")
            sys.stdout.flush()
    return 1 if passed else 0


def without(copy: Path, one: Defence) -> str:
    """Return what the test does without the defence: `fails`, as it should, or `PASSES`."""
    file = copy / one.file
    whole = file.read_text()
    assert whole.count(one.old) == 1, one
    file.write_text(one.without(whole))
    path, test = one.test.split("::")
    command = [sys.executable, "-m", "pytest", "-q", "-x", path, "-k", test]
    command += ["-p", "no:cacheprovider", "-m", "not postgres"]
    try:
        done = subprocess.run(command, cwd=copy, capture_output=True, check=False, timeout=300)
    finally:
        file.write_text(whole)
    # 1: tests ran and failed. Anything else, like a test that is not there, proves nothing.
    return {0: "PASSES", 1: "fails"}.get(done.returncode, f"code {done.returncode}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
