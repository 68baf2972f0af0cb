"""Multipart uploads: begun, filled, looked at, put together, given up."""

import os

import pytest
from checks import Stream, accept, content, etag_of, etag_of_parts, header, keys_of, md5_of, refuse, usage
from obs import CompleteMultipartUploadRequest, CompletePart, ListMultipartUploadsRequest

PART = 100 * 1024  # no part but the last may be smaller; the SDK sends no smaller ones either


def begin(client, bucket, key, **options):
    return accept(client.initiateMultipartUpload(bucket, key, **options)).uploadId


def part(client, bucket, key, upload, number, data, **options):
    return accept(client.uploadPart(bucket, key, number, upload, data, **options)).etag


def complete(client, bucket, key, upload, etags, **options):
    parts = [CompletePart(number, etag) for number, etag in etags]
    wanted = CompleteMultipartUploadRequest(parts)
    return client.completeMultipartUpload(bucket, key, upload, wanted, **options)


@pytest.mark.covers("InitiateMultipartUpload", "UploadPart", "ListParts", "CompleteMultipartUpload", "GetObject")
def test_an_object_of_parts(client, bucket, mode):
    data = [os.urandom(size) for size in (PART, PART + 1, 17)]
    upload = begin(client, bucket, "a b/ü", metadata={"colour": "blue"}, contentType="text/x-parts")
    etags = [(number, part(client, bucket, "a b/ü", upload, number, piece)) for number, piece in enumerate(data, 1)]
    assert [etag for _, etag in etags] == [etag_of(piece) for piece in data]
    assert usage(client, bucket)[0] == sum(map(len, data))
    assert keys_of(client, bucket) == []

    listed = accept(client.listParts(bucket, "a b/ü", upload))
    assert [(entry.partNumber, entry.size, entry.etag) for entry in listed.parts] == [
        (number, len(piece), etag_of(piece)) for number, piece in enumerate(data, 1)
    ]
    assert (listed.bucketName, listed.objectKey, listed.uploadId) == (bucket, "a b/ü", upload)
    assert (listed.storageClass, listed.isTruncated) == ("STANDARD", False)
    assert listed.owner.owner_id and listed.initiator.id

    whole = accept(complete(client, bucket, "a b/ü", upload, etags))
    assert (whole.bucket, whole.key, whole.etag) == (bucket, "a b/ü", etag_of_parts(*data))
    assert whole.location.startswith("http")
    assert content(client, bucket, "a b/ü") == b"".join(data)
    head = client.getObjectMetadata(bucket, "a b/ü")
    assert (accept(head).contentType, head.body.etag, header(head)["colour"]) == ("text/x-parts", whole.etag, "blue")
    assert usage(client, bucket) == (sum(map(len, data)), 1)


@pytest.mark.covers("UploadPart", "CompleteMultipartUpload")
def test_parts_of_files_and_streams(client, bucket, tmp_path):
    data = os.urandom(4 * PART)
    (tmp_path / "source").write_bytes(data)
    path = str(tmp_path / "source")
    upload = begin(client, bucket, "a")
    etags = [
        (1, part(client, bucket, "a", upload, 1, path, isFile=True, partSize=PART, isAttachMd5=True)),
        (2, part(client, bucket, "a", upload, 2, path, isFile=True, partSize=PART, offset=PART)),
        (3, part(client, bucket, "a", upload, 3, Stream(data[2 * PART : 3 * PART]), partSize=PART)),
        (4, part(client, bucket, "a", upload, 4, Stream(data[3 * PART :]))),
    ]
    accept(complete(client, bucket, "a", upload, etags))
    assert content(client, bucket, "a") == data


@pytest.mark.covers("CopyPart", "CompleteMultipartUpload")
def test_parts_copied_from_objects(client, bucket, second_bucket):
    data = os.urandom(3 * PART)
    accept(client.putContent(bucket, "the source+", data))
    upload = begin(client, second_bucket, "target")
    source = f"{bucket}/the source+"
    first = accept(client.copyPart(second_bucket, "target", 1, upload, source))
    assert (first.etag, bool(first.lastModified)) == (etag_of(data), True)
    middle = data[PART : 2 * PART]
    second = accept(client.copyPart(second_bucket, "target", 2, upload, source, f"{PART}-{2 * PART - 1}"))
    assert second.etag == etag_of(middle)
    beyond = client.copyPart(second_bucket, "target", 3, upload, source, f"0-{3 * PART}")
    assert (beyond.status, beyond.errorCode) in [(416, "InvalidRange"), (400, "InvalidArgument")]
    refuse(client.copyPart(second_bucket, "target", 3, upload, f"{bucket}/missing"), 404, "NoSuchKey")
    whole = accept(complete(client, second_bucket, "target", upload, [(1, first.etag), (2, second.etag)]))
    assert whole.etag == etag_of_parts(data, middle)
    accept(client.deleteObject(bucket, "the source+"), 204)
    assert content(client, second_bucket, "target") == data + middle


