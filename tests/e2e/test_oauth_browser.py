"""The sign-in page in a real browser: both languages, a wrong password, in, out, and a company."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect
from redis.asyncio import Redis

from infra.oauth_store import Provider
from tests.e2e.test_page_browser import CHROMIUM, FLAGS, PICTURES
from tests.support.oauth_house import RIGHT, OAuthHouse
from tests.support.oidc import SECRET, oidc_provider

pytest_plugins = ["tests.support.server_fixtures"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture
async def house(redis: Redis, tmp_path: Path) -> AsyncIterator[OAuthHouse]:
    house = OAuthHouse(redis, tmp_path)
    await house.open()
    yield house
    await house.close()


@pytest.fixture
async def page(house: OAuthHouse) -> AsyncIterator[Page]:
    """The console in Chinese; an error on its console fails the test."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await browser.new_context(locale="zh-CN", viewport={"width": 1000, "height": 720})
        page = await context.new_page()
        page.set_default_timeout(20_000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console", lambda m: errors.append(m.text) if "Content Security" in m.text else None
        )
        await page.goto(f"{house.url}/?org=acme")
        yield page
        await browser.close()
        assert errors == []


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png")


async def test_an_agent_signs_in_stays_in_over_a_reload_and_signs_out(page: Page) -> None:
    agent = page.locator("#agent")
    await expect(agent.locator("[name=password]")).to_be_hidden()
    await picture(page, "oauth_start")
    await agent.locator(".welcome button").click()
    await expect(page.locator("h2")).to_have_text("登录")
    await picture(page, "oauth_zh")
    await page.locator(".language button").click()
    await expect(page.locator("h2")).to_have_text("Sign in")
    await page.locator("[name=login]").fill("ann")
    await page.locator("[name=password]").fill("wrong")
    await page.locator("button[value=password]").click()
    await expect(page.locator(".message")).to_contain_text("is wrong")
    await picture(page, "oauth_wrong")
    await page.locator("[name=login]").fill("ann")
    await page.locator("[name=password]").fill(RIGHT)
    await page.locator("[name=password]").press("Enter")
    await expect(agent.locator(".connection")).to_have_attribute("data-state", "on")
    assert "code=" not in page.url
    await picture(page, "oauth_in")
    await page.reload()
    await expect(agent.locator(".connection")).to_have_attribute("data-state", "on")
    await agent.locator(".out").click()
    await expect(agent.locator(".welcome")).to_be_visible()
    await page.reload()
    await expect(agent.locator(".welcome")).to_be_visible()


async def test_a_changed_role_reconnects_and_a_disabled_account_is_out(
    page: Page, house: OAuthHouse
) -> None:
    agent = page.locator("#agent")
    await agent.locator(".welcome button").click()
    await page.locator("[name=login]").fill("ann")
    await page.locator("[name=password]").fill(RIGHT)
    await page.locator("button[value=password]").click()
    await expect(agent.locator(".connection")).to_have_attribute("data-state", "on")
    async with page.expect_websocket() as another:
        house.people.change("acme", "ann", role="leader")
    await another.value
    await expect(agent.locator(".connection")).to_have_attribute("data-state", "on")
    house.people.change("acme", "ann", enabled=False)
    await expect(agent.locator(".welcome")).to_be_visible()


async def test_the_second_factor_and_the_end_of_a_page(page: Page, house: OAuthHouse) -> None:
    await house.registry.set_totp("acme", "ann", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    await page.locator("#agent .welcome button").click()
    await page.locator("[name=login]").fill("ann")
    await page.locator("[name=password]").fill(RIGHT)
    await page.locator("button[value=password]").click()
    await expect(page.locator(".lead")).to_contain_text("6 位数字")
    await picture(page, "oauth_totp")
    await page.set_viewport_size({"width": 360, "height": 640})
    await picture(page, "oauth_totp_small")
    await page.context.clear_cookies()
    await page.locator("[name=code]").fill("123456")
    await page.locator("button[value=code]").click()
    await expect(page.locator(".message")).to_contain_text("已过期")
    await picture(page, "oauth_expired")


async def test_a_person_goes_through_the_company_and_comes_back(
    page: Page, house: OAuthHouse
) -> None:
    with oidc_provider(f"{house.url}/oauth/callback") as issuer:
        provider = Provider(
            org="acme",
            id="sso",
            name="公司 SSO",
            issuer=issuer,
            client_id="raydesk",
            client_secret=SECRET,
            roles={"raydesk-agents": "agent"},
        )
        await house.registry.set_provider(provider)
        await house.registry.set_provider(
            Provider(
                **{
                    **{f: getattr(provider, f) for f in provider.__struct_fields__},
                    "id": "b",
                    "name": "Partner",
                }
            )
        )
        await page.locator("#agent .welcome button").click()
        await page.locator("button[value=company]").click()
        await expect(page.locator(".lead")).to_contain_text("请选择公司账号")
        await picture(page, "oauth_choose")
        await page.locator("button[value=sso]").click()
        await page.locator("[name=login]").fill("ann")
        await page.locator("[name=password]").fill("any")
        await page.locator("[type=submit]").click()
        await page.locator("[type=submit]").click()
        connection = page.locator("#agent .connection")
        await expect(connection).to_have_attribute("data-state", "on")
