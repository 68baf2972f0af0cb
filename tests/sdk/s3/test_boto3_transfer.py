"""Managed transfers: large files in parts, by several threads, both ways; and multipart uploads by hand."""

import base64
import hashlib
import io
import zlib

import pytest
from kit import MIB, Pipe, crc32, etag, pattern, refused

PART = 8 * MIB  # boto3's own


def composite(data, part=PART):
    """What the CRC32 of an object is whose parts have CRC32s of their own."""
    parts = [data[start : start + part] for start in range(0, len(data), part)]
    raw = b"".join(zlib.crc32(piece).to_bytes(4, "big") for piece in parts)
    return f"{base64.b64encode(zlib.crc32(raw).to_bytes(4, 'big')).decode()}-{len(parts)}"


def etag_of_parts(data, part=PART):
    parts = [data[start : start + part] for start in range(0, len(data), part)]
    return f'"{hashlib.md5(b"".join(hashlib.md5(piece).digest() for piece in parts)).hexdigest()}-{len(parts)}"'


@pytest.fixture(scope="module")
def large():
    return pattern(3 * PART + 12_345)


def test_a_small_file(s3, bucket, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(pattern(100_000))
    s3.upload_file(str(source), bucket, "a", ExtraArgs={"Metadata": {"colour": "blue"}, "ContentType": "text/x-test"})
    head = s3.head_object(Bucket=bucket, Key="a")
    assert (head["Metadata"], head["ContentType"]) == ({"colour": "blue"}, "text/x-test")
    s3.download_file(bucket, "a", str(target))
    assert target.read_bytes() == source.read_bytes()


def test_a_large_file(s3, bucket, tmp_path, large):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(large)
    sent = []
    s3.upload_file(str(source), bucket, "a", Callback=sent.append)
    assert sum(sent) == len(large)
    head = s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert (head["ContentLength"], head["ETag"]) == (len(large), etag_of_parts(large))
    assert (head["ChecksumCRC32"], head["ChecksumType"]) == (composite(large), "COMPOSITE")
    s3.download_file(bucket, "a", str(target))
    assert target.read_bytes() == large


@pytest.mark.parametrize("size", [0, 1000, 2 * PART, 2 * PART + 1])
def test_a_stream_of_unknown_length(s3, bucket, size):
    data = pattern(size)
    s3.upload_fileobj(Pipe(data), bucket, "a")
    target = io.BytesIO()
    s3.download_fileobj(bucket, "a", target)
    assert target.getvalue() == data


def test_a_large_object_is_copied_in_parts(s3, bucket, large):
    from boto3.s3.transfer import TransferConfig

    s3.upload_fileobj(io.BytesIO(large), bucket, "a", ExtraArgs={"Metadata": {"colour": "blue"}})
    asked = []
    s3.meta.events.register("before-call.s3", lambda model, **_: asked.append(model.name))
    s3.copy({"Bucket": bucket, "Key": "a"}, bucket, "b", Config=TransferConfig(multipart_threshold=PART))
    assert asked.count("UploadPartCopy") == 4
    target = io.BytesIO()
    s3.download_fileobj(bucket, "b", target)
    assert target.getvalue() == large
    s3.copy({"Bucket": bucket, "Key": "a"}, bucket, "c", Config=TransferConfig(multipart_threshold=10 * PART))
    assert asked[-1] == "CopyObject"
    assert s3.head_object(Bucket=bucket, Key="c")["Metadata"] == {"colour": "blue"}


def test_parts_of_an_object(s3, bucket, large):
    s3.upload_fileobj(io.BytesIO(large), bucket, "a")
    second = s3.get_object(Bucket=bucket, Key="a", PartNumber=2)
    assert (second["PartsCount"], second["ContentLength"]) == (4, PART)
    assert second["ContentRange"] == f"bytes {PART}-{2 * PART - 1}/{len(large)}"
    assert second["Body"].read() == large[PART : 2 * PART]
    told = s3.get_object_attributes(
        Bucket=bucket, Key="a", ObjectAttributes=["ObjectParts", "Checksum"], MaxParts=2, PartNumberMarker=1
    )
    assert told["Checksum"] == {"ChecksumCRC32": composite(large), "ChecksumType": "COMPOSITE"}
    parts = told["ObjectParts"]
    assert (parts["TotalPartsCount"], parts["IsTruncated"], parts["NextPartNumberMarker"]) == (4, True, 3)
    assert [(part["PartNumber"], part["Size"]) for part in parts["Parts"]] == [(2, PART), (3, PART)]
    assert parts["Parts"][0]["ChecksumCRC32"] == crc32(large[PART : 2 * PART])


def test_an_upload_by_hand(s3, bucket):
    data = pattern(5 * MIB + 77)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    listed = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [(entry["Key"], entry["UploadId"]) for entry in listed] == [("a", upload)]
    name = {"Bucket": bucket, "Key": "a", "UploadId": upload}
    parts = []
    for number, piece in enumerate([data[: 5 * MIB], data[5 * MIB :]], 1):
        done = s3.upload_part(**name, PartNumber=number, Body=piece)
        assert (done["ETag"], done["ChecksumCRC32"]) == (etag(piece), crc32(piece))
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
    pages = list(s3.get_paginator("list_parts").paginate(**name, PaginationConfig={"PageSize": 1}))
    assert [part["PartNumber"] for page in pages for part in page["Parts"]] == [1, 2]
    done = s3.complete_multipart_upload(**name, MultipartUpload={"Parts": parts})
    assert done["ETag"] == etag_of_parts(data, 5 * MIB)
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == data
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_an_upload_with_checksums(s3, bucket, algorithm):
    field = f"Checksum{algorithm}"
    started = s3.create_multipart_upload(Bucket=bucket, Key="a", ChecksumAlgorithm=algorithm)
    assert (started["ChecksumAlgorithm"], started["ChecksumType"]) == (algorithm, "COMPOSITE")
    name = {"Bucket": bucket, "Key": "a", "UploadId": started["UploadId"]}
    done = s3.upload_part(**name, PartNumber=1, Body=b"x" * 1000, ChecksumAlgorithm=algorithm)
    part = {"PartNumber": 1, "ETag": done["ETag"], field: done[field]}
    with refused("InvalidPart", 400):
        wrong = part | {field: base64.b64encode(bytes(len(base64.b64decode(part[field])))).decode()}
        s3.complete_multipart_upload(**name, MultipartUpload={"Parts": [wrong]})
    ended = s3.complete_multipart_upload(**name, MultipartUpload={"Parts": [part]})
    assert (ended["ChecksumType"], ended[field].endswith("-1")) == ("COMPOSITE", True)


def test_a_checksum_of_the_whole(s3, bucket):
    data = pattern(5 * MIB + 77)
    started = s3.create_multipart_upload(Bucket=bucket, Key="a", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    name = {"Bucket": bucket, "Key": "a", "UploadId": started["UploadId"]}
    parts = []
    for number, piece in enumerate([data[: 5 * MIB], data[5 * MIB :]], 1):
        done = s3.upload_part(**name, PartNumber=number, Body=piece, ChecksumAlgorithm="CRC32")
        parts.append({"PartNumber": number, "ETag": done["ETag"], "ChecksumCRC32": done["ChecksumCRC32"]})
    whole = {"MultipartUpload": {"Parts": parts}, "ChecksumType": "FULL_OBJECT"}
    with refused("BadDigest", 400):
        s3.complete_multipart_upload(**name, **whole, ChecksumCRC32=crc32(b"something else"))
    done = s3.complete_multipart_upload(**name, **whole, ChecksumCRC32=crc32(data), MpuObjectSize=len(data))
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (crc32(data), "FULL_OBJECT")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == data  # which boto3 verifies here


def test_refused_completions(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    name = {"Bucket": bucket, "Key": "a", "UploadId": upload}
    tags = [s3.upload_part(**name, PartNumber=number, Body=b"small")["ETag"] for number in [1, 2]]
    one, two = ({"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1))
    for code, parts in [
        ("EntityTooSmall", [one, two]),
        ("InvalidPartOrder", [two, one]),
        ("InvalidPart", [one | {"ETag": '"0123456789abcdef0123456789abcdef"'}]),
        ("InvalidPart", [one | {"PartNumber": 3}]),
    ]:
        with refused(code, 400):
            s3.complete_multipart_upload(**name, MultipartUpload={"Parts": parts})
    done = {"MultipartUpload": {"Parts": [one]}}
    s3.put_object(Bucket=bucket, Key="a", Body=b"there already")
    with refused("PreconditionFailed", 412):
        s3.complete_multipart_upload(**name, **done, IfNoneMatch="*")
    s3.complete_multipart_upload(**name, **done)
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"small"