@pytest.mark.covers("CopyPart")
def test_a_part_copied_from_an_old_version(client, bucket):
    accept(client.setBucketVersioning(bucket, "Enabled"))
    old = accept(client.putContent(bucket, "a", b"old")).versionId
    accept(client.putContent(bucket, "a", b"new"))
    upload = begin(client, bucket, "b")
    copied = accept(client.copyPart(bucket, "b", 1, upload, f"{bucket}/a?versionId={old}"))
    assert copied.etag == etag_of(b"old")
    whole = accept(complete(client, bucket, "b", upload, [(1, copied.etag)]))
    assert whole.versionId
    assert content(client, bucket, "b") == b"old"


@pytest.mark.covers("UploadPart", "ListParts")
def test_a_part_sent_again_replaces_the_first(client, bucket):
    upload = begin(client, bucket, "a")
    part(client, bucket, "a", upload, 1, b"first")
    etag = part(client, bucket, "a", upload, 1, b"second!")
    listed = accept(client.listParts(bucket, "a", upload)).parts
    assert [(entry.partNumber, entry.size) for entry in listed] == [(1, 7)]
    assert usage(client, bucket)[0] == 7
    accept(complete(client, bucket, "a", upload, [(1, etag)]))
    assert content(client, bucket, "a") == b"second!"


@pytest.mark.covers("CompleteMultipartUpload")
def test_putting_together_twice_is_putting_together_once(client, bucket):
    upload = begin(client, bucket, "a")
    etag = part(client, bucket, "a", upload, 1, b"bytes")
    first = accept(complete(client, bucket, "a", upload, [(1, etag)]))
    assert accept(complete(client, bucket, "a", upload, [(1, etag)])).etag == first.etag
    assert usage(client, bucket) == (5, 1)


@pytest.mark.covers("CompleteMultipartUpload")
def test_parts_that_are_not_named_are_dropped(client, bucket):
    upload = begin(client, bucket, "a")
    etags = [(number, part(client, bucket, "a", upload, number, bytes([number]) * PART)) for number in (1, 5, 9)]
    accept(complete(client, bucket, "a", upload, [etags[0], etags[2]]))
    assert content(client, bucket, "a") == bytes([1]) * PART + bytes([9]) * PART
    assert usage(client, bucket) == (2 * PART, 1)


@pytest.mark.covers("AbortMultipartUpload")
def test_an_upload_given_up(client, bucket):
    upload = begin(client, bucket, "a")
    etag = part(client, bucket, "a", upload, 1, b"bytes")
    accept(client.abortMultipartUpload(bucket, "a", upload), 204)
    assert usage(client, bucket) == (0, 0)
    refuse(client.abortMultipartUpload(bucket, "a", upload), 404, "NoSuchUpload")
    refuse(client.uploadPart(bucket, "a", 2, upload, b"x"), 404, "NoSuchUpload")
    refuse(client.listParts(bucket, "a", upload), 404, "NoSuchUpload")
    refuse(complete(client, bucket, "a", upload, [(1, etag)]), 404, "NoSuchUpload")


def test_what_cannot_be_put_together(client, bucket):
    upload = begin(client, bucket, "a")
    small, last = (part(client, bucket, "a", upload, number, b"x" * number) for number in (1, 2))
    for etags, code in [
        ([(1, small), (1, small)], "InvalidPartOrder"),
        ([(1, small), (3, last)], "InvalidPart"),
        ([(1, last)], "InvalidPart"),
        ([(1, small), (2, last)], "EntityTooSmall"),
        ([], "MalformedXML"),
    ]:
        refuse(complete(client, bucket, "a", upload, etags), 400, code)
    assert keys_of(client, bucket) == []
    assert len(accept(client.listParts(bucket, "a", upload)).parts) == 2
    refuse(client.uploadPart(bucket, "a", 10_001, upload, b"x"), 400, "InvalidArgument")
    refuse(client.uploadPart(bucket, "a", 3, upload, b"x", md5=md5_of(b"y")), 400, "BadDigest")
    assert usage(client, bucket)[0] == 3


def test_a_bucket_with_an_upload_stays(client, bucket):
    upload = begin(client, bucket, "a")
    refuse(client.deleteBucket(bucket), 409, "BucketNotEmpty")
    accept(client.abortMultipartUpload(bucket, "a", upload), 204)
    accept(client.deleteBucket(bucket), 204)


def test_parts_must_fit(client, bucket):
    accept(client.setBucketQuota(bucket, 10))
    upload = begin(client, bucket, "a")
    first = part(client, bucket, "a", upload, 1, b"123456")
    refuse(client.uploadPart(bucket, "a", 2, upload, b"12345"), 403, "InsufficientStorageSpace")
    refuse(client.putContent(bucket, "b", b"12345"), 403, "InsufficientStorageSpace")
    accept(complete(client, bucket, "a", upload, [(1, first)]))
    assert usage(client, bucket) == (6, 1)


