"""What needs no SDK on the other side: URLs signed for every method, forms; and keys that last for a while only."""

import json
import re
import uuid

import pytest
from checks import accept, answer, content, etag_of, fetch, header, keys_of, md5_of, refuse, usage

PART = 100 * 1024


@pytest.fixture
def by_url(client):
    """Signs a URL and has somebody without keys use it: (status, headers, body)."""

    def ask(method, bucket=None, key=None, special=None, body=None, headers=None, query=None, by=client):
        made = by.createSignedUrl(method, bucket, key, special, 60, headers, query)
        return answer(method, made.signedUrl, body, made.actualSignedRequestHeaders)

    return ask


def text_of(document, element):
    return re.search(rb"<%s>(.*?)</%s>" % (element.encode(), element.encode()), document)[1].decode()


@pytest.mark.covers("PutObject", "GetObject", "HeadObject", "DeleteObject")
def test_urls_of_an_object(client, bucket, by_url, mode):
    key = "a b/ü?+&=%41"
    said = {"Content-Type": "text/x-url", f"{'x-obs' if mode == 'name' else 'x-amz'}-meta-colour": "blue"}
    assert by_url("PUT", bucket, key, body=b"by url", headers=said)[0] == 200
    head = client.getObjectMetadata(bucket, key)
    assert (accept(head).contentType, header(head)["colour"]) == ("text/x-url", "blue")
    assert by_url("GET", bucket, key)[::2] == (200, b"by url")
    status, headers, _ = by_url("HEAD", bucket, key)
    assert (status, headers["etag"]) == (200, etag_of(b"by url"))
    status, headers, _ = by_url("GET", bucket, key, query={"response-content-type": "text/x-asked"})
    assert (status, headers["content-type"]) == (200, "text/x-asked")
    assert by_url("DELETE", bucket, key)[0] == 204
    assert keys_of(client, bucket) == []


@pytest.mark.covers("CreateBucket", "HeadBucket", "ListObjects", "ListBuckets", "DeleteBucket")
def test_urls_of_buckets(client, by_url, new_name):
    name = new_name()
    assert by_url("PUT", name)[0] == 200
    assert by_url("HEAD", name)[0] == 200
    for key in ["a", "dir/b"]:
        accept(client.putContent(name, key, b"x"))
    status, _, document = by_url("GET", name, query={"prefix": "dir/", "max-keys": "10"})
    assert (status, text_of(document, "Key")) == (200, "dir/b")
    status, _, document = by_url("GET")
    assert status == 200 and name.encode() in document
    for key in ["a", "dir/b"]:
        assert by_url("DELETE", name, key)[0] == 204
    assert by_url("DELETE", name)[0] == 204


SETTINGS = {
    "quota": b"<Quota><StorageQuota>4711</StorageQuota></Quota>",
    "versioning": b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    "requestPayment": b"<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>",
    "tagging": b"<Tagging><TagSet><Tag><Key>colour</Key><Value>blue</Value></Tag></TagSet></Tagging>",
    "cors": b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"
    b"</CORSRule></CORSConfiguration>",
}


@pytest.mark.parametrize("special", SETTINGS)
def test_urls_of_settings(bucket, by_url, special):
    document = SETTINGS[special]
    status, _, problem = by_url(
        "PUT", bucket, special=special, body=document, headers={"Content-MD5": md5_of(document)}
    )
    assert status in (200, 204), problem
    status, _, got = by_url("GET", bucket, special=special)
    assert status == 200
    inner = re.search(rb"<(\w+)>([^<]+)<", document)
    assert text_of(got, inner[1].decode()) == inner[2].decode()
    if special in ("tagging", "cors"):
        assert by_url("DELETE", bucket, special=special)[0] == 204
        assert by_url("GET", bucket, special=special)[0] == 404


