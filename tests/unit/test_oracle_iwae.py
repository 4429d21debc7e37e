"""The importance-weighted objective against the authors' importance-weighted estimate."""

import pytest
import torch

from tests.oracle import ABSENT, Oracle
from trainables.objective.bound import Iwae

pytestmark = pytest.mark.skipif(ABSENT is not None, reason=str(ABSENT))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 4e-5)])
def test_the_loss_is_the_bound_and_not_their_training_loss(dtype: torch.dtype, tolerance: float) -> None:
    """Their bound over all samples is that of their evaluation; their training loss is log mean 1/w instead."""
    oracle = Oracle(dtype)
    eps, log_weights = oracle["in_eps_iw"], oracle["out_iw_log_w"]
    samples = eps.shape[1]
    for batch in oracle.batches():
        loss = Iwae(samples=samples)(oracle.model(), batch, 1.0, eps[batch.rows], None).loss.detach()
        expected = oracle["out_iw_nll"][batch.rows].mean()
        torch.testing.assert_close(loss, expected, rtol=tolerance, atol=tolerance)
        theirs = ((-log_weights[batch.rows]).logsumexp(1) - torch.tensor(samples).log()).mean()
        assert float(theirs) > float(loss) + 1e-3
