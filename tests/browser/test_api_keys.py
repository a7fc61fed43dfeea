"""The page of API keys: made, shown once, used by a program, listed, revoked."""

import re

import openai
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.test_every_page import look
from tests.system.instance import Instance


def test_a_key_is_made_shown_once_and_revoked(open_page: OpenPage, instance: Instance) -> None:
    page = open_page(bypass_csp=True)
    page.locator(".team-button").click()
    page.get_by_role("link", name="API keys").click()
    page.get_by_label("What it is for").fill("nightly evaluation")
    page.get_by_role("button", name="Make a key").click()
    secret = page.get_by_label("The key", exact=True)
    expect(secret).to_have_value(re.compile("^fs-"))
    client = openai.OpenAI(base_url=f"{instance.base}/v1", api_key=secret.input_value(), max_retries=0)
    assert client.models.list().data
    assert look(page, "api-keys") == []
    page.reload()
    row = page.locator("#key-rows li", has_text="nightly evaluation")  # other tests have keys, too
    expect(row).to_be_visible()
    expect(page.locator("#fresh-key")).to_be_hidden()
    page.get_by_role("button", name="Revoke nightly evaluation").click()
    expect(page.get_by_text("opens nothing any more")).to_be_visible()
    expect(row).to_have_count(0)
    with pytest.raises(openai.AuthenticationError):
        client.models.list()