@pytest.mark.covers("GetBucketLocation", "GetBucketStorageInfo", "GetBucketAcl")
def test_urls_of_what_is_only_read(bucket, by_url):
    for special, expected in [("location", b"region-1"), ("storageinfo", b"<Size>0</Size>"), ("acl", b"FULL_CONTROL")]:
        status, _, document = by_url("GET", bucket, special=special)
        assert status == 200 and expected in document


@pytest.mark.covers(
    "InitiateMultipartUpload",
    "UploadPart",
    "ListParts",
    "ListMultipartUploads",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
)
def test_urls_of_an_upload(client, bucket, by_url):
    status, _, document = by_url("POST", bucket, "a b", "uploads")
    assert status == 200
    upload = text_of(document, "UploadId")
    data = [b"1" * PART, b"2"]
    for number, piece in enumerate(data, 1):
        query = {"partNumber": str(number), "uploadId": upload}
        status, headers, _ = by_url("PUT", bucket, "a b", body=piece, query=query)
        assert (status, headers["etag"]) == (200, etag_of(piece))
    status, _, document = by_url("GET", bucket, "a b", query={"uploadId": upload, "max-parts": "1"})
    assert (status, text_of(document, "NextPartNumberMarker")) == (200, "1")
    assert upload.encode() in by_url("GET", bucket, special="uploads")[2]
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag_of(piece)}</ETag></Part>"
        for number, piece in enumerate(data, 1)
    )
    wanted = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
    status, _, document = by_url("POST", bucket, "a b", body=wanted, query={"uploadId": upload})
    assert (status, text_of(document, "Key")) == (200, "a b")
    assert content(client, bucket, "a b") == b"".join(data)

    upload = text_of(by_url("POST", bucket, "a b", "uploads")[2], "UploadId")
    assert by_url("DELETE", bucket, "a b", query={"uploadId": upload})[0] == 204
    assert usage(client, bucket) == (PART + 1, 1)


@pytest.mark.covers("AppendObject", "CopyObject", "SetObjectMetadata", "DeleteObjects", "PutObjectTagging")
def test_urls_of_the_other_requests(client, bucket, by_url, mode):
    own = "x-obs-" if mode == "name" else "x-amz-"
    status, headers, _ = by_url("POST", bucket, "log", "append", body=b"12345", query={"position": "0"})
    assert (status, headers["x-obs-next-append-position"]) == (200, "5")
    said = {f"{own}copy-source": f"/{bucket}/log"}
    status, _, document = by_url("PUT", bucket, "copy", headers=said)
    assert (status, text_of(document, "ETag").strip('"')) != (200, "")
    assert content(client, bucket, "copy") == b"12345"
    said = {f"{own}metadata-directive": "REPLACE_NEW", f"{own}meta-colour": "blue"}
    assert by_url("PUT", bucket, "copy", "metadata", headers=said)[0] == 200
    assert header(client.getObjectMetadata(bucket, "copy"))["colour"] == "blue"
    tags = b"<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"
    assert by_url("PUT", bucket, "copy", "tagging", body=tags, headers={"Content-MD5": md5_of(tags)})[0] == 200
    gone = b"<Delete><Object><Key>log</Key></Object><Object><Key>copy</Key></Object></Delete>"
    status, _, document = by_url("POST", bucket, special="delete", body=gone, headers={"Content-MD5": md5_of(gone)})
    assert (status, document.count(b"<Deleted>")) == (200, 2)


@pytest.mark.covers("GetObject", "DeleteObject", "ListObjectVersions")
def test_urls_of_versions(client, bucket, by_url):
    accept(client.setBucketVersioning(bucket, "Enabled"))
    old = accept(client.putContent(bucket, "a", b"old")).versionId
    accept(client.putContent(bucket, "a", b"new"))
    assert by_url("GET", bucket, "a", query={"versionId": old})[::2] == (200, b"old")
    assert by_url("GET", bucket, special="versions")[2].count(b"<Version>") == 2
    assert by_url("DELETE", bucket, "a", query={"versionId": old})[0] == 204
    assert by_url("GET", bucket, "a", query={"versionId": old})[0] == 404
    assert by_url("GET", bucket, "a")[::2] == (200, b"new")


