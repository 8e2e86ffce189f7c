"""A foreign OpenID Connect provider (npm `oidc-provider`), run for tests."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest

from infra.valkey import free_port
from tests.support.oauth_house import pkce

FOLDER = Path(__file__).parent
SECRET = "a secret: with & odd = signs"
APP = "http://127.0.0.1:9/back"


@contextmanager
def oidc_provider(callback: str) -> Iterator[str]:
    """Run the provider until the block ends; yields its issuer. `callback` is ours."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js and npm are not installed")
    _install()
    port = free_port()
    command = ["node", str(FOLDER / "server.mjs"), str(port), callback]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        issuer = process.stdout.readline().strip()
        assert issuer.startswith("http"), f"the provider ended with code {process.wait()}"
        yield issuer
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def _install() -> None:
    lock, stamp = FOLDER / "package-lock.json", FOLDER / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return
    subprocess.run(["npm", "ci", "--silent"], cwd=FOLDER, timeout=300, check=True)
    stamp.write_bytes(lock.read_bytes())


async def sign_in_there(url: str, login: str, back: str) -> str:
    """Go through the provider's own pages as a browser; return where it sends the browser back."""
    async with httpx.AsyncClient(trust_env=False, timeout=20.0) as http:
        answer = await http.get(url)
        for _ in range(20):
            if answer.is_redirect:
                url = urljoin(str(answer.url), answer.headers["location"])
                if url.startswith(back):
                    return url
                answer = await http.get(url)
                continue
            action, prompt = _form_of(answer.text)
            form = {"prompt": prompt, "login": login, "password": "any"}
            answer = await http.post(urljoin(str(answer.url), action), data=form)
    raise AssertionError(answer.text)


def _form_of(page: str) -> tuple[str, str]:
    action = re.search(r'<form[^>]* action="([^"]+)"', page)
    prompt = re.search(r'name="prompt" value="(\w+)"', page)
    assert action, page
    assert prompt, page
    return action[1], prompt[1]


async def app_tokens(issuer: str, login: str, audience: str) -> dict[str, str]:
    """Return the tokens that somebody gets for a program of their own from the provider."""
    verifier, challenge = pkce()
    query = {
        "client_id": "app",
        "redirect_uri": APP,
        "response_type": "code",
        "scope": "openid",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "resource": audience,
    }
    back = await sign_in_there(f"{issuer}/auth?{httpx.QueryParams(query)}", login, APP)
    form = {
        "grant_type": "authorization_code",
        "client_id": "app",
        "redirect_uri": APP,
        "code": parse_qs(urlsplit(back).query)["code"][0],
        "code_verifier": verifier,
        "resource": audience,
    }
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{issuer}/token", data=form)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
