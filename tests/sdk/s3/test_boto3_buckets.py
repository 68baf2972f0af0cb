"""Buckets: made, found, listed, removed; and what the error classes are called."""

import datetime

import pytest
from conftest import OWN_REGION, REGION
from kit import refused


def names(page):
    return [bucket["Name"] for bucket in page["Buckets"]]


def test_made_found_and_removed(s3, new_name):
    name = new_name()
    s3.create_bucket(Bucket=name)
    head = s3.head_bucket(Bucket=name)
    assert head["BucketRegion"] == OWN_REGION
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == OWN_REGION
    listed = next(bucket for bucket in s3.list_buckets()["Buckets"] if bucket["Name"] == name)
    assert abs(datetime.datetime.now(datetime.UTC) - listed["CreationDate"]) < datetime.timedelta(minutes=10)
    s3.delete_bucket(Bucket=name)
    with refused("404", 404):
        s3.head_bucket(Bucket=name)
    assert name not in names(s3.list_buckets())


@pytest.mark.parametrize("region", [REGION, OWN_REGION])
def test_made_in_the_region(s3, new_name, region):
    name = new_name()
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == OWN_REGION
    with refused("InvalidLocationConstraint", 400):
        s3.create_bucket(Bucket=new_name(), CreateBucketConfiguration={"LocationConstraint": "elsewhere-9"})


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "elsewhere-9"])
def test_any_region_may_be_named(boto, new_name, region):
    s3 = boto(region_name=region)
    name = new_name()
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a", Body=b"x")
    assert s3.get_object(Bucket=name, Key="a")["Body"].read() == b"x"


def test_the_bucket_in_the_host(boto, gateway, new_name, monkeypatch):
    """Virtual hosting, asked for; *.localhost is the loopback address (RFC 6761), which not every resolver knows."""
    import socket

    from botocore.config import Config

    resolve = socket.getaddrinfo

    def getaddrinfo(host, *arguments, **named):
        return resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    asked = []
    s3 = boto(
        endpoint_url=f"http://obs.localhost:{gateway.port}", config=Config(s3={"addressing_style": "virtual"})
    )
    s3.meta.events.register("before-send.s3", lambda request, **_: asked.append(request.url))
    name = new_name()
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a b/c", Body=b"x")
    assert s3.get_object(Bucket=name, Key="a b/c")["Body"].read() == b"x"
    assert asked[-1] == f"http://{name}.obs.localhost:{gateway.port}/a%20b/c"


def test_error_classes(s3, boto, other, bucket, new_name):
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.list_objects_v2(Bucket=new_name())
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="none")
    with pytest.raises(s3.exceptions.BucketAlreadyExists):
        boto(access_key=other.access_key, secret_key=other.secret_key).create_bucket(Bucket=bucket)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    s3.abort_multipart_upload(Bucket=bucket, Key="a", UploadId=upload)
    with pytest.raises(s3.exceptions.NoSuchUpload):
        s3.list_parts(Bucket=bucket, Key="a", UploadId=upload)
    s3.put_object(Bucket=bucket, Key="a", Body=b"")
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=bucket)
    with refused("InvalidAccessKeyId", 403):
        boto(access_key="NOBODYSACCESSKEY0001").list_buckets()
    with refused("SignatureDoesNotMatch", 403):
        boto(secret_key="not the secret key").list_buckets()
    with refused("AccessDenied", 403):
        boto(access_key=other.access_key, secret_key=other.secret_key).list_objects_v2(Bucket=bucket)


def test_an_error_has_its_ids(s3, bucket):
    with pytest.raises(s3.exceptions.NoSuchKey) as caught:
        s3.get_object(Bucket=bucket, Key="none")
    answer = caught.value.response
    metadata, headers = answer["ResponseMetadata"], answer["ResponseMetadata"]["HTTPHeaders"]
    assert metadata["RequestId"] == headers["x-amz-request-id"]
    assert metadata["HostId"] == headers["x-amz-id-2"]
    assert answer["Error"]["Key"] == "none"


def test_pages_of_buckets(boto, other, new_name):
    s3 = boto(access_key=other.access_key, secret_key=other.secret_key)
    made = sorted(new_name() for _ in range(5))
    for name in made:
        s3.create_bucket(Bucket=name)
    pages = list(s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["Buckets"]) for page in pages] == [2, 2, 1]
    assert [name for page in pages for name in names(page)] == made
    assert names(s3.list_buckets(Prefix=made[0])) == made[:1]


def test_waiters(s3, new_name):
    name = new_name()
    quickly = {"Delay": 1, "MaxAttempts": 5}
    s3.create_bucket(Bucket=name)
    s3.get_waiter("bucket_exists").wait(Bucket=name, WaiterConfig=quickly)
    s3.put_object(Bucket=name, Key="a", Body=b"x")
    s3.get_waiter("object_exists").wait(Bucket=name, Key="a", WaiterConfig=quickly)
    s3.delete_object(Bucket=name, Key="a")
    s3.get_waiter("object_not_exists").wait(Bucket=name, Key="a", WaiterConfig=quickly)
    s3.delete_bucket(Bucket=name)
    s3.get_waiter("bucket_not_exists").wait(Bucket=name, WaiterConfig=quickly)


def test_the_resource_interface(account, endpoint, new_name):
    import boto3

    s3 = boto3.resource(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=account.access_key,
        aws_secret_access_key=account.secret_key,
        region_name=REGION,
    )
    bucket = s3.create_bucket(Bucket=new_name())
    for key in ["a", "b/c", "b/d"]:
        bucket.put_object(Key=key, Body=key.encode())
    assert [entry.key for entry in bucket.objects.filter(Prefix="b/")] == ["b/c", "b/d"]
    assert bucket.Object("b/c").get()["Body"].read() == b"b/c"
    bucket.objects.all().delete()
    assert list(bucket.objects.all()) == []
    bucket.delete()
    assert bucket not in list(s3.buckets.all())
