"""minio-py: its whole usual interface, with signed payloads and MD5 as it sends them by itself."""

import datetime
import io
import json

import pytest
from kit import MIB, Pipe, fetch, md5, pattern
from minio import Minio
from minio.commonconfig import COMPLIANCE, ENABLED, GOVERNANCE, REPLACE, ComposeSource, CopySource, Tags
from minio.datatypes import PostPolicy
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.objectlockconfig import DAYS, ObjectLockConfig
from minio.retention import Retention
from minio.versioningconfig import SUSPENDED, VersioningConfig


@pytest.fixture(scope="module")
def minio(account, gateway):
    """Endpoint and keys, without a region."""
    client = Minio(f"127.0.0.1:{gateway.port}", account.access_key, account.secret_key, secure=False)
    client._http.connection_pool_kw["retries"] = False  # a 5xx that is asked again would look like a success
    return client


@pytest.fixture
def bucket(minio, new_name):
    name = new_name()
    minio.make_bucket(name)
    return name


def put(minio, bucket, key, data, **more):
    return minio.put_object(bucket, key, io.BytesIO(data), len(data), **more)


def read(minio, bucket, key, **asked):
    answer = minio.get_object(bucket, key, **asked)
    try:
        return answer.read()
    finally:
        answer.close()
        answer.release_conn()


def names(objects):
    return [entry.object_name for entry in objects]


class refused:
    def __init__(self, code):
        self.code = code

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert kind is S3Error and error.code == self.code, error or f"{self.code} was expected"
        return True


def test_buckets(minio, new_name):
    name = new_name()
    assert not minio.bucket_exists(name)
    minio.make_bucket(name)
    assert minio.bucket_exists(name)
    assert name in [bucket.name for bucket in minio.list_buckets()]
    put(minio, name, "a", b"x")
    with refused("BucketNotEmpty"):
        minio.remove_bucket(name)
    minio.remove_object(name, "a")
    minio.remove_bucket(name)
    with refused("NoSuchBucket"):
        list(minio.list_objects(name))


@pytest.mark.parametrize("size", [0, 1000, 12 * MIB])
def test_objects(minio, bucket, size):
    data = pattern(size)
    put(minio, bucket, "a b/ü", data, content_type="text/x-test", metadata={"colour": "blue"})
    stat = minio.stat_object(bucket, "a b/ü")
    assert (stat.size, stat.content_type, stat.metadata["x-amz-meta-colour"]) == (size, "text/x-test", "blue")
    assert read(minio, bucket, "a b/ü") == data
    if size:
        assert read(minio, bucket, "a b/ü", offset=10, length=100) == data[10:110]
    minio.remove_object(bucket, "a b/ü")
    with refused("NoSuchKey"):
        minio.stat_object(bucket, "a b/ü")


@pytest.mark.parametrize("size", [0, 1000, 17 * MIB])
def test_files(minio, bucket, tmp_path, size):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(pattern(size))
    minio.fput_object(bucket, "a", str(source), part_size=5 * MIB)
    minio.fget_object(bucket, "a", str(target))
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("size", [0, 1000, 11 * MIB])
def test_a_stream_of_unknown_length(minio, bucket, size):
    data = pattern(size)
    minio.put_object(bucket, "a", Pipe(data), -1, part_size=5 * MIB)
    assert read(minio, bucket, "a") == data


def test_lists(minio, bucket):
    keys = ["a", "b c", "dir/1", "dir/2", "dir/sub/3", "é"]
    for key in keys:
        put(minio, bucket, key, b"x")
    assert names(minio.list_objects(bucket, recursive=True)) == keys
    assert sorted(names(minio.list_objects(bucket))) == ["a", "b c", "dir/", "é"]
    assert names(minio.list_objects(bucket, prefix="dir/", recursive=True)) == keys[2:5]
    assert names(minio.list_objects(bucket, start_after="dir/1", recursive=True)) == keys[3:]
    assert names(minio.list_objects(bucket, use_api_v1=True, recursive=True)) == keys


def test_many_are_removed(minio, bucket):
    for n in range(25):
        put(minio, bucket, f"dir/{n:02}", b"")
    wanted = [DeleteObject(f"dir/{n:02}") for n in range(1100)]  # two batches
    assert list(minio.remove_objects(bucket, wanted)) == []
    assert names(minio.list_objects(bucket, recursive=True)) == []


def test_copies(minio, bucket):
    data = pattern(100_000)
    put(minio, bucket, "a", data, metadata={"colour": "blue"})
    minio.copy_object(bucket, "b", CopySource(bucket, "a"))
    assert minio.stat_object(bucket, "b").metadata["x-amz-meta-colour"] == "blue"
    minio.copy_object(bucket, "c", CopySource(bucket, "a"), metadata={"colour": "red"}, metadata_directive=REPLACE)
    assert minio.stat_object(bucket, "c").metadata["x-amz-meta-colour"] == "red"
    assert read(minio, bucket, "c") == data
    with refused("PreconditionFailed"):
        minio.copy_object(bucket, "d", CopySource(bucket, "a", match_etag="0" * 32))


