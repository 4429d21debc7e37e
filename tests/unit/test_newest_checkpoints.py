"""From which checkpoints a trial goes on after its worker was lost."""

from pathlib import Path

from trainables.ray_trainable import reported


def test_a_checkpoint_whose_report_never_arrived_is_passed_over(tmp_path: Path) -> None:
    """A worker on a node that was cut off leaves one; starting from it would leave a hole in the journal."""
    for number in (9, 10, 11):
        (tmp_path / f"checkpoint_{number:06d}").mkdir()
    found = [place.name for place in reported(tmp_path / "checkpoint_000010")]
    assert found == ["checkpoint_000010", "checkpoint_000009"]
