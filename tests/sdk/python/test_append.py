"""Appendable objects: they grow at their end, and only there."""

import os

import pytest
from checks import Stream, accept, content, etag_of, header, md5_of, refuse, usage
from obs import AppendObjectContent, AppendObjectHeader


def append(client, bucket, key, data, position, **options):
    return client.appendObject(bucket, key, AppendObjectContent(content=data, position=position), **options)


@pytest.mark.covers("AppendObject", "HeadObject", "GetObject", "ListObjects")
def test_an_object_grows(client, bucket):
    first = accept(append(client, bucket, "log", b"one,", 0, metadata={"colour": "blue"}))
    assert (first.nextPosition, first.etag) == (4, etag_of(b"one,"))
    second = accept(append(client, bucket, "log", b"two", first.nextPosition))
    assert (second.nextPosition, second.etag) == (7, etag_of(b"two"))  # of what this call brought
    assert content(client, bucket, "log") == b"one,two"
    head = client.getObjectMetadata(bucket, "log")
    assert (accept(head).isAppendable, head.body.nextPosition, head.body.contentLength) == (True, 7, 7)
    assert header(head)["colour"] == "blue"
    entry = accept(client.listObjects(bucket)).contents[0]
    assert (entry.isAppendable, entry.size, entry.etag) == (True, 7, head.body.etag)
    assert usage(client, bucket) == (7, 1)


@pytest.mark.covers("AppendObject")
def test_the_place_must_be_the_end(client, bucket):
    refuse(append(client, bucket, "log", b"x", 1), 409, "PositionNotEqualToLength")
    assert usage(client, bucket) == (0, 0)
    accept(append(client, bucket, "log", b"12345", 0))
    for position in [0, 4, 6]:
        result = append(client, bucket, "log", b"x", position)
        refuse(result, 409, "PositionNotEqualToLength")
        assert header(result)["next-append-position"] == "5"
    refuse(append(client, bucket, "log", b"x", "five"), 400, "InvalidArgument")
    assert content(client, bucket, "log") == b"12345"


@pytest.mark.covers("AppendObject")
def test_files_and_streams(client, bucket, tmp_path):
    data = os.urandom(200_000)
    (tmp_path / "source").write_bytes(data)
    whole = AppendObjectContent(content=str(tmp_path / "source"), position=0, isFile=True)
    assert accept(client.appendObject(bucket, "log", whole)).nextPosition == 200_000
    rest = AppendObjectContent(content=str(tmp_path / "source"), position=200_000, offset=150_000, isFile=True)
    assert accept(client.appendObject(bucket, "log", rest)).nextPosition == 250_000
    assert accept(append(client, bucket, "log", Stream(data), 250_000)).nextPosition == 450_000
    assert content(client, bucket, "log") == data + data[150_000:] + data


@pytest.mark.covers("AppendObject")
def test_the_checksums(client, bucket):
    headers = AppendObjectHeader(md5=md5_of(b"12345"), isAttachCrc64=True)
    accept(append(client, bucket, "log", b"12345", 0, headers=headers))
    wrong = AppendObjectHeader(md5=md5_of(b"other"))
    refuse(append(client, bucket, "log", b"6789", 5, headers=wrong), 400, "BadDigest")
    last = accept(append(client, bucket, "log", b"6789", 5, headers=AppendObjectHeader(isAttachCrc64=True)))
    assert last.crc64 == "11051210869376104954"  # of the whole object
    assert accept(client.getObjectMetadata(bucket, "log")).crc64 == last.crc64
    assert accept(client.getObject(bucket, "log", loadStreamInMemory=True, isAttachCrc64=True)).buffer == b"123456789"


def test_what_was_put_does_not_grow(client, bucket):
    accept(client.putContent(bucket, "a", b"12345"))
    refuse(append(client, bucket, "a", b"x", 5), 409, "ObjectNotAppendable")
    assert content(client, bucket, "a") == b"12345"


@pytest.mark.covers("AppendObject", "PutObject", "CopyObject")
def test_what_grew_becomes_ordinary(client, bucket):
    accept(append(client, bucket, "log", b"12345", 0))
    accept(client.copyObject(bucket, "log", bucket, "copy"))
    assert accept(client.getObjectMetadata(bucket, "copy")).isAppendable is False
    accept(client.putContent(bucket, "log", b"x"))
    assert accept(client.getObjectMetadata(bucket, "log")).isAppendable is False
    refuse(append(client, bucket, "log", b"x", 1), 409, "ObjectNotAppendable")


def test_an_append_must_fit(client, bucket):
    accept(client.setBucketQuota(bucket, 10))
    accept(append(client, bucket, "log", b"12345", 0))
    refuse(append(client, bucket, "log", b"678901", 5), 403, "InsufficientStorageSpace")
    assert usage(client, bucket) == (5, 1)
    accept(append(client, bucket, "log", b"67890", 5))
    assert usage(client, bucket) == (10, 1)


def test_a_file_system_has_none(client, file_system):
    result = append(client, file_system, "log", b"x", 0)
    assert (result.status, result.errorCode) in [(409, "ObjectNotAppendable"), (405, "FsNotSupport")]
