package sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static sdk.Support.S3;
import static sdk.Support.assertRefused;
import static sdk.Support.bucket;
import static sdk.Support.put;
import static sdk.Support.text;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.s3.model.Bucket;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.CommonPrefix;
import software.amazon.awssdk.services.s3.model.DeleteMarkerEntry;
import software.amazon.awssdk.services.s3.model.DeleteObjectResponse;
import software.amazon.awssdk.services.s3.model.DeleteObjectsResponse;
import software.amazon.awssdk.services.s3.model.ListObjectVersionsResponse;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.model.ObjectVersion;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.S3Object;

/** Buckets, their listings and versions, and many deletions at once. */
class BucketTest {
    @Test
    void bucketsComeAndGo() {
        String bucket = bucket();
        S3.waiter().waitUntilBucketExists(request -> request.bucket(bucket));
        assertEquals("region-1", S3.getBucketLocation(request -> request.bucket(bucket)).locationConstraintAsString());
        put(bucket, "k", "x");
        assertRefused(S3Exception.class, 409, "BucketNotEmpty", () -> S3.deleteBucket(request -> request.bucket(bucket)));
        S3.deleteObject(request -> request.bucket(bucket).key("k"));
        S3.deleteBucket(request -> request.bucket(bucket));
        S3.waiter().waitUntilBucketNotExists(request -> request.bucket(bucket));
        assertRefused(NoSuchBucketException.class, 404, "NoSuchBucket",
                () -> S3.listObjectsV2(request -> request.bucket(bucket)));
    }

    @Test
    void bucketsByPages() {
        List<String> made = List.of(bucket(), bucket(), bucket());
        List<String> seen = S3.listBucketsPaginator(request -> request.maxBuckets(1)).buckets().stream().map(Bucket::name).toList();
        assertEquals(seen.stream().distinct().toList(), seen);
        assertTrue(seen.containsAll(made), seen.toString());
    }

    @Test
    void objectsByPages() {
        String bucket = bucket();
        List<String> keys = List.of("a b", "a&b", "a+b", "dir/1", "dir/2", "z", "ü%20");
        keys.forEach(key -> put(bucket, key, key));
        List<String> seen = S3.listObjectsV2Paginator(request -> request.bucket(bucket).maxKeys(2)).contents().stream()
                .map(S3Object::key).toList();
        assertEquals(keys, seen);
        ListObjectsV2Response folders = S3.listObjectsV2(request -> request.bucket(bucket).delimiter("/").prefix("d"));
        assertEquals(List.of("dir/"), folders.commonPrefixes().stream().map(CommonPrefix::prefix).toList());
        assertEquals(List.of(), folders.contents());
    }

    @Test
    void versions() {
        String bucket = bucket();
        S3.putBucketVersioning(request -> request.bucket(bucket)
                .versioningConfiguration(versioning -> versioning.status(BucketVersioningStatus.ENABLED)));
        String first = put(bucket, "k", "first").versionId();
        String second = put(bucket, "k", "second").versionId();
        DeleteObjectResponse deleted = S3.deleteObject(request -> request.bucket(bucket).key("k"));
        assertTrue(deleted.deleteMarker());
        assertEquals("first", S3.getObjectAsBytes(request -> request.bucket(bucket).key("k").versionId(first)).asUtf8String());
        ListObjectVersionsResponse listed = S3.listObjectVersions(request -> request.bucket(bucket));
        assertEquals(List.of(second, first), listed.versions().stream().map(ObjectVersion::versionId).toList());
        assertEquals(List.of(deleted.versionId()), listed.deleteMarkers().stream().map(DeleteMarkerEntry::versionId).toList());
        S3.deleteObject(request -> request.bucket(bucket).key("k").versionId(deleted.versionId()));
        assertEquals("second", text(bucket, "k"));
    }

    @Test
    void manyAreDeletedAtOnce() {
        String bucket = bucket();
        List<ObjectIdentifier> objects = Stream.of("a", "b\r", "<c>", "d e")
                .peek(key -> put(bucket, key, "x")).map(key -> ObjectIdentifier.builder().key(key).build()).toList();
        DeleteObjectsResponse done = S3.deleteObjects(request -> request.bucket(bucket).delete(all -> all.objects(objects)));
        assertEquals(List.of(4, List.of()), List.of(done.deleted().size(), done.errors()));
        S3.deleteBucket(request -> request.bucket(bucket));
    }
}