@pytest.mark.covers("ListParts")
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_of_parts_join_to_the_whole(client, bucket, size):
    upload = begin(client, bucket, "a+b")
    for number in (1, 2, 3, 7, 10_000):
        part(client, bucket, "a+b", upload, number, b"x")
    numbers, marker = [], None
    for _ in range(6):
        page = accept(client.listParts(bucket, "a+b", upload, size, marker, encoding_type="url"))
        assert page.objectKey == "a+b"
        numbers += [entry.partNumber for entry in page.parts]
        if not page.isTruncated:
            break
        marker = page.nextPartNumberMarker
    assert numbers == [1, 2, 3, 7, 10_000]


@pytest.fixture
def uploads(client, bucket):
    """(key, upload) of seven uploads, in the order they are listed."""
    keys = ["a b", "a b", "a b", "c+d", "dir/e", "dir/f", "ü"]
    begun = {(key, begin(client, bucket, key)) for key in keys}
    # Uploads of one key come in the order they were begun, but these were begun within a millisecond.
    listed = told(accept(client.listMultipartUploads(bucket)))
    assert ([key for key, _ in listed], set(listed)) == (keys, begun)
    return listed


def told(page):
    return [(entry.key, entry.uploadId) for entry in page.upload]


@pytest.mark.covers("ListMultipartUploads", "InitiateMultipartUpload")
def test_uploads_are_listed(client, bucket, uploads):
    accept(client.abortMultipartUpload(bucket, *uploads.pop()), 204)
    uploads.append(("ü", begin(client, bucket, "ü")))
    page = accept(client.listMultipartUploads(bucket))
    assert told(page) == uploads
    assert (page.bucket, page.isTruncated, page.maxUploads) == (bucket, False, 1000)
    entry = page.upload[0]
    assert entry.storageClass == "STANDARD"
    assert entry.owner.owner_id and entry.initiator.id and entry.initiated
    assert told(accept(client.listMultipartUploads(bucket, encoding_type="url"))) == uploads


@pytest.mark.covers("ListMultipartUploads")
@pytest.mark.parametrize(
    ("asked", "expected", "prefixes"),
    [
        ({"prefix": "dir/"}, slice(4, 6), []),
        ({"delimiter": "/"}, [0, 1, 2, 3, 6], ["dir/"]),
        ({"key_marker": "a b"}, slice(3, 7), []),
        ({"key_marker": "dir/e", "prefix": "dir/"}, slice(5, 6), []),
    ],
)
def test_which_uploads_are_listed(client, bucket, uploads, asked, expected, prefixes):
    page = accept(client.listMultipartUploads(bucket, ListMultipartUploadsRequest(**asked)))
    wanted = uploads[expected] if isinstance(expected, slice) else [uploads[index] for index in expected]
    assert told(page) == wanted
    assert [entry.prefix for entry in page.commonPrefixs] == prefixes


@pytest.mark.covers("ListMultipartUploads")
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_of_uploads_join_to_the_whole(client, bucket, uploads, size):
    found, key, upload = [], None, None
    for _ in range(9):
        asked = ListMultipartUploadsRequest(max_uploads=size, key_marker=key, upload_id_marker=upload)
        page = accept(client.listMultipartUploads(bucket, asked))
        found += told(page)
        if not page.isTruncated:
            break
        key, upload = page.nextKeyMarker, page.nextUploadIdMarker
    assert found == uploads


@pytest.mark.covers("InitiateMultipartUpload", "CompleteMultipartUpload")
def test_what_is_said_at_the_beginning_holds_for_the_object(client, nobody, bucket, mode):
    upload = begin(
        client,
        bucket,
        "a+b",
        acl="public-read",
        storageClass="WARM",
        websiteRedirectLocation="/elsewhere",
        expires=3,
        encoding_type="url",
    )
    etag = part(client, bucket, "a+b", upload, 1, b"bytes")
    whole = accept(complete(client, bucket, "a+b", upload, [(1, etag)], encoding_type="url"))
    assert whole.key == "a+b"
    head = accept(client.getObjectMetadata(bucket, "a+b"))
    assert head.storageClass == ("WARM" if mode == "name" else "STANDARD_IA")
    assert head.websiteRedirectLocation == "/elsewhere"
    assert head.expiration.startswith('expiry-date="')
    assert content(nobody, bucket, "a+b") == b"bytes"


@pytest.mark.covers("UploadPart", "CompleteMultipartUpload")
def test_the_checksum_of_the_whole(client, bucket):
    upload = begin(client, bucket, "a")
    request = CompleteMultipartUploadRequest([])
    for number, data in enumerate([b"A" * PART, b"123456789"], 1):
        sent = accept(client.uploadPart(bucket, "a", number, upload, data, isAttachCrc64=True))
        assert sent.crc64
        request.add_part(CompletePart(number, sent.etag, sent.crc64, len(data)))
    whole = accept(client.completeMultipartUpload(bucket, "a", upload, request, isAttachCrc64=True))
    assert whole.crc64 == accept(client.getObjectMetadata(bucket, "a")).crc64
    read = accept(client.getObject(bucket, "a", loadStreamInMemory=True, isAttachCrc64=True))
    assert read.buffer == b"A" * PART + b"123456789"
