"""A report as a file and as a browser shows it."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Reader(HTMLParser):
    """Tags, their ids, what they refer to, and text."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.references, self.words = [], [], [], []
        self.ids, self.labels = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.references += [
            value for name, value in attributes if name.split(":")[-1] in ("src", "href", "srcset", "data", "action", "poster")
        ]
        self.ids += [value for name, value in attributes if name == "id"]
        self.labels += [value for name, value in attributes if name == "aria-labelledby"]

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        """All text, one space between words."""
        return " ".join(" ".join(self.words).split())


def check_alone(page):
    """Nothing in the page asks for anything outside of it, all tags are closed, and ids are unique."""
    read = Reader(page)
    assert not read.open and "script" not in read.tags and "link" not in read.tags
    assert all(reference.startswith("data:image/") for reference in read.references)
    assert "url(" not in page and "@import" not in page
    assert len(set(read.ids)) == len(read.ids) and set(read.labels) <= set(read.ids)
    return read


def browse(folder, page, width):
    """The document as the browser understood it, and what it said."""
    options = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    options += f" --disable-component-update --disable-sync --enable-logging=stderr --v=0 --dump-dom --window-size={width},900"
    command = [BROWSER, *options.split(), f"--user-data-dir={folder / 'profile'}", page.as_uri()]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return result.stdout, result.stderr


def check_shown(folder, page, width):
    """The page as the browser understood it, which complained of nothing, asked for nothing, and did not need to scroll sideways."""
    shown, complaints = browse(folder, page, width)
    assert "CONSOLE" not in complaints
    # The browser itself says how wide the page is and what it loaded; only this copy may run a script, and load things.
    probe = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    loaded = "performance.getEntriesByType('resource').filter(entry => !entry.name.startsWith('data:')).length"
    script = f"onload = () => {{ document.title = `wide ${{document.documentElement.scrollWidth}} loaded ${{{loaded}}}` }}"
    (folder / "probe.html").write_text(probe.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    wide, number = re.search(r"<title>wide (\d+) loaded (\d+)</title>", browse(folder, folder / "probe.html", width)[0]).groups()
    assert number == "0" and int(wide) <= max(width, 500), "headless windows are at least 500 pixels wide"
    return check_alone(shown)
