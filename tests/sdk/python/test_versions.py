"""Versions: kept, listed, read, copied, deleted; and the markers that hide them."""

import pytest
from checks import accept, content, etag_of, header, refuse, usage
from obs import DeleteObjectsRequest, GetObjectRequest, Object, SetObjectMetadataHeader, Versions


@pytest.fixture
def versioned(client, bucket):
    accept(client.setBucketVersioning(bucket, "Enabled"))
    return bucket


def put(client, bucket, key, data):
    return accept(client.putContent(bucket, key, data)).versionId


def read(client, bucket, key, version):
    return content(client, bucket, key, getObjectRequest=GetObjectRequest(versionId=version))


def listed(page):
    return [(entry.key, entry.versionId, entry.isLatest) for entry in page.versions]


@pytest.mark.covers("PutObject", "GetObject", "HeadObject", "ListObjectVersions")
def test_every_write_is_kept(client, versioned):
    first, second = (put(client, versioned, "a", data) for data in [b"one", b"two!"])
    assert first and second and first != second
    assert content(client, versioned, "a") == b"two!"
    assert read(client, versioned, "a", first) == b"one"
    head = accept(client.getObjectMetadata(versioned, "a", first))
    assert (head.versionId, head.etag, head.contentLength) == (first, etag_of(b"one"), 3)
    assert accept(client.getObjectMetadata(versioned, "a")).versionId == second
    page = accept(client.listVersions(versioned))
    assert listed(page) == [("a", second, True), ("a", first, False)]
    newest = page.versions[0]
    assert (newest.size, newest.etag, newest.storageClass) == (4, etag_of(b"two!"), "STANDARD")
    assert newest.owner.owner_id and newest.lastModified
    assert (page.head.name, page.head.isTruncated, page.markers) == (versioned, False, [])
    assert page.head.location == "region-1"
    assert usage(client, versioned) == (7, 2)


@pytest.mark.covers("DeleteObject", "GetObject", "ListObjectVersions")
def test_a_delete_hides(client, versioned, mode):
    first = put(client, versioned, "a", b"one")
    deleted = accept(client.deleteObject(versioned, "a"), 204)
    assert deleted.deleteMarker is True and deleted.versionId not in (None, first)
    hidden = client.getObject(versioned, "a")
    refuse(hidden, 404, "NoSuchKey")
    assert header(hidden)["delete-marker"] == "true"
    assert accept(client.listObjects(versioned)).contents == []
    assert read(client, versioned, "a", first) == b"one"
    page = accept(client.listVersions(versioned))
    assert listed(page) == [("a", first, False)]
    marker = page.markers[0]
    assert (marker.key, marker.versionId, marker.isLatest) == ("a", deleted.versionId, True)
    assert marker.owner.owner_id and marker.lastModified
    by_version = client.getObject(versioned, "a", getObjectRequest=GetObjectRequest(versionId=deleted.versionId))
    refuse(by_version, 405, "MethodNotAllowed")

    gone = accept(client.deleteObject(versioned, "a", deleted.versionId), 204)  # the marker itself
    assert (gone.deleteMarker, gone.versionId) == (True, deleted.versionId)
    assert content(client, versioned, "a") == b"one"


@pytest.mark.covers("DeleteObject", "GetObject")
def test_a_version_is_deleted_for_good(client, versioned):
    first, second = (put(client, versioned, "a", data) for data in [b"one", b"two!"])
    gone = accept(client.deleteObject(versioned, "a", second), 204)
    assert gone.versionId == second and not gone.deleteMarker
    assert content(client, versioned, "a") == b"one"
    assert usage(client, versioned) == (3, 1)
    missing = client.getObject(versioned, "a", getObjectRequest=GetObjectRequest(versionId=second))
    refuse(missing, 404, "NoSuchVersion")
    accept(client.deleteObject(versioned, "a", second), 204)
    assert accept(client.getObjectMetadata(versioned, "a")).versionId == first


@pytest.mark.covers("DeleteObjects")
def test_many_versions_at_once(client, versioned):
    first, second = (put(client, versioned, "a", data) for data in [b"one", b"two!"])
    put(client, versioned, "b", b"three")
    wanted = DeleteObjectsRequest(objects=[Object("a", first), Object("b"), Object("a", second)])
    deleted = accept(client.deleteObjects(versioned, wanted)).deleted
    assert [(entry.key, entry.versionId) for entry in deleted] == [("a", first), ("b", None), ("a", second)]
    assert deleted[1].deleteMarker is True and deleted[1].deleteMarkerVersionId
    marker = deleted[1].deleteMarkerVersionId
    assert accept(client.listVersions(versioned)).markers[0].versionId == marker
    again = accept(client.deleteObjects(versioned, DeleteObjectsRequest(objects=[Object("b", marker)]))).deleted[0]
    assert (again.versionId, again.deleteMarker, again.deleteMarkerVersionId) == (marker, True, marker)
    assert content(client, versioned, "b") == b"three"


@pytest.mark.covers("CopyObject")
def test_an_old_version_is_copied_back(client, versioned):
    first, second = (put(client, versioned, "a", data) for data in [b"one", b"two!"])
    copy = accept(client.copyObject(versioned, "a", versioned, "a", versionId=first))
    assert copy.copySourceVersionId == first
    assert copy.versionId not in (None, first, second)
    assert content(client, versioned, "a") == b"one"
    assert len(accept(client.listVersions(versioned)).versions) == 3


