"""Files sent and fetched part by part, also over a wire that breaks: what went through is not sent again."""

import json
import os

import pytest
from checks import accept, content, etag_of_parts, header, keys_of, refuse, told_truly, usage
from obs import GetObjectHeader, UploadFileHeader
from wire import DOWN, UP, Wire

PART = 100 * 1024  # the smallest the SDK sends
SIZE = 4 * PART + 1234


@pytest.fixture
def wire(gateway):
    wire = Wire(gateway.port)
    yield wire
    wire.close()


@pytest.fixture
def distant(connect, wire):
    """The root account's client, at the other end of the wire."""
    return connect(port=wire.port)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.txt"
    path.write_bytes(os.urandom(SIZE))
    return path


@pytest.fixture
def target(tmp_path):
    return tmp_path / "folder" / "target.txt"


def parts_of(data):
    return [data[start : start + PART] for start in range(0, len(data), PART)]


UPLOAD = pytest.mark.covers("HeadBucket", "InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload")


@UPLOAD
@pytest.mark.parametrize("tasks", [1, 4])
def test_a_file_goes_up(client, bucket, source, tasks):
    told = []
    result = client.uploadFile(
        bucket,
        "a/ü b.txt",
        str(source),
        PART,
        tasks,
        metadata={"colour": "blue"},
        headers=UploadFileHeader(contentType="text/x-mine", storageClass="WARM"),
        progressCallback=lambda done, all, _: told.append((done, all)),
        encoding_type="url",
    )
    body = accept(result)
    assert (body.key, body.etag) == ("a/ü b.txt", etag_of_parts(*parts_of(source.read_bytes())))
    assert content(client, bucket, "a/ü b.txt") == source.read_bytes()
    head = client.getObjectMetadata(bucket, "a/ü b.txt")
    assert (accept(head).contentType, header(head)["colour"]) == ("text/x-mine", "blue")
    told_truly(told, SIZE)
    assert accept(client.listMultipartUploads(bucket)).upload == []


@UPLOAD
def test_an_empty_file_goes_up(client, bucket, tmp_path):
    (tmp_path / "empty").touch()
    accept(client.uploadFile(bucket, "empty", str(tmp_path / "empty")))
    assert content(client, bucket, "empty") == b""
    assert usage(client, bucket) == (0, 1)


@UPLOAD
def test_a_file_goes_up_with_its_checksum(client, bucket, source):
    sent = accept(client.uploadFile(bucket, "a", str(source), PART, 2, checkSum=True, isAttachCrc64=True))
    assert sent.crc64 == accept(client.getObjectMetadata(bucket, "a")).crc64


@UPLOAD
def test_a_file_goes_up_behind_the_back(client, bucket, source):
    task = client.uploadFileAsync(bucket, "a", str(source), PART, 2)
    accept(task.wait_for_completion(60))
    assert content(client, bucket, "a") == source.read_bytes()


