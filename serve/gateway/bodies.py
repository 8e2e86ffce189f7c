"""What may be said: a wire body becomes the actors' `Body`, or a sentence why not."""

from __future__ import annotations

from actors.links import is_safe_url
from actors.messages import Body
from serve.wire import WireBody


class BodyError(ValueError):
    """The body may not be sent; the text tells its author what to change."""


def check_body(body: WireBody) -> Body:
    """Return the body as actors know it.

    Raises:
        BodyError: empty, keys of another kind, a control character, or an unsafe link.
    """
    if body.kind == "text" and not (body.url or body.name or body.title or body.buttons):
        if not body.text or body.text.isspace():
            raise BodyError("body.text is empty: write something.")
        if "\x00" in body.text:
            raise BodyError("body holds a NUL character: remove it.")
        return Body(kind="text", text=body.text)
    _check_shape(body)
    return Body(
        kind=body.kind,
        text=body.text,
        url=body.url,
        name=body.name,
        size=body.size,
        title=body.title,
        buttons=body.buttons,
    )


def _check_shape(body: WireBody) -> None:
    match body.kind:
        case "text":
            raise BodyError("a text body has only `text`: use image, file or card for the rest.")
        case "image" | "file":
            if body.title or body.buttons:
                raise BodyError("title and buttons belong to a card.")
            if not body.url:
                raise BodyError(f"body.url is empty: a {body.kind} needs one.")
        case "card":
            if not (body.title or body.text):
                raise BodyError("a card needs a title or a text.")
    if any("\x00" in part for part in (body.text, body.name, body.title, *body.buttons)):
        raise BodyError("body holds a NUL character: remove it.")
    if body.url and not is_safe_url(body.url):
        raise BodyError("body.url must be http(s)://host/... or a path of this site (/...).")