@pytest.mark.covers("PutBucketVersioning", "PutObject", "DeleteObject")
def test_suspended(client, bucket):
    put(client, bucket, "a", b"before")
    accept(client.setBucketVersioning(bucket, "Enabled"))
    kept = put(client, bucket, "a", b"enabled")
    accept(client.setBucketVersioning(bucket, "Suspended"))
    assert put(client, bucket, "a", b"suspended") in (None, "null")
    assert content(client, bucket, "a") == b"suspended"
    assert read(client, bucket, "a", "null") == b"suspended"
    assert listed(accept(client.listVersions(bucket))) == [("a", "null", True), ("a", kept, False)]
    deleted = accept(client.deleteObject(bucket, "a"), 204)
    assert (deleted.deleteMarker, deleted.versionId) == (True, "null")
    page = accept(client.listVersions(bucket))
    assert listed(page) == [("a", kept, False)]
    assert [(marker.versionId, marker.isLatest) for marker in page.markers] == [("null", True)]
    assert usage(client, bucket)[0] == 7


@pytest.mark.covers("ListObjectVersions")
def test_a_bucket_that_never_had_versions(client, bucket):
    put(client, bucket, "a", b"x")
    assert listed(accept(client.listVersions(bucket))) == [("a", "null", True)]
    assert accept(client.getObjectMetadata(bucket, "a")).versionId is None


@pytest.mark.covers("SetObjectMetadata", "HeadObject")
def test_metadata_of_a_version(client, versioned):
    first, _ = (put(client, versioned, "a", data) for data in [b"one", b"two!"])
    headers = SetObjectMetadataHeader(contentType="text/x-old")
    accept(client.setObjectMetadata(versioned, "a", {"colour": "blue"}, headers, versionId=first))
    assert accept(client.getObjectMetadata(versioned, "a", first)).contentType == "text/x-old"
    assert accept(client.getObjectMetadata(versioned, "a")).contentType == "binary/octet-stream"


@pytest.mark.covers("PutObjectAcl", "GetObjectAcl")
def test_access_to_a_version(client, nobody, versioned):
    first, _ = (put(client, versioned, "a", data) for data in [b"one", b"two!"])
    accept(client.setObjectAcl(versioned, "a", aclControl="public-read", versionId=first))
    assert len(accept(client.getObjectAcl(versioned, "a", first)).grants) == 2
    assert len(accept(client.getObjectAcl(versioned, "a")).grants) == 1
    assert read(nobody, versioned, "a", first) == b"one"
    refuse(nobody.getObject(versioned, "a"), 403, "AccessDenied")


@pytest.mark.covers("PutObjectTagging", "GetObjectTagging", "DeleteObjectTagging")
def test_tags_of_a_version(client, versioned):
    first, second = (put(client, versioned, "a", data) for data in [b"one", b"two!"])
    for version, colour in [(first, "red"), (second, "blue")]:
        accept(client.setObjectTagging(versioned, "a", {"colour": colour}, versionId=version))
    accept(client.deleteObjectTagging(versioned, "a", versionId=second), 204)
    assert [tag.value for tag in accept(client.getObjectTagging(versioned, "a", versionId=first)).tags] == ["red"]
    assert "tagging-count" not in header(client.getObjectMetadata(versioned, "a"))


@pytest.fixture
def history(client, versioned):
    """Three versions each of five keys, and a marker on one of them."""
    for _ in range(3):
        for key in ["a", "dir/b", "dir/c d", "e", "f+g"]:
            put(client, versioned, key, b"x")
    accept(client.deleteObject(versioned, "e"), 204)
    return versioned


@pytest.mark.covers("ListObjectVersions")
@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("encoding", [None, "url"])
def test_pages_join_to_the_whole(client, history, size, encoding):
    whole = accept(client.listVersions(history))
    assert (len(whole.versions), len(whole.markers)) == (15, 1)
    versions, markers, key, version = [], [], None, None
    for _ in range(20):
        asked = Versions(max_keys=size, key_marker=key, version_id_marker=version, encoding_type=encoding)
        page = accept(client.listVersions(history, asked))
        assert len(page.versions) + len(page.markers) <= size
        versions += page.versions
        markers += page.markers
        if not page.head.isTruncated:
            break
        key, version = page.head.nextKeyMarker, page.head.nextVersionIdMarker
    assert [(v.key, v.versionId) for v in versions] == [(v.key, v.versionId) for v in whole.versions]
    assert [m.versionId for m in markers] == [m.versionId for m in whole.markers]


@pytest.mark.covers("ListObjectVersions")
def test_prefixes_of_versions(client, history):
    page = accept(client.listVersions(history, Versions(delimiter="/")))
    assert [entry.prefix for entry in page.commonPrefixs] == ["dir/"]
    assert {entry.key for entry in page.versions} == {"a", "e", "f+g"}
    page = accept(client.listVersions(history, Versions(prefix="dir/", delimiter="/", encoding_type="url")))
    assert [entry.key for entry in page.versions] == ["dir/b"] * 3 + ["dir/c d"] * 3
    assert (page.head.prefix, page.head.delimiter) == ("dir/", "/")
    page = accept(client.listVersions(history, Versions(key_marker="dir/c d")))
    assert {entry.key for entry in page.versions} == {"e", "f+g"}
    refuse(client.listVersions(history, Versions(version_id_marker="x")), 400, "InvalidArgument")
