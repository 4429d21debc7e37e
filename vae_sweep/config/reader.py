"""Reading a sweep file: YAML with `extends` and overrides, every error at once with its line."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trainables.methods import METHODS
from trainables.spec import SEARCHABLE
from vae_sweep.config.paths import settle_paths
from vae_sweep.config.sweep_spec import SweepSpec, merged
from vae_sweep.config.validation_messages import SourceLocation, Where, dotted, format_value, locate_errors
from vae_sweep.config.yaml_source import YamlSource, load_yaml, near_file, shown_place, value_of
from vae_sweep.errors import SpecError

GIVEN: SourceLocation = ("the spec", 0)
"""Where stands what came from Python and from no file."""

_WHOLE = ("methods", "seeds")
"""Keys that an extending file replaces whole instead of merging."""

_TEXTS = ("name", "path")
"""Keys of a corpus of which one says which text it is."""


def read_spec(path: Path, overrides: Sequence[str] = (), here: bool = True) -> SweepSpec:
    """Read a sweep file, what it extends, and `path=value` overrides. Raises SpecError with every error.

    `~` and environment variables in paths stand for what they are on this machine, where the sweep runs `here`.
    """
    path = Path(path)
    source = read_source(path)
    source.values.setdefault("name", path.stem)
    source.places.setdefault(("name",), (f"{path} (its name)", 0))
    for override in overrides:
        _override(source, override)
    return _checked(source, str(path), here)


def with_overrides(spec: SweepSpec, overrides: Sequence[str], part: str) -> SweepSpec:
    """Return a spec with `path=value` overrides of one of its parts laid over it.

    Raises SpecError with every error; one of another part is an error.
    """
    source = YamlSource(spec.model_dump(by_alias=True))
    for override in overrides:
        head = override.partition("=")[0].split(".")[0].strip()
        if head == part:
            _override(source, override)
        else:
            text = f"only {part}.* can be set here: all else of the sweep is as its trials were trained"
            source.problems.append(((f"--set {override}", 0), text))
    return _checked(source, spec.name, here=False)


def spec_of(given: Mapping[str, Any] | SweepSpec, overrides: Sequence[str] = ()) -> SweepSpec:
    """Check the fields of a sweep file, or a spec, with `path=value` overrides laid over them.

    Raises SpecError with every error.
    """
    values = given.model_dump(by_alias=True) if isinstance(given, SweepSpec) else as_read(given)
    source = YamlSource(values, dict(_places(values)))
    if values.pop("extends", None) is not None:
        source.problems.append((GIVEN, "extends stands in files only; give the other file, and this as overrides"))
    for override in overrides:
        _override(source, override)
    return _checked(source, GIVEN[0], here=True)


def as_read(value: Any) -> Any:
    """Return plain values as a file gives them: lists are tuples."""
    if isinstance(value, Mapping):
        return {key: as_read(inner) for key, inner in value.items()}
    return tuple(map(as_read, value)) if isinstance(value, list | tuple) else value


def _places(value: Any, above: Where = ()) -> Iterator[tuple[Where, SourceLocation]]:
    if above:
        yield above, GIVEN
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, tuple) else ()
    for key, below in inner:
        yield from _places(below, (*above, key))


def _checked(source: YamlSource, file: str, here: bool) -> SweepSpec:
    problems = list(source.problems)
    if here:
        problems += [
            (source.place(where), f"{dotted(where)}: {text}") for where, text in settle_paths(source.values)
        ]
    try:
        spec = SweepSpec.model_validate(source.values, strict=True)
    except ValidationError as error:
        problems += locate_errors(error, source.values, source.places, _raw_schema(), file)
    if problems:
        ordered = sorted(problems, key=lambda problem: problem[0])
        raise SpecError([f"{shown_place(*place)}: {text}" for place, text in ordered])
    return spec


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a sweep file, with each method's own parameters."""
    schema = _raw_schema()
    text = "another sweep file, relative to this one; this file states only differences"
    schema["properties"]["extends"] = {"type": "string", "description": text}
    rows = schema["properties"]["methods"]
    schema["$defs"]["Domain"] = rows.pop("additionalProperties")["additionalProperties"]
    domain = {"$ref": "#/$defs/Domain"}
    rows["additionalProperties"] = False
    rows["properties"] = {
        name: {
            "type": ["object", "null"],
            "description": method.title,
            "properties": dict.fromkeys(method.parameters(), domain),
            "patternProperties": {rf"^({'|'.join(SEARCHABLE)})\.": domain},
            "additionalProperties": False,
        }
        for name, method in METHODS.items()
    }
    schema["required"] = []
    return schema


