"""Objects: written in every shape a body has, with the checksums boto3 adds by itself; read, copied, deleted."""

import datetime
import io

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import FlexibleChecksumError
from kit import MIB, crc32, etag, fetch, md5, pattern, refused, sha256
from urllib3 import HTTPResponse


def read(s3, bucket, key, **asked):
    return s3.get_object(Bucket=bucket, Key=key, **asked)["Body"].read()


@pytest.mark.parametrize("size", [0, 1, 100_000, 6 * MIB])
@pytest.mark.parametrize("shape", ["bytes", "file", "stream"])
def test_bodies(s3, bucket, tmp_path, shape, size):
    data = pattern(size)
    if shape == "bytes":
        body = data
    elif shape == "stream":
        body = io.BytesIO(data)
    else:
        path = tmp_path / "body"
        path.write_bytes(data)
        body = path.open("rb")
    put = s3.put_object(Bucket=bucket, Key="a", Body=body)
    assert (put["ETag"], put["ChecksumCRC32"], put["ChecksumType"]) == (etag(data), crc32(data), "FULL_OBJECT")
    got = s3.get_object(Bucket=bucket, Key="a")
    assert (got["ContentLength"], got["ETag"], got["ContentType"]) == (size, etag(data), "binary/octet-stream")
    assert (got["ChecksumCRC32"], got["ChecksumType"]) == (crc32(data), "FULL_OBJECT")
    assert got["Body"].read() == data  # and boto3 has held it against the checksum


def test_boto3_itself_notices_damage(boto, bucket):
    """Or else the reads above would prove nothing."""
    s3 = boto()
    s3.put_object(Bucket=bucket, Key="a", Body=b"x" * 1000)

    def damaged(request, **_):
        status, headers, body = fetch(request.method, request.url, headers=dict(request.headers))
        raw = HTTPResponse(io.BytesIO(body.replace(b"x", b"y", 1)), headers, preload_content=False)
        return AWSResponse(request.url, status, headers, raw)

    assert read(s3, bucket, "a") == b"x" * 1000
    s3.meta.events.register("before-send.s3.GetObject", damaged)
    with pytest.raises(FlexibleChecksumError):
        read(s3, bucket, "a")


ALGORITHMS = {"CRC32": crc32, "SHA256": sha256}


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_a_checksum_of_choice(s3, bucket, algorithm):
    data = pattern(70_000)
    put = s3.put_object(Bucket=bucket, Key="a", Body=data, ChecksumAlgorithm=algorithm)
    told = put[f"Checksum{algorithm}"]
    if algorithm in ALGORITHMS:
        assert told == ALGORITHMS[algorithm](data)
    head = s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert (head[f"Checksum{algorithm}"], head["ChecksumType"]) == (told, "FULL_OBJECT")
    assert f"Checksum{algorithm}" not in s3.head_object(Bucket=bucket, Key="a")
    assert read(s3, bucket, "a") == data


@pytest.mark.parametrize(
    ("field", "right"),
    [
        ("ChecksumCRC32", "y/Q5Jg=="),
        ("ChecksumCRC32C", "4waSgw=="),
        ("ChecksumCRC64NVME", "rosUhgp5mIg="),
        ("ChecksumSHA1", "98O8HYCOBHMq32eZZczDTKeuNEE="),
        ("ChecksumSHA256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
    ],
)
def test_a_checksum_of_ones_own(s3, bucket, field, right):
    put = s3.put_object(Bucket=bucket, Key="a", Body=b"123456789", **{field: right})
    assert put[field] == right
    assert s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")[field] == right
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="a", Body=b"987654321", **{field: right})
    assert read(s3, bucket, "a") == b"123456789"


def test_a_digest_of_ones_own(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"123456789", ContentMD5="JfnnlDI7RTiF9RgfG2JNCw==")
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="a", Body=b"987654321", ContentMD5="JfnnlDI7RTiF9RgfG2JNCw==")
    with refused("InvalidDigest", 400):
        s3.put_object(Bucket=bucket, Key="a", Body=b"123456789", ContentMD5="no digest")


