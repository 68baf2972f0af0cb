"""Does the suite itself work? Every rule passes against the model, and each
of the model's faults is noticed by the rule it is meant for.
"""

from __future__ import annotations

import os
import sys

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from quota_conformance import report  # noqa: E402 (the path comes first)
from quota_conformance.cli import run  # noqa: E402
from quota_conformance.model import FAULTS  # noqa: E402


def main() -> int:
    sound = run(["--adapter", "model", "--quick"])
    broken = [finding for finding in sound if finding.verdict != report.PASS]
    wrong = [f"{finding.id} is not kept by the model: {finding.reason}" for finding in broken]
    for fault, rule in FAULTS.items():
        finding = run(["--adapter", "model", "--quick", "--fault", fault, "--rule", rule])[0]
        if finding.verdict != report.FAIL or "could not be carried out" in finding.reason:
            wrong.append(f"{rule} does not notice the fault {fault}: {finding.verdict} {finding.reason}")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"quota suite selfcheck: {len(sound)} rules, {len(FAULTS)} faults, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
