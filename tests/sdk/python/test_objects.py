"""Objects: what went in comes out, by whole, by range and by condition, under any key."""

import hashlib
import os

import pytest
from checks import Stream, accept, content, etag_of, header, keys_of, md5_of, refuse, told_truly, usage
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
    '"quoted" <tag> & more',
    "semi;colon,comma=equals",
    "back\\slash",
    "tab\there",
    "ünïcödé/ключ/鍵",
    "😀",
    "quota",
    "k" * 1024,
]


@pytest.mark.covers("PutObject", "GetObject")
def test_content_and_etag(client, bucket):
    assert accept(client.putContent(bucket, "letters", ALPHABET)).etag == etag_of(ALPHABET)
    assert content(client, bucket, "letters") == ALPHABET
    read = accept(client.getObject(bucket, "letters", loadStreamInMemory=True))
    assert read.etag == etag_of(ALPHABET)
    assert read.contentLength == 26
    assert read.lastModified.endswith(" GMT")


@pytest.mark.covers("PutObject", "GetObject", "HeadObject")
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


@pytest.mark.covers("PutObject", "GetObject")
def test_a_file_of_five_megabytes_there_and_back(client, bucket, tmp_path):
    data = os.urandom(5_000_000)
    (tmp_path / "source.bin").write_bytes(data)
    headers = PutObjectHeader(md5=md5_of(data))
    put = accept(client.putFile(bucket, "large", str(tmp_path / "source.bin"), headers=headers))
    assert put.etag == etag_of(data)
    accept(client.getObject(bucket, "large", downloadPath=str(tmp_path / "target.bin")))
    assert (tmp_path / "target.bin").read_bytes() == data
    assert usage(client, bucket) == (5_000_000, 1)


def test_a_wrong_md5_is_refused_and_stores_nothing(client, bucket):
    headers = PutObjectHeader(md5=md5_of(b"something else"))
    refuse(client.putContent(bucket, "a", ALPHABET, headers=headers), 400, "BadDigest")
    assert usage(client, bucket) == (0, 0)
    assert client.getObjectMetadata(bucket, "a").status == 404


@pytest.mark.covers("PutObject")
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
@pytest.mark.covers("GetObject")
def test_ranges(client, bucket, asked, got, where):
    accept(client.putContent(bucket, "letters", ALPHABET))
    result = client.getObject(bucket, "letters", headers=GetObjectHeader(range=asked), loadStreamInMemory=True)
    assert accept(result, 206).buffer == got
    assert result.body.contentLength == len(got)
    assert header(result)["content-range"] == where


def test_a_range_across_blocks_of_a_large_object(client, bucket):
    data = os.urandom(1_500_000)
    accept(client.putContent(bucket, "large", data))
    asked = GetObjectHeader(range="262000-900000")
    assert (
        accept(client.getObject(bucket, "large", headers=asked, loadStreamInMemory=True), 206).buffer
        == (data[262000:900001])
    )


def test_a_range_behind_the_end(client, bucket):
    accept(client.putContent(bucket, "letters", ALPHABET))
    refuse(client.getObject(bucket, "letters", headers=GetObjectHeader(range="26-30")), 416, "InvalidRange")


@pytest.mark.covers("GetObject")
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


@pytest.mark.covers("PutObject", "GetObject", "HeadObject")
def test_metadata_and_content_type(client, bucket):
    metadata = {"colour": "blue", "city": "Zürich", "formula": "a+b=100%"}
    headers = PutObjectHeader(contentType="text/x-letters")
    accept(client.putContent(bucket, "letters", ALPHABET, metadata=metadata, headers=headers))
    read = client.getObject(bucket, "letters", loadStreamInMemory=True)
    for result in [client.getObjectMetadata(bucket, "letters"), read]:
        accept(result)
        assert result.body.contentType == "text/x-letters"
        assert metadata.items() <= header(result).items()
    head = accept(client.getObjectMetadata(bucket, "letters"))
    assert (head.contentLength, head.etag) == (26, etag_of(ALPHABET))


def test_an_overwrite_replaces_the_metadata_too(client, bucket):
    accept(client.putContent(bucket, "a", b"one", metadata={"first": "1"}))
    accept(client.putContent(bucket, "a", b"two", metadata={"second": "2"}))
    stored = header(client.getObjectMetadata(bucket, "a"))
    assert "first" not in stored and stored["second"] == "2"


def test_the_type_of_what_has_none(client, bucket):
    accept(client.putContent(bucket, "letters", ALPHABET))
    assert accept(client.getObjectMetadata(bucket, "letters")).contentType == "binary/octet-stream"


@pytest.mark.covers("GetObject")
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


@pytest.mark.covers("PutObject", "GetObject", "HeadObject", "ListObjects", "DeleteObject")
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


