"""The cookies of the sign-in: nobody but this host, by https, and no script."""

from __future__ import annotations

from http.cookies import SimpleCookie

from starlette.responses import Response

from serve.oauth.browser import Binding


def cookies(*, secure: bool) -> SimpleCookie:
    """The cookies that a sign-in sets."""
    binding, response = Binding(secure=secure, origins=frozenset()), Response()
    binding.set(response, "the-key", "secret")
    binding.set_device(response, "device")
    found = SimpleCookie()
    for name, value in response.raw_headers:
        if name == b"set-cookie":
            found.load(value.decode())
    assert len(found) == 2
    return found


def test_over_https_only_this_host_can_set_and_get_them() -> None:
    for name, cookie in cookies(secure=True).items():
        assert name.startswith("__Host-")
        assert (cookie["path"], cookie["domain"], bool(cookie["secure"])) == ("/", "", True)


def test_no_script_and_no_other_sites_post_gets_them() -> None:
    for secure in (True, False):
        for cookie in cookies(secure=secure).values():
            assert cookie["httponly"]
            assert cookie["samesite"].lower() == "lax"
