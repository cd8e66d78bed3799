# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import contextlib
import functools
import json
import os
import shutil
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


# Where the page that `make page` built is; set by `make test-page`.
PAGE = os.environ.get("ELMO_PAGE")


class Server:
    """Serves the page on localhost, and counts what it sends."""

    def __init__(self, directory):
        self.num_bytes = 0
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_handler(self), directory=directory))
        self.url = f"http://127.0.0.1:{self._http.server_port}/"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *args):
        self._http.shutdown()
        self._http.server_close()


def _handler(server):
    class Handler(SimpleHTTPRequestHandler):
        def copyfile(self, source, outputfile):
            server.num_bytes += os.fstat(source.fileno()).st_size
            # A browser that has seen enough closes the connection.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                super().copyfile(source, outputfile)

        def log_message(self, *args):
            pass

    return Handler


@pytest.fixture(scope="session")
def page_directory():
    if PAGE is None:
        pytest.skip("needs a browser and the built page: make test-page")
    directory = Path(PAGE).resolve()
    assert (directory / "service-worker.js").is_file(), f"{directory} is no built page: make page"
    return directory


@pytest.fixture(scope="session")
def browser(page_directory):
    with pytest.importorskip("playwright.sync_api").sync_playwright() as playwright:
        # A name that a request outside this machine would need does not resolve.
        rules = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", rules]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def tolerance(page_directory):
    """The largest cosine distance to Python's vectors."""
    dtype = json.loads((page_directory / "data" / "model.json").read_text())["dtype"]
    return {"float32": 1e-5, "float16": 1e-4, "int8": 1e-3}[dtype]


@pytest.fixture
def serve(page_directory):
    return lambda: Server(page_directory)


class Visit:
    """A reader's visit: the page, what it asked for, what went wrong."""

    def __init__(self, browser, server, **settings):
        self.server, self.requests, self.errors = server, [], []
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, **settings)
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))

    def open(self):
        self.page.goto(self.server.url)
        self.shown()

    def shown(self):
        """Waits until the newest text is shown."""
        self.wait_for(lambda: self.page.locator("#words[aria-busy=false], #results[aria-busy=false]").count() == 2)
        if self.page.locator("#words button").count():
            self.page.wait_for_selector("#candidates li")

    def wait_for(self, condition):
        # Not `wait_for_function`, which the page's security policy stops.
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end
            self.page.wait_for_timeout(50)

    def write(self, text):
        if self.page.locator("#editor").is_hidden():
            self.page.click("#edit")
        self.page.fill("#text", text)

    def word(self, word, nth=0):
        return self.page.locator("#words button").get_by_text(word, exact=True).nth(nth)


@pytest.fixture(scope="module")
def visit(browser, page_directory):
    with Server(page_directory) as server:
        visit = Visit(browser, server)
        visit.open()
        yield visit
        assert not visit.errors
        visit.context.close()


@pytest.fixture
def new_visit(browser):
    visits = []

    def open(server, **settings):
        visits.append(Visit(browser, server, **settings))
        visits[-1].open()
        return visits[-1]

    yield open
    for visit in visits:
        visit.context.close()