def test_a_folder_goes_up_file_by_file(client, bucket, tmp_path):
    (tmp_path / "inner").mkdir()
    for name in ["one.txt", "two.txt", "inner/three.txt"]:
        (tmp_path / name).write_text(name)
    for _, result in client.putFile(bucket, "up", str(tmp_path)):
        if isinstance(result, list):  # the folder inside
            (_, result), *_ = result
        accept(result)
    assert keys_of(client, bucket) == ["up/inner/three.txt", "up/one.txt", "up/two.txt"]
    assert content(client, bucket, "up/inner/three.txt") == b"inner/three.txt"
    assert accept(client.getObjectMetadata(bucket, "up/one.txt")).contentType == "text/plain"


@pytest.mark.covers("GetObject")
def test_what_is_read_piece_by_piece(client, bucket):
    data = os.urandom(300_000)
    accept(client.putContent(bucket, "a", data))
    response = accept(client.getObject(bucket, "a")).response
    pieces = []
    while piece := response.read(65_536):
        pieces.append(piece)
    response.close()
    assert b"".join(pieces) == data


def test_a_stream_that_says_its_length(client, bucket):
    data = os.urandom(200_000)
    headers = PutObjectHeader(contentLength=150_000)
    accept(client.putContent(bucket, "a", Stream(data), headers=headers))
    assert content(client, bucket, "a") == data[:150_000]


def test_progress_is_told(client, bucket, tmp_path):
    told = []
    (tmp_path / "source").write_bytes(b"x" * 500_000)
    result = client.putFile(
        bucket, "a", str(tmp_path / "source"), progressCallback=lambda done, all, _: told.append((done, all))
    )
    accept(result)
    told_truly(told, 500_000)


# Vectors of CRC-64/XZ, which the SDK calls crc64ecma.
CRC64 = [(b"123456789", "11051210869376104954"), (b"A" * 1024, "14575900916689906194")]


@pytest.mark.covers("PutObject", "GetObject", "HeadObject")
@pytest.mark.parametrize(("data", "crc64"), CRC64)
def test_the_checksum_goes_along(client, bucket, tmp_path, data, crc64):
    accept(client.putContent(bucket, "a", data, headers=PutObjectHeader(isAttachCrc64=True)))
    assert accept(client.getObjectMetadata(bucket, "a")).crc64 == crc64
    read = accept(client.getObject(bucket, "a", loadStreamInMemory=True, isAttachCrc64=True))
    assert (read.buffer, read.crc64) == (data, crc64)
    (tmp_path / "source").write_bytes(data)
    headers = PutObjectHeader(isAttachCrc64=True)
    assert accept(client.putFile(bucket, "b", str(tmp_path / "source"), headers=headers)).crc64 == crc64


def test_a_wrong_checksum_is_refused_and_stores_nothing(client, bucket):
    refuse(client.putContent(bucket, "a", b"123456789", headers=PutObjectHeader(crc64="1")), 400, "BadDigest")
    assert usage(client, bucket) == (0, 0)


def test_a_sha256_is_held_against_the_body(client, bucket):
    good, bad = (hashlib.sha256(data).hexdigest() for data in [ALPHABET, b""])
    accept(client.putContent(bucket, "a", ALPHABET, headers=PutObjectHeader(sha256=good)))
    assert client.putContent(bucket, "b", ALPHABET, headers=PutObjectHeader(sha256=bad)).status == 400
    assert keys_of(client, bucket) == ["a"]


@pytest.mark.covers("PutObject", "HeadObject")
def test_what_a_put_may_say_besides(client, bucket, mode):
    headers = PutObjectHeader(storageClass="WARM", location="/elsewhere", expires=3)
    put = accept(client.putContent(bucket, "a", b"x", headers=headers))
    warm = "WARM" if mode == "name" else "STANDARD_IA"
    head = accept(client.getObjectMetadata(bucket, "a"))
    assert (put.storageClass, head.storageClass) == (warm, warm)
    assert head.websiteRedirectLocation == "/elsewhere"
    assert head.expiration.startswith('expiry-date="')
    assert accept(client.listObjects(bucket)).contents[0].storageClass == warm
    refuse(client.putContent(bucket, "b", b"x", headers=PutObjectHeader(expires=-1)), 400, "InvalidArgument")
    redirect = PutObjectHeader(location="elsewhere")
    refuse(client.putContent(bucket, "b", b"x", headers=redirect), 400, "InvalidRedirectLocation")
    assert keys_of(client, bucket) == ["a"]


def test_the_class_of_the_bucket_is_the_default(client, bucket, mode):
    accept(client.setBucketStoragePolicy(bucket, "COLD"))
    accept(client.putContent(bucket, "cold", b"x"))
    accept(client.putContent(bucket, "own", b"x", headers=PutObjectHeader(storageClass="STANDARD")))
    classes = [entry.storageClass for entry in accept(client.listObjects(bucket)).contents]
    assert classes == ["COLD" if mode == "name" else "GLACIER", "STANDARD"]


@pytest.mark.covers("HeadObject")
def test_a_head_without_a_reading_of_it(client, bucket):
    accept(client.putContent(bucket, "a", b"xyz"))
    result = client.headObject(bucket, "a")
    accept(result)
    assert header(result)["content-length"] == "3"
    assert client.headObject(bucket, "missing").status == 404
