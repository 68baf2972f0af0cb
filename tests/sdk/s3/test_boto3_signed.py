"""URLs and forms that boto3 signs for others, with both signatures that it signs with."""

import pytest
from botocore.config import Config
from kit import fetch, pattern

# By itself boto3 signs URLs with V2 in the regions that AWS had first, and with V4 in all others.
SIGNED = {
    "by default": ({}, "X-Amz-Signature="),
    "by default, in a region of old": ({"region_name": "us-east-1"}, "&Signature="),
    "V4": ({"region_name": "us-east-1", "config": Config(signature_version="s3v4")}, "X-Amz-Signature="),
}


@pytest.fixture(params=SIGNED)
def signer(boto, request):
    options, mark = SIGNED[request.param]
    client = boto(**options)

    def sign(operation, parameters, **more):
        url = client.generate_presigned_url(operation, Params=parameters, **more)
        assert mark in url.replace("?", "&")
        return url

    return sign


def test_get(s3, bucket, signer):
    data = pattern(100_000)
    s3.put_object(Bucket=bucket, Key="a b/ü", Body=data)
    status, headers, body = fetch("GET", signer("get_object", {"Bucket": bucket, "Key": "a b/ü"}))
    assert (status, body) == (200, data)
    asked = {"Bucket": bucket, "Key": "a b/ü", "ResponseContentType": "text/x-test"}
    status, headers, body = fetch("GET", signer("get_object", asked), headers={"Range": "bytes=0-9"})
    assert (status, body, headers["content-type"]) == (206, data[:10], "text/x-test")
    status, _, body = fetch("PUT", signer("get_object", asked), b"x")
    assert (status, b"<Code>SignatureDoesNotMatch</Code>" in body) == (403, True)
    status, _, body = fetch("GET", signer("get_object", asked).replace("text%2Fx-test", "text%2Fhtml"))
    assert (status, b"<Code>SignatureDoesNotMatch</Code>" in body) == (403, True)


def test_put(s3, bucket, signer):
    status, _, _ = fetch("PUT", signer("put_object", {"Bucket": bucket, "Key": "a"}), b"data")
    assert status == 200
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"data"


def test_put_with_headers(s3, bucket, signer):
    asked = {"Bucket": bucket, "Key": "a", "ContentType": "text/x-test", "Metadata": {"colour": "blue"}}
    url = signer("put_object", asked)
    headers = {"Content-Type": "text/x-test"}
    if "X-Amz-SignedHeaders" in url:  # V2 has them in the URL
        headers["x-amz-meta-colour"] = "blue"
        status, _, body = fetch("PUT", url, b"data", {"Content-Type": "text/x-test"})
        assert (status, b"<Code>SignatureDoesNotMatch</Code>" in body) == (403, True), body
    status, _, body = fetch("PUT", url, b"data", headers)
    assert status == 200, body
    head = s3.head_object(Bucket=bucket, Key="a")
    assert (head["ContentType"], head["Metadata"]) == ("text/x-test", {"colour": "blue"})


def test_the_rest(s3, bucket, signer):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    assert fetch("HEAD", signer("head_object", {"Bucket": bucket, "Key": "a"}))[0] == 200
    status, _, body = fetch("GET", signer("list_objects_v2", {"Bucket": bucket, "Prefix": "a"}))
    assert (status, b"<Key>a</Key>" in body) == (200, True)
    assert fetch("DELETE", signer("delete_object", {"Bucket": bucket, "Key": "a"}))[0] == 204
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    part = {"Bucket": bucket, "Key": "m", "UploadId": upload, "PartNumber": 1}
    status, headers, _ = fetch("PUT", signer("upload_part", part), b"part")
    assert status == 200
    done = {"Parts": [{"PartNumber": 1, "ETag": headers["etag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload, MultipartUpload=done)
    assert s3.get_object(Bucket=bucket, Key="m")["Body"].read() == b"part"


def test_a_url_runs_out(signer, bucket):
    url = signer("get_object", {"Bucket": bucket, "Key": "a"}, ExpiresIn=-1)
    status, _, body = fetch("GET", url)
    assert (status, b"<Code>AccessDenied</Code>" in body) == (403, True), body


def form(fields, data, name="file.bin"):
    """(body, headers) of a form, the file last."""
    boundary = "a-line-between-parts"
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n')
    body = "".join(parts).encode() + data + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


@pytest.mark.parametrize("how", SIGNED)
def test_a_form(s3, boto, bucket, how):
    client = boto(**SIGNED[how][0])
    fields = {"x-amz-meta-colour": "blue", "success_action_status": "201"}
    conditions = [{"x-amz-meta-colour": "blue"}, {"success_action_status": "201"}, ["content-length-range", 1, 1000]]
    signed = client.generate_presigned_post(bucket, "in/${filename}", Fields=fields, Conditions=conditions)
    status, headers, body = fetch("POST", signed["url"], *form(signed["fields"], b"data"))
    assert (status, b"<PostResponse" in body, b"<Key>in/file.bin</Key>" in body) == (201, True, True), body
    assert s3.get_object(Bucket=bucket, Key="in/file.bin")["Body"].read() == b"data"
    assert s3.head_object(Bucket=bucket, Key="in/file.bin")["Metadata"] == {"colour": "blue"}
    status, _, body = fetch("POST", signed["url"], *form(signed["fields"], b"x" * 1001))
    assert (status, b"<Code>EntityTooLarge</Code>" in body) == (400, True), body
    forged = signed["fields"] | {"x-amz-meta-colour": "red"}
    assert fetch("POST", signed["url"], *form(forged, b"data"))[0] == 403
