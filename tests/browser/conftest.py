"""A real Chromium against the whole site: pages that break their own security policy fail."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.servers.basehttp import ThreadedWSGIServer
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from datasets.disk.scan import scan_organization
from datasets.models import Dataset
from sharing.models import Organization, User
from tests.browser.screen import PATIENCE_SECONDS
from tests.factories import PASSWORD, make_organization, make_user

# Playwright's synchronous API runs an event loop in this thread; the ORM is used beside it only.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

PATIENCE = PATIENCE_SECONDS * 1000  # as Playwright counts
expect.set_options(timeout=PATIENCE)

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]

NewPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(400))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class _Server(ThreadedWSGIServer):
    """Closes when its last request has ended."""

    daemon_threads = False

    def serve_forever(self, poll_interval: float = 0.05) -> None:
        """Django's, which every test has to wait for."""
        super().serve_forever(poll_interval)


@pytest.fixture
def live_server() -> Iterator[LiveServer]:
    """A server of the test's own, for pages save what was changed last while they are closed.

    A save that was under way while the tables are emptied would meet the lock on one table and
    hold another; one that came later would meet the next test's tables.
    """
    server = LiveServer("localhost", start=False)
    server.thread.server_class = _Server
    server.start()
    yield server
    server.stop()


@pytest.fixture
def new_page(chromium: Browser, live_server) -> Iterator[NewPage]:
    """Opens pages of separate visitors; afterwards fails on what any of them complained about."""
    complaints: list[str] = []
    contexts = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def open_page(user: User | None = None, *, scheme: str = "light", width: int = 1280) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, base_url=live_server.url
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if user is not None:
            sign_in(page, user)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def sign_in(page: Page, user: User) -> None:
    page.goto("/auth/login")
    page.get_by_label("E-mail address").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Datasets", exact=True).wait_for()


@pytest.fixture
def lab() -> Iterator[Organization]:
    organization = make_organization()
    yield organization
    shutil.rmtree(settings.BINARY_DATA_DIR / organization.pk, ignore_errors=True)


@pytest.fixture
def admin(lab: Organization) -> User:
    return make_user(lab, is_admin=True, first_name="Ada")


@pytest.fixture
def place(lab: Organization) -> Callable[..., Dataset]:
    """Puts a dataset on disk with one of the writers of tests.browser.data, and scans."""

    def put(write: Callable[..., None], name: str = "sample", **how: object) -> Dataset:
        folder = settings.BINARY_DATA_DIR / lab.pk / name
        folder.mkdir(parents=True)
        write(folder, **how)
        scan_organization(lab)
        return Dataset.objects.get(organization=lab, directory_name=name)

    return put
