"""What a test says it drives: held against the gateway's own count, and written down for docs/compatibility.md."""

import json
import os
import re
import time
import urllib.request
from importlib.metadata import version

import pytest

SDK = "esdk-obs-python"
MODES = {"name": "obs", "ip": "v2"}

# The gateway counts a request when its answer is through, which the client may see a moment earlier.
COUNT_SECONDS = 60

FINISHED = re.compile(r'^obs_gateway_requests_total\{operation="(\w+)",code="OK"\} (\d+)$', re.MULTILINE)

passed = pytest.StashKey[bool]()


def claims(item):
    return [operation for mark in item.iter_markers("covers") for operation in mark.args]


def counts(gateway):
    """How many requests of each operation the gateway has answered well so far."""
    console = gateway.environment["OBS_GATEWAY_CONSOLE_LISTEN"]
    with urllib.request.urlopen(f"http://{console}/metrics", timeout=30) as page:
        return {name: int(count) for name, count in FINISHED.findall(page.read().decode())}


def missing(gateway, operations, before):
    """Those of `operations` the gateway has not performed since."""
    deadline = time.monotonic() + COUNT_SECONDS
    while True:
        now = counts(gateway)
        left = [operation for operation in operations if now.get(operation, 0) <= before.get(operation, 0)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.02)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """A test drives what it says it drives, by itself: what its fixtures did beforehand does not count."""
    operations = claims(item)
    gateway = item.funcargs.get("gateway")
    before = counts(gateway) if operations else {}
    result = yield
    if operations:
        left = missing(gateway, operations, before)
        assert not left, f"claimed, but not performed by the gateway: {left}"
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped:
        item.stash[passed] = None
    elif report.when == "setup":
        item.stash[passed] = report.passed
    elif item.stash[passed] is not None:
        item.stash[passed] = item.stash[passed] and report.passed
    if report.when == "teardown" and item.stash[passed] is not None:
        record(item, item.stash[passed])
    return report


def record(item, passed):
    target = os.environ.get("OBS_GATEWAY_SDK_RESULTS")
    if not target:
        return
    with open(target, "a", encoding="utf-8") as lines:
        for operation in claims(item):
            line = {
                "operation": operation,
                "sdk": SDK,
                "version": version(SDK),
                "mode": MODES[item.callspec.params["mode"]],
                "test": item.nodeid.rpartition("/")[2],
                "passed": passed,
            }
            lines.write(json.dumps(line) + "\n")
