"""Settings of a bucket, each set, read back as it was set, and taken away again; and what is none is refused."""

import pytest
from checks import accept, header, refuse
from obs import CorsRule, GetObjectHeader, Options, TagInfo


@pytest.mark.covers("GetBucketVersioning", "PutBucketVersioning")
def test_versioning(client, bucket):
    assert accept(client.getBucketVersioning(bucket)) is None
    for status in ["Enabled", "Suspended", "Enabled"]:
        accept(client.setBucketVersioning(bucket, status))
        assert accept(client.getBucketVersioning(bucket)) == status


@pytest.mark.parametrize("status", ["Off", "enabled", "Disabled"])
def test_what_is_no_versioning_status(client, bucket, status):
    refuse(client.setBucketVersioning(bucket, status), 400, "MalformedXML")
    assert accept(client.getBucketVersioning(bucket)) is None


@pytest.mark.parametrize(
    "mode",  # each dialect has a sub-resource of its own for it
    [
        pytest.param("name", marks=pytest.mark.covers("GetBucketStorageClass", "PutBucketStorageClass")),
        pytest.param("ip", marks=pytest.mark.covers("GetBucketStoragePolicy", "PutBucketStoragePolicy")),
    ],
    indirect=True,
)
def test_the_class_of_new_objects(client, bucket, mode):
    spelling = {"WARM": "STANDARD_IA", "COLD": "GLACIER"} if mode == "ip" else {}
    assert accept(client.getBucketStoragePolicy(bucket)).storageClass == "STANDARD"
    for storage_class in ["WARM", "COLD", "STANDARD"]:
        accept(client.setBucketStoragePolicy(bucket, storage_class))
        spelt = spelling.get(storage_class, storage_class)
        assert accept(client.getBucketStoragePolicy(bucket)).storageClass == spelt
        assert accept(client.getBucketMetadata(bucket)).storageClass == spelt


@pytest.mark.covers("GetBucketRequestPayment", "PutBucketRequestPayment")
def test_who_pays(client, bucket):
    assert accept(client.getBucketRequestPayment(bucket)).payer == "BucketOwner"
    for payer in ["Requester", "BucketOwner"]:
        accept(client.setBucketRequestPayment(bucket, payer))
        assert accept(client.getBucketRequestPayment(bucket)).payer == payer
    refuse(client.setBucketRequestPayment(bucket, "Nobody"), 400, "MalformedXML")
    assert accept(client.getBucketRequestPayment(bucket)).payer == "BucketOwner"


def tags(**pairs):
    info = TagInfo()
    for key, value in pairs.items():
        info.addTag(key, value)
    return info


def pairs(info):
    return {tag.key: tag.value for tag in info.tagSet}


@pytest.mark.covers("GetBucketTagging", "PutBucketTagging", "DeleteBucketTagging")
def test_tags(client, bucket):
    refuse(client.getBucketTagging(bucket), 404, "NoSuchTagSet")
    accept(client.setBucketTagging(bucket, tags(colour="blue", city="Zürich")), 204)
    assert pairs(accept(client.getBucketTagging(bucket))) == {"colour": "blue", "city": "Zürich"}
    accept(client.setBucketTagging(bucket, tags(size="large")), 204)
    assert pairs(accept(client.getBucketTagging(bucket))) == {"size": "large"}
    accept(client.deleteBucketTagging(bucket), 204)
    refuse(client.getBucketTagging(bucket), 404, "NoSuchTagSet")
    accept(client.deleteBucketTagging(bucket), 204)


@pytest.mark.parametrize(
    "bad",
    [tags(**{f"key{number}": "v" for number in range(21)}), tags(k="v|w"), tags(**{"k" * 129: "v"})],
    ids=["too many", "a character", "too long"],
)
def test_what_is_no_tag(client, bucket, mode, bad):
    result = client.setBucketTagging(bucket, bad)
    assert (result.status, result.errorCode) in [(400, "InvalidTagError"), (400, "InvalidTag")]
    refuse(client.getBucketTagging(bucket), 404, "NoSuchTagSet")


ORIGIN = "https://app.example.com"

RULES = [
    CorsRule(
        id="first",
        allowedMethod=["PUT", "POST"],
        allowedOrigin=["https://*.example.com"],
        allowedHeader=["x-obs-*"],
        maxAgeSecond=100,
        exposeHeader=["ETag", "x-obs-request-id"],
    ),
    CorsRule(allowedMethod=["GET", "HEAD"], allowedOrigin=["*"], allowedHeader=["*"]),
]


