"""The whole matrix of who may do what, as a page: `python -m serve.permissions`.

It writes `docs/permissions.md` from the roles, the routes and the frames themselves; a test checks
that it is up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute

from actors.permissions import BUILT_IN, RIGHTS, Permission
from serve.access import Access, Declared, Needs, all_routes
from serve.api import make_app
from serve.gateway.limits import Limits
from serve.gateway.permitting import ASIDE, FRAMES
from serve.oauth.build import oauth_routes

FILE = Path(__file__).resolve().parent.parent / "docs" / "permissions.md"

HEAD = """# Permissions

Made by `python -m serve.permissions` from `actors/permissions.py`, the routes and the frames; do
not edit.

Each HTTP route and each frame of the wire asks for one permission. A role holds permissions: one of
those below, which every organisation has, or one that the organisation made (`/v1/admin/roles`, see
[administration.md](administration.md)). **groups**: only with things of the bearer's own groups;
all others look as if they did not exist. Permissions marked * are not for roles of an
organisation's own; those marked † are, but not for roles of own groups.
"""


class _Nothing:
    """Stands where the doors are only listed, and never opened."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self


class _Listed(_Nothing):
    access = Access(_Nothing(), _Nothing(), _Nothing())
    proxies_n = 0
    url = "https://desk.example"
    password_door = True

    def __getattr__(self, name: str) -> Any:
        return _Listed() if name in ("api", "world") else _Nothing()


def listed_routes() -> Sequence[BaseRoute]:
    """Return the routes of the doors with everything that they can have."""
    parts: Any = _Listed()
    routes = oauth_routes(parts, _Nothing())  # type: ignore[arg-type]  # never opened
    return make_app(parts, parts, Limits(), routes=routes).routes


def declarations(routes: Sequence[BaseRoute]) -> Iterator[tuple[str, str, Needs]]:
    """Yield (method, path, what it asks for) of every route that declares it."""
    for path, route in all_routes(routes):
        if isinstance(route, Declared):
            for method, needs in route.needs.items():
                yield method, path, needs


def make_page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *_roles(), "", *_routes(), "", *_frames(), ""])


def _roles() -> Iterator[str]:
    yield "## Roles\n"
    yield f"| permission | to | {' | '.join(f'`{role}`' for role in BUILT_IN)} |"
    yield "|---|---|" + "---|" * len(BUILT_IN)
    for name, right in RIGHTS.items():
        mark = " *" if not right.own else "" if right.groups else " †"
        cells = " | ".join(_cell(role, name) for role in BUILT_IN)
        yield f"| `{name}`{mark} | {right.about} | {cells} |"


def _cell(role: str, permission: str) -> str:
    held = BUILT_IN[role]
    if permission not in held.permissions:
        return "-"
    return "groups" if held.groups_only else "yes"


def _routes() -> Iterator[str]:
    yield "## HTTP\n\n| route | asks for |\n|---|---|"
    found = sorted((path, method, needs) for method, path, needs in declarations(listed_routes()))
    for path, method, needs in found:
        asks = f"`{needs}`" if isinstance(needs, Permission) else f"nobody's: {needs.why}"
        yield f"| `{method} {path}` | {asks} |"


def _frames() -> Iterator[str]:
    yield "## Frames of the WebSocket\n\n| frame | asks for |\n|---|---|"
    for frame in FRAMES:
        yield f"| `{frame.__struct_config__.tag}` | `{frame.permission}` |"
    yield f"| `say` with `aside` | {' or '.join(f'`{one}`' for one in ASIDE)} |"


def main(target: Path = FILE) -> int:
    """Write the file; return the exit code."""
    target.write_text(make_page(), encoding="utf-8")
    sys.stdout.write(f"wrote {target.name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
