"""Which part of the suite a test belongs to, and why a part is not run. The first rule that a test meets decides."""

import re
from dataclasses import dataclass

TIER_1 = "tier 1"
HEADERS = "headers"
RUN = (TIER_1, HEADERS)

LATER = "comes with a later version; until then the gateway answers 501"
RGW = "an extension of Ceph RGW that Amazon S3 does not have"
OTHER = "another service than object storage"


@dataclass(frozen=True)
class Rule:
    part: str
    why: str  # what it holds, and for a part that is not run the reason
    files: str = ".*"  # a regular expression, as the others are
    name: str = ".*"
    markers: str = ""

    def holds(self, file: str, name: str, markers: list[str]) -> bool:
        marked = not self.markers or any(re.fullmatch(self.markers, marker) for marker in markers)
        return marked and bool(re.fullmatch(self.files, file) and re.fullmatch(self.name, name))


RULES = (
    Rule("iam", f"the IAM Query API: {OTHER}", files=r"test_iam\.py"),
    Rule(
        "sts",
        f"the STS Query API, with web identities and with users and roles that the IAM API makes: {OTHER}",
        files=r"test_sts\.py",
    ),
    Rule("sns", f"notification topics of RGW: {OTHER}", files=r"test_sns\.py"),
    Rule("select", "S3 Select, which Amazon no longer offers to new customers", files=r"test_s3select\.py"),
    Rule("own", "a test of the suite's own helpers", files=r"test_utils\.py"),
    Rule(HEADERS, "requests with wrong or missing headers, signed V4 and V2", files=r"test_headers\.py"),
    Rule("cloud", f"transition to and restore from another cloud: {RGW}", markers="cloud_transition|cloud_restore"),
    Rule(
        "logging", f"bucket logging, 106 of them journals, rollover and flush of RGW: {LATER}", markers="bucket_logging"
    ),
    Rule("tenant", f"tenants in names of buckets and users: {RGW}", name=".*_tenant(ed)?(_.*)?"),
    Rule(
        "usage",
        f"usage in headers and by ?usage: {RGW}",
        name="test_account_usage|test_head_bucket_usage|test_bucket_head_extended",
    ),
    Rule("unordered", f"listing without order: {RGW}", name="test_bucket_list(v2)?_unordered"),
    Rule("lifecycle", f"lifecycle rules: {LATER}", markers="lifecycle.*"),
    Rule(TIER_1, "", name=r"test_copy(_part)?_enc\[unencrypted-unencrypted-.*"),
    Rule("encryption", f"encryption by the server: {LATER}", markers="encryption|bucket_encryption|sse_s3"),
    Rule(TIER_1, "all else in test_s3.py"),
)


def part_of(test: str, markers: list[str]) -> str:
    """The part that `file::name` belongs to."""
    file, _, name = test.partition("::")
    return next(rule.part for rule in RULES if rule.holds(file, name, markers))
