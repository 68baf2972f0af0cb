"""What a run means: results held against the lists in this folder, and the answers the gateway should never give."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from tiers import RUN

HERE = Path(__file__).parent
PASSING = HERE / "passing.txt"
FAILING = HERE / "failing.txt"
SLOW = HERE / "slow.txt"
ERRORS = HERE.parents[1] / "docs" / "errors.md"

SLOW_SECONDS = 5.0  # what takes longer is left to the whole run

NEW = "fails, and nobody has said why"


def read_list(path: Path) -> dict[str, str]:
    """The first word of each line is a test, the rest belongs to it."""
    lines = path.read_text().splitlines() if path.exists() else []
    words = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return {test: "".join(rest) for test, *rest in words}


def write_list(path: Path, head: str, tests: dict[str, str]):
    lines = (f"{test}  {rest}".rstrip() for test, rest in sorted(tests.items()))
    path.write_text("".join(f"{line}\n" for line in (*(f"# {line}" for line in head.splitlines()), *lines)))


@dataclass
class Lists:
    """What is known before a run."""

    passing: set[str]
    failing: dict[str, str]  # test → reason
    slow: dict[str, str]  # test → seconds

    @classmethod
    def read(cls):
        return cls(set(read_list(PASSING)), read_list(FAILING), read_list(SLOW))

    def fast(self) -> list[str]:
        return sorted(self.passing - self.slow.keys())

    def faults(self, parts: dict[str, str]) -> list[str]:
        """Where the lists contradict each other or the suite; `parts` is test → part, for the whole suite."""
        ours = {test for test, part in parts.items() if part in RUN}
        both = self.passing & self.failing.keys()
        listed = self.passing | self.failing.keys()
        return [
            *(f"{test} stands in both lists" for test in sorted(both)),
            *(
                f"{test} is listed, and the suite has no such test among those that run"
                for test in sorted(listed - ours)
            ),
            *(f"{test} stands in no list" for test in sorted(ours - listed)),
            *(f"{test} is called slow, and does not pass" for test in sorted(self.slow.keys() - self.passing)),
            *(f"{test} has no reason to fail" for test, why in sorted(self.failing.items()) if why in ("", NEW)),
        ]

    def take(self, results: dict[str, dict]):
        """Makes the lists say what a whole run has shown; reasons are kept, and missing ones are left to a person."""
        self.passing = {test for test, result in results.items() if result["outcome"] == "passed"}
        self.failing = {test: self.failing.get(test) or NEW for test in results.keys() - self.passing}
        self.slow = {
            test: f"{results[test]['seconds']:.0f} s"
            for test in self.passing
            if results[test]["seconds"] > SLOW_SECONDS
        }
        write_list(
            PASSING,
            "Tests that pass. One that no longer does is a regression. UPDATE=1 make s3-tests",
            dict.fromkeys(self.passing, ""),
        )
        write_list(FAILING, "Tests that do not pass, each with its reason, which docs/s3-tests.md shows.", self.failing)
        write_list(
            SLOW,
            f"Tests of passing.txt that take more than {SLOW_SECONDS:.0f} s; make s3-tests-fast leaves them out.",
            self.slow,
        )


@dataclass
class Verdict:
    """What one run has shown."""

    passed: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)  # did not pass, and has a reason
    broken: list[str] = field(default_factory=list)  # did not pass, and should have
    news: list[str] = field(default_factory=list)  # passed, and is not listed
    missing: list[str] = field(default_factory=list)  # was to run, and left no result

    @classmethod
    def of(cls, lists: Lists, chosen: list[str], results: dict[str, dict]):
        self = cls()
        for test in chosen:
            if test not in results:
                self.missing.append(test)
            elif results[test]["outcome"] == "passed":
                self.passed.append(test)
                if test not in lists.passing:
                    self.news.append(test)
            elif test in lists.failing and test not in lists.passing:
                self.expected.append(test)
            else:
                self.broken.append(test)
        return self

    def line(self) -> str:
        parts = [f"{len(self.passed)} passed", f"{len(self.expected)} failed (expected)"]
        parts += [f"{len(self.broken)} FAILED (not expected)"] if self.broken else []
        parts += [f"{len(self.missing)} DID NOT RUN"] if self.missing else []
        parts += [f"{len(self.news)} of those that passed are not in passing.txt"] if self.news else []
        return ", ".join(parts)


def server_faults(answered: dict[tuple[str, str], int]) -> list[str]:
    """Answers that are the server's fault, whatever the tests make of them: 5xx but 501, and panics."""
    statuses = {}
    for line in ERRORS.read_text().splitlines():
        cells = re.findall(r"(\d{3}) `(\w+)`", line) if line.startswith("| ") else []
        if cells:  # a code is counted by its first name, and may have another status in another dialect
            statuses[cells[0][1]] = {int(status) for status, _ in cells}
    faults = []
    for (operation, code), times in sorted(answered.items()):
        status = {500} if code == "panic" else statuses.get(code, set())
        if not status and code != "OK":
            faults.append(f"{operation} answered {code}, which docs/errors.md does not know, {times} times")
        elif any(500 <= one != 501 for one in status):
            faults.append(f"{operation} answered {code} {times} times")
    return faults
