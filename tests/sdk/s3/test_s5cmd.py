"""s5cmd, told the endpoint by its option and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from kit import MIB, fetch, pattern, plant, run, tree

S5CMD = Path(sys.executable).with_name("s5cmd")

FILES = {"a.txt": b"a" * 1000, "empty": b"", "dir/b c+d.txt": pattern(70_000), "dir/ümlaut/日本.bin": pattern(12 * MIB)}


@pytest.fixture(scope="module")
def words(endpoint):
    return [S5CMD, f"--endpoint-url={endpoint}", "--retry-count=0"]  # what is asked again would look like a success


@pytest.fixture
def s5cmd(words, environment):
    return lambda *more, **options: run([*words, *more], environment, **options)


@pytest.fixture
def bucket(s5cmd, new_name):
    name = new_name()
    s5cmd("mb", f"s3://{name}")
    return name


def listed(s5cmd, pattern, *more):
    """[key] of what a pattern finds."""
    lines = s5cmd("--json", "ls", *more, pattern).decode().splitlines()
    return [json.loads(line)["key"].split("/", 3)[3] for line in lines]


def test_buckets(s5cmd, bucket):
    assert f"s3://{bucket}\n" in s5cmd("ls").decode()
    s5cmd("rb", f"s3://{bucket}")
    assert f"s3://{bucket}\n" not in s5cmd("ls").decode()


def test_folders(s5cmd, bucket, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    plant(source, FILES)
    s5cmd("cp", "--part-size=5", f"{source}/", f"s3://{bucket}/in/")
    assert listed(s5cmd, f"s3://{bucket}/*") == sorted((f"in/{name}" for name in FILES), key=str.encode)
    assert s5cmd("sync", f"{source}/", f"s3://{bucket}/in/") == b""  # nothing left to do
    s5cmd("cp", "--part-size=5", f"s3://{bucket}/in/*", f"{target}/")
    assert tree(target) == FILES
    (source / "a.txt").unlink()
    s5cmd("sync", "--delete", f"{source}/", f"s3://{bucket}/in/")
    assert "in/a.txt" not in listed(s5cmd, f"s3://{bucket}/*")
    size = sum(len(data) for name, data in FILES.items() if name != "a.txt")
    assert s5cmd("du", f"s3://{bucket}/*").decode().startswith(f"{size} bytes in 3 objects")


def test_copies_moves_and_removals(s5cmd, s3, bucket, tmp_path):
    plant(tmp_path, {"a": b"hello"})
    s5cmd("cp", "--content-type=text/x-test", "--metadata=colour=blue", tmp_path / "a", f"s3://{bucket}/a")
    s5cmd("cp", "--metadata-directive=COPY", f"s3://{bucket}/a", f"s3://{bucket}/b c")
    head = s3.head_object(Bucket=bucket, Key="b c")
    assert (head["Metadata"], head["ContentType"]) == ({"colour": "blue"}, "text/x-test")
    s5cmd("mv", f"s3://{bucket}/b c", f"s3://{bucket}/d")
    assert listed(s5cmd, f"s3://{bucket}/*") == ["a", "d"]
    s5cmd("rm", f"s3://{bucket}/*")
    s5cmd("ls", f"s3://{bucket}/*", code=1)  # it calls finding nothing an error


def test_streams(s5cmd, bucket):
    s5cmd("pipe", f"s3://{bucket}/a", data=pattern(11 * MIB))
    assert s5cmd("cat", f"s3://{bucket}/a") == pattern(11 * MIB)


def test_many_files(s5cmd, bucket, tmp_path):
    files = {f"{n:04}": b"" for n in range(1100)}
    plant(tmp_path / "source", files)
    s5cmd("cp", f"{tmp_path}/source/", f"s3://{bucket}/")
    assert listed(s5cmd, f"s3://{bucket}/*") == sorted(files)
    s5cmd("rm", f"s3://{bucket}/*")  # in batches of a thousand


def test_versions(s5cmd, bucket, tmp_path):
    s5cmd("bucket-version", "--set=Enabled", f"s3://{bucket}")
    for data in [b"1", b"2"]:
        plant(tmp_path, {"a": data})
        s5cmd("cp", tmp_path / "a", f"s3://{bucket}/a")
    s5cmd("rm", f"s3://{bucket}/a")
    assert listed(s5cmd, f"s3://{bucket}/*", "--all-versions") == ["a", "a", "a"]
    s5cmd("rm", "--all-versions", f"s3://{bucket}/*")
    s5cmd("rb", f"s3://{bucket}")


def test_a_signed_url(s5cmd, bucket):
    s5cmd("pipe", f"s3://{bucket}/a", data=b"x")
    assert fetch("GET", s5cmd("presign", f"s3://{bucket}/a").decode().strip())[::2] == (200, b"x")


def test_a_full_bucket(words, environment, gateway, bucket, tmp_path):
    gateway.cli("quota", "set", bucket, "1000")
    plant(tmp_path, {"a": b"x" * 1001})
    done = subprocess.run(
        [*words, "cp", tmp_path / "a", f"s3://{bucket}/a"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1 and "QuotaExceeded: The bucket may hold 1000 bytes" in done.stderr, done
