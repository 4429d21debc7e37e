"""How long the mirror waits between rounds."""

import pytest

from vae_sweep.tracking.mirror import pause


@pytest.mark.parametrize(("worked", "waits"), [(0.0, 1.0), (0.004, 1.0), (0.06, 12.0), (0.2, 30.0)])
def test_the_mirror_works_half_a_per_cent_of_the_time_and_lags_half_a_minute_at_most(
    worked: float, waits: float
) -> None:
    assert pause(worked) == pytest.approx(waits)