def test_attributes_of_a_simple_object(s3, bucket):
    data = pattern(1000)
    s3.put_object(Bucket=bucket, Key="a", Body=data)
    asked = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    told = s3.get_object_attributes(Bucket=bucket, Key="a", ObjectAttributes=asked)
    assert (told["ETag"], told["ObjectSize"], told["StorageClass"]) == (md5(data), 1000, "STANDARD")
    assert told["Checksum"] == {"ChecksumCRC32": crc32(data), "ChecksumType": "FULL_OBJECT"}
    assert "ObjectParts" not in told
    only = s3.get_object_attributes(Bucket=bucket, Key="a", ObjectAttributes=["ObjectSize"])
    assert "ETag" not in only and "Checksum" not in only
    with refused("NoSuchKey", 404):
        s3.get_object_attributes(Bucket=bucket, Key="b", ObjectAttributes=asked)


def test_ranges(s3, bucket):
    data = pattern(10_000)
    s3.put_object(Bucket=bucket, Key="a", Body=data)
    part = s3.get_object(Bucket=bucket, Key="a", Range="bytes=100-199")
    assert (part["ContentRange"], part["ContentLength"]) == ("bytes 100-199/10000", 100)
    assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert "ChecksumCRC32" not in part  # of the whole, it would not hold for a part
    assert part["Body"].read() == data[100:200]
    assert read(s3, bucket, "a", Range="bytes=-7") == data[-7:]
    assert read(s3, bucket, "a", Range="bytes=9990-") == data[9990:]
    with refused("InvalidRange", 416):
        read(s3, bucket, "a", Range="bytes=10000-")


KEYS = ["a b+c", "ü/é/日本", "%41", "a//b", "/a", "a?b=c&d#e", "~._-", "'\"<>&;:@!$*(),", "a\\b", "\U0001f600", "x\ty"]


@pytest.mark.parametrize("key", KEYS)
def test_keys(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert read(s3, bucket, key) == key.encode()
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
    assert read(s3, bucket, "copy") == key.encode()
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}, {"Key": "copy"}]})
    assert [entry["Key"] for entry in gone["Deleted"]] == [key, "copy"]
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_metadata_and_headers(s3, bucket):
    expires = datetime.datetime(2040, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    s3.put_object(
        Bucket=bucket,
        Key="a",
        Body=b"x",
        Metadata={"colour": "blue", "empty": ""},
        ContentType="text/x-test",
        ContentEncoding="gzip",
        ContentLanguage="de",
        ContentDisposition='attachment; filename="a"',
        CacheControl="no-cache",
        Expires=expires,
        StorageClass="STANDARD_IA",
    )
    head = s3.head_object(Bucket=bucket, Key="a")
    assert head["Metadata"] == {"colour": "blue", "empty": ""}
    assert (head["ContentType"], head["ContentEncoding"], head["ContentLanguage"]) == ("text/x-test", "gzip", "de")
    assert (head["ContentDisposition"], head["CacheControl"]) == ('attachment; filename="a"', "no-cache")
    assert head["ExpiresString"] == "Mon, 02 Jan 2040 03:04:05 GMT"
    assert head["StorageClass"] == "STANDARD_IA"
    got = s3.get_object(Bucket=bucket, Key="a", ResponseContentType="text/plain", ResponseCacheControl="no-store")
    assert (got["ContentType"], got["CacheControl"]) == ("text/plain", "no-store")


def test_conditional_reads(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    modified = s3.head_object(Bucket=bucket, Key="a")["LastModified"]
    assert read(s3, bucket, "a", IfMatch=put["ETag"]) == b"x"
    with refused("PreconditionFailed", 412):
        read(s3, bucket, "a", IfMatch='"other"')
    with refused("304", 304):
        read(s3, bucket, "a", IfNoneMatch=put["ETag"])
    with refused("304", 304):
        read(s3, bucket, "a", IfModifiedSince=modified)
    with refused("412", 412):
        s3.head_object(Bucket=bucket, Key="a", IfUnmodifiedSince=modified - datetime.timedelta(days=1))


def test_conditional_writes(s3, bucket):
    first = s3.put_object(Bucket=bucket, Key="a", Body=b"one", IfNoneMatch="*")["ETag"]
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="a", Body=b"two", IfNoneMatch="*")
    assert read(s3, bucket, "a") == b"one"
    second = s3.put_object(Bucket=bucket, Key="a", Body=b"two", IfMatch=first)["ETag"]
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="a", Body=b"three", IfMatch=first)
    with refused("NoSuchKey", 404):
        s3.put_object(Bucket=bucket, Key="b", Body=b"x", IfMatch=second)
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=bucket, Key="a", IfMatch=first)
    s3.delete_object(Bucket=bucket, Key="a", IfMatch=second)
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="a")


