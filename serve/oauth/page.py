"""The sign-in page as HTML: works without scripts, escapes everything, is kept by no cache."""

from __future__ import annotations

from html import escape
from string import Template

import msgspec
from starlette.responses import Response

from infra.oauth_store import Provider
from serve.api_pages import WEB
from serve.oauth.records import origin_of
from serve.oauth.texts import Lang, word

_FRAME = Template((WEB / "sign_in.html").read_text(encoding="utf-8"))


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One state of the page. `message`: (word, keys) of what went wrong."""

    lang: Lang
    key: str = ""
    csrf: str = ""
    client: str = ""
    org: str = ""
    login: str = ""
    message: tuple[str, dict[str, str]] | None = None
    step: str = "password"
    """password, code, choose, or end: nothing can be entered any more."""
    choices: list[Provider] = []


def render(page: Page, status: int = 200, *, target: str = "") -> Response:
    """Return the page. `target`: where the form's answer may lead the browser in the end."""
    filled = _FRAME.substitute(
        lang="zh-CN" if page.lang == "zh" else "en",
        title=_say(page, "title" if page.step != "end" else "failed"),
        message=_message(page),
        body=_body(page),
    )
    # Browsers hold the redirects that follow a form's post to form-action too.
    allowed = " ".join(["'self'", *([origin_of(target)] if target else [])])
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        f"form-action {allowed}; frame-ancestors 'none'"
    )
    headers = {
        "content-security-policy": policy,
        "cache-control": "no-store",
        # With no-referrer browsers post the form with `Origin: null`, which anybody's page can.
        "referrer-policy": "same-origin",
    }
    return Response(filled, status, headers=headers, media_type="text/html; charset=utf-8")


def lead_on(lang: Lang, url: str) -> Response:
    """Return a page that goes on to another site by itself. No redirect: browsers would hold the
    form's `form-action` against it, and nobody knows beforehand which provider it will be."""
    link = escape(url)
    page = Page(lang=lang)
    filled = _FRAME.substitute(
        lang="zh-CN" if lang == "zh" else "en",
        title=_say(page, "title"),
        message=f'<meta http-equiv="refresh" content="0;url={link}">',
        body=f'<p><a href="{link}">{_say(page, "go_on")}</a></p>',
    )
    headers = {"cache-control": "no-store"}
    return Response(filled, headers=headers, media_type="text/html; charset=utf-8")


def _body(page: Page) -> str:
    match page.step:
        case "password":
            inner = _password(page)
        case "code":
            inner = _code(page)
        case "choose":
            inner = _choose(page)
        case _:
            return f"<p>{_say(page, 'again')}</p>"
    return (
        '<form method="post" action="/oauth/sign-in">'
        f'<input type="hidden" name="sign_in" value="{escape(page.key)}">'
        f'<input type="hidden" name="csrf" value="{escape(page.csrf)}">'
        f'<input type="hidden" name="lang" value="{page.lang}">'
        f"{inner}</form>"
        '<form method="post" action="/oauth/sign-in" class="language">'
        f'<input type="hidden" name="sign_in" value="{escape(page.key)}">'
        f'<input type="hidden" name="csrf" value="{escape(page.csrf)}">'
        f'<input type="hidden" name="lang" value="{page.lang}">'
        f'<button name="action" value="language">{_say(page, "other")}</button></form>'
    )


def _password(page: Page) -> str:
    focus = " autofocus"
    return (
        f'<p class="lead">{_say(page, "lead", client=page.client)}</p>'
        + _field(page, "org", page.org, "organization", "" if page.org else focus)
        + _field(page, "login", page.login, "username", focus if page.org else "")
        + _field(page, "password", "", "current-password", "", kind="password")
        + f'<button name="action" value="password">{_say(page, "sign_in")}</button>'
        + f'<div class="or"><button class="quiet" name="action" value="company" formnovalidate>'
        f"{_say(page, 'company')}</button><small>{_say(page, 'company_hint')}</small></div>"
    )


def _code(page: Page) -> str:
    return (
        f'<p class="lead">{_say(page, "code_hint")}</p>'
        f'<label><span>{_say(page, "code")}</span><input name="code" required autofocus '
        'inputmode="numeric" pattern="[0-9]{6}" maxlength="6" autocomplete="one-time-code"></label>'
        f'<button name="action" value="code">{_say(page, "go_on")}</button>'
    )


def _choose(page: Page) -> str:
    buttons = "".join(
        f'<button name="provider" value="{escape(one.id)}">{escape(one.name or one.id)}</button>'
        for one in page.choices
    )
    hidden = f'<input type="hidden" name="org" value="{escape(page.org)}">'
    action = '<input type="hidden" name="action" value="company">'
    return f'<p class="lead">{_say(page, "choose")}</p>{hidden}{action}{buttons}'


def _field(  # noqa: PLR0917 # the parts of one line of HTML, in their order
    page: Page, name: str, value: str, complete: str, more: str, kind: str = "text"
) -> str:
    return (
        f'<label><span>{_say(page, name)}</span><input name="{name}" type="{kind}" required '
        f'maxlength="{256 if kind == "password" else 128}" value="{escape(value)}" '
        f'autocomplete="{complete}" autocapitalize="none" spellcheck="false"{more}></label>'
    )


def _message(page: Page) -> str:
    if page.message is None:
        return ""
    name, keys = page.message
    return f'<p class="message" role="alert">{escape(word(page.lang, name, **keys))}</p>'


def _say(page: Page, name: str, **keys: str) -> str:
    return escape(word(page.lang, name, **keys))
