package sdk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static sdk.Support.S3;
import static sdk.Support.assertRefused;
import static sdk.Support.bucket;
import static sdk.Support.cli;
import static sdk.Support.get;
import static sdk.Support.pattern;
import static sdk.Support.put;
import static sdk.Support.text;
import static sdk.Support.who;

import java.io.ByteArrayInputStream;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.model.Checksum;
import software.amazon.awssdk.services.s3.model.ChecksumAlgorithm;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.GetObjectAttributesResponse;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.MetadataDirective;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.ObjectAttributes;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.PutObjectResponse;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.Tag;

/** Objects one at a time: what is put is got, whole and in part, under conditions, with tags and checksums. */
class ObjectTest {
    @Test
    void aStringWithTheChecksumThatTheClientAddsByItself() {
        String bucket = bucket();
        String key = "a b/ü";
        PutObjectResponse made = S3.putObject(
                request -> request.bucket(bucket).key(key).contentType("text/plain").metadata(who("me")),
                RequestBody.fromString("hello"));
        assertEquals("\"5d41402abc4b2a76b9719d911017c592\"", made.eTag());
        assertEquals("NhCmhg==", made.checksumCRC32());
        assertEquals("hello", text(bucket, key));
        ResponseBytes<GetObjectResponse> found = verified(bucket, key);
        assertEquals("hello", found.asUtf8String());
        assertEquals("NhCmhg==", found.response().checksumCRC32(), "or there would have been nothing to verify");
        assertEquals(List.of("text/plain", who("me")), List.of(found.response().contentType(), found.response().metadata()));
        HeadObjectResponse head =
                S3.headObject(request -> request.bucket(bucket).key(key).checksumMode(ChecksumMode.ENABLED));
        assertEquals(List.of(5L, "NhCmhg=="), List.of(head.contentLength(), head.checksumCRC32()));
    }

    /** Reads the object and has the SDK hold it to its checksum, which this one does not ask for by itself. */
    private static ResponseBytes<GetObjectResponse> verified(String bucket, String key) {
        return S3.getObjectAsBytes(request -> request.bucket(bucket).key(key).checksumMode(ChecksumMode.ENABLED));
    }