def test_urls_open_nothing_else(client, bucket):
    accept(client.putContent(bucket, "a", b"a"))
    accept(client.putContent(bucket, "b", b"b"))
    good = client.createSignedUrl("GET", bucket, "a", expires=60).signedUrl
    assert fetch("GET", good) == (200, b"a")
    for method, url in [
        ("GET", good.replace("/a?", "/b?")),
        ("DELETE", good),
        ("GET", good + "&acl"),
        ("GET", good + "&versionId=null"),
        ("GET", good + "&response-content-type=text/html"),
        ("GET", good.replace("Expires=", "Expires=1")),
        ("GET", client.createSignedUrl("GET", bucket, "a", expires=-60).signedUrl),
    ]:
        status, document = fetch(method, url)
        assert status == 403, (method, url)
        assert b"<Code>SignatureDoesNotMatch</Code>" in document or b"<Code>AccessDenied</Code>" in document


# Forms, as a browser sends them.


def form_of(fields, data, name="source.txt"):
    """(body, content type) of a form whose last field is a file."""
    boundary = uuid.uuid4().hex
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    ]
    lines.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: text/x-ignored\r\n\r\n"
    )
    body = "".join(lines).encode() + data + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


@pytest.fixture
def send_form(client, bucket, address, mode):
    """Signs a form for the key and sends it: (status, headers, body)."""

    def send(key, data, fields=None, by=client, changed=None):
        signed = by.createPostSignature(bucket, key, 60, fields)
        assert json.loads(signed.originPolicy)["conditions"]
        whole = dict(fields or {}) | {
            "key": key,
            "AccessKeyId" if mode == "name" else "AWSAccessKeyId": signed.accessKeyId,
            "policy": signed.policy,
            "signature": signed.signature,
        }
        body, kind = form_of(whole | (changed or {}), data)
        return answer("POST", address(bucket), body, {"Content-Type": kind})

    return send


@pytest.mark.covers("PostObject")
def test_a_form(client, bucket, send_form, mode):
    own = "x-obs-" if mode == "name" else "x-amz-"
    fields = {"content-type": "text/x-form", f"{own}meta-colour": "blue", f"{own}acl": "public-read"}
    status, headers, body = send_form("a b/ü", b"form\r\n--data", fields)
    assert (status, headers["etag"], body) == (204, etag_of(b"form\r\n--data"), b"")
    assert content(client, bucket, "a b/ü") == b"form\r\n--data"
    head = client.getObjectMetadata(bucket, "a b/ü")
    assert (accept(head).contentType, header(head)["colour"]) == ("text/x-form", "blue")
    assert len(accept(client.getObjectAcl(bucket, "a b/ü")).grants) == 2


@pytest.mark.covers("PostObject")
def test_how_a_form_is_answered(client, bucket, send_form):
    status, _, document = send_form("a", b"x", {"success_action_status": "201"})
    assert (status, text_of(document, "Key"), text_of(document, "Bucket")) == (201, "a", bucket)
    assert send_form("a", b"x", {"success_action_status": "200"})[0] == 200
    status, headers, _ = send_form("a", b"x", {"success_action_redirect": "http://example.com/done?n=1"})
    assert status == 303
    assert headers["location"].startswith("http://example.com/done?n=1&bucket=")
    assert "key=a" in headers["location"]


def test_forms_that_are_refused(client, bucket, send_form):
    for changed in [{"key": "other"}, {"signature": "AAAA"}, {"content-type": "text/x-other"}]:
        status, _, document = send_form("a", b"x", {"content-type": "text/x-form"}, changed=changed)
        assert status == 403, (changed, document)
    assert usage(client, bucket) == (0, 0)
    accept(client.setBucketQuota(bucket, 10))
    status, _, document = send_form("a", b"x" * 11)
    assert (status, text_of(document, "Code")) == (403, "InsufficientStorageSpace")
    assert usage(client, bucket) == (0, 0)


