"""s3fs, which pandas, dask and everything else on fsspec reads and writes `s3://` with."""

import pytest
import s3fs
from conftest import REGION
from kit import MIB, fetch, pattern, plant, tree

FILES = {"a.txt": b"a" * 1000, "empty": b"", "dir/b c+d.txt": pattern(70_000), "dir/ümlaut/日本.bin": pattern(6 * MIB)}


def file_system(account, endpoint, **options):
    # Each object of s3fs is kept and found again by what it was told, with its lists; tests want their own.
    return s3fs.S3FileSystem(
        key=account.access_key,
        secret=account.secret_key,
        endpoint_url=endpoint,
        client_kwargs={"region_name": REGION},
        skip_instance_cache=True,
        **options,
    )


@pytest.fixture
def files(account, endpoint):
    return file_system(account, endpoint)


@pytest.fixture
def bucket(files, new_name):
    name = new_name()
    files.mkdir(name)  # in the region that s3fs was told, which is not the gateway's
    return name


def below(files, bucket):
    files.invalidate_cache()
    return {path.removeprefix(f"{bucket}/"): size for path, size in files.du(bucket, total=False).items()}


def test_buckets(files, bucket):
    assert bucket in files.ls("") and files.exists(bucket) and files.isdir(bucket)
    files.touch(f"{bucket}/a")
    with pytest.raises(OSError):
        files.rmdir(bucket)
    files.rm(bucket, recursive=True)
    assert not files.exists(bucket)


@pytest.mark.parametrize("size", [0, 1000, 17 * MIB])
def test_files(files, bucket, size):
    path, data = f"{bucket}/a b/ü+%41", pattern(size)
    with files.open(path, "wb", block_size=5 * MIB) as target:
        for start in range(0, size, MIB):
            target.write(data[start : start + MIB])
    assert files.size(path) == size and files.cat(path) == data
    with files.open(path, "rb") as source:
        source.seek(max(0, size - 10))
        assert source.read() == data[-10:]
    if size:
        assert files.cat_file(path, start=size // 2, end=size // 2 + 9) == data[size // 2 : size // 2 + 9]


def test_text_and_more_of_it(files, bucket):
    with files.open(f"{bucket}/a", "w") as target:
        target.write("hello\n")
    with files.open(f"{bucket}/a", "a") as target:
        target.write("world\n")
    with files.open(f"{bucket}/a") as source:
        assert source.read() == b"hello\nworld\n"
    # Above 5 MiB it copies what is there as the first part of an upload.
    files.pipe(f"{bucket}/b", pattern(6 * MIB))
    with files.open(f"{bucket}/b", "ab") as target:
        target.write(b"more")
    assert files.cat(f"{bucket}/b") == pattern(6 * MIB) + b"more"


def test_folders(files, bucket, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    plant(source, FILES)
    files.put(str(source), f"{bucket}/in", recursive=True)
    assert below(files, f"{bucket}/in") == {name: len(data) for name, data in FILES.items()}
    files.get(f"{bucket}/in", str(target), recursive=True)
    assert tree(target) == FILES
    assert files.ls(f"{bucket}/in/dir") == [f"{bucket}/in/dir/b c+d.txt", f"{bucket}/in/dir/ümlaut"]
    assert files.glob(f"{bucket}/in/**/*.txt") == [f"{bucket}/in/a.txt", f"{bucket}/in/dir/b c+d.txt"]
    assert files.isdir(f"{bucket}/in/dir") and not files.isfile(f"{bucket}/in/dir")
    files.copy(f"{bucket}/in/dir", f"{bucket}/copy", recursive=True)
    files.rm(f"{bucket}/in/dir", recursive=True)
    files.mv(f"{bucket}/in/a.txt", f"{bucket}/in/moved")
    assert set(below(files, bucket)) == {"in/moved", "in/empty", "copy/b c+d.txt", "copy/ümlaut/日本.bin"}


def test_more_than_a_page(files, bucket):
    files.pipe({f"{bucket}/{n:04}": b"" for n in range(1100)})
    files.invalidate_cache()
    assert files.ls(bucket) == [f"{bucket}/{n:04}" for n in range(1100)]
    files.rm(f"{bucket}/*")
    files.invalidate_cache()
    assert files.ls(bucket) == []


def test_what_objects_carry(files, bucket):
    files.pipe(f"{bucket}/a", b"x", ContentType="text/x-test")
    files.setxattr(f"{bucket}/a", colour="blue")
    files.put_tags(f"{bucket}/a", {"k": "v"})
    files.invalidate_cache()
    assert files.metadata(f"{bucket}/a") == {"colour": "blue"} and files.get_tags(f"{bucket}/a") == {"k": "v"}
    assert fetch("GET", files.sign(f"{bucket}/a"))[::2] == (200, b"x")


def test_only_if_it_is_new(files, bucket):
    files.pipe_file(f"{bucket}/a", b"1", mode="create")
    with pytest.raises(FileExistsError):
        files.pipe_file(f"{bucket}/a", b"2", mode="create")
    assert files.cat(f"{bucket}/a") == b"1"


def test_versions(account, endpoint, bucket):
    files = file_system(account, endpoint, version_aware=True)
    files.make_bucket_versioned(bucket, True)
    assert files.is_bucket_versioned(bucket)
    for data in [b"1", b"2"]:
        files.pipe(f"{bucket}/a", data)
    found = [version["VersionId"] for version in files.object_version_info(f"{bucket}/a")]
    assert [files.cat(f"{bucket}/a", version_id=version) for version in found] == [b"2", b"1"]
    files.rm(f"{bucket}/a")
    files.invalidate_cache()
    assert not files.exists(f"{bucket}/a")


def test_what_is_not_there(files, bucket, new_name):
    for path in [f"{bucket}/a", f"{new_name()}/a"]:
        assert not files.exists(path)
        with pytest.raises(FileNotFoundError):
            files.cat(path)


def test_a_full_bucket(files, gateway, bucket):
    gateway.cli("quota", "set", bucket, "1000")
    with pytest.raises(OSError, match="The bucket may hold 1000 bytes: 0 are in use, and this asks for 1001 more"):
        files.pipe(f"{bucket}/a", b"x" * 1001)
    files.pipe(f"{bucket}/a", b"x" * 1000)
