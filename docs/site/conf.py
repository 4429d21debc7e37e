"""How Sphinx builds the site from docs/: its pages, the navigation, and what the code says of itself."""

import re
import sys
from html import escape
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from sphinx.errors import ExtensionError

SITE = Path(__file__).parent
sys.path[:0] = [str(SITE), str(SITE.parents[1])]

from navigation import tree  # noqa: E402
from reference_pages.commands import commands  # noqa: E402
from reference_pages.markdown import MARK  # noqa: E402
from reference_pages.methods import methods  # noqa: E402
from reference_pages.metrics import metrics  # noqa: E402
from reference_pages.sweep_file import domains, sweep_file  # noqa: E402

PARTS = {
    "commands": commands,
    "sweep-file": sweep_file,
    "domains": domains,
    "methods": methods,
    "metrics": metrics,
}

project = "vae-sweep"
version = release = installed("vae-sweep")
html_title = f"{project} {version}"
extensions = ["myst_parser", "sphinx_copybutton"]
root_doc = "index"
exclude_patterns = ["site"]
language = "en"
smartquotes = False  # it takes the two hyphens of an option for a dash
highlight_language = "text"
myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings: list[str] = []
nitpicky = True

html_theme = "furo"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "monokai"
html_static_path = ["static"]
html_logo = html_favicon = "static/icon.svg"
html_css_files = ["site.css"]
copybutton_exclude = ".linenos, .gp"


def fill(app: Any, page: str, source: list[str]) -> None:
    """Put the navigation under the first page, and what the code says in place of each mark."""
    source[0] = MARK.sub(lambda mark: PARTS[mark["part"]](), source[0])
    if page == root_doc:
        source[0] += f"\n{tree()}"


def check_headings(app: Any, failure: Exception | None) -> None:
    """Raise ExtensionError where a built page has another heading: Sphinx writes pages of its own too."""
    if failure is not None or app.builder.format != "html":
        return
    for page in sorted(app.env.found_docs):
        heading = escape(app.env.titles[page].astext(), quote=False)
        built = Path(app.outdir, app.builder.get_target_uri(page))
        if f"<h1>{heading}<" not in re.sub(
            r"</?(?!h1\b)(?!a\b)[a-z][^>]*>", "", built.read_text(encoding="utf-8")
        ):
            raise ExtensionError(
                f"{built}: lacks the heading of docs/{page}.md, {heading!r}: give the page another name"
            )


def setup(app: Any) -> None:
    """Join in when Sphinx has read a page, and when the site is built."""
    app.connect("source-read", fill)
    app.connect("build-finished", check_headings)
