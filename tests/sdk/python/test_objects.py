"""Objects: what went in comes out, by whole, by range and by condition, under any key."""

import base64
import hashlib
import os

import pytest
from checks import Stream, accept, content, refuse, usage
from obs import GetObjectHeader, GetObjectRequest, PutObjectHeader

ALPHABET = b"abcdefghijklmnopqrstuvwxyz"

ODD_KEYS = [
    "plain.txt",
    "with blank",
    " blanks around ",
    "a+b",
    "100%",
    "%41%2F",
    "query?x=1&y=2",
    "sharp#fragment",
    "a//b",
    "/leading",
    "folder/",
    "../up",
    "a/./b/../c",
    "*~'()!",
    "\"quoted\" <tag> & more",
    "semi;colon,comma=equals",
    "back\\slash",
    "tab\there",
    "ünïcödé/ключ/鍵",
    "😀",
    "quota",
    "k" * 1024,
]


def etag_of(data):
    return f'"{hashlib.md5(data).hexdigest()}"'


def test_content_and_etag(client, bucket):
    assert accept(client.putContent(bucket, "letters", ALPHABET)).etag == etag_of(ALPHABET)
    assert content(client, bucket, "letters") == ALPHABET
    read = accept(client.getObject(bucket, "letters", loadStreamInMemory=True))
    assert read.etag == etag_of(ALPHABET)
    assert read.contentLength == 26
    assert read.lastModified.endswith(" GMT")


def test_an_empty_object(client, bucket):
    assert accept(client.putContent(bucket, "empty", "")).etag == etag_of(b"")
    assert content(client, bucket, "empty") == b""
    assert accept(client.getObjectMetadata(bucket, "empty")).contentLength == 0
    assert usage(client, bucket) == (0, 1)


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 262_144, 262_145, 1_000_003])
def test_sizes_around_the_storage_tiers(client, bucket, size):
    data = os.urandom(size)
    accept(client.putContent(bucket, "object", data))
    assert content(client, bucket, "object") == data
    assert usage(client, bucket) == (size, 1)


def test_a_file_of_five_megabytes_there_and_back(client, bucket, tmp_path):
    data = os.urandom(5_000_000)
    (tmp_path / "source.bin").write_bytes(data)
    md5 = base64.b64encode(hashlib.md5(data).digest()).decode()
    put = accept(client.putFile(bucket, "large", str(tmp_path / "source.bin"), headers=PutObjectHeader(md5=md5)))
    assert put.etag == etag_of(data)
    accept(client.getObject(bucket, "large", downloadPath=str(tmp_path / "target.bin")))
    assert (tmp_path / "target.bin").read_bytes() == data
    assert usage(client, bucket) == (5_000_000, 1)


def test_a_wrong_md5_is_refused_and_stores_nothing(client, bucket):
    md5 = base64.b64encode(hashlib.md5(b"something else").digest()).decode()
    refuse(client.putContent(bucket, "a", ALPHABET, headers=PutObjectHeader(md5=md5)), 400, "BadDigest")
    assert usage(client, bucket) == (0, 0)
    assert client.getObjectMetadata(bucket, "a").status == 404


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_a_stream_of_unknown_length(client, bucket, size):
    data = os.urandom(size)
    put = accept(client.putContent(bucket, "stream", Stream(data)))
    assert put.etag == etag_of(data)
    assert content(client, bucket, "stream") == data
    assert usage(client, bucket) == (size, 1)


@pytest.mark.parametrize(
    ("asked", "got", "where"),
    [
        ("0-0", b"a", "bytes 0-0/26"),
        ("2-5", b"cdef", "bytes 2-5/26"),
        ("20-", b"uvwxyz", "bytes 20-25/26"),
        ("bytes=-3", b"xyz", "bytes 23-25/26"),
        ("20-99", b"uvwxyz", "bytes 20-25/26"),
    ],
)
def test_ranges(client, bucket, asked, got, where):
    accept(client.putContent(bucket, "letters", ALPHABET))
    result = client.getObject(bucket, "letters", headers=GetObjectHeader(range=asked), loadStreamInMemory=True)
    assert accept(result, 206).buffer == got
    assert result.body.contentLength == len(got)
    assert dict(result.header)["content-range"] == where


def test_a_range_across_blocks_of_a_large_object(client, bucket):
    data = os.urandom(1_500_000)
    accept(client.putContent(bucket, "large", data))
    asked = GetObjectHeader(range="262000-900000")
    assert accept(client.getObject(bucket, "large", headers=asked, loadStreamInMemory=True), 206).buffer == (
        data[262000:900001]
    )


