"""The AWS command line, as its users call it: endpoint, keys and region are in the environment, and no settings."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kit import MIB, etag, fetch, pattern, plant, run, tree

AWS = Path(sys.executable).with_name("aws")

# Each call starts an interpreter anew. What these tests ask call by call, boto3 asks too, with the same library below.
SLOW = pytest.mark.slow


@pytest.fixture
def aws(environment):
    """Runs `aws` with these words; gives what it printed, as text unless bytes are asked for."""

    def call(*words, raw=False, **more):
        printed = run([AWS, *words], environment, **more)
        return printed if raw else printed.decode()

    return call


@pytest.fixture
def api(aws):
    """Runs `aws s3api` with these words; gives the document it printed."""

    def call(*words):
        printed = aws("s3api", *words, "--output", "json")
        return json.loads(printed) if printed.strip() else None

    return call


@pytest.fixture
def refusal(environment):
    """Runs `aws` with these words, which must be refused; gives the code it shows."""

    def call(*words):
        done = subprocess.run([AWS, *words], env=environment, cwd=environment["HOME"], capture_output=True, text=True)
        assert done.returncode in (1, 255), done
        return re.search(r"An error occurred \((\w+)\)", done.stderr).group(1)

    return call


def keys(listing):
    """The last words of what `aws s3 ls` shows."""
    return [line.split()[-1] for line in listing.splitlines()]


def test_buckets(aws, refusal, new_name):
    name = new_name()
    assert aws("s3", "mb", f"s3://{name}") == f"make_bucket: {name}\n"
    assert name in keys(aws("s3", "ls"))
    aws("s3", "cp", "-", f"s3://{name}/a", data=b"x")
    assert refusal("s3", "rb", f"s3://{name}") == "BucketNotEmpty"
    aws("s3", "rb", f"s3://{name}", "--force")
    assert name not in keys(aws("s3", "ls"))
    assert refusal("s3", "ls", f"s3://{name}") == "NoSuchBucket"


@pytest.mark.parametrize("size", [0, 100_000, 20 * MIB, pytest.param(100 * MIB + 1, marks=pytest.mark.slow)])
def test_files(aws, bucket, tmp_path, size):
    source, target = tmp_path / "source.txt", tmp_path / "target"
    source.write_bytes(pattern(size))
    aws("s3", "cp", source, f"s3://{bucket}/", "--no-progress")
    assert re.search(rf" {size} source.txt$", aws("s3", "ls", f"s3://{bucket}/"))
    aws("s3", "cp", f"s3://{bucket}/source.txt", target, "--no-progress")
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("size", [0, 1000, 20 * MIB + 1])
def test_streams(aws, bucket, size):
    data = pattern(size)
    aws("s3", "cp", "-", f"s3://{bucket}/a", data=data)
    assert aws("s3", "cp", f"s3://{bucket}/a", "-", raw=True) == data


def test_copies_and_moves(aws, api, s3, bucket):
    data = pattern(20 * MIB)
    s3.put_object(Bucket=bucket, Key="a", Body=data)
    aws("s3", "cp", f"s3://{bucket}/a", f"s3://{bucket}/b", "--no-progress")  # large: in parts
    assert re.fullmatch(r'"[0-9a-f]{32}-3"', api("head-object", "--bucket", bucket, "--key", "b")["ETag"])
    aws("s3", "mv", f"s3://{bucket}/b", f"s3://{bucket}/c", "--no-progress")
    assert keys(aws("s3", "ls", f"s3://{bucket}/")) == ["a", "c"]
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == data

    s3.put_object(Bucket=bucket, Key="small", Body=b"x", ContentType="text/x-test", Metadata={"colour": "blue"})
    aws("s3", "cp", f"s3://{bucket}/small", f"s3://{bucket}/d", "--no-progress")
    head = api("head-object", "--bucket", bucket, "--key", "d")
    assert (head["ContentType"], head["Metadata"]) == ("text/x-test", {"colour": "blue"})


FILES = {
    "a.txt": b"a" * 1000,
    "empty": b"",
    "dir/b c+d.txt": pattern(70_000),
    "dir/ümlaut/日本.bin": pattern(9 * MIB),
    "skip/x.tmp": b"x",
}


def test_sync(aws, bucket, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    plant(source, FILES)
    sync = ["s3", "sync", "--no-progress", "--exclude", "*.tmp"]
    aws(*sync, source, f"s3://{bucket}/in")
    assert aws(*sync, source, f"s3://{bucket}/in") == ""  # nothing left to do
    kept = {name: data for name, data in FILES.items() if not name.endswith(".tmp")}
    listed = aws("s3", "ls", f"s3://{bucket}", "--recursive", "--summarize")
    assert f"Total Objects: {len(kept)}\n" in listed
    assert f"Total Size: {sum(map(len, kept.values()))}\n" in listed
    aws(*sync, f"s3://{bucket}/in", target)
    assert tree(target) == kept

    (source / "a.txt").unlink()
    aws(*sync, "--delete", source, f"s3://{bucket}/in")
    aws(*sync, "--delete", f"s3://{bucket}/in", target)
    assert "a.txt" not in tree(target)
    aws(*sync, f"s3://{bucket}/in", f"s3://{bucket}/out")
    assert len(keys(aws("s3", "ls", f"s3://{bucket}/out/", "--recursive"))) == len(kept) - 1


def test_recursive_removal(aws, s3, bucket):
    for n in range(30):
        s3.put_object(Bucket=bucket, Key=f"dir/{n}", Body=b"")
    s3.put_object(Bucket=bucket, Key="other", Body=b"")
    aws("s3", "rm", f"s3://{bucket}/dir/", "--recursive", "--quiet")
    assert keys(aws("s3", "ls", f"s3://{bucket}")) == ["other"]
    aws("s3", "rm", f"s3://{bucket}/other")
    assert aws("s3", "ls", f"s3://{bucket}") == ""


def test_a_signed_url(aws, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a b", Body=b"x")
    status, _, body = fetch("GET", aws("s3", "presign", f"s3://{bucket}/a b", "--expires-in", "60").strip())
    assert (status, body) == (200, b"x")


@SLOW
def test_objects_call_by_call(api, refusal, bucket, tmp_path):
    body = tmp_path / "body"
    body.write_bytes(b"hello")
    where = ["--bucket", bucket, "--key", "a"]
    put = api("put-object", *where, "--body", body, "--metadata", "colour=blue", "--tagging", "size=small")
    assert put["ETag"] == etag(b"hello")
    head = api("head-object", *where, "--checksum-mode", "ENABLED")
    assert (head["Metadata"], head["ContentLength"]) == ({"colour": "blue"}, 5)
    assert any(name.startswith("Checksum") and name != "ChecksumType" for name in head)
    assert api("get-object-tagging", *where)["TagSet"] == [{"Key": "size", "Value": "small"}]
    told = api("get-object-attributes", *where, "--object-attributes", "ObjectSize", "ETag")
    assert told["ObjectSize"] == 5
    api("get-object", *where, "--range", "bytes=1-3", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == b"ell"
    api("copy-object", "--bucket", bucket, "--key", "b", "--copy-source", f"{bucket}/a")
    assert [entry["Key"] for entry in api("list-objects-v2", "--bucket", bucket)["Contents"]] == ["a", "b"]
    assert refusal("s3api", "put-object", *where, "--body", str(body), "--if-none-match", "*") == "PreconditionFailed"
    deleted = api("delete-objects", "--bucket", bucket, "--delete", "Objects=[{Key=a},{Key=b}]")["Deleted"]
    assert [entry["Key"] for entry in deleted] == ["a", "b"]
    assert refusal("s3api", "get-object", *where, str(tmp_path / "none")) == "NoSuchKey"


@SLOW
def test_buckets_call_by_call(api, refusal, bucket):
    where = ["--bucket", bucket]
    assert api("head-bucket", *where)["BucketRegion"] == "region-1"
    assert api("get-bucket-location", *where)["LocationConstraint"] == "region-1"
    api("put-bucket-versioning", *where, "--versioning-configuration", "Status=Enabled")
    assert api("get-bucket-versioning", *where)["Status"] == "Enabled"
    for body in ["1", "2"]:
        api("put-object", *where, "--key", "a", "--metadata", f"n={body}")
    api("delete-object", *where, "--key", "a")
    page = api("list-object-versions", *where)
    assert (len(page["Versions"]), len(page["DeleteMarkers"])) == (2, 1)
    api("put-bucket-tagging", *where, "--tagging", "TagSet=[{Key=colour,Value=blue}]")
    assert api("get-bucket-tagging", *where)["TagSet"] == [{"Key": "colour", "Value": "blue"}]
    rules = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    api("put-bucket-cors", *where, "--cors-configuration", json.dumps(rules))
    assert api("get-bucket-cors", *where) == rules
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
        ],
    }
    api("put-bucket-policy", *where, "--policy", json.dumps(policy))
    assert json.loads(api("get-bucket-policy", *where)["Policy"]) == policy
    assert len(api("get-bucket-acl", *where)["Grants"]) == 1
    assert refusal("s3api", "get-bucket-encryption", *where) in (
        "NotImplemented",
        "ServerSideEncryptionConfigurationNotFoundError",
    )


@SLOW
def test_an_upload_part_by_part(api, bucket, tmp_path):
    where = ["--bucket", bucket, "--key", "a"]
    upload = [*where, "--upload-id", api("create-multipart-upload", *where)["UploadId"]]
    body = tmp_path / "body"
    body.write_bytes(b"x" * 1000)
    api("upload-part", *upload, "--part-number", "1", "--body", body)
    parts = api("list-parts", *upload)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in parts] == [(1, 1000)]
    done = {"Parts": [{"PartNumber": 1, "ETag": parts[0]["ETag"]}]}
    api("complete-multipart-upload", *upload, "--multipart-upload", json.dumps(done))
    assert api("head-object", *where)["ContentLength"] == 1000


def test_a_full_bucket(gateway, refusal, bucket, tmp_path):
    gateway.cli("quota", "set", bucket, "1000")
    body = tmp_path / "body"
    body.write_bytes(b"x" * 1001)
    assert refusal("s3", "cp", str(body), f"s3://{bucket}/a", "--no-progress") == "QuotaExceeded"
    assert refusal("s3api", "put-object", "--bucket", bucket, "--key", "a", "--body", str(body)) == "QuotaExceeded"
