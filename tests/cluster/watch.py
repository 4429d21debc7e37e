"""`python -m tests.cluster.watch URL TOKEN_FILE`: a line whenever the head first reports a node in a state."""

import json
import sys
import time
from pathlib import Path

import httpx


def main(url: str, token: str) -> None:
    """Ask five times a second until killed."""
    seen: set[tuple[str, str]] = set()
    headers = {"Authorization": f"Bearer {Path(token).read_text()}"}
    with httpx.Client(headers=headers, timeout=10, trust_env=False) as client:
        while True:
            time.sleep(0.2)
            try:
                answer = client.get(f"{url}/api/v0/nodes", params={"limit": 1000, "timeout": 5})
            except httpx.TransportError:
                continue
            if answer.is_success:
                _tell_new(answer, seen)


def _tell_new(answer: httpx.Response, seen: set[tuple[str, str]]) -> None:
    for node in answer.json()["data"]["result"]["result"]:
        if (key := (node["node_id"], node["state"])) not in seen:
            seen.add(key)
            print(
                json.dumps({"time": time.time(), "address": node["node_ip"], "state": node["state"]}), flush=True
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
