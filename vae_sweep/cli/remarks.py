"""The table of remarks on a corpus."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from trainables.text.remarks.remark import Remark


def remarks_table(remarks: "Sequence[Remark]") -> RenderableType:
    """Return one line for each kind of oddity: its share of each split, the first example and the usual fix."""

    kinds = sorted({remark.kind: None for remark in remarks}, key=lambda kind: not _is_warning(kind, remarks))
    warnings = sum(_is_warning(kind, remarks) for kind in kinds)
    title = f"remarks on the corpus: warnings {warnings}, notes {len(kinds) - warnings}"
    table = Table("remark", "share", "example", "usual fix", show_lines=True)
    for kind in kinds:
        found = [remark for remark in remarks if remark.kind == kind]
        word = "warning" if _is_warning(kind, remarks) else "note"
        shares = "\n".join(f"{each.split} {_percent(each.share)} of {each.of}" for each in found)
        table.add_row(*map(Text, (f"{word}: {kind}", shares, found[0].example, found[0].fix)))
    return Group(Text(title, style="bold"), table)


def _is_warning(kind: str, remarks: "Sequence[Remark]") -> bool:
    return any(remark.warning for remark in remarks if remark.kind == kind)


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}" if share >= 0.01 else f"{share:.2%}"
