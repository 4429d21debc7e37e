"""Errors of the service; each text says where, what came, what is allowed and the usual fix."""

from collections.abc import Sequence

from trainables.base import VaeSweepError


class SpecError(VaeSweepError):
    """A sweep spec is wrong; the text lists every error of the file."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
        super().__init__("\n".join([*problems, f"{count}; nothing was started"]))


class LaunchError(VaeSweepError):
    """A sweep cannot start: storage, resources or an existing sweep stand in the way."""


class CompareError(VaeSweepError):
    """Sweeps cannot be compared: they measured on other texts or otherwise, or nothing is there to compare."""
