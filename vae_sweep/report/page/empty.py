"""Why a section of the page has nothing to show."""

from vae_sweep.journal.records import SweepRecord
from vae_sweep.report.latent_summaries import CellExemplar
from vae_sweep.results.published import TEXTS
from vae_sweep.results.results import Results

NO_END = "No trial has ended yet."
NO_SUMMARY = "No trial has left a summary of its code (latent.json) that can be read."


def empty_reasons(record: SweepRecord, report: Results, exemplars: list[CellExemplar]) -> dict[str, str]:
    """Return section -> what its line says where it is empty."""
    ended = bool(report.rows)
    missing = list(dict.fromkeys(reason for found in exemplars for reason in found.missing))
    no_summary = " ".join([NO_SUMMARY, *(f"{reason[0].upper()}{reason[1:]}." for reason in missing)])
    return {
        "front": "No cell has both a perplexity and a reconstruction." if ended else NO_END,
        "evidence": "Fewer than two cells have ended with all their seeds.",
        "rates": "No cell with a target rate λ has ended." if ended else NO_END,
        "epochs": "No trial has reported an epoch yet.",
        "units": no_summary if ended else NO_END,
        "paper": _paper(record),
        "cells": NO_END,
        "likelihood": "No cell has a tight likelihood." if ended else NO_END,
        "samples": no_summary if ended else NO_END,
        "maps": _maps(report, no_summary),
        "costs": "No trial has started yet.",
    }


def _paper(record: SweepRecord) -> str:
    corpus = (record.spec.get("corpus") or {}).get("name")
    if corpus not in TEXTS:
        return f"The paper's tables do not have this corpus; they have {', '.join(TEXTS)}."
    return "No trial's test split has been scored yet."


def _maps(report: Results, no_summary: str) -> str:
    if not any(row.front for row in report.rows):
        return "No cell stands on the front yet: all its seeds must have ended."
    return no_summary
