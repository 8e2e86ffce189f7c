"""The plain page in a real browser, on the real system, with the demo's bot: cards, choices,
questions while typing, the button for a person, and what an agent is suggested."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.support.greeting import greeted
from tests.support.real import PASSWORD, Desk, Real

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
PICTURES = os.environ.get("RAYDESK_PICTURES")
"""A folder for screenshots, for people who want to look at the page."""
WITHIN_MS = 30_000

pytest_plugins = ["tests.support.real"]
pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(240),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
SAID = {
    "zh-CN": {
        "hello": "怎么申请退款？",
        "ask": "我想退款",
        "answer": "7 天内",
        "choice": "退款多久到账？",
        "chosen": "1–3 个工作日",
        "typed": "发票",
        "ahead": "怎么开发票？",
        "human": "转人工",
        "handed": "正在为您转接",
        "use": "发送",
    },
    "en-GB": {
        "hello": "How do I get a refund?",
        "ask": "I want my money back",
        "answer": "Within 7 days",
        "choice": "How long does a refund take?",
        "chosen": "1–3 working days",
        "typed": "invoice",
        "ahead": "How do I get an invoice?",
        "human": "Talk to a person",
        "handed": "handing you over",
        "use": "Send",
    },
}


@pytest.fixture(params=list(SAID))
async def page(request: pytest.FixtureRequest, real: Real, desk: Desk) -> AsyncIterator[Page]:
    """The page in one language; an error on it fails the test."""
    customer, _ = await greeted(desk)
    await customer.end()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await browser.new_context(
            locale=request.param, viewport={"width": 1280, "height": 860}
        )
        page = await context.new_page()
        page.set_default_timeout(WITHIN_MS)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(real.http_url)
        yield page
        await browser.close()
        assert errors == []


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"bot-{name}.png")


async def test_a_customer_is_helped_by_the_bot_and_then_by_a_person(
    page: Page, request: pytest.FixtureRequest
) -> None:
    expect.set_options(timeout=WITHIN_MS)
    lang = request.node.callspec.params["page"]
    said = SAID[lang]
    customer, agent = page.locator("#customer"), page.locator("#agent")
    await customer.locator(".start").click()
    await expect(customer.locator(".choice", has_text=said["hello"])).to_be_enabled()
    await picture(page, f"hello-{lang}")

    await customer.locator(".say [name=text]").fill(said["ask"])
    await customer.locator(".say button").click()
    await expect(customer.locator(".log")).to_contain_text(said["answer"])
    await customer.locator(".choice", has_text=said["choice"]).click()
    await expect(customer.locator(".log")).to_contain_text(said["chosen"])
    await expect(customer.locator(".choice", has_text=said["hello"]).first).to_be_disabled()

    await customer.locator(".say [name=text]").press_sequentially(said["typed"])
    await expect(customer.locator(".ahead button", has_text=said["ahead"])).to_be_visible()
    await picture(page, f"ahead-{lang}")
    await customer.locator(".ahead button", has_text=said["ahead"]).click()
    await expect(customer.locator(".bubble.mine").last).to_contain_text(said["ahead"])
    await expect(customer.locator(".ahead button")).to_have_count(0)

    await agent.locator("[name=login]").fill("bob")
    await agent.locator("[name=password]").fill(PASSWORD)
    await agent.locator(".welcome button").click()
    await agent.locator("[data-status=available]").click()
    await customer.locator(".human").click()
    await expect(customer.locator(".log")).to_contain_text(said["handed"])
    await agent.locator(".offer button").first.click()
    await customer.locator(".say [name=text]").fill(said["ask"])
    await customer.locator(".say button").click()
    await expect(agent.locator(".assist")).to_contain_text(said["answer"])
    await picture(page, f"assist-{lang}")
    await agent.locator(".assist button", has_text=said["use"]).first.click()
    await expect(customer.locator(".bubble").last).to_contain_text(said["answer"])
    await expect(agent.locator(".assist article")).to_have_count(0)
    await expect(customer.locator(".human")).to_be_hidden()
    await picture(page, f"person-{lang}")
    await customer.locator(".bar .end").click()
    await agent.locator(".wrap button").click()
    await agent.locator("[data-status=offline]").click()
    await expect(agent.locator("[data-status=offline].on")).to_be_visible()
