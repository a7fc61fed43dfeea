"""A team of two people with one experiment, for tests of the real programs."""

import json
import re
import time
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from tests.system.browser import Answer, Browser
from tests.system.instance import Instance


@dataclass
class Shared:
    """A team of Alice, who owns it, and Bob, with one experiment."""

    team: str
    experiment: str
    alice: Browser
    bob: Browser

    def post(self, browser: Browser, path: str, **fields: object) -> Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
        return browser.send("POST", f"/teams/{self.team}/{path}", urlencode(fields).encode(), headers)

    def id_of(self, browser: Browser) -> str:
        page = browser.get(f"/experiments/{self.experiment}/").body.decode()
        data = re.search(r'id="page-data" type="application/json">(.*?)</script>', page, re.S)
        assert data
        return str(json.loads(data[1])["user"]["id"])


def team_of_two(instance: Instance, role: str = "owner") -> Shared:
    """Made by the ways that people go; Bob joins as ``role``."""
    alice, bob = (instance.add_user(name) for name in new_names())
    team = alice.form("/teams/new", name="The lab").url.rstrip("/").rsplit("/", 1)[1]
    link = alice.post(f"/teams/{team}/invitations", {"role": role}).json()["link"]
    joined = bob.form(urlsplit(link).path)
    assert joined.url.endswith(f"/experiments/?team={team}"), (joined.status, joined.url)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
    made = alice.send("POST", "/experiments/new", urlencode({"team": team}).encode(), headers)
    return Shared(team, made.url.rstrip("/").rsplit("/", 1)[1], alice, bob)


def new_names() -> tuple[str, str]:
    number = str(time.time_ns())
    return f"alice{number}", f"bob{number}"
