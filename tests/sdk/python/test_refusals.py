"""Who is refused, and in which words: strangers, wrong keys, frozen accounts, missing things."""

import pytest
from checks import accept, content, refuse, usage

from gateway import ROOT_ACCESS_KEY


def test_a_wrong_secret(connect, bucket):
    impostor = connect(ROOT_ACCESS_KEY, "not-the-secret-of-this-access-key-000001")
    refuse(impostor.getBucketQuota(bucket), 403, "SignatureDoesNotMatch")
    refuse(impostor.putContent(bucket, "a", b"x"), 403, "SignatureDoesNotMatch")
    assert impostor.getObjectMetadata(bucket, "a").status == 403
    refuse(impostor.listBuckets(), 403, "SignatureDoesNotMatch")


def test_a_key_nobody_has(connect, bucket):
    refuse(connect("NOBODYSACCESSKEY0001", "whatever").getBucketQuota(bucket), 403, "InvalidAccessKeyId")


@pytest.mark.parametrize("who", ["stranger", "nobody"])
def test_strangers_are_denied_everything(client, nobody, other, bucket, who):
    accept(client.putContent(bucket, "a", b"mine"))
    accept(client.setBucketQuota(bucket, 100))
    other = other if who == "stranger" else nobody
    for result in [
        other.getBucketQuota(bucket),
        other.setBucketQuota(bucket, 1),
        other.getBucketStorageInfo(bucket),
        other.getBucketLocation(bucket),
        other.listObjects(bucket),
        other.getObject(bucket, "a"),
        other.getObject(bucket, "missing"),
        other.putContent(bucket, "b", b"theirs"),
        other.deleteObject(bucket, "a"),
        other.deleteBucket(bucket),
    ]:
        refuse(result, 403, "AccessDenied")
    assert other.headBucket(bucket).status == 403
    assert other.getObjectMetadata(bucket, "a").status == 403
    assert content(client, bucket, "a") == b"mine"
    assert usage(client, bucket) == (4, 1)
    assert accept(client.getBucketQuota(bucket)).quota == 100


@pytest.mark.covers("ListBuckets", "CreateBucket")
def test_an_account_sees_its_own(client, other, bucket, new_name):
    assert accept(other.listBuckets()).buckets == []
    name = new_name()
    accept(other.createBucket(name))
    assert [entry.name for entry in accept(other.listBuckets()).buckets] == [name]
    assert name not in [entry.name for entry in accept(client.listBuckets()).buckets]
    refuse(client.createBucket(name), 409, "BucketAlreadyExists")
    refuse(other.createBucket(bucket), 409, "BucketAlreadyExists")


def test_a_frozen_account_and_its_thaw(gateway, account, other, new_name):
    owner = other
    bucket = new_name()
    accept(owner.createBucket(bucket))
    accept(owner.setBucketQuota(bucket, 100))
    gateway.cli("account", "freeze", account.name)
    refuse(owner.getBucketQuota(bucket), 403, "InArrearOrInsufficientBalance")
    refuse(owner.setBucketQuota(bucket, 1), 403, "InArrearOrInsufficientBalance")
    refuse(owner.putContent(bucket, "a", b"x"), 403, "InArrearOrInsufficientBalance")
    gateway.cli("account", "activate", account.name)
    assert accept(owner.getBucketQuota(bucket)).quota == 100
    assert usage(owner, bucket) == (0, 0)


def test_a_deregistered_account(gateway, account, other, new_name):
    bucket = new_name()
    accept(other.createBucket(bucket))
    gateway.cli("account", "deregister", account.name)
    refuse(other.getBucketQuota(bucket), 403, "DeregisterUserId")


def test_a_bucket_that_is_not_there(client, mode, new_name):
    missing = new_name()
    for result in [
        client.getBucketQuota(missing),
        client.setBucketQuota(missing, 1),
        client.getBucketStorageInfo(missing),
        client.listObjects(missing),
        client.putContent(missing, "a", b"x"),
        client.getObject(missing, "a"),
        client.deleteBucket(missing),
    ]:
        if mode == "ip":
            refuse(result, 404, "NoSuchBucket")
        else:
            # The negotiation finds it out: the SDK hands the answer to its HEAD to the caller, and HEAD has no body.
            assert result.status == 404


def test_an_object_that_is_not_there(client, bucket):
    refuse(client.getObject(bucket, "missing"), 404, "NoSuchKey")
    assert client.getObjectMetadata(bucket, "missing").status == 404


@pytest.mark.parametrize(
    "call",
    [
        "getBucketLifecycle",
        "getBucketWebsite",
        "getBucketLogging",
        "getBucketNotification",
        "getBucketEncryption",
        "getBucketReplication",
        "listBucketInventory",
        "getBucketCustomDomain",
        "getBucketDirectColdAccess",
        "getObsCompressPolicy",
        "getBucketDisPolicy",
    ],
)
def test_what_is_not_there_yet_says_so(client, bucket, call):
    refuse(getattr(client, call)(bucket), 501, "ServiceNotImplemented")
