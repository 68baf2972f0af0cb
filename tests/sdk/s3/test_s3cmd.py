"""s3cmd, told the endpoint and the path style by its options and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from kit import MIB, fetch, md5, pattern, plant, run, tree

S3CMD = Path(sys.executable).with_name("s3cmd")


@pytest.fixture(scope="module")
def options(account, gateway):
    host = f"127.0.0.1:{gateway.port}"
    return [
        S3CMD,
        f"--host={host}",
        f"--host-bucket={host}",  # path style: no bucket in the host
        "--no-ssl",
        f"--access_key={account.access_key}",
        f"--secret_key={account.secret_key}",
    ]


@pytest.fixture
def s3cmd(options, environment):
    return lambda *words, **more: run([*options, "--no-progress", *words], environment, **more).decode()


@pytest.fixture
def bucket(s3cmd, new_name):
    name = new_name()
    assert s3cmd("mb", f"s3://{name}") == f"Bucket 's3://{name}/' created\n"
    return name


def keys(listing):
    return [line.split("s3://", 1)[1].split("/", 1)[1] for line in listing.splitlines() if "s3://" in line]


def test_buckets(s3cmd, bucket):
    assert f"s3://{bucket}\n" in s3cmd("ls")
    assert "Location:  region-1\n" in s3cmd("info", f"s3://{bucket}")
    s3cmd("rb", f"s3://{bucket}")
    assert f"s3://{bucket}\n" not in s3cmd("ls")


@pytest.mark.parametrize("size", [0, 1000, 17 * MIB])
def test_files(s3cmd, bucket, tmp_path, size):
    source, target = tmp_path / "source.bin", tmp_path / "target"
    source.write_bytes(pattern(size))
    s3cmd("put", "--multipart-chunk-size-mb=5", source, f"s3://{bucket}/a b/ü")
    s3cmd("get", f"s3://{bucket}/a b/ü", target)
    assert target.read_bytes() == source.read_bytes()
    info = s3cmd("info", f"s3://{bucket}/a b/ü")
    assert f"File size: {size}\n" in info and f"md5:{md5(pattern(size))}" in info


def test_a_stream(s3cmd, options, environment, bucket):
    s3cmd("put", "-", f"s3://{bucket}/a", data=pattern(100_000))
    assert run([*options, "--no-progress", "get", f"s3://{bucket}/a", "-"], environment) == pattern(100_000)


FILES = {"a.txt": b"a" * 1000, "empty": b"", "dir/b c+d.txt": pattern(70_000), "dir/ümlaut/日本": pattern(6 * MIB)}


def test_sync(s3cmd, bucket, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    plant(source, FILES)
    target.mkdir()
    s3cmd("sync", f"{source}/", f"s3://{bucket}/in/")
    assert s3cmd("sync", f"{source}/", f"s3://{bucket}/in/") == ""  # nothing left to do
    assert keys(s3cmd("ls", "--recursive", f"s3://{bucket}")) == sorted((f"in/{name}" for name in FILES), key=str.encode)
    s3cmd("sync", f"s3://{bucket}/in/", f"{target}/")
    assert tree(target) == FILES
    (source / "a.txt").unlink()
    s3cmd("sync", "--delete-removed", f"{source}/", f"s3://{bucket}/in/")
    assert "in/a.txt" not in keys(s3cmd("ls", "--recursive", f"s3://{bucket}"))


def test_copies_moves_and_removals(s3cmd, s3, bucket, tmp_path):
    plant(tmp_path, {"a": b"hello"})
    s3cmd("put", "--add-header=x-amz-meta-colour:blue", "--mime-type=text/x-test", tmp_path / "a", f"s3://{bucket}/a")
    s3cmd("cp", f"s3://{bucket}/a", f"s3://{bucket}/b")
    head = s3.head_object(Bucket=bucket, Key="b")
    assert (head["Metadata"]["colour"], head["ContentType"]) == ("blue", "text/x-test")
    s3cmd("mv", f"s3://{bucket}/b", f"s3://{bucket}/c")
    assert keys(s3cmd("ls", f"s3://{bucket}")) == ["a", "c"]
    s3cmd("modify", "--add-header=x-amz-meta-colour:red", f"s3://{bucket}/c")
    assert s3.head_object(Bucket=bucket, Key="c")["Metadata"]["colour"] == "red"
    s3cmd("del", f"s3://{bucket}/a")
    s3cmd("del", "--recursive", "--force", f"s3://{bucket}")
    assert keys(s3cmd("ls", f"s3://{bucket}")) == []


def test_access(s3cmd, s3, bucket, endpoint, tmp_path):
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )
    plant(tmp_path, {"a": b"hello"})
    s3cmd("put", tmp_path / "a", f"s3://{bucket}/a")
    assert fetch("GET", f"{endpoint}/{bucket}/a")[0] == 403
    s3cmd("setacl", "--acl-public", f"s3://{bucket}/a")
    assert fetch("GET", f"{endpoint}/{bucket}/a")[::2] == (200, b"hello")
    assert "*anon*: READ" in s3cmd("info", f"s3://{bucket}/a")
    s3cmd("setacl", "--acl-private", f"s3://{bucket}/a")
    assert fetch("GET", f"{endpoint}/{bucket}/a")[0] == 403


def test_a_signed_url(s3cmd, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    assert fetch("GET", s3cmd("signurl", f"s3://{bucket}/a", "+60").strip())[::2] == (200, b"x")


def test_policies_and_rules(s3cmd, bucket, tmp_path):
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",'
    policy += f'"Resource":"arn:aws:s3:::{bucket}/open/*"}}]}}'
    rules = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>"
    plant(tmp_path, {"policy": policy.encode(), "rules": rules.encode()})
    s3cmd("setpolicy", tmp_path / "policy", f"s3://{bucket}")
    s3cmd("setcors", tmp_path / "rules", f"s3://{bucket}")
    info = s3cmd("info", f"s3://{bucket}")
    assert "open/*" in info and "<AllowedMethod>GET</AllowedMethod>" in info
    s3cmd("delpolicy", f"s3://{bucket}")
    s3cmd("delcors", f"s3://{bucket}")
    assert re.search(r"Policy: +none", s3cmd("info", f"s3://{bucket}"))


def test_uploads_under_way(s3cmd, s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    assert upload in s3cmd("multipart", f"s3://{bucket}")
    s3.upload_part(Bucket=bucket, Key="a", UploadId=upload, PartNumber=1, Body=b"x" * 77)
    assert "77" in s3cmd("listmp", f"s3://{bucket}/a", upload)
    s3cmd("abortmp", f"s3://{bucket}/a", upload)
    assert upload not in s3cmd("multipart", f"s3://{bucket}")


def test_a_full_bucket(options, environment, gateway, bucket, tmp_path):
    gateway.cli("quota", "set", bucket, "1000")
    plant(tmp_path, {"a": b"x" * 1001})
    words = [*options, "--no-progress", "put", tmp_path / "a", f"s3://{bucket}/a"]
    done = subprocess.run(words, env=environment, cwd=environment["HOME"], capture_output=True, text=True)
    assert done.returncode != 0 and "403 (QuotaExceeded)" in done.stderr, done
