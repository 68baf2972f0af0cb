"""Checks that the runner notices what it should, with made-up results and answers. Part of every run; takes no time."""

from tiers import HEADERS, TIER_1, part_of
from verdict import NEW, Lists, Verdict, server_faults

PARTS = {"a": TIER_1, "b": TIER_1, "c": HEADERS, "x": "lifecycle"}


def result(outcome: str) -> dict:
    return {"outcome": outcome, "phase": "call", "seconds": 0.1, "why": "", "text": ""}


def check(what: str, found, expected):
    assert found == expected, f"{what}: {found!r}, not {expected!r}"


def check_verdicts():
    lists = Lists(passing={"a", "b"}, failing={"c": "a reason"}, slow={"b": "9 s"})
    check("fast subset", lists.fast(), ["a"])

    def of(**outcomes):
        verdict = Verdict.of(lists, ["a", "b", "c"], {test: result(outcome) for test, outcome in outcomes.items()})
        return verdict.passed, verdict.expected, verdict.broken, verdict.news, verdict.missing

    check("as listed", of(a="passed", b="passed", c="failed"), (["a", "b"], ["c"], [], [], []))
    check("a regression", of(a="failed", b="passed", c="failed"), (["b"], ["c"], ["a"], [], []))
    check("one that skips itself", of(a="skipped", b="passed", c="skipped"), (["b"], ["c"], ["a"], [], []))
    check("a test that passes now", of(a="passed", b="passed", c="passed"), (["a", "b", "c"], [], [], ["c"], []))
    check("no result", of(a="passed", c="failed"), (["a"], ["c"], [], [], ["b"]))


def check_lists():
    def faults(passing, failing, slow=()):
        return len(Lists(set(passing), failing, dict.fromkeys(slow, "9 s")).faults(PARTS))

    check("all well", faults("ab", {"c": "a reason"}, "b"), 0)
    check("in both", faults("abc", {"c": "a reason"}), 1)
    check("in none", faults("a", {"c": "a reason"}), 1)
    check("of a part that is not run", faults("abx", {"c": "a reason"}), 1)
    check("unknown", faults("aby", {"c": "a reason"}), 1)
    check("no reason", faults("ab", {"c": ""}), 1)
    check("no reason yet", faults("ab", {"c": NEW}), 1)
    check("slow and failing", faults("ab", {"c": "a reason"}, "c"), 1)


def check_answers():
    def faults(code):
        return len(server_faults({("GetObject", code): 1, ("PutObject", "OK"): 5}))

    check("a refusal", faults("NoSuchKey"), 0)
    check("not implemented", faults("ServiceNotImplemented"), 0)
    check("a fault of the server", faults("InternalError"), 1)
    check("a panic", faults("panic"), 1)
    check("a code nobody knows", faults("Surprise"), 1)


def check_parts():
    def part(test, *markers):
        return part_of(test, list(markers))

    check("plain", part("test_s3.py::test_bucket_list_empty"), TIER_1)
    check("headers", part("test_headers.py::test_object_create_bad_md5_empty", "auth_common"), HEADERS)
    check("lifecycle", part("test_s3.py::test_lifecycle_set", "lifecycle"), "lifecycle")
    check("cloud before lifecycle", part("test_s3.py::test_x", "lifecycle", "cloud_transition"), "cloud")
    check("encrypted copy", part("test_s3.py::test_copy_enc[sse-c-unencrypted-1]", "encryption"), "encryption")
    check("plain copy among them", part("test_s3.py::test_copy_enc[unencrypted-unencrypted-1]", "encryption"), TIER_1)
    check("tenant", part("test_s3.py::test_cors_presigned_put_object_tenant_with_acl"), "tenant")
    check("iam", part("test_iam.py::test_create_user", "iam_user"), "iam")


def run():
    check_verdicts()
    check_lists()
    check_answers()
    check_parts()
