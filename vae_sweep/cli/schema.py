"""`vae-sweep schema`."""

import json


def schema() -> None:
    """Print the JSON Schema of a sweep file, for editors."""
    from vae_sweep.config.reader import json_schema

    print(json.dumps(json_schema(), indent=1))
