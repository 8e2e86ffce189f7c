"""The plain page in a real browser: a customer and an agent talk, in two minutes of a person."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from actors.frames import Message
from tests.support.one_desk import PASSWORD, Centre

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = [
    "--no-sandbox",  # Chromium's own sandbox does not run as root, as in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PICTURES = os.environ.get("RAYDESK_PICTURES")
"""A folder for screenshots, for people who want to look at the page."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser, centre: Centre) -> AsyncIterator[Page]:
    """The page in Chinese; an error on its console fails the test."""
    context = await browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    page.set_default_timeout(20_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(centre.url)
    yield page
    await context.close()
    assert errors == []


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png")


async def sign_in(page: Page, login: str = "ann", password: str = PASSWORD) -> Locator:
    agent = page.locator("#agent")
    await agent.locator("[name=login]").fill(login)
    await agent.locator("[name=password]").fill(password)
    await agent.locator(".welcome button").click()
    return agent


async def say(side: Locator, text: str) -> None:
    await side.locator(".say [name=text]").fill(text)
    await side.locator(".say button").click()


async def start(page: Page) -> tuple[Locator, Locator]:
    """Bring both sides into one session."""
    customer = page.locator("#customer")
    await customer.locator(".start").click()
    await expect(customer.locator(".notice")).to_contain_text("您是下一位")
    agent = await sign_in(page)
    await picture(page, "waiting")
    await agent.locator("[data-status=available]").click()
    await expect(agent.locator(".offer")).to_have_count(1)
    await picture(page, "offer")
    await agent.locator(".offer button").first.click()
    await expect(customer.locator(".log")).to_contain_text("Ann 为您服务")
    return customer, agent


async def test_a_customer_and_an_agent_talk_to_the_end(page: Page, centre: Centre) -> None:
    await picture(page, "start")
    customer, agent = await start(page)

    await customer.locator(".say [name=text]").press_sequentially("我想退")
    await expect(agent.locator(".preview")).to_contain_text("我")
    await say(customer, "我想退款")
    await expect(agent.locator(".bubble")).to_contain_text("我想退款")
    await say(agent, "好的，请稍候")
    await expect(customer.locator(".bubble").nth(1)).to_contain_text("好的，请稍候")
    await expect(customer.locator(".bubble.mine .tick")).to_have_attribute("data-state", "read")
    await expect(agent.locator(".bubble.mine .tick")).to_have_attribute("data-state", "read")

    await agent.locator("[name=aside]").check()
    await say(agent, "VIP customer, be kind")
    await agent.locator("[name=aside]").uncheck()
    await expect(agent.locator(".bubble.aside")).to_contain_text("be kind")
    await expect(customer.locator(".log")).not_to_contain_text("be kind")
    await picture(page, "talking")

    await customer.locator(".bubble.mine .recall").click()
    await expect(agent.locator(".bubble.recalled")).to_contain_text("消息已撤回")
    await customer.locator(".end").click()
    await expect(customer.locator(".rating")).to_be_visible()
    await customer.locator(".stars button").nth(4).click()
    await expect(customer.locator(".notice")).to_contain_text("感谢")
    await expect(agent.locator(".wrap")).to_be_visible()
    await picture(page, "ended")
    await agent.locator(".wrap [name=disposition]").fill("退款")
    await agent.locator(".wrap button").click()
    await expect(agent.locator(".tabs button")).to_have_count(0)
    [talk] = centre.desk.talks.values()
    assert talk.state == "closed"


async def test_both_sides_go_on_after_the_gateway_is_gone(page: Page, centre: Centre) -> None:
    customer, agent = await start(page)
    await say(customer, "before")
    await expect(agent.locator(".bubble")).to_contain_text("before")
    await centre.close()
    await expect(customer.locator(".connection")).to_have_attribute("data-state", "wait")
    await say(customer, "meanwhile")
    await picture(page, "lost")
    await centre.open()
    await expect(agent.locator(".connection")).to_have_attribute("data-state", "on")
    await expect(agent.locator(".bubble").nth(1)).to_contain_text("meanwhile")
    await say(agent, "after")
    await expect(customer.locator(".bubble")).to_have_count(3)
    await expect(agent.locator(".bubble")).to_have_count(3)
    [talk] = centre.desk.talks.values()
    texts = [frame.body.text for frame in talk.frames if isinstance(frame, Message) and frame.body]
    assert texts == ["before", "meanwhile", "after"]


async def test_a_transfer_is_offered_again_and_a_reload_keeps_the_customer(
    page: Page, centre: Centre
) -> None:
    customer, agent = await start(page)
    await say(customer, "hello")
    await expect(agent.locator(".bubble")).to_have_count(1)
    await agent.locator(".transfer [name=to]").fill("help")
    await agent.locator(".transfer button").click()
    await expect(customer.locator(".log")).to_contain_text("会话已转接")
    await expect(agent.locator(".offer")).to_have_count(1)
    await agent.locator(".offer button").nth(1).click()
    await expect(agent.locator(".offer")).to_have_count(0)
    await page.reload()
    await customer.locator(".start").click()
    await expect(customer.locator(".bubble")).to_contain_text("hello")
    assert len(centre.desk.talks) == 1


async def test_the_page_speaks_english_too_and_says_what_is_wrong(page: Page) -> None:
    await page.locator("#language").click()
    await expect(page.locator("#customer .start")).to_have_text("Ask for help")
    agent = await sign_in(page, password="wrong")
    await expect(agent.locator(".notice")).to_contain_text("password is wrong")
    await expect(agent.locator(".welcome")).to_be_visible()
    customer = page.locator("#customer")
    await customer.locator("[name=site]").fill("nowhere")
    await customer.locator(".start").click()
    await expect(customer.locator(".notice")).to_contain_text("No such site")
    await picture(page, "english")
