"""Listings: order, prefix, marker, delimiter and pages."""

import pytest
from checks import accept, refuse

KEYS = ["a", "a/1", "a/2", "a/b/3", "b/1", "b/2", "c", "d/e/f"]


@pytest.fixture
def filled(client, bucket):
    for key in reversed(KEYS):
        accept(client.putContent(bucket, key, key.encode()))
    return bucket


def names(body):
    return [entry.key for entry in body.contents], [entry.prefix for entry in body.commonPrefixs]


@pytest.mark.covers("ListObjects")
@pytest.mark.parametrize(
    ("asked", "keys", "prefixes"),
    [
        ({}, KEYS, []),
        ({"prefix": "a"}, ["a", "a/1", "a/2", "a/b/3"], []),
        ({"prefix": "zzz"}, [], []),
        ({"marker": "b/1"}, ["b/2", "c", "d/e/f"], []),
        ({"marker": "b"}, ["b/1", "b/2", "c", "d/e/f"], []),
        ({"delimiter": "/"}, ["a", "c"], ["a/", "b/", "d/"]),
        ({"delimiter": "/", "prefix": "a/"}, ["a/1", "a/2"], ["a/b/"]),
        ({"delimiter": "/", "marker": "a/"}, ["c"], ["b/", "d/"]),
        ({"delimiter": "e/"}, ["a", "a/1", "a/2", "a/b/3", "b/1", "b/2", "c"], ["d/e/"]),
    ],
)
def test_what_is_listed(client, filled, asked, keys, prefixes):
    body = accept(client.listObjects(filled, **asked))
    assert names(body) == (keys, prefixes)
    assert body.is_truncated is False
    assert body.name == filled


def test_an_entry_is_whole(client, filled):
    entry = accept(client.listObjects(filled, prefix="a/b/")).contents[0]
    head = accept(client.getObjectMetadata(filled, "a/b/3"))
    assert (entry.key, entry.size, entry.etag, entry.storageClass) == ("a/b/3", 5, head.etag, "STANDARD")
    assert entry.owner.owner_id
    assert entry.lastModified


@pytest.mark.covers("ListObjects")
@pytest.mark.parametrize("delimiter", [None, "/"])
@pytest.mark.parametrize("page", [1, 2, 3, 100])
def test_pages_join_to_the_whole(client, filled, page, delimiter):
    whole = names(accept(client.listObjects(filled, delimiter=delimiter)))
    keys, prefixes, marker = [], [], None
    for _ in range(len(KEYS) + 1):
        body = accept(client.listObjects(filled, max_keys=page, marker=marker, delimiter=delimiter))
        some_keys, some_prefixes = names(body)
        assert len(some_keys) + len(some_prefixes) <= page
        keys += some_keys
        prefixes += some_prefixes
        if not body.is_truncated:
            break
        # `NextMarker` is promised with a delimiter only; without one the last key serves.
        marker = body.next_marker or some_keys[-1]
    assert (keys, prefixes) == whole


def test_an_empty_bucket(client, bucket):
    body = accept(client.listObjects(bucket))
    assert names(body) == ([], [])
    assert body.max_keys == 1000


ODD = ["a b", "a%2Bb", "a&<b>", "a+b", "tab\tand\x01control", "ü/ö"]


@pytest.mark.covers("ListObjects")
def test_encoded_keys_come_back_as_they_were(client, bucket):
    for key in reversed(ODD):
        accept(client.putContent(bucket, key, b""))
    body = accept(client.listObjects(bucket, encoding_type="url"))
    assert body.encoding_type == "url"
    assert names(body) == (ODD, [])
    body = accept(client.listObjects(bucket, "a", "a ", 1, "+", encoding_type="url"))
    assert (body.prefix, body.marker, body.delimiter) == ("a", "a ", "+")
    assert (names(body), body.is_truncated, body.next_marker) == ((["a b"], []), True, "a b")
    body = accept(client.listObjects(bucket, "a", "a&<b>", 1, "+", encoding_type="url"))
    assert (names(body), body.is_truncated, body.next_marker) == (([], ["a+"]), False, None)


def test_an_encoding_nobody_knows(client, bucket):
    refuse(client.listObjects(bucket, encoding_type="base64"), 400, "InvalidArgument")


def test_pages_of_no_size(client, filled):
    refuse(client.listObjects(filled, max_keys="many"), 400, "InvalidArgument")
    assert accept(client.listObjects(filled, max_keys=5000)).max_keys == 1000