def test_an_object_of_objects(minio, bucket):
    pieces = [pattern(5 * MIB, 1), pattern(6 * MIB, 2), pattern(10, 3)]
    for n, piece in enumerate(pieces):
        put(minio, bucket, f"piece {n}", piece)
    minio.compose_object(bucket, "whole", [ComposeSource(bucket, f"piece {n}") for n in range(3)])
    assert md5(read(minio, bucket, "whole")) == md5(b"".join(pieces))


def test_tags(minio, bucket):
    tags = Tags.new_object_tags()
    tags["colour"] = "dark blue"
    put(minio, bucket, "a", b"x", tags=tags)
    assert minio.get_object_tags(bucket, "a") == tags
    tags["size"] = "1"
    minio.set_object_tags(bucket, "a", tags)
    assert minio.get_object_tags(bucket, "a") == tags
    minio.delete_object_tags(bucket, "a")
    assert not minio.get_object_tags(bucket, "a")
    of_bucket = Tags.new_bucket_tags()
    of_bucket["colour"] = "blue"
    minio.set_bucket_tags(bucket, of_bucket)
    assert minio.get_bucket_tags(bucket) == of_bucket
    minio.delete_bucket_tags(bucket)
    assert minio.get_bucket_tags(bucket) is None


def test_policies(minio, bucket, endpoint):
    with refused("NoSuchBucketPolicy"):
        minio.get_bucket_policy(bucket)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": ["s3:GetObject"],
                "Resource": [f"arn:aws:s3:::{bucket}/*"],
            }
        ],
    }
    put(minio, bucket, "a", b"x")
    minio.set_bucket_policy(bucket, json.dumps(policy))
    assert json.loads(minio.get_bucket_policy(bucket)) == policy
    assert fetch("GET", f"{endpoint}/{bucket}/a")[::2] == (200, b"x")
    minio.delete_bucket_policy(bucket)
    assert fetch("GET", f"{endpoint}/{bucket}/a")[0] == 403


def test_signed_urls(minio, bucket):
    hour = datetime.timedelta(hours=1)
    status, _, _ = fetch("PUT", minio.presigned_put_object(bucket, "a b", hour), b"data")
    assert status == 200
    assert fetch("GET", minio.presigned_get_object(bucket, "a b", hour))[::2] == (200, b"data")
    assert fetch("DELETE", minio.get_presigned_url("DELETE", bucket, "a b", hour))[0] == 204
    assert fetch("GET", minio.presigned_get_object(bucket, "a b", hour))[0] == 404


def test_a_form(minio, bucket, endpoint):
    policy = PostPolicy(bucket, datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1))
    policy.add_equals_condition("key", "a")
    policy.add_content_length_range_condition(1, 100)
    fields = minio.presigned_post_policy(policy) | {"key": "a"}
    line = "a-line-between-parts"
    parts = [f'--{line}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    parts.append(f'--{line}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\ndata\r\n--{line}--\r\n')
    headers = {"Content-Type": f"multipart/form-data; boundary={line}"}
    status, _, body = fetch("POST", f"{endpoint}/{bucket}", "".join(parts).encode(), headers)
    assert status == 204, body
    assert read(minio, bucket, "a") == b"data"


def test_versions(minio, bucket):
    minio.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
    assert minio.get_bucket_versioning(bucket).status == ENABLED
    first, second = (put(minio, bucket, "a", data).version_id for data in [b"one", b"two"])
    assert read(minio, bucket, "a", version_id=first) == b"one"
    minio.remove_object(bucket, "a")
    found = list(minio.list_objects(bucket, include_version=True))
    assert {(entry.version_id, entry.is_delete_marker) for entry in found} >= {(first, False), (second, False)}
    assert [entry.is_delete_marker for entry in found].count(True) == 1
    wanted = [DeleteObject("a", entry.version_id) for entry in found]
    assert list(minio.remove_objects(bucket, wanted)) == []
    minio.set_bucket_versioning(bucket, VersioningConfig(SUSPENDED))
    minio.remove_bucket(bucket)


def test_locks(minio, new_name):
    bucket = new_name()
    minio.make_bucket(bucket, object_lock=True)
    assert minio.get_object_lock_config(bucket).mode is None
    minio.set_object_lock_config(bucket, ObjectLockConfig(GOVERNANCE, 1, DAYS))
    assert minio.get_object_lock_config(bucket).duration == 1
    minio.delete_object_lock_config(bucket)

    until = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(days=1)
    version = put(minio, bucket, "a", b"x", retention=Retention(COMPLIANCE, until), legal_hold=True).version_id
    held = minio.get_object_retention(bucket, "a")
    assert (held.mode, held.retain_until_date) == (COMPLIANCE, until)
    later = Retention(COMPLIANCE, until + datetime.timedelta(days=1))
    minio.set_object_retention(bucket, "a", later)
    assert minio.get_object_retention(bucket, "a").retain_until_date == later.retain_until_date
    assert minio.is_object_legal_hold_enabled(bucket, "a")
    minio.disable_object_legal_hold(bucket, "a")
    assert not minio.is_object_legal_hold_enabled(bucket, "a")
    with refused("AccessDenied"):
        minio.remove_object(bucket, "a", version_id=version)


def test_a_full_bucket(minio, gateway, bucket):
    gateway.cli("quota", "set", bucket, "1000")
    with refused("QuotaExceeded"):
        put(minio, bucket, "a", b"x" * 1001)
    put(minio, bucket, "a", b"x" * 1000)