# Keys that last for a while only.


@pytest.fixture
def lend(gateway, connect, account):
    """Makes a temporary key of the second account and a client of it; a policy narrows what it may."""

    def make(policy=None, token=None):
        key = gateway.temporary_key(account.name, policy)
        return connect(key["access_key"], key["secret_key"], security_token=token or key["security_token"])

    return make


@pytest.mark.covers("CreateBucket", "PutObject", "GetObject", "ListBuckets", "HeadBucket")
def test_a_temporary_key_does_what_its_account_may(lend, other, bucket, new_name):
    borrowed, name = lend(), new_name()
    accept(borrowed.createBucket(name))
    accept(borrowed.headBucket(name))
    accept(borrowed.putContent(name, "a", b"borrowed"))
    assert content(other, name, "a") == content(borrowed, name, "a") == b"borrowed"
    assert [entry.name for entry in accept(borrowed.listBuckets()).buckets] == [name]
    refuse(borrowed.listObjects(bucket), 403, "AccessDenied")


def test_a_temporary_key_needs_its_own_token(lend, connect):
    refuse(lend(token="not-the-token").listBuckets(), 403, "InvalidSecurity")
    first, second = lend(), lend()
    stolen = connect(
        first.securityProvider.access_key_id,
        first.securityProvider.secret_access_key,
        security_token=second.securityProvider.security_token,
    )
    refuse(stolen.listBuckets(), 403, "InvalidSecurity")
    tokenless = connect(first.securityProvider.access_key_id, first.securityProvider.secret_access_key)
    refuse(tokenless.listBuckets(), 403, "InvalidAccessKeyId")


@pytest.mark.covers("PutObject", "GetObject", "PostObject")
def test_urls_and_forms_of_a_temporary_key(lend, other, new_name, by_url, address, mode):
    borrowed, name = lend(), new_name()
    accept(other.createBucket(name))
    assert by_url("PUT", name, "a", body=b"by url", by=borrowed)[0] == 200
    assert by_url("GET", name, "a", by=borrowed)[::2] == (200, b"by url")
    token = {("x-obs-" if mode == "name" else "x-amz-") + "security-token": borrowed.securityProvider.security_token}
    signed = borrowed.createPostSignature(name, "b", 60)
    fields = token | {
        "key": "b",
        "AccessKeyId" if mode == "name" else "AWSAccessKeyId": signed.accessKeyId,
        "policy": signed.policy,
        "signature": signed.signature,
    }
    body, kind = form_of(fields, b"by form")
    assert answer("POST", address(name), body, {"Content-Type": kind})[0] == 204
    assert content(other, name, "b") == b"by form"
    del fields["x-obs-security-token" if mode == "name" else "x-amz-security-token"]
    body, kind = form_of(fields, b"by form")
    assert answer("POST", address(name), body, {"Content-Type": kind})[0] == 403


def test_a_temporary_key_of_a_narrow_kind(lend, other, new_name):
    name = new_name()
    accept(other.createBucket(name))
    accept(other.putContent(name, "public/a", b"x"))
    accept(other.putContent(name, "private/a", b"x"))
    reader = lend({"Statement": [{"Effect": "Allow", "Action": ["GetObject"], "Resource": [f"{name}/public/*"]}]})
    assert content(reader, name, "public/a") == b"x"
    refuse(reader.getObject(name, "private/a"), 403, "AccessDenied")
    refuse(reader.putContent(name, "public/a", b"y"), 403, "AccessDenied")
    refuse(reader.deleteObject(name, "public/a"), 403, "AccessDenied")
    refuse(reader.listBuckets(), 403, "AccessDenied")
