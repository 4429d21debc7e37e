"""The estimate in words: what it says, and what it does not know."""

import os

from vae_sweep.formatting import STEP, duration, format_bytes, pluralise
from vae_sweep.planning.estimate.estimate import Estimate, cores
from vae_sweep.planning.estimate.measure import processes
from vae_sweep.planning.estimate.rates import Span
from vae_sweep.planning.plan import Plan, gpu_count

_BUSY = 0.5
"""Running processes for each core from which on a machine is called busy."""

BOUNDS = (
    "low: every phase ends as early as its schedule allows, at the fastest pace measured; "
    "high: all epochs, at the slowest; starting Ray and MLflow is not counted"
)


def estimate_lines(plan: Plan, found: Estimate) -> list[str]:
    """Return an estimate as lines."""
    alike: dict[str, list[str]] = {}
    for method, span in found.methods.items():
        alike.setdefault(span_text(span), []).append(method)
    rows = "; ".join(f"{', '.join(methods)} {text}" for text, methods in alike.items())
    parts = f"training {span_text(found.trials)}"
    parts += f", then test scores {span_text(found.scores)}" if found.scores.high else ", no test scores"
    return [
        f"estimate: {span_text(found.seconds)} on this machine, {_slots(found)} at once: {parts}",
        f"  a trial alone: {rows}",
        f"  memory: {format_bytes(found.peak_memory_mb * STEP**2)} a trial at its peak, Ray's own processes aside",
        f"  storage: {format_bytes(found.running_bytes)} at most while trials run, "
        f"{format_bytes(found.end_bytes)} at the end; "
        "journal and MLflow aside",
        *(f"  {note}" for note in (BOUNDS, *_notes(plan, found))),
    ]


def span_text(span: Span) -> str:
    """Return a span in words; one figure where both ends read the same."""
    low, high = duration(span.low), duration(span.high)
    return low if low == high else f"{low} to {high}"


def _slots(found: Estimate) -> str:
    fewest, most = found.at_once
    return pluralise(most, "trial") if fewest == most else f"{fewest} to {most} trials"


def _notes(plan: Plan, found: Estimate) -> list[str]:
    notes = []
    if cluster := os.environ.get("RAY_ADDRESS"):
        notes.append(
            f"measured on this machine, not on the cluster ({cluster}), whose nodes and slots may be others"
        )
    if found.load > _BUSY * cores():
        busy = f"{found.load:.1f} processes on {pluralise(cores(), 'core')}"
        notes.append(
            f"the machine was busy before it was measured ({busy}): the sweep is faster when "
            "it has the machine to itself, and slower when others ask for more"
        )
    if not gpu_count() and any(share.gpus for share in plan.shares.values()):
        notes.append("measured without the GPU that trials ask for: neither time nor memory is theirs")
    if not found.exact:
        notes.append(
            "the search draws its cells: each method is counted as often as the others, a range at its middle"
        )
    if plan.spec.final == "front" and found.scores.high:
        notes.append("test scores are those of the front: one cell at least, all at most")
    if any(method == "vae_aggressive" for method in found.methods):
        notes.append(
            "aggressive updates decide as they go how many encoder steps they take, hence their wide span"
        )
    if (count := processes(plan)) < found.at_once[1]:
        notes.append(f"measured with {count} processes side by side, fewer than the trials that run at once")
    return notes
