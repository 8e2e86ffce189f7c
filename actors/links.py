"""Which links may be shown to anybody: one rule for what people say and for what bases hold."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_safe_url(url: str) -> bool:
    """Tell whether a link can be shown: http, https, or an absolute path of this site.

    Backslashes, blanks and control characters are refused whole: browsers repair them into
    other addresses than the one that was checked.
    """
    if "\\" in url or any(c.isspace() or not c.isprintable() for c in url):
        return False
    if url.startswith("/"):
        return not url.startswith("//")
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        )
    except ValueError:
        return False
