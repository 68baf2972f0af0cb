"""Deletes: one by one and many at once."""

import pytest
from checks import accept, keys_of, refuse, usage
from obs import DeleteObjectsRequest, Object

ODD = ["a b", "a&<b>", "a+b", "100%", " blank ", "ünï/鍵", "new\nline"]


def request(*keys, **options):
    return DeleteObjectsRequest(objects=[Object(key) for key in keys], **options)


@pytest.fixture
def filled(client, bucket):
    for key in ["a", "b", "c", "d"]:
        accept(client.putContent(bucket, key, b"x"))
    return bucket


@pytest.mark.covers("DeleteObjects")
def test_many_at_once_with_a_report(client, filled):
    result = accept(client.deleteObjects(filled, request("a", "missing", "c", quiet=False)))
    assert [entry.key for entry in result.deleted] == ["a", "missing", "c"]
    assert result.error == []
    assert keys_of(client, filled) == ["b", "d"]
    assert usage(client, filled) == (2, 2)


@pytest.mark.covers("DeleteObjects")
def test_many_at_once_without_a_report(client, filled):
    result = accept(client.deleteObjects(filled, request("a", "missing", "c", quiet=True)))
    assert (result.deleted, result.error) == ([], [])
    assert keys_of(client, filled) == ["b", "d"]


@pytest.mark.covers("DeleteObjects")
@pytest.mark.parametrize("encoding", [None, "url"])
def test_odd_keys(client, bucket, encoding):
    for key in ODD:
        accept(client.putContent(bucket, key, b"x"))
    result = accept(client.deleteObjects(bucket, request(*ODD, encoding_type=encoding)))
    assert [entry.key for entry in result.deleted] == ODD
    assert usage(client, bucket) == (0, 0)


@pytest.mark.covers("DeleteObjects")
def test_a_thousand_and_no_more(client, bucket):
    accept(client.putContent(bucket, "key-1", b"x"))
    keys = [f"key-{number}" for number in range(1001)]
    refuse(client.deleteObjects(bucket, request(*keys)), 400, "MalformedXML")
    assert usage(client, bucket) == (1, 1)
    assert len(accept(client.deleteObjects(bucket, request(*keys[:1000]))).deleted) == 1000
    assert usage(client, bucket) == (0, 0)


def test_none_at_all(client, bucket):
    refuse(client.deleteObjects(bucket, request()), 400, "MalformedXML")


def test_what_is_another_s_stays(client, other, nobody, filled):
    for stranger in [other, nobody]:
        result = stranger.deleteObjects(filled, request("a", "b"))
        if result.status == 200:
            assert {(entry.key, entry.code) for entry in result.body.error} == {
                ("a", "AccessDenied"),
                ("b", "AccessDenied"),
            }
            assert result.body.deleted == []
        else:
            refuse(result, 403, "AccessDenied")
    assert usage(client, filled) == (4, 4)


@pytest.mark.covers("DeleteObject")
def test_one_by_one(client, filled):
    for _ in range(2):  # what is gone stays gone
        accept(client.deleteObject(filled, "a"), 204)
    assert keys_of(client, filled) == ["b", "c", "d"]
