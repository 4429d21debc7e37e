"""All remarks on a corpus."""

from trainables.text.raw import RawSplit
from trainables.text.remarks.remark import CorpusView, Remark
from trainables.text.remarks.shapes import shape_remarks
from trainables.text.remarks.splits import split_remarks
from trainables.text.remarks.words import word_remarks
from trainables.text.spec import SPLITS, SplitName
from trainables.text.vocabulary import Vocabulary


def remarks_on(raw: dict[SplitName, RawSplit], vocabulary: Vocabulary) -> list[Remark]:
    """Return what is odd about a corpus from files; where its lines are no sentences, that alone is said."""
    seen = {name: CorpusView(name, raw[name]) for name in SPLITS}
    if shapes := [remark for name in SPLITS for remark in shape_remarks(seen[name])]:
        return shapes
    words = [remark for name in SPLITS for remark in word_remarks(seen[name])]
    return [*words, *split_remarks(seen, vocabulary)]