def test_copies(s3, bucket, new_name):
    data = pattern(3 * MIB)
    s3.put_object(Bucket=bucket, Key="a", Body=data, Metadata={"colour": "blue"}, ContentType="text/x-test")
    elsewhere = new_name()
    s3.create_bucket(Bucket=elsewhere)
    done = s3.copy_object(Bucket=elsewhere, Key="b", CopySource=f"{bucket}/a")["CopyObjectResult"]
    assert (done["ETag"], done["ChecksumCRC32"]) == (etag(data), crc32(data))
    head = s3.head_object(Bucket=elsewhere, Key="b")
    assert (head["Metadata"], head["ContentType"]) == ({"colour": "blue"}, "text/x-test")
    assert read(s3, elsewhere, "b") == data

    s3.copy_object(
        Bucket=bucket, Key="c", CopySource=f"{bucket}/a", MetadataDirective="REPLACE", Metadata={"colour": "red"}
    )
    assert s3.head_object(Bucket=bucket, Key="c")["Metadata"] == {"colour": "red"}
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key="a", CopySource=f"{bucket}/a")
    with refused("PreconditionFailed", 412):
        s3.copy_object(Bucket=bucket, Key="d", CopySource=f"{bucket}/a", CopySourceIfMatch='"other"')
    with refused("NoSuchKey", 404):
        s3.copy_object(Bucket=bucket, Key="d", CopySource=f"{bucket}/none")


def test_thousands_are_deleted_by_batches(s3, bucket):
    """2100 keys named, in batches of 1000 as the paginator gives them; most of them never existed."""
    held = [f"k/{n:05}" for n in range(0, 2100, 70)]
    for key in held:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    named = [{"Key": f"k/{n:05}"} for n in range(2100)]
    for start in range(0, len(named), 1000):
        batch = named[start : start + 1000]
        gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch})
        assert [entry["Key"] for entry in gone["Deleted"]] == [entry["Key"] for entry in batch]
        assert "Errors" not in gone
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    with refused("MalformedXML", 400):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": named[:1001]})
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": named[:1], "Quiet": True})
    assert "Deleted" not in quiet


def test_tags(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", Tagging="colour=blue&size=a%20b")
    tags = [{"Key": "colour", "Value": "blue"}, {"Key": "size", "Value": "a b"}]
    assert s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"] == tags
    assert s3.get_object(Bucket=bucket, Key="a")["TagCount"] == 2
    s3.put_object_tagging(Bucket=bucket, Key="a", Tagging={"TagSet": tags[:1]})
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a")
    assert s3.get_object_tagging(Bucket=bucket, Key="b")["TagSet"] == tags[:1]
    s3.delete_object_tagging(Bucket=bucket, Key="a")
    assert s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"] == []
    many = [{"Key": f"k{n}", "Value": "v"} for n in range(11)]
    with refused("InvalidTag", 400):
        s3.put_object_tagging(Bucket=bucket, Key="a", Tagging={"TagSet": many})