def read_source(path: Path, chain: tuple[Path, ...] = ()) -> YamlSource:
    """Read a YAML file and the files that it extends into one source. Raises SpecError where none can be made."""
    if path.resolve() in chain:
        files = (*chain[chain.index(path.resolve()) :], path.resolve())
        raise SpecError([f"{path}: extends itself: {' -> '.join(file.name for file in files)}; break the circle"])
    own = load_yaml(path)
    parent = own.values.pop("extends", None)
    if parent is None:
        return own
    where = shown_place(*own.places["extends",])
    if not isinstance(parent, str):
        got = f" (got {format_value(parent)})" if format_value(parent) else ""
        raise SpecError([f"{where}: extends: expected the path of one sweep file{got}"])
    if not (path.parent / parent).is_file():
        raise SpecError([f"{where}: extends: no file {path.parent / parent}{near_file(path.parent / parent)}"])
    base = read_source(path.parent / parent, (*chain, path.resolve()))
    base.values.pop("name", None)
    base.places.pop(("name",), None)
    kept = {key: value for key, value in base.values.items() if key not in _WHOLE or key not in own.values}
    values = merged(_without_other_text(kept, own.values.get("corpus")), own.values)
    places = {where: place for where, place in (base.places | own.places).items() if _holds(values, where)}
    return YamlSource(values, places, base.problems + own.problems)


def _without_other_text(base: dict[str, Any], corpus: Any) -> dict[str, Any]:
    """Return values of an extended file without its corpus' name or path, where `corpus` has the other."""
    below = base.get("corpus")
    if not isinstance(corpus, dict) or not isinstance(below, dict):
        return base
    given = [key for key in _TEXTS if key in corpus]
    other = [key for key in _TEXTS if len(given) == 1 and key not in given]
    return base | {"corpus": {key: value for key, value in below.items() if key not in other}}


def _holds(values: Any, where: Where) -> bool:
    for part in where:
        mapping = isinstance(values, dict) and part in values
        if not mapping and not (isinstance(values, tuple) and isinstance(part, int) and part < len(values)):
            return False
        values = values[part]
    return True


def _override(source: YamlSource, text: str) -> None:
    path, equals, raw = text.partition("=")
    parts = path.strip().split(".")
    place = (f"--set {text}", 0)
    if not equals or not all(parts):
        source.problems.append((place, "expected path=value, such as model.latent_size=16"))
        return
    if parts[0] == "extends":
        source.problems.append((place, "extends stands in files only; launch the other file instead"))
        return
    try:
        value = value_of(raw)
    except ValueError:
        source.problems.append((place, f"the value {raw!r} is not valid YAML; put text in quotes of its own"))
        return
    if parts[0] == "methods" and len(parts) > 3:
        parts = [*parts[:2], ".".join(parts[2:])]
    node = source.values
    for depth, part in enumerate(parts[:-1], start=1):
        inner = node.get(part)
        if not isinstance(inner, dict):
            source.places[tuple(parts[:depth])] = place
        node[part] = dict(inner) if isinstance(inner, dict) else {}
        node = node[part]
    node[parts[-1]] = value
    where = tuple(parts)
    for other in _TEXTS if parts[0] == "corpus" and parts[-1] in _TEXTS and len(parts) == 2 else ():
        if other != parts[-1] and not source.places.get(("corpus", other), place)[0].startswith("--set"):
            node.pop(other, None)
    kept = {old: place for old, place in source.places.items() if old[: len(where)] != where}
    source.places = kept | {where: place}


def _raw_schema() -> dict[str, Any]:
    return SweepSpec.model_json_schema(by_alias=True)
