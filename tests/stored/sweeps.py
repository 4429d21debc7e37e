"""Sweeps that earlier versions stored: what they trained must stay readable."""

import shutil
from pathlib import Path

V0964958 = Path(__file__).parent / "v0964958"
"""Three trials on captions by the code of commit 0964958, `vae-sweep launch before.yaml`; of their checkpoints
what is needed here alone; in the journal their places begin with STORAGE. The file:

    corpus: {name: captions, vocabulary_size: 40, limit: {train: 64, validation: 16, test: 12}}
    model: {embedding_size: 4, encoder_size: 5, decoder_size: 5, latent_size: 2, initialisation: torch}
    descent: {optimizer: adam, learning_rate: 0.01, batch_size: 16, epochs: 2, course: {kind: linear_decay}}
    methods:
      lstm_lm:
      vae_fbp: {target_rate: 2}
      ours: {target_rate: 2}
    evaluation: {search_samples: 20, final_samples: 30}
"""

STORED = V0964958 / "before"
TRIALS = ("0000-lstm_lm-s0", "0001-vae_fbp-s0", "0002-ours-s0")


def stored_sweep(storage: Path) -> Path:
    """Put the sweep of 0964958 in a storage directory; return its folder."""
    shutil.copytree(V0964958, storage, dirs_exist_ok=True)
    journal = storage / "before" / "journal.jsonl"
    journal.write_text(journal.read_text().replace("STORAGE", str(storage)))
    return storage / "before"
