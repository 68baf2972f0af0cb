"""Copies: of what, with what, under which conditions, and what they count."""

import os

import pytest
from checks import accept, content, etag_of, header, refuse, usage
from obs import CopyObjectHeader, HeadPermission, PutObjectHeader

LONG_AGO = "Sat, 01 Jan 2000 00:00:00 GMT"


@pytest.fixture
def source(client, bucket):
    """An object that has something of everything."""
    headers = PutObjectHeader(contentType="text/x-source", storageClass="WARM", location="/elsewhere")
    accept(client.putContent(bucket, "source", b"source", metadata={"colour": "blue"}, headers=headers))
    return "source"


@pytest.mark.covers("CopyObject", "GetObject", "HeadObject")
def test_a_copy_has_the_bytes_and_the_metadata(client, bucket, second_bucket, source):
    copy = accept(client.copyObject(bucket, source, second_bucket, "target"))
    assert copy.etag == etag_of(b"source")
    assert copy.lastModified
    assert content(client, second_bucket, "target") == b"source"
    head = client.getObjectMetadata(second_bucket, "target")
    assert accept(head).contentType == "text/x-source"
    assert header(head)["colour"] == "blue"
    # Neither the class nor the redirection go along.
    assert (head.body.storageClass, head.body.websiteRedirectLocation) == (None, None)
    assert usage(client, bucket) == usage(client, second_bucket) == (6, 1)


@pytest.mark.covers("CopyObject")
def test_a_copy_with_metadata_of_its_own(client, bucket, source, mode):
    headers = CopyObjectHeader(
        directive="REPLACE",
        contentType="text/x-target",
        contentLanguage="de",
        cacheControl="no-cache",
        contentDisposition="inline",
        contentEncoding="identity",
        expires="Fri, 01 Jan 2100 00:00:00 GMT",
        storageClass="COLD",
        location="/here",
    )
    accept(client.copyObject(bucket, source, bucket, "target", {"shape": "round"}, headers))
    head = client.getObjectMetadata(bucket, "target")
    assert accept(head).contentType == "text/x-target"
    assert head.body.storageClass == ("COLD" if mode == "name" else "GLACIER")
    assert head.body.websiteRedirectLocation == "/here"
    said = header(head)
    assert said["shape"] == "round" and "colour" not in said
    assert (said["content-language"], said["cache-control"]) == ("de", "no-cache")


@pytest.mark.covers("CopyObject")
def test_a_copy_that_keeps_the_metadata_in_so_many_words(client, bucket, source):
    headers = CopyObjectHeader(directive="COPY", contentType="text/x-target")
    accept(client.copyObject(bucket, source, bucket, "target", {"shape": "round"}, headers))
    head = client.getObjectMetadata(bucket, "target")
    assert accept(head).contentType == "text/x-source"
    assert header(head)["colour"] == "blue" and "shape" not in header(head)


@pytest.mark.covers("CopyObject")
def test_a_copy_onto_itself(client, bucket, source):
    refuse(client.copyObject(bucket, source, bucket, source), 400, "InvalidRequest")
    headers = CopyObjectHeader(directive="REPLACE", contentType="text/x-new")
    accept(client.copyObject(bucket, source, bucket, source, {"shape": "round"}, headers))
    head = client.getObjectMetadata(bucket, source)
    assert accept(head).contentType == "text/x-new"
    assert header(head)["shape"] == "round" and "colour" not in header(head)
    assert content(client, bucket, source) == b"source"
    assert usage(client, bucket) == (6, 1)


@pytest.mark.covers("CopyObject", "GetObject")
def test_a_copy_of_a_large_object_outlives_its_source(client, bucket):
    data = os.urandom(3_000_000)
    accept(client.putContent(bucket, "a", data))
    accept(client.copyObject(bucket, "a", bucket, "b"))
    assert usage(client, bucket) == (6_000_000, 2)
    accept(client.deleteObject(bucket, "a"), 204)
    assert usage(client, bucket) == (3_000_000, 1)
    assert content(client, bucket, "b") == data


def test_a_copy_must_fit(client, bucket):
    accept(client.putContent(bucket, "a", b"x" * 600))
    accept(client.setBucketQuota(bucket, 1000))
    refuse(client.copyObject(bucket, "a", bucket, "b"), 403, "InsufficientStorageSpace")
    assert usage(client, bucket) == (600, 1)
    accept(client.setBucketQuota(bucket, 1200))
    accept(client.copyObject(bucket, "a", bucket, "b"))
    assert usage(client, bucket) == (1200, 2)


@pytest.mark.covers("CopyObject")
@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"if_match": etag_of(b"source")}, 200),
        ({"if_match": '"other"'}, 412),
        ({"if_none_match": '"other"'}, 200),
        ({"if_none_match": etag_of(b"source")}, 412),
        ({"if_modified_since": LONG_AGO}, 200),
        ({"if_unmodified_since": LONG_AGO}, 412),
        ({"if_match": etag_of(b"source"), "if_unmodified_since": LONG_AGO}, 200),
        ({"if_none_match": '"other"', "if_modified_since": LONG_AGO}, 200),
    ],
)
def test_a_copy_under_conditions(client, bucket, source, asked, status):
    result = client.copyObject(bucket, source, bucket, "target", headers=CopyObjectHeader(**asked))
    if status == 200:
        accept(result)
    else:
        refuse(result, 412, "PreconditionFailed")
        assert client.headObject(bucket, "target").status == 404
        accept(client.copyObject(bucket, source, bucket, "target"))  # nothing but the condition was in its way


@pytest.mark.covers("CopyObject", "GetObject")
@pytest.mark.parametrize("key", ["a b", "a+b", "100%", "%41", "a?b=c&d", "ünï/鍵", "a//b", "#x"])
def test_a_copy_of_odd_keys(client, bucket, key):
    accept(client.putContent(bucket, key, b"odd"))
    accept(client.copyObject(bucket, key, bucket, f"copy of {key}"))
    assert content(client, bucket, f"copy of {key}") == b"odd"


@pytest.mark.covers("CopyObject")
def test_a_copy_everyone_may_read(client, nobody, bucket, source):
    accept(client.copyObject(bucket, source, bucket, "private"))
    refuse(nobody.getObject(bucket, "private"), 403, "AccessDenied")
    accept(client.copyObject(bucket, source, bucket, "a", headers=CopyObjectHeader(acl=HeadPermission.PUBLIC_READ)))
    assert content(nobody, bucket, "a") == b"source"


def test_copies_of_what_is_not_there(client, bucket, new_name):
    refuse(client.copyObject(bucket, "missing", bucket, "target"), 404, "NoSuchKey")
    refuse(client.copyObject(new_name(), "missing", bucket, "target"), 404, "NoSuchBucket")
    assert usage(client, bucket) == (0, 0)


def test_copies_of_what_is_another_s(client, other, bucket, source, new_name):
    theirs = new_name()
    accept(other.createBucket(theirs))
    refuse(other.copyObject(bucket, source, theirs, "target"), 403, "AccessDenied")
    refuse(other.copyObject(theirs, "missing", bucket, "target"), 403, "AccessDenied")
    accept(client.setObjectAcl(bucket, source, aclControl=HeadPermission.PUBLIC_READ))
    accept(other.copyObject(bucket, source, theirs, "target"))
    assert content(other, theirs, "target") == b"source"
    refuse(client.getObject(theirs, "target"), 403, "AccessDenied")


def test_a_directive_that_is_none(client, bucket, source):
    headers = CopyObjectHeader(directive="MERGE")
    refuse(client.copyObject(bucket, source, bucket, "target", headers=headers), 400, "InvalidArgument")