    /** All but CRC64NVME, which takes a library of machine code beside the SDK. */
    @Test
    void everyChecksum() {
        String bucket = bucket();
        Map<ChecksumAlgorithm, String> expected = Map.of(
                ChecksumAlgorithm.CRC32, "NhCmhg==",
                ChecksumAlgorithm.CRC32_C, "mnG7TA==",
                ChecksumAlgorithm.SHA1, "qvTGHdzF6KLavt4PO0gs2a6pQ00=",
                ChecksumAlgorithm.SHA256, "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
        expected.forEach((algorithm, value) -> {
            String key = algorithm.toString();
            S3.putObject(request -> request.bucket(bucket).key(key).checksumAlgorithm(algorithm), RequestBody.fromString("hello"));
            assertEquals("hello", verified(bucket, key).asUtf8String());
            GetObjectAttributesResponse attributes = S3.getObjectAttributes(request -> request.bucket(bucket).key(key)
                    .objectAttributes(ObjectAttributes.CHECKSUM, ObjectAttributes.E_TAG, ObjectAttributes.OBJECT_SIZE));
            assertEquals(List.of(5L, "5d41402abc4b2a76b9719d911017c592"), List.of(attributes.objectSize(), attributes.eTag()));
            Checksum sums = attributes.checksum();
            List<String> shown = Stream.of(sums.checksumCRC32(), sums.checksumCRC32C(), sums.checksumCRC64NVME(),
                    sums.checksumSHA1(), sums.checksumSHA256()).filter(Objects::nonNull).toList();
            assertEquals(List.of(value), shown);
        });
    }

    @Test
    void aWrongChecksumStoresNothing() {
        String bucket = bucket();
        assertRefused(S3Exception.class, 400, "BadDigest", () -> S3.putObject(
                request -> request.bucket(bucket).key("k").checksumCRC32("AAAAAA=="), RequestBody.fromString("hello")));
        assertRefused(NoSuchKeyException.class, 404, "NoSuchKey", () -> text(bucket, "k"));
    }

    @Test
    void aStreamOfKnownLength() {
        String bucket = bucket();
        byte[] content = pattern(3_000_001);
        S3.putObject(request -> request.bucket(bucket).key("k"),
                RequestBody.fromInputStream(new ByteArrayInputStream(content), content.length));
        assertArrayEquals(content, get(bucket, "k").asByteArray());
    }

    @Test
    void ranges() {
        String bucket = bucket();
        put(bucket, "k", "hello world");
        ResponseBytes<GetObjectResponse> found =
                S3.getObjectAsBytes(request -> request.bucket(bucket).key("k").range("bytes=6-8"));
        assertEquals(List.of("wor", "bytes 6-8/11"), List.of(found.asUtf8String(), found.response().contentRange()));
        assertRefused(S3Exception.class, 416, "InvalidRange",
                () -> S3.getObjectAsBytes(request -> request.bucket(bucket).key("k").range("bytes=11-")));
    }

    @Test
    void copies() {
        String bucket = bucket();
        S3.putObject(request -> request.bucket(bucket).key("a/ü +").metadata(who("me")), RequestBody.fromString("hello"));
        S3.copyObject(request -> request.sourceBucket(bucket).sourceKey("a/ü +").destinationBucket(bucket).destinationKey("b"));
        assertEquals(who("me"), get(bucket, "b").response().metadata());
        S3.copyObject(request -> request.sourceBucket(bucket).sourceKey("a/ü +").destinationBucket(bucket)
                .destinationKey("b").metadataDirective(MetadataDirective.REPLACE).metadata(who("you")));
        assertEquals(who("you"), get(bucket, "b").response().metadata());
        assertEquals("hello", text(bucket, "b"));
    }

    @Test
    void tags() {
        String bucket = bucket();
        S3.putObject(request -> request.bucket(bucket).key("k").tagging("a=1&b=2%203"), RequestBody.fromString("x"));
        assertEquals(List.of(tag("a", "1"), tag("b", "2 3")), tags(bucket));
        S3.putObjectTagging(request -> request.bucket(bucket).key("k").tagging(tagging -> tagging.tagSet(tag("c", ""))));
        assertEquals(List.of(tag("c", "")), tags(bucket));
        S3.deleteObjectTagging(request -> request.bucket(bucket).key("k"));
        assertEquals(List.of(), tags(bucket));
    }

    private static Tag tag(String key, String value) {
        return Tag.builder().key(key).value(value).build();
    }

    private static List<Tag> tags(String bucket) {
        return S3.getObjectTagging(request -> request.bucket(bucket).key("k")).tagSet();
    }

    @Test
    void conditions() {
        String bucket = bucket();
        PutObjectRequest put = PutObjectRequest.builder().bucket(bucket).key("k").build();
        String tag = S3.putObject(put.copy(more -> more.ifNoneMatch("*")), RequestBody.fromString("first")).eTag();
        assertRefused(S3Exception.class, 412, "PreconditionFailed",
                () -> S3.putObject(put.copy(more -> more.ifNoneMatch("*")), RequestBody.fromString("second")));
        assertRefused(S3Exception.class, 412, "PreconditionFailed",
                () -> S3.putObject(put.copy(more -> more.ifMatch("\"0\"")), RequestBody.fromString("third")));
        assertEquals("first", text(bucket, "k"));
        S3.putObject(put.copy(more -> more.ifMatch(tag)), RequestBody.fromString("fourth"));
        assertEquals("fourth", text(bucket, "k"));
        assertRefused(S3Exception.class, 412, "PreconditionFailed",
                () -> S3.getObjectAsBytes(request -> request.bucket(bucket).key("k").ifMatch(tag)));
    }

    @Test
    void whatIsNotThereHasAClassOfItsOwn() {
        String bucket = bucket();
        assertRefused(NoSuchKeyException.class, 404, "NoSuchKey", () -> text(bucket, "k"));
        assertRefused(NoSuchBucketException.class, 404, "NoSuchBucket", () -> text(bucket + "-not", "k"));
        assertRefused(NoSuchBucketException.class, 404, "NoSuchBucket", () -> put(bucket + "-not", "k", "x"));
        S3.deleteObject(request -> request.bucket(bucket).key("k"));
    }

    @Test
    void aFullBucketIsQuotaExceeded() throws Exception {
        String bucket = bucket();
        cli("quota", "set", bucket, "10");
        put(bucket, "a", "0123456789");
        assertRefused(S3Exception.class, 403, "QuotaExceeded", () -> put(bucket, "b", "!"));
        S3.deleteObject(request -> request.bucket(bucket).key("a"));
        put(bucket, "b", "!");
    }
}
