"""`vae-sweep schema`."""

import json

from vae_sweep.config.reader import json_schema


def schema() -> None:
    """Print the JSON Schema of a sweep file, for editors."""

    print(json.dumps(json_schema(), indent=1))
