"""An HTTP client that signs in and sends what a page's script sends."""

from __future__ import annotations

import http.cookiejar
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from websockets.sync.client import connect

from tests.system.page import Page


@dataclass
class Answer:
    status: int
    body: bytes
    headers: Any
    url: str

    def json(self) -> Any:
        return json.loads(self.body)


class Browser:
    """An HTTP client with cookies and the CSRF token, as a page's script has them."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        url = urllib.parse.urljoin(self.base, path)
        request = urllib.request.Request(url, data=body, method=method)
        request.add_header("X-CSRFToken", self.cookie("csrf"))
        request.add_header("Origin", self.base)
        for name, value in (headers or {}).items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with self._opener.open(request, timeout=30) as answer:
                return Answer(answer.status, answer.read(), answer.headers, answer.url)
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read(), error.headers, url)

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, data: Any = None, **headers: str) -> Answer:
        return self.send(
            "POST", path, json.dumps(data).encode(), {"Content-Type": "application/json", **headers}
        )

    def put(self, path: str, data: Any = None, **headers: str) -> Answer:
        return self.send(
            "PUT", path, json.dumps(data).encode(), {"Content-Type": "application/json", **headers}
        )

    def form(self, path: str, **fields: str) -> Answer:
        page = self.get(path, Accept="text/html").body.decode()
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert found, f"{path} has no form"
        data = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": found[1]}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
        return self.send("POST", path, data, headers)

    def cookie(self, part: str) -> str:
        return next((cookie.value or "" for cookie in self.jar if part in cookie.name), "")

    def cookie_header(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)

    def socket(self, query: str = "", **options: Any) -> Page:
        url = self.base.replace("http", "ws") + "/ws/" + query
        cookies = {"Cookie": self.cookie_header()}
        # Without a bound on what waits unread, a page that is not looked at still answers a closing frame.
        options = {"origin": self.base, "additional_headers": cookies, "max_queue": None, **options}
        return Page(connect(url, **options).__enter__())
