"""What the ends of trials mean, and what one does next."""

from vae_sweep.journal.records import FinalRecord

MEANINGS = {
    "finished": "every phase ran and the best weights were measured",
    "collapsed": (
        "AU, MI and KL agree, at its end or at a rung, that z is unused: posterior collapse, an outcome and not "
        "an error; its numbers count, for Optuna too"
    ),
    "pruned": "the search ended it early; Optuna gets it as pruned, and no resume runs it again",
    "diverged": (
        "a loss or a measured number left the finite numbers; Optuna gets it as failed, and no resume "
        "runs it again, since the same spec gives the same numbers"
    ),
    "failed": "it ended without a result; the next launch or resume runs it again, from its newest checkpoint",
    "running": "it runs now",
    "waiting": "it waits for a pretraining that another trial computes",
    "interrupted": "it started and has no end, and nobody runs it now",
}

NEXT = {
    "collapsed": (
        "what keeps z in use is a well pretrained encoder with free bits (ours), free bits alone (vae_fb, "
        "vae_fbp), or a larger λ; the numbers below show which of these it lacked"
    ),
    "diverged": "a lower training.learning_rate or training.clip, under another sweep name",
    "interrupted": "vae-sweep resume goes on from its newest checkpoint",
}

ERRORS = {
    "memory": (
        "it asked for more memory than there was",
        "let fewer trials run at once (resources.max_concurrent, or more resources.cpu or gpu for each), set "
        "resources.memory_retries, or take a smaller training.batch_size in another sweep; then vae-sweep resume",
    ),
    "disk": (
        "a disk was full, or a quota",
        "make space where the sweep is stored and in the temporary directory, then vae-sweep resume",
    ),
    "storage": (
        "the storage refused, or was out of reach: a disk that fails, a mount that is away, files of another user",
        "mend what the reason names, then vae-sweep resume",
    ),
    "objects": (
        "object storage refused, or was out of reach, and what is written there could not be",
        "see that the server answers and that AWS_ENDPOINT_URL and credentials are set on each node, "
        "then vae-sweep resume",
    ),
    "data": (
        "the corpus or a stored state was absent, damaged, or not the one that the sweep was planned with",
        "give every machine the same files (vae-sweep data list shows what is here), then vae-sweep resume",
    ),
    "bug": (
        "the code raised an error that it should not raise",
        "the traceback shows where; mend or report it, then vae-sweep resume",
    ),
    "worker": (
        "its process was lost more often than a launch allows: killed, out of memory, or its node gone",
        "look at the machine's own log (dmesg names what the kernel killed), then vae-sweep resume",
    ),
}
"""Class of an error -> what it means, what one does next."""


def advice(state: str, final: FinalRecord | None) -> list[str]:
    """Return what a trial's state means and what to do, a line each."""
    lines = [MEANINGS[state]]
    if final is not None and state == "failed":
        meaning, following = ERRORS.get(final.error or "", ("no class of error is journaled", "vae-sweep resume"))
        return [*lines, f"{final.error or 'error'}: {meaning}", f"next: {following}"]
    return [*lines, f"next: {NEXT[state]}"] if state in NEXT else lines
