"""Listings of every kind, in pages, with keys that need encoding."""

import pytest

KEYS = sorted(["a", "a b", "a+b", "a%2Fb", "dir/1", "dir/2", "dir/sub/3", "dir2/x", "z&<>'\"", "é", "日本/語", "x\ty"], key=str.encode)


@pytest.fixture(scope="module")
def filled(s3):
    name = "boto3-listing-filled"
    s3.create_bucket(Bucket=name)
    for key in KEYS:
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
    return name


PAGED = [("list_objects", "Contents"), ("list_objects_v2", "Contents"), ("list_object_versions", "Versions")]


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(("operation", "entries"), PAGED)
def test_pages(s3, filled, operation, entries, size):
    pages = list(s3.get_paginator(operation).paginate(Bucket=filled, PaginationConfig={"PageSize": size}))
    found = [entry["Key"] for page in pages for entry in page.get(entries, [])]
    assert found == KEYS
    assert len(pages) == -(-len(KEYS) // size)
    assert all(page["MaxKeys"] == size and page["Name"] == filled for page in pages)
    assert [page["IsTruncated"] for page in pages] == [True] * (len(pages) - 1) + [False]


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(("operation", "entries"), PAGED)
def test_folders(s3, filled, operation, entries, size):
    asked = {"Bucket": filled, "Delimiter": "/", "PaginationConfig": {"PageSize": size}}
    pages = list(s3.get_paginator(operation).paginate(**asked))
    found = [entry["Key"] for page in pages for entry in page.get(entries, [])]
    folders = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])]
    assert found == [key for key in KEYS if "/" not in key]
    assert folders == ["dir/", "dir2/", "日本/"]
    below = list(s3.get_paginator(operation).paginate(**asked, Prefix="dir/"))
    assert [entry["Key"] for page in below for entry in page.get(entries, [])] == ["dir/1", "dir/2"]
    assert [entry["Prefix"] for page in below for entry in page.get("CommonPrefixes", [])] == ["dir/sub/"]


def test_what_an_entry_tells(s3, filled):
    first = s3.list_objects(Bucket=filled)["Contents"][0]
    head = s3.head_object(Bucket=filled, Key=first["Key"])
    assert (first["Size"], first["ETag"], first["StorageClass"]) == (head["ContentLength"], head["ETag"], "STANDARD")
    assert first["LastModified"].replace(microsecond=0) == head["LastModified"]
    assert first["Owner"]["ID"]
    second = s3.list_objects_v2(Bucket=filled)["Contents"][0]
    assert "Owner" not in second
    assert (second["ChecksumAlgorithm"], second["ChecksumType"]) == (["CRC32"], "FULL_OBJECT")
    third = s3.list_objects_v2(Bucket=filled, FetchOwner=True)["Contents"][0]
    assert third["Owner"]["ID"] == first["Owner"]["ID"]


def test_from_a_key_on(s3, filled):
    after = s3.list_objects_v2(Bucket=filled, StartAfter="dir/sub/3")
    assert [entry["Key"] for entry in after["Contents"]] == KEYS[KEYS.index("dir/sub/3") + 1 :]
    assert (after["StartAfter"], after["KeyCount"]) == ("dir/sub/3", len(after["Contents"]))
    marked = s3.list_objects(Bucket=filled, Marker="dir/sub/3")
    assert [entry["Key"] for entry in marked["Contents"]] == [entry["Key"] for entry in after["Contents"]]
    assert marked["Marker"] == "dir/sub/3"


@pytest.mark.parametrize("prefix", ["a ", "a+", "é", "日本/", "z&<", "x\t"])
def test_prefixes_that_need_encoding(s3, filled, prefix):
    for operation, entries in PAGED:
        page = getattr(s3, operation)(Bucket=filled, Prefix=prefix)
        assert [entry["Key"] for entry in page[entries]] == [key for key in KEYS if key.startswith(prefix)]
        assert page["Prefix"] == prefix


def test_none(s3, filled):
    assert s3.list_objects_v2(Bucket=filled, Prefix="nothing")["KeyCount"] == 0
    empty = s3.list_objects_v2(Bucket=filled, MaxKeys=0)
    assert (empty["KeyCount"], empty["IsTruncated"]) == (0, False)


def test_pages_of_uploads(s3, bucket):
    keys = ["a", "a", "b c", "d/e", "日本"]
    made = [(key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]) for key in keys]
    paginator = s3.get_paginator("list_multipart_uploads")
    pages = list(paginator.paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}))
    found = [(entry["Key"], entry["UploadId"]) for page in pages for entry in page["Uploads"]]
    assert sorted(found) == sorted(made)
    assert [key for key, _ in found] == keys
