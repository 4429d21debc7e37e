"""Small archives in the form of the public ones, put up on a test's own server."""

import hashlib
import io
import json
import random
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.integration.web import Page, Steps, Web
from trainables.text import prepare
from trainables.text.fetch import Fetched, fetch
from trainables.text.prepare import Sizes
from trainables.text.sources import SOURCES, CorpusSource, RemoteFile

SIZES = Sizes(400, 40, 40)
WORDS = ["man", "woman", "dog", "child", "bike", "ball", "street", "park", "field", "guitar"]


def zipped(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return packed.getvalue()


def snli_pairs(count: int) -> bytes:
    """Pairs in SNLI's form: three hypotheses a premise, so premises come again."""
    draw = random.Random(1)
    lines = []
    for number in range(count):
        premise = f"A {WORDS[number // 3 % 10]} near the {WORDS[number // 30 % 10]}, number {number // 3}."
        hypothesis = f"The {draw.choice(WORDS)} isn't alone ({number})"
        lines.append(json.dumps({"gold_label": "-", "sentence1": premise, "sentence2": hypothesis, "pairID": "1"}))
    return "\n".join(lines).encode() + b"\n"


def snli_zip(count: int = 600) -> bytes:
    noise = {"__MACOSX/snli_1.0/._snli_1.0_train.jsonl": b"\0\1", "snli_1.0/README.txt": b"SNLI"}
    return zipped(
        {"snli_1.0/snli_1.0_train.jsonl": snli_pairs(count), "snli_1.0/snli_1.0_dev.jsonl": b"", **noise}
    )


def snli_source(web: Web, page: Page) -> CorpusSource:
    url = web.add("/snli_1.0.zip", page)
    file = RemoteFile("snli_1.0.zip", url, 10_000_000, hashlib.sha256(page.body).hexdigest())
    return replace(SOURCES["snli"], files=(file,), prepare=partial(prepare.snli, sizes=SIZES))


def ptb_source(web: Web, archive: bytes) -> CorpusSource:
    return replace(SOURCES["ptb"], files=(RemoteFile("ptb.zip", web.add("/ptb.zip", Page(archive)), 10_000_000),))


def fetched(source: CorpusSource, directory: Path) -> Fetched:
    steps = Steps()
    return fetch(source, directory, steps, steps.pause)
