"""The knowledge page in a real browser: an administrator edits, publishes, reviews and looks."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright, expect

from bot.outcomes import QuestionOutcome, SessionOutcome
from infra.directory.audit import By
from infra.directory.declared import parse
from infra.directory.migrate import upgrade
from infra.directory.store import Directory
from infra.knowledge.forms import BaseForm, TopicForm
from infra.knowledge.outcomes import OutcomeStore
from infra.knowledge.writer import KnowledgeWriter
from infra.settings import async_sql_url
from tests.support.admin import admin_app, staff_token

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PICTURES = os.environ.get("RAYDESK_PICTURES")
"""A folder for screenshots, for people who want to look at the page."""
ORG = {
    "org": "demo",
    "name": "Demo",
    "entry_queue": "q",
    "queues": {"q": {"name": "Q"}},
    "agents": {"admin": {"name": "Admin", "role": "admin"}},
}
FILE = """编号,标准问,相似问,答案
ship,什么时候发货,几天发货,明天
bad row,,,
refund,怎么退款？,退钱,七天内
"""
WITHIN_MS = 30_000

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@asynccontextmanager
async def serving(directory: Directory) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(admin_app(directory), log_level="critical", ws="none")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve([listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await task


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    opened = Directory(async_sql_url(f"sqlite:///{tmp_path / 'd.sqlite3'}"))
    await upgrade(opened.engine)
    await opened.replace(parse(ORG, "the test"))
    yield opened
    await opened.close()


@pytest.fixture
async def page(browser: Browser, directory: Directory) -> AsyncIterator[Page]:
    """The page in Chinese, signed in; an error on its console fails the test."""
    async with serving(directory) as url:
        context = await browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 860})
        kept = {"refresh": "-", "access": staff_token(), "expires_at": (time.time() + 900) * 1000}
        script = f"localStorage.setItem('raydesk.signed_in', {json.dumps(json.dumps(kept))})"
        await context.add_init_script(script)
        page = await context.new_page()
        page.set_default_timeout(WITHIN_MS)
        expect.set_options(timeout=WITHIN_MS)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(f"{url}/knowledge.html")
        yield page
        await context.close()
        assert errors == []


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png")


async def make_base(page: Page) -> str:
    """Make a base by the page; return its id."""
    page.once("dialog", lambda dialog: dialog.accept("常见问题"))
    await page.locator("#new-base").click()
    select = page.locator("#bases select")
    await expect(select.locator("option")).to_have_text(["常见问题"])
    return await select.input_value()


async def notice(page: Page, text: str) -> None:
    await expect(page.locator(".notice")).to_contain_text(text)


async def open_tab(page: Page, name: str) -> None:
    await page.locator(f"#tabs [data-tab={name}]").click()


async def test_an_administrator_edits_imports_tries_and_publishes(page: Page) -> None:
    view = page.locator("#view")
    await make_base(page)
    file = {"name": "faq.csv", "mimeType": "text/csv", "buffer": FILE.encode()}
    await page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    await notice(page, "新增 2，更新 0，坏行 1")
    await expect(view).to_contain_text("第 3 行")
    await view.get_by_text("新建知识点").click()
    form = page.locator("form.edit")
    await form.locator("input").first.fill("在哪里开发票")
    await form.locator("textarea").first.fill("怎么开票\n我要发票")
    await form.locator("textarea").nth(1).fill("在“我的订单”里申请")
    await picture(page, "knowledge_edit")
    await form.get_by_text("保存").click()
    await notice(page, "发布后生效")
    await expect(view.locator("tbody tr")).to_have_count(3)
    await picture(page, "knowledge_topics")
    await view.get_by_role("button", name="检查").click()
    await notice(page, "没有发现问题")
    await view.get_by_role("button", name="薄弱知识点").click()
    await notice(page, "3 个知识点需要更多问法")
    await picture(page, "knowledge_weak")
    await view.locator(".card").get_by_text("编辑").first.click()
    await expect(page.locator("form.edit")).to_be_visible()
    await open_tab(page, "topics")

    await open_tab(page, "versions")
    await view.get_by_text("发布草稿").click()
    await notice(page, "版本 1 已发布")
    await view.get_by_text("发布草稿").click()
    await notice(page, "版本 2 已发布")
    await view.get_by_text("回滚到此版本").click()
    await notice(page, "版本 3 已发布")
    await expect(view).to_contain_text("重复版本 1")
    await picture(page, "knowledge_versions")

    await open_tab(page, "try")
    await view.locator("input").fill("退钱")
    await view.get_by_role("button", name="提问").click()
    await expect(view).to_contain_text("直接回答")
    await expect(view).to_contain_text("refund")
    await picture(page, "knowledge_try")
    await page.locator("#language").click()
    await expect(page.locator("#tabs [data-tab=topics]")).to_have_text("Topics")


async def test_the_inbox_is_worked_off_and_the_report_shows_it(
    page: Page, directory: Directory
) -> None:
    view = page.locator("#view")
    base = await make_base(page)
    now = time.time() - 60
    texts = ["我的银行卡丢了怎么办", "银行卡丢了怎么办啊", "天气好吗"]
    outcomes: list[QuestionOutcome | SessionOutcome] = [
        QuestionOutcome(org="demo", id=f"q{n}", at=now, base=base, text=text, band="fallback")
        for n, text in enumerate(texts)
    ]
    outcomes.append(
        SessionOutcome(org="demo", id="s", at=now, base=base, ended_at=now, handoff="asked")
    )
    await OutcomeStore(directory.engine).write([msgspec.json.encode(one) for one in outcomes])
    await open_tab(page, "inbox")
    cards = view.locator(".card")
    await expect(cards).to_have_count(2)
    await picture(page, "knowledge_inbox")
    await cards.first.locator("input").fill("lost-card")
    await cards.first.get_by_text("建为新知识点").click()
    await notice(page, "已处理 2 个")
    await expect(cards).to_have_count(1)
    await cards.first.get_by_text("忽略").click()
    await expect(cards).to_have_count(0)
    await open_tab(page, "topics")
    await expect(view).to_contain_text("lost-card")
    await open_tab(page, "report")
    await expect(view.locator(".figures")).to_contain_text("100.0 %")
    await expect(view).to_contain_text("asked")
    await picture(page, "knowledge_report")


async def test_a_leader_signs_in_with_a_password_and_reads_but_does_not_change(
    browser: Browser, directory: Directory
) -> None:
    everybody = {**ORG, "org": "acme", "agents": {"lea": {"name": "Lea", "role": "leader"}}}
    await directory.replace(parse(everybody, "the test"))
    async with directory.writing("acme", By(subject="ann", role="admin")) as writer:
        knowledge = KnowledgeWriter(writer)
        await knowledge.create_base("faq", BaseForm(name="FAQ"))
        row = await knowledge.base("faq")
        await knowledge.create_topic(row, "refund", TopicForm(question="How do I get a refund?"))
    async with serving(directory) as url:
        context = await browser.new_context(locale="en-GB")
        page = await context.new_page()
        await page.goto(f"{url}/knowledge.html?org=acme&login=lea")
        form = page.locator("#sign-in")
        await form.locator("[name=password]").fill("wrong")
        await form.get_by_role("button", name="Sign in").click()
        await expect(page.locator(".notice")).not_to_be_empty()
        await form.locator("[name=password]").fill("right")
        await form.get_by_role("button", name="Sign in").click()
        view = page.locator("#view")
        await expect(view).to_contain_text("How do I get a refund?")
        await view.get_by_role("button", name="Edit").click()
        await view.get_by_role("button", name="Save").click()
        await notice(page, "may not update knowledge")
        await context.close()
