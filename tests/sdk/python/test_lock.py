"""Object lock: what is retained stays, for as long as it was to and as long as that is made."""

import datetime

import pytest
from checks import accept, header, refuse, usage
from obs import DeleteObjectsRequest, Object, ObjectLockConfiguration, ObjectLockRule

NEXT_YEAR = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=365)
MILLIS = int(NEXT_YEAR.timestamp()) * 1000
SHOWN = NEXT_YEAR.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def prefix(mode):
    return "x-obs-" if mode == "name" else "x-amz-"


@pytest.fixture
def vault(client, new_name, prefix):
    """A bucket with object lock. It stays behind: what is retained in it cannot be removed."""
    name = new_name()
    accept(client.createBucket(name, extensionHeaders={prefix + "bucket-object-lock-enabled": "true"}))
    return name


def put(client, bucket, key, **options):
    return accept(client.putContent(bucket, key, b"x", **options)).versionId


def configured(rule=None):
    return ObjectLockConfiguration(objectLockEnabled="Enabled", rule=rule)


@pytest.mark.covers("GetObjectLockConfiguration", "PutObjectLockConfiguration")
def test_the_default_of_a_bucket(client, vault):
    assert accept(client.getBucketVersioning(vault)) == "Enabled"
    refuse(client.setBucketVersioning(vault, "Suspended"), 409, "InvalidBucketState")
    assert accept(client.getBucketObjectLock(vault)).rule is None
    for days, years in [("30", None), (None, "2")]:
        accept(client.setBucketObjectLock(vault, configured(ObjectLockRule(days=days, years=years))))
        found = accept(client.getBucketObjectLock(vault))
        assert (found.objectLockEnabled, found.rule.mode) == ("Enabled", "COMPLIANCE")
        assert (found.rule.days, found.rule.years) == (days, years)
    put(client, vault, "a")
    assert header(client.getObjectMetadata(vault, "a"))["object-lock-mode"] == "COMPLIANCE"
    # Without a rule, and as the SDK sends it where nothing is named.
    for nothing in [configured(), None]:
        accept(client.setBucketObjectLock(vault, configured(ObjectLockRule(days=1))))
        accept(client.setBucketObjectLock(vault, nothing))
        assert accept(client.getBucketObjectLock(vault)).rule is None
    for senseless in ["0", "-1", "36501"]:
        result = client.setBucketObjectLock(vault, configured(ObjectLockRule(days=senseless)))
        assert (result.status, result.errorCode) in [(400, "MalformedXML"), (400, "InvalidRetentionPeriod")]


def test_a_bucket_without_object_lock(client, bucket, mode):
    status, code = (400, "InvalidRequest") if mode == "name" else (404, "ObjectLockConfigurationNotFoundError")
    refuse(client.getBucketObjectLock(bucket), status, code)
    accept(client.putContent(bucket, "a", b"x"))
    refuse(client.putObjectRetention(bucket, "a", "COMPLIANCE", MILLIS), 400, "InvalidRequest")


@pytest.mark.covers("PutObjectRetention")
@pytest.mark.parametrize("until", [MILLIS, SHOWN])
def test_what_is_retained_stays(client, vault, until):
    version = put(client, vault, "a")
    free = put(client, vault, "b")
    accept(client.putObjectRetention(vault, "a", "COMPLIANCE", until, versionId=version))
    shown = header(client.getObjectMetadata(vault, "a", version))
    assert (shown["object-lock-mode"], shown["object-lock-retain-until-date"]) == ("COMPLIANCE", SHOWN)
    refuse(client.deleteObject(vault, "a", version), 403, "AccessDenied")
    many = DeleteObjectsRequest(objects=[Object("a", version), Object("b", free)])
    told = accept(client.deleteObjects(vault, many))
    assert [(entry.key, entry.code) for entry in told.error] == [("a", "AccessDenied")]
    assert [entry.key for entry in told.deleted] == ["b"]
    assert usage(client, vault) == (1, 1)
    accept(client.putObjectRetention(vault, "a", "COMPLIANCE", MILLIS + 60_000))
    earlier = client.putObjectRetention(vault, "a", "COMPLIANCE", MILLIS)
    assert (earlier.status, earlier.errorCode) in [(400, "InvalidRequest"), (403, "AccessDenied")]
    # Covered, and there again.
    marker = accept(client.deleteObject(vault, "a"), 204).versionId
    accept(client.deleteObject(vault, "a", marker), 204)
    accept(client.getObjectMetadata(vault, "a"))


@pytest.mark.covers("PutObject")
def test_an_object_comes_with_its_retention(client, vault, prefix):
    lock = {prefix + "object-lock-mode": "COMPLIANCE", prefix + "object-lock-retain-until-date": SHOWN}
    version = put(client, vault, "a", extensionHeaders=lock)
    refuse(client.deleteObject(vault, "a", version), 403, "AccessDenied")
    del lock[prefix + "object-lock-mode"]
    assert client.putContent(vault, "a", b"x", extensionHeaders=lock).status == 400
