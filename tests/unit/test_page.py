"""The page: every section, nothing from a network, nothing that a text can run."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

from tests.handmade import Handmade
from tests.replicated import Cells, journal
from tests.reported_sweep import SCRIPT, Reported, reported_sweep, reporting_spec
from tests.unit.test_verdicts import OURS
from tests.unit.test_verdicts import sweep as published_sweep
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.records import SweepRecord
from vae_sweep.report.latent_summaries import LatentSummaryCache
from vae_sweep.report.page.page import Moment, make_page

SECTIONS = [
    "front",
    "evidence",
    "rates",
    "epochs",
    "units",
    "paper",
    "cells",
    "likelihood",
    "samples",
    "maps",
    "costs",
    "provenance",
    "trials",
]
RUN = "http://127.0.0.1:5000/#/experiments/1/runs/abc"


class Read(HTMLParser):
    """What is in a page: ids, links, tags with their attributes, headings, the text of scripts and the rest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self._open = "", ""
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.scripts[-1] += data
        elif self._open != "style":
            self.text += data

    def all(self, attribute: str) -> Iterator[str]:
        """Every value of an attribute."""
        return (value for _, attributes in self.tags if (value := attributes.get(attribute)))


def page_of(record: SweepRecord, spec: SweepSpec, **about: Any) -> Read:
    now = Moment(**({"state": "complete", "live": False, "runs": {}} | about))
    return Read(make_page(record, spec, LatentSummaryCache(), now))


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    return reported_sweep(tmp_path_factory.mktemp("sweeps"))


@pytest.fixture(scope="module")
def page(reported: Reported) -> Read:
    return page_of(reported.sweep.record, reported.sweep.spec, runs={"0002-ours-s1": RUN})


def test_every_section_is_there_with_something_in_it(page: Read) -> None:
    sections = [attributes["id"] for tag, attributes in page.tags if tag == "section"]
    assert sections == SECTIONS
    plots = [found.removeprefix("plot-") for found in page.all("id") if found.startswith("plot-")]
    for kind in (
        "front-validation",
        "front-test",
        "rate-kl",
        "epochs-pretrain-kl",
        "epochs-vae-kl",
        "units",
        "map-2",
    ):
        assert kind in plots
    assert "Lowest Recon on validation: ours λ=4 (cell 2), 15.05±0.64" in page.text
    assert "9 trials trained for 20 min together" in page.text
    assert "target_rate:" in page.text
    assert "Hypervolume of the validation front, PPL x Recon up to" in page.text
    assert "ΔRecon" in page.text


def test_the_gap_to_the_bound_has_an_interval_over_seeds(page: Read) -> None:
    """Cell 1: a quarter of its KL on validation in both seeds, and as the handmade test split has it one more."""
    assert "+0.50±0.00" in page.text
    assert "+1.50±0.00" in page.text
    assert "-ELBO - NLL is what q costs" in page.text


def test_every_link_inside_the_page_leads_somewhere(page: Read) -> None:
    ids = list(page.all("id"))
    assert len(ids) == len(set(ids))
    links = [found for found in page.all("href") if found.startswith("#")]
    assert {"#cell-2", "#trial-0002-ours-s1", "#front"} <= set(links)
    assert {found[1:] for found in links} <= set(ids)


def test_headings_do_not_skip_a_level(page: Read) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_plot_has_words_and_is_one_that_plotly_knows(page: Read) -> None:
    [data] = [script for script in page.scripts if script.startswith("{")]
    figures = json.loads(data)
    words = {
        attributes["id"]: attributes["aria-label"]
        for _, attributes in page.tags
        if attributes.get("role") == "img"
    }
    assert {f"plot-{name}" for name in figures} == words.keys()
    assert all(words.values())
    for figure in figures.values():
        assert Figure(figure).data


def test_a_marker_leads_to_its_cell(page: Read) -> None:
    [data] = [script for script in page.scripts if script.startswith("{")]
    traces = json.loads(data)["front-test"]["data"]
    [ours] = [trace for trace in traces if trace.get("name") == "ours"]
    assert ours["customdata"] == [1, 2]
    assert ours["x"] == [19.05, 16.05]
    assert ours["error_y"]["array"] == pytest.approx([0.635, 0.635], abs=1e-3)


