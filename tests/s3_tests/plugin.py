"""What pytest is told beside the suite: which gateway a worker uses, which tests run, where results go.

The suite itself is never changed. This file is loaded by `-p plugin`; the runner sets the variables.
"""

import json
import os
from pathlib import Path

LABS = Path(os.environ["S3_TESTS_LABS"])  # a folder for each worker: gw0, gw1, …
RESULTS = Path(os.environ["S3_TESTS_RESULTS"])  # a file: what was collected, or one JSON object for each test that ran
SELECTED = os.environ.get("S3_TESTS_SELECTED")  # a file: the tests to run, one per line; absent for all


def pytest_configure(config):
    is_worker = hasattr(config, "workerinput")
    worker = config.workerinput["workerid"] if is_worker else "gw0"
    os.environ["S3TEST_CONF"] = str(LABS / worker / "s3tests.conf")
    if not is_worker and not config.option.collectonly:
        config.pluginmanager.register(Recorder())


def name_of(nodeid: str) -> str:
    """`s3tests/functional/test_s3.py::test_x[a/b]` → `test_s3.py::test_x[a/b]`."""
    path, colons, test = nodeid.partition("::")
    return path.rpartition("/")[2] + colons + test


def pytest_collection_modifyitems(config, items):
    if SELECTED:
        wanted = set(Path(SELECTED).read_text().split("\n"))
        dropped = [item for item in items if name_of(item.nodeid) not in wanted]
        items[:] = [item for item in items if name_of(item.nodeid) in wanted]
        config.hook.pytest_deselected(items=dropped)


def pytest_collection_finish(session):
    if session.config.option.collectonly:
        markers = {name_of(item.nodeid): sorted({mark.name for mark in item.iter_markers()}) for item in session.items}
        RESULTS.write_text(json.dumps(markers))


def pytest_runtest_logreport(report):
    # What a test leaves behind that cannot be removed would fail every test after it: those get another prefix.
    if report.failed and report.when != "call":
        from s3tests import functional

        functional.prefix = functional.choose_bucket_prefix("s3t-{random}-")


OUTCOMES = ("passed", "skipped", "failed")  # from best to worst


class Recorder:
    """Adds up the three phases of each test; the worst outcome of them is the test's."""

    def __init__(self):
        self.tests = {}

    def pytest_runtest_logreport(self, report):
        start = {"outcome": "passed", "phase": "call", "seconds": 0.0, "why": "", "text": ""}
        test = self.tests.setdefault(name_of(report.nodeid), start)
        test["seconds"] = round(test["seconds"] + report.duration, 3)
        if OUTCOMES.index(report.outcome) > OUTCOMES.index(test["outcome"]):
            test |= {"outcome": report.outcome, "phase": report.when, "why": why(report), "text": report.longreprtext}

    def pytest_sessionfinish(self):
        with RESULTS.open("w") as file:
            for name, test in sorted(self.tests.items()):
                file.write(json.dumps({"test": name} | test) + "\n")


def why(report) -> str:
    """The line a reader wants: of an exception its message and place, of a skipped test the reason."""
    if report.skipped:
        return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
    crash = getattr(report.longrepr, "reprcrash", None)
    return f"{crash.message.splitlines()[0]} (line {crash.lineno})" if crash else report.longreprtext[-300:]
