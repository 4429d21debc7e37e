"""`vae-sweep generate`, `reconstruct`, `interpolate` and `encode`: a trained model in a pipe of text."""

import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainables.model.spec import LONGEST
from trainables.storage_paths import write_file
from vae_sweep.cli.arguments import write_utf8

if TYPE_CHECKING:
    from trainables.text_vae import TextVae

MOST_NAMED = 5

Longest = Annotated[
    int,
    typer.Option(min=1, metavar="WORDS", help="Where a printed sentence is cut; stderr says how many were."),
]

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A sweep's folder, e.g. sweeps/quickstart, or a registered model: models:/NAME/VERSION, "
        "models:/NAME@best.",
        show_default=False,
    ),
]
Trial = Annotated[
    str | None,
    typer.Argument(
        metavar="[TRIAL]",
        help="A trial of the sweep, or how its name begins. Default: the best replicate of the front's best cell "
        "by the first objective that did not collapse.",
        show_default=False,
    ),
]
Text = Annotated[
    list[str] | None,
    typer.Option("--text", metavar="SENTENCE", help="A sentence. Repeatable. Default: the lines of stdin."),
]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri",
        metavar="URI",
        help="Where a registered model lies. Default: MLFLOW_TRACKING_URI, else sqlite:///sweeps/mlflow.db.",
    ),
]


def generate(
    model: Model,
    trial: Trial = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many sentences.")] = 10,
    seed: Annotated[int, typer.Option(help="The same seed gives the same sentences.")] = 0,
    longest: Longest = LONGEST,
    uri: TrackingUri = None,
) -> None:
    """Print sentences drawn from the model: z from the prior, then word after word."""
    _print_sentences(_load(model, trial, uri).sample(count, seed, longest), longest)


def reconstruct(
    model: Model, trial: Trial = None, text: Text = None, longest: Longest = LONGEST, uri: TrackingUri = None
) -> None:
    """Print what comes back of each sentence through its code, one line for one line."""
    vae = _load(model, trial, uri)
    _print_sentences(vae.reconstruct(_texts(vae, text), longest), longest)


def interpolate(
    model: Model,
    trial: Trial = None,
    text: Text = None,
    steps: Annotated[int, typer.Option(min=2, help="Sentences, with both ends.")] = 7,
    longest: Longest = LONGEST,
    uri: TrackingUri = None,
) -> None:
    """Print the sentences on the way between the codes of two sentences."""
    from trainables.text_vae import UseError

    vae = _load(model, trial, uri)
    texts = _texts(vae, text)
    if len(texts) != 2:
        raise UseError(f"interpolate takes two sentences, its ends; {len(texts)} came")
    _print_sentences(vae.interpolate(texts[0], texts[1], steps, longest), longest)


def encode(
    model: Model,
    trial: Trial = None,
    text: Text = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write [sentences, units] to FILE.safetensors or FILE.npy instead."),
    ] = None,
    uri: TrackingUri = None,
) -> None:
    """Print the code of each sentence, its posterior mean, as a JSON array on a line."""
    if output is not None:
        _check_suffix(output)
    vae = _load(model, trial, uri)
    codes = vae.encode(_texts(vae, text))
    if output is None:
        _print(json.dumps([float(f"{value:.9g}") for value in code]) for code in codes.tolist())
        return

    write_file(output, vae.codes_file(codes, output.suffix))
    _say(f"{len(codes)} codes of {vae.latent_size} units are in {output}")


def _load(model: str, trial: str | None, uri: str | None) -> "TextVae":
    from vae_sweep.models.load import trained_model

    return trained_model(model, trial, uri, _say)


def _texts(vae: "TextVae", given: list[str] | None) -> list[str]:
    """Return the sentences, saying on stderr which words are unknown and which lines are empty."""
    texts = given or _stdin()
    words = [vae.words(text) for text in texts]
    for number, found in enumerate(words, start=1):
        if not found:
            _say(f"sentence {number} has no words: read as the empty sentence")
    if unknown := Counter(vae.unknown(texts)):
        named = ", ".join(word for word, _ in unknown.most_common(MOST_NAMED))
        more = f" and {len(unknown) - MOST_NAMED} others" if len(unknown) > MOST_NAMED else ""
        _say(
            f"{unknown.total()} of {sum(map(len, words))} words are not in the model's vocabulary and are read as "
            f"<unk>: {named}{more}"
        )
    return texts


def _stdin() -> list[str]:
    from trainables.text_vae import UseError

    if sys.stdin.isatty():
        _say("sentences, one a line; end with Ctrl-D")
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UseError(f"stdin: not UTF-8 text ({error.reason}); convert it, one sentence a line") from error
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    if not text:
        raise UseError("stdin: no sentence came; give one a line, or --text")
    return lines


def _check_suffix(output: Path) -> None:
    from trainables.text_vae import CODE_FILES, UseError

    if output.suffix not in CODE_FILES:
        raise UseError(f"--output: {output}; its name ends with {' or '.join(CODE_FILES)}")


def _print_sentences(sentences: list[str], longest: int) -> None:
    """Print sentences, saying on stderr how many have as many words as they may and so no end."""
    _print(sentences)
    if cut := sum(len(sentence.split()) >= longest for sentence in sentences):
        _say(f"{cut} of {len(sentences)} sentences are cut after {longest} words; --longest sets the most")


def _print(lines: Iterable[str]) -> None:
    """Print lines in UTF-8; by the flush a reader that left ends the command here, as click does, not at exit."""
    write_utf8()
    for line in lines:
        print(line)
    sys.stdout.flush()


def _say(text: str) -> None:
    print(text, file=sys.stderr)