def test_nothing_is_asked_of_a_network(page: Read) -> None:
    assert not list(page.all("src"))
    away = [found for found in page.all("href") if not found.startswith(("#", "data:,"))]
    assert away == [RUN]
    [policy] = [found for found in page.all("content") if found.startswith("default-src")]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.partition("style-src")[0]


def test_plotly_is_packed_and_its_source_may_run(page: Read) -> None:
    [packed] = [script for script in page.scripts if script.startswith("H4sI")]
    source = gzip.decompress(base64.b64decode(packed))
    assert source.decode() == get_plotlyjs()
    [policy] = [found for found in page.all("content") if found.startswith("default-src")]
    assert f"'sha256-{base64.b64encode(hashlib.sha256(source).digest()).decode()}'" in policy


def test_a_text_is_shown_and_not_run(page: Read) -> None:
    assert len(page.scripts) == 3
    assert f"because of {SCRIPT}" in page.text
    assert f"two {SCRIPT}" in page.text
    assert f"  a {SCRIPT} runs" in page.text
    [data] = [script for script in page.scripts if script.startswith("{")]
    assert "alert" in data
    assert "<" not in data
    hover = json.loads(data)["map-2"]["data"][0]["text"]
    assert hover[0] == "bad: a &lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; runs"


def test_only_a_running_sweep_loads_itself_again(reported: Reported) -> None:
    record, spec = reported.sweep.record, reported.sweep.spec
    refresh = "refresh"
    assert refresh in page_of(record, spec, state="running", live=True).all("http-equiv")
    assert refresh not in page_of(record, spec).all("http-equiv")


def test_a_sweep_that_has_just_begun_says_why_there_is_nothing(tmp_path: Path) -> None:
    sweep = Handmade(reporting_spec(tmp_path))
    page = page_of(sweep.record, sweep.spec)
    assert [attributes["id"] for tag, attributes in page.tags if tag == "section"] == SECTIONS
    assert page.text.count("No trial has ended yet.") == 7
    assert "No trial has reported an epoch yet." in page.text
    assert "The paper's tables do not have this corpus; they have ptb, snli, yahoo." in page.text
    assert "No trial has started yet." in page.text
    assert "Fewer than two cells have ended with all their seeds." in page.text


def test_a_sweep_without_latent_summaries_says_so(reported: Reported) -> None:
    for place in reported.places.values():
        (place / "latent.json").rename(place / "aside")
    page = page_of(reported.sweep.record, reported.sweep.spec)
    for place in reported.places.values():
        (place / "aside").rename(place / "latent.json")
    message = (
        "No trial has left a summary of its code (latent.json) that can be read. Latent.json is not in its last"
    )
    assert page.text.count(message) == 2


def test_a_cell_that_is_not_known_is_faint_and_marked(tmp_path: Path) -> None:
    cells: Cells = [("ours", {}, {0: (8.0, 20.0)}), ("vae", {}, {0: (9.0, 21.0)})]
    record = journal(tmp_path / "s", cells, more={0: {"pareto_k_bad": 0.6, "nll": 21.0}})
    page = page_of(record, reporting_spec(tmp_path))
    assert "cannot tell: 60.0% of its sentences have Pareto k > 0.7, 50% at most may" in page.all("title")
    assert "Lowest PPL on validation: vae (cell 1), 9.00; it is the only cell of which it is known." in page.text
    [data] = [script for script in page.scripts if script.startswith("{")]
    traces = {trace.get("name"): trace for trace in json.loads(data)["front-validation"]["data"]}
    assert traces["ours"]["marker"]["opacity"] == [0.35]
    assert traces["vae"]["marker"]["opacity"] == [1]
    assert "cannot tell PPL: 60.0%" in traces["ours"]["text"][0]


def test_the_papers_rows_stand_beside_ours(tmp_path: Path) -> None:
    published_sweep(tmp_path, (OURS | {"reconstruction": 99.0},))
    record = read_sweep(tmp_path / "journal.jsonl")
    page = page_of(record, reporting_spec(tmp_path))
    [data] = [script for script in page.scripts if script.startswith("{")]
    paper = [trace for trace in json.loads(data)["front-test"]["data"] if trace["name"] == "ours, paper"]
    assert len(paper[0]["x"]) == 8
    assert "96.17" in page.text
    assert "worse ±0.36" in page.text
    assert "= reproduced" in page.text
