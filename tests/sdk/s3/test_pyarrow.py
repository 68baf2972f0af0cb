"""pyarrow's own S3 file system (the AWS SDK for C++ below it): tables that go out and come back, streams, folders."""

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from conftest import REGION
from kit import MIB, pattern
from pyarrow import fs

ROWS = 100_000


@pytest.fixture(scope="module")
def files(account, gateway):
    made = fs.S3FileSystem(
        access_key=account.access_key,
        secret_key=account.secret_key,
        endpoint_override=f"127.0.0.1:{gateway.port}",
        scheme="http",
        region=REGION,
        allow_bucket_creation=True,
        allow_bucket_deletion=True,
    )
    yield made
    fs.finalize_s3()


@pytest.fixture
def root(files, new_name):
    name = new_name()
    files.create_dir(name)
    return name


@pytest.fixture(scope="module")
def table():
    return pa.table(
        {
            "number": pa.array(range(ROWS)),
            "name": pa.array([f"row {n * 7919 % ROWS}" for n in range(ROWS)]),
            "year": pa.array([2020 + n % 3 for n in range(ROWS)]),
        }
    )


def paths(found):
    return sorted(info.path for info in found)


def test_a_table_of_one_file(files, root, table):
    pq.write_table(table, f"{root}/dir/table.parquet", filesystem=files)
    assert pq.read_table(f"{root}/dir/table.parquet", filesystem=files).equals(table)
    few = pq.read_table(f"{root}/dir/table.parquet", filesystem=files, columns=["name"], filters=[("number", "<", 10)])
    assert few.num_rows == 10


def test_a_table_in_partitions(files, root, table):
    by_year = ds.partitioning(pa.schema([("year", pa.int64())]), flavor="hive")
    ds.write_dataset(table, f"{root}/table", filesystem=files, format="parquet", partitioning=by_year)
    written = files.get_file_info(fs.FileSelector(f"{root}/table", recursive=True))
    assert paths(info for info in written if info.type == fs.FileType.Directory) == [
        f"{root}/table/year={year}" for year in [2020, 2021, 2022]
    ]
    whole = ds.dataset(f"{root}/table", filesystem=files, format="parquet", partitioning=by_year)
    assert whole.count_rows() == ROWS
    assert whole.to_table(columns=table.column_names).sort_by("number").equals(table)
    one = whole.to_table(filter=ds.field("year") == 2021)
    assert one.num_rows == len([n for n in range(ROWS) if n % 3 == 1])


@pytest.mark.parametrize("size", [0, 1000, 25 * MIB + 1])
def test_a_stream_of_unknown_length(files, root, size):
    data = pattern(size)
    with files.open_output_stream(f"{root}/a", metadata={"Content-Type": "text/x-test"}) as stream:
        for start in range(0, size, MIB):
            stream.write(data[start : start + MIB])
    with files.open_input_stream(f"{root}/a") as stream:
        assert stream.read() == data
        assert stream.metadata()["Content-Type"] == b"text/x-test"
    info = files.get_file_info(f"{root}/a")
    assert (info.size, info.type) == (size, fs.FileType.File)


def test_random_access(files, root):
    data = pattern(3 * MIB)
    with files.open_output_stream(f"{root}/a") as stream:
        stream.write(data)
    with files.open_input_file(f"{root}/a") as file:
        assert file.size() == len(data)
        assert file.read_at(100, 2_000_000) == data[2_000_000:2_000_100]
        file.seek(-10, 2)
        assert file.read() == data[-10:]


def test_folders(files, root):
    for path in ["a", "dir/1", "dir/sub/2"]:
        with files.open_output_stream(f"{root}/{path}") as stream:
            stream.write(path.encode())
    files.create_dir(f"{root}/empty")
    assert paths(files.get_file_info(fs.FileSelector(root))) == [f"{root}/a", f"{root}/dir", f"{root}/empty"]
    everything = paths(files.get_file_info(fs.FileSelector(root, recursive=True)))
    assert everything == [f"{root}/{path}" for path in ["a", "dir", "dir/1", "dir/sub", "dir/sub/2", "empty"]]
    kinds = [info.type for info in files.get_file_info([f"{root}/a", f"{root}/dir", f"{root}/none"])]
    assert kinds == [fs.FileType.File, fs.FileType.Directory, fs.FileType.NotFound]

    files.copy_file(f"{root}/a", f"{root}/b")
    files.move(f"{root}/b", f"{root}/c")
    assert files.open_input_stream(f"{root}/c").read() == b"a"
    files.delete_file(f"{root}/c")
    files.delete_dir(f"{root}/dir")
    assert paths(files.get_file_info(fs.FileSelector(root))) == [f"{root}/a", f"{root}/empty"]
    with pytest.raises(FileNotFoundError):
        files.open_input_stream(f"{root}/dir/1")


def test_many_files_go_with_their_folder(files, root):
    for n in range(50):
        with files.open_output_stream(f"{root}/dir/{n}"):
            pass
    files.delete_dir_contents(f"{root}/dir")
    assert files.get_file_info(fs.FileSelector(f"{root}/dir", allow_not_found=True)) == []
    files.delete_dir(root)
    assert files.get_file_info(root).type == fs.FileType.NotFound


def test_a_full_bucket(files, gateway, root):
    gateway.cli("quota", "set", root, "1000")
    with pytest.raises(OSError, match="QuotaExceeded"):
        with files.open_output_stream(f"{root}/a") as stream:
            stream.write(b"x" * 1001)