@pytest.mark.covers("UploadPart", "ListParts", "CompleteMultipartUpload")
def test_an_upload_goes_on_where_the_wire_broke(client, distant, wire, bucket, source):
    record = source.with_suffix(".record")

    def send():
        return distant.uploadFile(bucket, "a", str(source), PART, 1, True, str(record), True)

    wire.cut(UP, 2 * PART + PART // 2)
    with pytest.raises(Exception, match="some parts are failed"):
        send()
    upload = json.loads(record.read_text())["uploadId"]
    there = accept(client.listParts(bucket, "a", upload)).parts
    assert [(part.partNumber, part.size) for part in there] == [(1, PART), (2, PART)]
    assert usage(client, bucket)[0] == 2 * PART

    wire.mend()
    accept(send())
    assert SIZE - 2 * PART < wire.passed[UP] < SIZE - PART
    assert not record.exists()
    assert content(client, bucket, "a") == source.read_bytes()
    assert usage(client, bucket) == (SIZE, 1)


@pytest.mark.covers("AbortMultipartUpload", "CompleteMultipartUpload")
def test_an_upload_begins_anew_when_the_file_is_another(client, distant, wire, bucket, source):
    def send():
        return distant.uploadFile(bucket, "a", str(source), PART, 1, True)

    wire.cut(UP, 2 * PART)
    with pytest.raises(Exception, match="some parts are failed"):
        send()
    wire.mend()
    source.write_bytes(os.urandom(SIZE + 1))
    accept(send())
    assert content(client, bucket, "a") == source.read_bytes()
    assert accept(client.listMultipartUploads(bucket)).upload == []
    assert usage(client, bucket) == (SIZE + 1, 1)


@pytest.mark.covers("AbortMultipartUpload")
def test_an_upload_that_does_not_fit_leaves_nothing(client, bucket, source):
    accept(client.setBucketQuota(bucket, 3 * PART))
    with pytest.raises(Exception, match="InsufficientStorageSpace"):
        client.uploadFile(bucket, "a", str(source), PART, 1)
    assert accept(client.listMultipartUploads(bucket)).upload == []
    assert usage(client, bucket) == (0, 0)


@pytest.fixture
def stored(client, bucket, source):
    accept(client.putFile(bucket, "a", str(source)))
    return source.read_bytes()


@pytest.mark.covers("HeadObject", "GetObject")
@pytest.mark.parametrize("tasks", [1, 4])
def test_a_file_comes_down(client, bucket, stored, target, tasks):
    told = []
    result = client.downloadFile(
        bucket, "a", str(target), PART, tasks, progressCallback=lambda done, all, _: told.append((done, all))
    )
    assert accept(result).contentLength == SIZE
    assert target.read_bytes() == stored
    told_truly(told, SIZE)
    assert os.listdir(target.parent) == [target.name]


@pytest.mark.covers("HeadObject")
def test_an_empty_file_comes_down(client, bucket, target):
    accept(client.putContent(bucket, "empty", b""))
    accept(client.downloadFile(bucket, "empty", str(target)))
    assert target.read_bytes() == b""


@pytest.mark.covers("HeadObject", "GetObject")
def test_a_file_comes_down_with_its_checksum(client, bucket, source, target):
    accept(client.uploadFile(bucket, "a", str(source), PART, 2, isAttachCrc64=True))
    accept(client.downloadFile(bucket, "a", str(target), PART, 2, isAttachCrc64=True))
    assert target.read_bytes() == source.read_bytes()


def test_a_file_comes_down_under_conditions(client, bucket, stored, target):
    etag = accept(client.getObjectMetadata(bucket, "a")).etag
    accept(client.downloadFile(bucket, "a", str(target), PART, header=GetObjectHeader(if_match=etag)))
    assert target.read_bytes() == stored
    target.unlink()
    with pytest.raises(Exception, match="PreconditionFailed"):
        client.downloadFile(bucket, "a", str(target), PART, header=GetObjectHeader(if_match='"other"'))
    assert not target.exists()


@pytest.mark.covers("HeadObject", "GetObject")
def test_an_old_version_comes_down(client, bucket, target):
    accept(client.setBucketVersioning(bucket, "Enabled"))
    old = os.urandom(2 * PART)
    version = accept(client.putContent(bucket, "a", old)).versionId
    accept(client.putContent(bucket, "a", b"new"))
    accept(client.downloadFile(bucket, "a", str(target), PART, 1, versionId=version))
    assert target.read_bytes() == old


@pytest.mark.covers("HeadObject", "GetObject")
def test_a_download_goes_on_where_the_wire_broke(distant, wire, bucket, stored, target):
    record = target.with_suffix(".record")

    def take():
        return distant.downloadFile(bucket, "a", str(target), PART, 1, True, str(record))

    target.parent.mkdir()
    wire.cut(DOWN, 2 * PART + PART // 2)
    with pytest.raises(Exception, match="some parts are failed"):
        take()
    done = [part["isCompleted"] for part in json.loads(record.read_text())["downloadParts"]]
    assert done == [True, True, False, False, False]

    wire.mend()
    accept(take())
    assert SIZE - 2 * PART < wire.passed[DOWN] < SIZE - PART
    assert not record.exists()
    assert target.read_bytes() == stored


def test_a_download_begins_anew_when_the_object_is_another(client, distant, wire, bucket, stored, target):
    def take():
        return distant.downloadFile(bucket, "a", str(target), PART, 1, True)

    wire.cut(DOWN, 2 * PART + PART // 2)
    with pytest.raises(Exception, match="some parts are failed"):
        take()
    wire.mend()
    other = os.urandom(SIZE + 1)
    accept(client.putContent(bucket, "a", other))
    accept(take())
    assert target.read_bytes() == other


@pytest.mark.covers("ListObjects", "GetObject", "HeadObject")
def test_a_folder_comes_down(client, bucket, tmp_path):
    data = {f"up/{name}": os.urandom(size) for name, size in [("a", 5), ("in/b", 3 * PART), ("in/c", 0)]}
    for key, value in data.items():
        accept(client.putContent(bucket, key, value))
    accept(client.putContent(bucket, "else", b"x"))
    refused = []
    state = client.downloadFiles(
        bucket,
        "up/",
        str(tmp_path),
        2,
        threshold=2 * PART,
        partSize=PART,
        taskCallback=lambda key, result: refused.append(result) if isinstance(result, Exception) else None,
    )
    assert (refused, state.successful_tasks) == ([], 3)
    for key, value in data.items():
        assert (tmp_path / key.removeprefix("up/")).read_bytes() == value
    assert keys_of(client, bucket) == ["else", *sorted(data)]


def test_nothing_comes_down_of_what_is_not_there(client, bucket, target):
    with pytest.raises(Exception, match="404"):
        client.downloadFile(bucket, "missing", str(target))
    refuse(client.getObject(bucket, "missing"), 404, "NoSuchKey")
    assert not target.exists()
