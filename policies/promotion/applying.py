"""Writes what a promotion asks for into queues' settings, through a running system's doors.

The laboratory's one door to the outside (docs/decisions/0113-promotions-are-applied.md): the
administration API, as anybody who may change a queue. So the change is checked, audited under the
account of the token, and published to dispatch as any other.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from policies.promotion.routing import QueueSetting

TIMEOUT_S = 10.0
TRIES_N = 3
"""How often a queue is read again that somebody else changed at the same time."""
BASE = "/v1/admin/queues/"
_OURS = ("id", "version")
"""Of a queue as it is read: not part of what is written."""


class ApplyError(Exception):
    """The setting was not written; the text says of which queue, and why."""


class Reply(msgspec.Struct, frozen=True):
    """An answer of the API. `etag`: the version of the row."""

    status: int
    etag: str
    body: dict[str, Any]


Send = Callable[[str, str, Mapping[str, str], bytes | None], Reply]
"""Sends (method, path, headers, body)."""


def apply(queue: str, wanted: QueueSetting, known: Sequence[QueueSetting], send: Send) -> bool:
    """Make the queue route as `wanted`; return False if it does already. May be repeated.

    Args:
        known: what this promotion may have written before, at any stage. A queue that routes by
            anything else is somebody else's experiment, and left alone.

    Raises:
        ApplyError: it is somebody else's, or the API refuses.
    """
    path = BASE + quote(queue, safe="")
    for _ in range(TRIES_N):
        read = _expect(queue, send("GET", path, {}, None))
        present = QueueSetting(read.body["policy"], read.body["policy_params"])
        if present == wanted:
            return False
        if present not in known:
            raise ApplyError(f"{queue}: routes by {_shown(present)}, which is not this promotion's")
        row = {name: value for name, value in read.body.items() if name not in _OURS}
        body = json.dumps({**row, **wanted._asdict()}).encode()
        headers = {"if-match": read.etag, "content-type": "application/json"}
        done = send("PUT", path, headers, body)
        if done.status != http.HTTPStatus.PRECONDITION_FAILED:
            _expect(queue, done)
            return True
    raise ApplyError(f"{queue}: is being changed by somebody else; try again")


def door(url: str, token: str) -> Send:
    """Return a way to a system's API, such as https://desk.example, as the bearer of a token.

    Follows no redirect: the token is for this address alone.

    Raises:
        ValueError: it is no such address, or there is no token.
    """
    parts = urlsplit(url)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if parts.scheme not in kinds or not parts.hostname:
        raise ValueError(f"--url: {url!r}; allowed: https://HOST or http://HOST:PORT")
    if not token:
        raise ValueError("RAYDESK_TOKEN: empty; allowed: an access token of an account")
    told = {"authorization": f"Bearer {token}", "accept": "application/json"}

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        assert parts.hostname is not None
        connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=TIMEOUT_S)
        try:
            connection.request(method, parts.path.rstrip("/") + path, body, {**told, **headers})
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers.get("etag", ""), _object(answer.read()))
        except (OSError, http.client.HTTPException) as error:
            raise ApplyError(f"{url}: {error or type(error).__name__}") from error
        finally:
            connection.close()

    return send


def _expect(queue: str, reply: Reply) -> Reply:
    if reply.status != http.HTTPStatus.OK:
        why = reply.body.get("detail") or f"status {reply.status}"
        raise ApplyError(f"{queue}: {why}")
    return reply


def _object(data: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}


def _shown(setting: QueueSetting) -> str:
    return f"{setting.policy} {json.dumps(setting.policy_params, sort_keys=True)}"
