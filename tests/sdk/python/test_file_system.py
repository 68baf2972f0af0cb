"""Parallel file systems: files changed in place, cut and moved; directories that must be empty to go."""

import os

import pytest
from checks import Stream, accept, content, keys_of, refuse, usage


@pytest.mark.covers("ModifyObject", "GetObject")
def test_bytes_are_changed_in_place(client, file_system):
    accept(client.putContent(file_system, "a", b"0123456789"))
    accept(client.modifyFile(file_system, "a", 2, b"xy"))
    assert content(client, file_system, "a") == b"01xy456789"
    accept(client.modifyFile(file_system, "a", 8, b"abcd"))
    assert content(client, file_system, "a") == b"01xy4567abcd"
    accept(client.modifyFile(file_system, "a", 14, b"!"))
    assert content(client, file_system, "a") == b"01xy4567abcd\0\0!"
    assert usage(client, file_system)[0] == 15


@pytest.mark.covers("ModifyObject")
def test_bytes_of_a_stream(client, file_system):
    data, change = os.urandom(300_000), os.urandom(100_000)
    accept(client.putContent(file_system, "a", data))
    accept(client.modifyFile(file_system, "a", 70_001, Stream(change)))
    assert content(client, file_system, "a") == data[:70_001] + change + data[170_001:]


@pytest.mark.covers("TruncateObject", "GetObject")
def test_a_file_is_cut_and_lengthened(client, file_system):
    accept(client.putContent(file_system, "a", b"0123456789"))
    for length, bytes_then in [(4, b"0123"), (6, b"0123\0\0"), (0, b"")]:
        accept(client.truncateFile(file_system, "a", length), 204)
        assert content(client, file_system, "a") == bytes_then
        assert usage(client, file_system)[0] == length
    refuse(client.truncateFile(file_system, "missing", 4), 404, "NoSuchKey")


@pytest.mark.covers("RenameObject")
def test_a_file_moves(client, file_system):
    accept(client.putContent(file_system, "dir/a", b"bytes"))
    accept(client.renameFile(file_system, "dir/a", "dir/ü b"), 204)
    assert content(client, file_system, "dir/ü b") == b"bytes"
    assert client.getObject(file_system, "dir/a").status == 404
    refuse(client.renameFile(file_system, "dir/a", "dir/c"), 404, "NoSuchKey")
    accept(client.putContent(file_system, "dir/d", b"in the way"))
    refuse(client.renameFile(file_system, "dir/ü b", "dir/d"), 409, "FsObjectConflict")
    assert content(client, file_system, "dir/d") == b"in the way"


@pytest.mark.covers("RenameObject")
def test_a_directory_moves_with_what_is_in_it(client, file_system):
    for name in ["one/a", "one/two/b"]:
        accept(client.putContent(file_system, name, name.encode()))
    accept(client.renameFile(file_system, "one/", "moved/"), 204)
    assert content(client, file_system, "moved/a") == b"one/a"
    assert content(client, file_system, "moved/two/b") == b"one/two/b"
    assert [key for key in keys_of(client, file_system) if key.startswith("one")] == []


@pytest.mark.covers("DeleteObject")
def test_a_directory_must_be_empty_to_go(client, file_system):
    accept(client.putContent(file_system, "dir/a", b"x"))
    refuse(client.deleteObject(file_system, "dir/"), 409, "DirectoryNotEmpty")
    accept(client.deleteObject(file_system, "dir/a"), 204)
    accept(client.deleteObject(file_system, "dir/"), 204)


@pytest.mark.covers("DeleteObjects", "DeleteObject", "ListObjects")
def test_a_tree_goes_at_once(client, file_system):
    for name in ["dir/", "dir/a", "dir/sub/", "dir/sub/b c", "dir/sub/deep/d", "else"]:
        accept(client.putContent(file_system, name, b"" if name.endswith("/") else b"x"))
    _, errors = client.deletePosixFloder(file_system, "dir/")
    assert errors == []
    assert keys_of(client, file_system) == ["else"]


def test_an_ordinary_bucket_has_none_of_it(client, bucket):
    accept(client.putContent(bucket, "a", b"0123456789"))
    for result in [
        client.modifyFile(bucket, "a", 0, b"x"),
        client.truncateFile(bucket, "a", 0),
        client.renameFile(bucket, "a", "b"),
    ]:
        refuse(result, 405, "MethodNotAllowed")
    assert content(client, bucket, "a") == b"0123456789"
    assert keys_of(client, bucket) == ["a"]


def test_a_change_must_fit(client, file_system):
    accept(client.putContent(file_system, "a", b"0123456789"))
    accept(client.setBucketQuota(file_system, 12))
    refuse(client.modifyFile(file_system, "a", 10, b"xyz"), 403, "InsufficientStorageSpace")
    refuse(client.truncateFile(file_system, "a", 13), 403, "InsufficientStorageSpace")
    assert content(client, file_system, "a") == b"0123456789"
    accept(client.modifyFile(file_system, "a", 10, b"xy"))
    accept(client.setBucketQuota(file_system, 0))
