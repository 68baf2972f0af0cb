"""Buckets: made, seen, found, deleted; and signed URLs, which need no SDK on the other side."""

import http.client
import urllib.parse

import pytest
from checks import accept, content, refuse


def test_a_bucket_from_birth_to_death(client, new_name):
    name = new_name()
    assert client.headBucket(name).status == 404
    created = client.createBucket(name)
    accept(created)
    assert dict(created.header)["location"] == f"/{name}"
    accept(client.headBucket(name))
    accept(client.createBucket(name))  # again, by its owner: nothing changes
    accept(client.deleteBucket(name), 204)
    refuse(client.getBucketQuota(name), 404, "NoSuchBucket")
    accept(client.createBucket(name))
    accept(client.deleteBucket(name), 204)


def test_the_list_of_buckets(client, bucket):
    body = accept(client.listBuckets())
    entry = next(entry for entry in body.buckets if entry.name == bucket)
    assert entry.location == "region-1"
    assert entry.bucket_type in (None, "OBJECT")
    assert entry.create_date
    assert body.owner.owner_id
    listed = [entry.name for entry in body.buckets]
    assert listed == sorted(listed)


def test_location_and_class(client, bucket):
    assert accept(client.getBucketLocation(bucket)).location == "region-1"
    head = accept(client.getBucketMetadata(bucket))
    assert (head.location, head.storageClass, head.obsVersion) == ("region-1", "STANDARD", "3.0")


def test_the_location_named_at_birth(client, new_name):
    name = new_name()
    accept(client.createBucket(name, location="region-1"))
    assert accept(client.getBucketLocation(name)).location == "region-1"
    refuse(client.createBucket(new_name(), location="region-9"), 400, "InvalidLocationConstraint")


@pytest.mark.parametrize("name", ["ab", "Upper", "under_score", "a..b", "-dash", "192.168.1.1"])
def test_names_that_are_none(client, name):
    refuse(client.createBucket(name), 400, "InvalidBucketName")


def test_a_bucket_with_content_stays(client, bucket):
    accept(client.putContent(bucket, "a", b""))
    refuse(client.deleteBucket(bucket), 409, "BucketNotEmpty")
    accept(client.deleteObject(bucket, "a"), 204)
    accept(client.deleteBucket(bucket), 204)


def test_what_is_not_there_yet_never_does_something_else(client, bucket):
    accept(client.putContent(bucket, "a", b"kept"))
    accept(client.deleteObject(bucket, "a"), 204)
    # The bucket is empty: were the sub-resource overlooked, this would delete it.
    refuse(client.deleteBucketReplication(bucket), 501, "ServiceNotImplemented")
    accept(client.headBucket(bucket))


def fetch(method, url, body=None):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_signed_urls(client, bucket):
    put = client.createSignedUrl("PUT", bucket, "a b/ü", expires=60)
    assert fetch("PUT", put.signedUrl, b"by url") == (200, b"")
    assert content(client, bucket, "a b/ü") == b"by url"
    get = client.createSignedUrl("GET", bucket, "a b/ü", expires=60)
    assert fetch("GET", get.signedUrl) == (200, b"by url")
    accept(client.setBucketQuota(bucket, 4711))
    status, document = fetch("GET", client.createSignedUrl("GET", bucket, specialParam="quota").signedUrl)
    assert status == 200 and b"<StorageQuota>4711</StorageQuota>" in document


def test_signed_urls_open_nothing_else(client, bucket):
    accept(client.putContent(bucket, "a", b"a"))
    accept(client.putContent(bucket, "b", b"b"))
    good = client.createSignedUrl("GET", bucket, "a", expires=60).signedUrl
    assert fetch("GET", good) == (200, b"a")
    for method, url in [
        ("GET", good.replace("/a?", "/b?")),
        ("DELETE", good),
        ("GET", good.replace("Expires=", "Expires=1")),
        ("GET", client.createSignedUrl("GET", bucket, "a", expires=-60).signedUrl),
    ]:
        status, document = fetch(method, url)
        assert status == 403, (method, url)
        assert b"<Code>SignatureDoesNotMatch</Code>" in document or b"<Code>AccessDenied</Code>" in document