@pytest.mark.covers("GetBucketCors", "PutBucketCors", "DeleteBucketCors")
def test_cors_rules(client, bucket):
    refuse(client.getBucketCors(bucket), 404, "NoSuchCORSConfiguration")
    accept(client.setBucketCors(bucket, RULES))
    first, second = accept(client.getBucketCors(bucket))
    assert (first.id, first.allowedMethod, first.allowedOrigin) == ("first", ["PUT", "POST"], ["https://*.example.com"])
    assert (first.allowedHeader, first.maxAgeSecond) == (["x-obs-*"], 100)
    assert first.exposeHeader == ["ETag", "x-obs-request-id"]
    assert (second.allowedMethod, second.allowedOrigin, second.exposeHeader) == (["GET", "HEAD"], ["*"], [])
    accept(client.deleteBucketCors(bucket), 204)
    refuse(client.getBucketCors(bucket), 404, "NoSuchCORSConfiguration")


@pytest.mark.parametrize(
    "bad",
    [
        CorsRule(allowedMethod=["PATCH"], allowedOrigin=["*"]),
        CorsRule(allowedMethod=["GET"], allowedOrigin=["*.*"]),
        CorsRule(allowedMethod=["GET"]),
    ],
    ids=["a method", "an origin", "no origin"],
)
def test_what_is_no_cors_rule(client, bucket, bad):
    result = client.setBucketCors(bucket, [bad])
    assert (result.status, result.errorCode) in [(400, "MalformedXML"), (400, "InvalidArgument")]
    refuse(client.getBucketCors(bucket), 404, "NoSuchCORSConfiguration")


@pytest.mark.covers("OptionsBucket", "OptionsObject")
def test_the_question_before_the_request(client, bucket):
    accept(client.setBucketCors(bucket, RULES))
    asked = Options(ORIGIN, ["PUT"], ["x-obs-acl", "x-obs-meta-colour"])
    for result in [client.optionsBucket(bucket, asked), client.optionsObject(bucket, "not/there/yet", asked)]:
        body = accept(result)
        assert body.accessContorlAllowOrigin == ORIGIN
        assert body.accessContorlAllowMethods.replace(" ", "") == "PUT,POST"
        assert "x-obs-meta-colour" in body.accessContorlAllowHeaders
        assert body.accessContorlMaxAge == 100
        assert "ETag" in body.accessContorlExposeHeaders


@pytest.mark.parametrize(
    "asked",
    [
        Options("https://app.example.org", ["PUT"]),
        Options(ORIGIN, ["DELETE"]),
        Options(ORIGIN, ["PUT"], ["x-other"]),
    ],
    ids=["origin", "method", "header"],
)
def test_the_question_that_is_answered_no(client, bucket, asked):
    refuse(client.optionsBucket(bucket, asked), 403, "AccessForbidden")
    accept(client.setBucketCors(bucket, RULES))
    refuse(client.optionsBucket(bucket, asked), 403, "AccessForbidden")
    refuse(client.optionsObject(bucket, "a", asked), 403, "AccessForbidden")


@pytest.mark.covers("HeadBucket", "HeadObject", "GetObject")
def test_the_request_itself_carries_the_permission(client, bucket):
    accept(client.setBucketCors(bucket, RULES))
    accept(client.putContent(bucket, "a", b"x"))
    read = client.getObject(bucket, "a", headers=GetObjectHeader(origin=ORIGIN), loadStreamInMemory=True)
    for result in [
        client.getBucketMetadata(bucket, origin=ORIGIN),
        client.getObjectMetadata(bucket, "a", origin=ORIGIN),
        read,
    ]:
        body = accept(result)
        assert body.accessContorlAllowOrigin in (ORIGIN, "*")
        assert body.accessContorlAllowMethods.replace(" ", "") == "GET,HEAD"
    assert accept(client.getObjectMetadata(bucket, "a")).accessContorlAllowOrigin is None


def test_a_file_system_has_no_versions(client, file_system):
    refuse(client.setBucketVersioning(file_system, "Enabled"), 405, "FsNotSupport")
    accept(client.setBucketTagging(file_system, tags(colour="blue")), 204)
    assert pairs(accept(client.getBucketTagging(file_system))) == {"colour": "blue"}
    assert header(client.headBucket(file_system))["fs-file-interface"] == "Enabled"
