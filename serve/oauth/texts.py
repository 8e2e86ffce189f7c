"""Every text of the sign-in page, in both languages."""

from __future__ import annotations

from typing import Literal

Lang = Literal["zh", "en"]

ZH = {
    "title": "登录",
    "lead": "登录后进入 {client}",
    "org": "组织",
    "login": "账号",
    "password": "密码",
    "sign_in": "登录",
    "company": "使用公司账号登录",
    "company_hint": "填写组织即可，无需密码",
    "choose": "请选择公司账号",
    "code": "动态验证码",
    "code_hint": "请输入身份验证器应用显示的 6 位数字",
    "go_on": "继续",
    "other": "English",
    "again": "请返回应用，重新登录。",
    "wrong": "组织、账号或密码不正确。",
    "wrong_code": "验证码不正确或已使用，请输入下一个。",
    "many": "尝试次数过多，请 {wait} 秒后再试。",
    "expired": "此登录页面已过期或已使用。",
    "foreign": "此登录请求不是从本页面发出的。",
    "bad_request": "登录请求有误：{detail}",
    "no_company": "该组织没有配置公司账号登录。",
    "refused": "公司账号登录未成功：{detail}",
    "unreachable": "暂时无法连接公司账号服务，请稍后再试。",
    "failed": "无法登录",
}
EN = {
    "title": "Sign in",
    "lead": "Sign in to go on to {client}",
    "org": "Organisation",
    "login": "Login",
    "password": "Password",
    "sign_in": "Sign in",
    "company": "Use my company account",
    "company_hint": "Only the organisation is needed, no password",
    "choose": "Choose your company account",
    "code": "One-time code",
    "code_hint": "The 6 digits that your authenticator app shows",
    "go_on": "Continue",
    "other": "中文",
    "again": "Go back to the application and sign in again.",
    "wrong": "Organisation, login or password is wrong.",
    "wrong_code": "The code is wrong or was used: enter the next one.",
    "many": "Too many tries: wait {wait} s, then try again.",
    "expired": "This sign-in page has expired or was used.",
    "foreign": "This sign-in was not sent from this page.",
    "bad_request": "The sign-in request is wrong: {detail}",
    "no_company": "This organisation has no company accounts set up.",
    "refused": "Signing in with the company account failed: {detail}",
    "unreachable": "The company account service cannot be reached: try again later.",
    "failed": "Cannot sign in",
}
LANGUAGES: dict[Lang, dict[str, str]] = {"zh": ZH, "en": EN}


def language(wanted: str, accepted: str) -> Lang:
    """Return the page's language: what was asked for (`ui_locales`), else the browser's."""
    for text in (wanted, accepted):
        for piece in text.replace(",", " ").split():
            match piece.lower()[:2]:
                case "zh":
                    return "zh"
                case "en":
                    return "en"
                case _:
                    continue
    return "zh"


def word(lang: Lang, name: str, **keys: str) -> str:
    """Return a text with its keys filled in."""
    return LANGUAGES[lang][name].format(**keys)
