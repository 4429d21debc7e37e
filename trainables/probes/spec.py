"""Which probes, and how large each is."""

from typing import Literal, get_args

from pydantic import Field, PositiveInt

from trainables.base import Spec
from trainables.model.spec import LONGEST

ProbeName = Literal["bleu", "pcc", "swaps", "interpolation", "accuracy", "copying"]
PROBE_NAMES: tuple[ProbeName, ...] = get_args(ProbeName)
Mapping = Literal["one_to_one", "most_responsible"]


class ProbeSpec(Spec):
    """The probes of the paper at its sizes."""

    probes: tuple[ProbeName, ...] = PROBE_NAMES
    pairs: int = Field(100_000, ge=2, description="sentence pairs behind the smoothness correlation")
    swaps: PositiveInt = Field(4, description="most word swaps of the noisy reconstruction")
    paths: PositiveInt = Field(10, description="interpolations of each kind")
    inner_points: PositiveInt = Field(9, description="points between the two ends of an interpolation")
    labels: tuple[PositiveInt, ...] = Field((100, 500, 1_000, 2_000, 10_000), description="labelled sentences")
    mapping: Mapping = Field(
        "one_to_one",
        description="how mixture components get labels: an assignment on validation counts, or each the label "
        "of its most responsible validation sentence, as the authors' code has it",
    )
    longest: PositiveInt = Field(
        LONGEST, description="words after which a reconstruction or an interpolated sentence is cut"
    )
    samples: PositiveInt = Field(300, description="prior samples of the copying check")
