"""The one place where the wire's frames are let through: may this person send that at all?

Each frame declares its permission in `serve.wire`. What a person holds is looked up once, when the
socket opens; when it changes, the socket is closed (`serve.oauth.guard`). In whose session
something may be done is the session's own question (`actors.session.people`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import get_args

from actors.permissions import Permission, Rights
from serve import wire as w

FRAMES: tuple[type[w.ClientFrame], ...] = get_args(w.ClientFrame)
ASIDE = (Permission("messages", "aside"), Permission("sessions", "whisper"))
"""What `say` with `aside` asks for, either of them: where one takes part, and elsewhere."""


@lru_cache(maxsize=10_000)
def frames_of(permissions: frozenset[str]) -> frozenset[type]:
    """Return the frames that these permissions let somebody send."""
    return frozenset(kind for kind in FRAMES if str(kind.permission) in permissions)


def may_send(frame: w.ClientFrame, rights: Rights, frames: frozenset[type]) -> bool:
    """Tell whether somebody with these rights, and so these frames, may send that one."""
    if isinstance(frame, w.SayFrame) and frame.aside:
        return any(rights.may(one) for one in ASIDE)
    return type(frame) in frames