def test_a_range_behind_the_end(client, bucket):
    accept(client.putContent(bucket, "letters", ALPHABET))
    refuse(client.getObject(bucket, "letters", headers=GetObjectHeader(range="26-30")), 416, "InvalidRange")


def test_conditions(client, bucket):
    etag = accept(client.putContent(bucket, "letters", ALPHABET)).etag

    def read(**conditions):
        return client.getObject(bucket, "letters", headers=GetObjectHeader(**conditions), loadStreamInMemory=True)

    # The SDK percent-encodes header values: the quotes of an ETag arrive as %22.
    for spelling in [etag, etag.strip('"'), "*"]:
        assert accept(read(if_match=spelling)).buffer == ALPHABET
        assert read(if_none_match=spelling).status == 304
    assert accept(read(if_none_match='"other"')).buffer == ALPHABET
    refuse(read(if_match='"other"'), 412, "PreconditionFailed")
    assert read(if_modified_since="Fri, 01 Jan 2100 00:00:00 GMT").status in (200, 304)  # the future may be ignored
    refuse(read(if_unmodified_since="Sat, 01 Jan 2000 00:00:00 GMT"), 412, "PreconditionFailed")


def test_metadata_and_content_type(client, bucket):
    metadata = {"colour": "blue", "city": "Zürich", "formula": "a+b=100%"}
    headers = PutObjectHeader(contentType="text/x-letters")
    accept(client.putContent(bucket, "letters", ALPHABET, metadata=metadata, headers=headers))
    read = client.getObject(bucket, "letters", loadStreamInMemory=True)
    for result in [client.getObjectMetadata(bucket, "letters"), read]:
        accept(result)
        assert result.body.contentType == "text/x-letters"
        assert metadata.items() <= dict(result.header).items()
    head = accept(client.getObjectMetadata(bucket, "letters"))
    assert (head.contentLength, head.etag) == (26, etag_of(ALPHABET))


def test_an_overwrite_replaces_the_metadata_too(client, bucket):
    accept(client.putContent(bucket, "a", b"one", metadata={"first": "1"}))
    accept(client.putContent(bucket, "a", b"two", metadata={"second": "2"}))
    header = dict(client.getObjectMetadata(bucket, "a").header)
    assert "first" not in header and header["second"] == "2"


def test_the_type_of_what_has_none(client, bucket):
    accept(client.putContent(bucket, "letters", ALPHABET))
    assert accept(client.getObjectMetadata(bucket, "letters")).contentType == "binary/octet-stream"


def test_answer_headers_a_reader_asks_for(client, bucket):
    accept(client.putContent(bucket, "letters", ALPHABET))
    asked = GetObjectRequest(
        content_type="text/x-asked",
        content_language="de",
        cache_control="no-cache",
        content_disposition='attachment; filename="x y.txt"',
        content_encoding="identity",
        expires="Fri, 01 Jan 2100 00:00:00 GMT",
    )
    body = accept(client.getObject(bucket, "letters", getObjectRequest=asked, loadStreamInMemory=True))
    assert body.contentType == "text/x-asked"
    assert body.contentLanguage == "de"
    assert body.cacheControl == "no-cache"
    assert body.contentDisposition == 'attachment; filename="x y.txt"'
    assert body.contentEncoding == "identity"
    assert body.expires == "Fri, 01 Jan 2100 00:00:00 GMT"


@pytest.mark.parametrize("key", ODD_KEYS, ids=range(len(ODD_KEYS)))
def test_odd_keys(client, bucket, key):
    accept(client.putContent(bucket, key, b"odd"))
    assert content(client, bucket, key) == b"odd"
    assert accept(client.getObjectMetadata(bucket, key)).contentLength == 3
    for asked in [{}, {"prefix": key, "encoding_type": "url"}]:
        assert [entry.key for entry in accept(client.listObjects(bucket, **asked)).contents] == [key]
    accept(client.deleteObject(bucket, key), 204)
    assert usage(client, bucket) == (0, 0)


def test_a_key_too_long(client, bucket, mode):
    code = "KeyTooLongError" if mode == "name" else "KeyTooLong"
    refuse(client.putContent(bucket, "k" * 1025, b"x"), 400, code)


def test_one_connection_for_many_calls(connect, bucket):
    client = connect(long_conn_mode=True)
    for number in range(20):
        accept(client.putContent(bucket, "a", b"x" * number))
        assert content(client, bucket, "a") == b"x" * number
        assert client.getObject(bucket, "missing").status == 404
    assert usage(client, bucket) == (19, 1)
    client.close()
