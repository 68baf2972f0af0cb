"""What a gateway has performed for a client that is its only one, written down for docs/compatibility.md."""

import json
import os
import re
import urllib.request


def performed(gateway):
    """The operations that the gateway has answered well so far, by their names in docs/operations.md."""
    console = gateway.environment["OBS_GATEWAY_CONSOLE_LISTEN"]
    with urllib.request.urlopen(f"http://{console}/metrics", timeout=30) as page:
        return re.findall(r'^obs_gateway_requests_total\{operation="(\w+)",code="OK"\}', page.read().decode(), re.MULTILINE)


def record(gateway, client, version):
    path = os.environ.get("OBS_GATEWAY_SDK_RESULTS")
    if not path:
        return
    with open(path, "a", encoding="utf-8") as results:
        for operation in performed(gateway):
            line = {"operation": operation, "sdk": client, "version": version, "mode": "v4", "test": "all", "passed": True}
            print(json.dumps(line), file=results)
