"""Versions, and the locks that keep them."""

import datetime

import pytest
from kit import refused

DAY = datetime.timedelta(days=1)


@pytest.fixture
def versioned(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def put(s3, bucket, data, key="a", **more):
    return s3.put_object(Bucket=bucket, Key=key, Body=data, **more)["VersionId"]


def test_states(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="a", Body=b"before")
    for state in ["Enabled", "Suspended"]:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": state})
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == state
    assert s3.get_object(Bucket=bucket, Key="a", VersionId="null")["Body"].read() == b"before"


def test_every_write_is_kept(s3, versioned):
    first, second = (put(s3, versioned, data) for data in [b"one", b"two"])
    assert s3.get_object(Bucket=versioned, Key="a")["VersionId"] == second
    assert s3.get_object(Bucket=versioned, Key="a", VersionId=first)["Body"].read() == b"one"
    deleted = s3.delete_object(Bucket=versioned, Key="a")
    assert deleted["DeleteMarker"] is True
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=versioned, Key="a")
    page = s3.list_object_versions(Bucket=versioned)
    assert [(entry["VersionId"], entry["IsLatest"]) for entry in page["Versions"]] == [(second, False), (first, False)]
    assert [(entry["VersionId"], entry["IsLatest"]) for entry in page["DeleteMarkers"]] == [(deleted["VersionId"], True)]
    s3.delete_object(Bucket=versioned, Key="a", VersionId=deleted["VersionId"])
    assert s3.get_object(Bucket=versioned, Key="a")["Body"].read() == b"two"
    with refused("NoSuchVersion", 404):
        s3.get_object(Bucket=versioned, Key="a", VersionId=deleted["VersionId"])


def test_an_old_version_is_copied_back(s3, versioned):
    first = put(s3, versioned, b"one")
    put(s3, versioned, b"two")
    source = {"Bucket": versioned, "Key": "a", "VersionId": first}
    done = s3.copy_object(Bucket=versioned, Key="a", CopySource=source)
    assert done["CopySourceVersionId"] == first
    assert s3.get_object(Bucket=versioned, Key="a")["Body"].read() == b"one"


def test_pages_of_many_versions_and_their_end(s3, versioned):
    for n in range(3):
        for key in ["a", "b"]:
            put(s3, versioned, str(n).encode(), key)
    s3.delete_object(Bucket=versioned, Key="b")
    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=versioned, PaginationConfig={"PageSize": 2}))
    found = [entry for page in pages for entry in page.get("Versions", []) + page.get("DeleteMarkers", [])]
    assert len(found) == 7 and len(pages) == 4
    wanted = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in found]
    assert "Errors" not in s3.delete_objects(Bucket=versioned, Delete={"Objects": wanted})
    s3.delete_bucket(Bucket=versioned)


@pytest.fixture
def locked(s3, new_name):
    name = new_name()
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def in_days(days):
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0) + days * DAY


def test_default_retention(s3, locked, bucket):
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=rule)
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == rule
    version = put(s3, locked, b"x")
    head = s3.head_object(Bucket=locked, Key="a")
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert in_days(0) < head["ObjectLockRetainUntilDate"] <= in_days(1) + DAY / 24
    with refused("AccessDenied", 403):
        s3.delete_object(Bucket=locked, Key="a", VersionId=version)
    failed = s3.delete_objects(Bucket=locked, Delete={"Objects": [{"Key": "a", "VersionId": version}]})["Errors"]
    assert [(entry["Key"], entry["Code"]) for entry in failed] == [("a", "AccessDenied")]
    s3.delete_object(Bucket=locked, Key="a", VersionId=version, BypassGovernanceRetention=True)
    with refused("ObjectLockConfigurationNotFoundError", 404):
        s3.get_object_lock_configuration(Bucket=bucket)


def test_retention(s3, locked):
    version = put(s3, locked, b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=in_days(2))
    held = s3.get_object_retention(Bucket=locked, Key="a")["Retention"]
    assert held["Mode"] == "GOVERNANCE"
    longer = {"Mode": "GOVERNANCE", "RetainUntilDate": in_days(3)}
    s3.put_object_retention(Bucket=locked, Key="a", Retention=longer)
    assert s3.get_object_retention(Bucket=locked, Key="a")["Retention"] == longer
    shorter = longer | {"RetainUntilDate": in_days(1)}
    with refused("AccessDenied", 403):
        s3.put_object_retention(Bucket=locked, Key="a", Retention=shorter)
    s3.put_object_retention(Bucket=locked, Key="a", Retention=shorter, BypassGovernanceRetention=True)
    marker = s3.delete_object(Bucket=locked, Key="a")  # hides it, and takes nothing away
    s3.delete_object(Bucket=locked, Key="a", VersionId=marker["VersionId"])
    s3.delete_object(Bucket=locked, Key="a", VersionId=version, BypassGovernanceRetention=True)
    with refused("InvalidBucketState", 409):
        s3.put_bucket_versioning(Bucket=locked, VersioningConfiguration={"Status": "Suspended"})


def test_compliance(s3, locked):
    version = put(s3, locked, b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=in_days(1))
    with refused("AccessDenied", 403):
        s3.delete_object(Bucket=locked, Key="a", VersionId=version, BypassGovernanceRetention=True)


def test_legal_hold(s3, locked, bucket):
    version = put(s3, locked, b"x", ObjectLockLegalHoldStatus="ON")
    assert s3.get_object_legal_hold(Bucket=locked, Key="a")["LegalHold"] == {"Status": "ON"}
    assert s3.head_object(Bucket=locked, Key="a")["ObjectLockLegalHoldStatus"] == "ON"
    with refused("AccessDenied", 403):
        s3.delete_object(Bucket=locked, Key="a", VersionId=version, BypassGovernanceRetention=True)
    s3.put_object_legal_hold(Bucket=locked, Key="a", LegalHold={"Status": "OFF"})
    s3.delete_object(Bucket=locked, Key="a", VersionId=version)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    with refused("InvalidRequest", 400):
        s3.put_object_legal_hold(Bucket=bucket, Key="a", LegalHold={"Status": "ON"})
