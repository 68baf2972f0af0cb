"""What is said about an object besides its bytes, changed afterwards: metadata, tags, class, restore."""

import pytest
from checks import accept, content, header, refuse
from obs import PutObjectHeader, SetObjectMetadataHeader, Tag


@pytest.fixture
def stored(client, bucket):
    headers = PutObjectHeader(contentType="text/x-old")
    accept(client.putContent(bucket, "a", b"bytes", metadata={"colour": "blue", "shape": "round"}, headers=headers))
    return "a"


@pytest.mark.covers("SetObjectMetadata", "HeadObject")
def test_what_is_given_is_set_and_the_rest_stays(client, bucket, stored):
    before = client.getObjectMetadata(bucket, stored).body
    headers = SetObjectMetadataHeader(cacheControl="no-cache", contentLanguage="de", location="/there")
    accept(client.setObjectMetadata(bucket, stored, {"shape": "square", "städte": "Zürich"}, headers))
    head = client.getObjectMetadata(bucket, stored)
    said = header(head)
    assert (said["colour"], said["shape"], said["städte"]) == ("blue", "square", "Zürich")
    assert (said["cache-control"], said["content-language"]) == ("no-cache", "de")
    assert (head.body.contentType, head.body.websiteRedirectLocation) == ("text/x-old", "/there")
    assert (head.body.etag, head.body.contentLength) == (before.etag, 5)
    assert content(client, bucket, stored) == b"bytes"


@pytest.mark.covers("SetObjectMetadata", "HeadObject")
def test_what_is_not_given_goes(client, bucket, stored):
    headers = SetObjectMetadataHeader(
        removeUnset=True,
        contentDisposition="inline",
        contentEncoding="identity",
        expires="Fri, 01 Jan 2100 00:00:00 GMT",
    )
    accept(client.setObjectMetadata(bucket, stored, {"size": "large"}, headers))
    said = header(client.getObjectMetadata(bucket, stored))
    assert said["size"] == "large" and "colour" not in said and "shape" not in said
    assert said["content-type"] == "binary/octet-stream"
    assert said["content-disposition"] == "inline"
    assert said["expires"] == "Fri, 01 Jan 2100 00:00:00 GMT"
    assert content(client, bucket, stored) == b"bytes"


@pytest.mark.covers("SetObjectMetadata")
def test_the_class_is_changed_too(client, bucket, stored, mode):
    accept(client.setObjectMetadata(bucket, stored, None, SetObjectMetadataHeader(storageClass="WARM")))
    head = accept(client.getObjectMetadata(bucket, stored))
    assert (head.storageClass, head.contentType) == ("WARM" if mode == "name" else "STANDARD_IA", "text/x-old")
    assert header(client.getObjectMetadata(bucket, stored))["colour"] == "blue"


def test_metadata_of_what_is_not_there(client, bucket):
    refuse(client.setObjectMetadata(bucket, "missing", {"a": "b"}, SetObjectMetadataHeader()), 404, "NoSuchKey")


def pairs(result):
    return {tag.key: tag.value for tag in accept(result).tags}


@pytest.mark.covers("PutObjectTagging", "GetObjectTagging", "DeleteObjectTagging")
def test_tags(client, bucket, stored, mode):
    def none():
        result = client.getObjectTagging(bucket, stored)
        if mode == "name":
            refuse(result, 404, "NoSuchTagSet")
        else:
            assert pairs(result) == {}

    none()
    accept(client.setObjectTagging(bucket, stored, {"colour": "blue", "stadt": "Zürich", "empty": ""}))
    assert pairs(client.getObjectTagging(bucket, stored)) == {"colour": "blue", "stadt": "Zürich", "empty": ""}
    assert header(client.getObjectMetadata(bucket, stored))["tagging-count"] == "3"
    accept(client.setObjectTagging(bucket, stored, [Tag("shape", "round")]))
    assert pairs(client.getObjectTagging(bucket, stored)) == {"shape": "round"}
    accept(client.deleteObjectTagging(bucket, stored), 204)
    none()


@pytest.mark.parametrize(
    "bad",
    [{f"key{number}": "v" for number in range(11)}, {"k" * 129: "v"}, {"": "v"}],
    ids=["too many", "too long", "no key"],
)
def test_what_is_no_tag(client, bucket, stored, bad):
    result = client.setObjectTagging(bucket, stored, bad)
    assert (result.status, result.errorCode) in [(400, "InvalidTag"), (400, "BadRequest")]
    assert "tagging-count" not in header(client.getObjectMetadata(bucket, stored))


def test_tags_of_what_is_not_there(client, bucket):
    refuse(client.getObjectTagging(bucket, "missing"), 404, "NoSuchKey")
    refuse(client.setObjectTagging(bucket, "missing", {"a": "b"}), 404, "NoSuchKey")


@pytest.mark.covers("RestoreObject", "GetObject", "HeadObject")
@pytest.mark.parametrize("tier", ["Expedited", "Standard", None])
def test_a_cold_object_is_restored_before_it_is_read(client, bucket, tier):
    accept(client.putContent(bucket, "cold", b"bytes", headers=PutObjectHeader(storageClass="COLD")))
    refuse(client.getObject(bucket, "cold"), 403, "InvalidObjectState")
    assert accept(client.getObjectMetadata(bucket, "cold")).contentLength == 5
    accept(client.restoreObject(bucket, "cold", 1, tier), 202)
    assert accept(client.getObjectMetadata(bucket, "cold")).restore.startswith('ongoing-request="false", expiry-date="')
    assert content(client, bucket, "cold") == b"bytes"
    accept(client.restoreObject(bucket, "cold", 30), 200)  # for longer


def test_what_needs_no_restoring(client, bucket, stored):
    refuse(client.restoreObject(bucket, stored, 1), 403, "InvalidObjectState")


@pytest.mark.parametrize("days", ["0", "31", "many"])
def test_a_restore_of_no_length(client, bucket, days):
    accept(client.putContent(bucket, "cold", b"bytes", headers=PutObjectHeader(storageClass="COLD")))
    result = client.restoreObject(bucket, "cold", days)
    assert (result.status, result.errorCode) in [(400, "InvalidArgument"), (400, "MalformedXML")]
    refuse(client.getObject(bucket, "cold"), 403, "InvalidObjectState")
