package sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static sdk.Session.assertRefused;

import com.obs.services.ObsClient;
import com.obs.services.exception.ObsException;
import com.obs.services.model.AccessControlList;
import com.obs.services.model.BucketCors;
import com.obs.services.model.BucketCorsRule;
import com.obs.services.model.BucketMetadataInfoRequest;
import com.obs.services.model.BucketStoragePolicyConfiguration;
import com.obs.services.model.BucketTagInfo;
import com.obs.services.model.CreateBucketRequest;
import com.obs.services.model.ListObjectsRequest;
import com.obs.services.model.ObjectListing;
import com.obs.services.model.OptionsInfoRequest;
import com.obs.services.model.OptionsInfoResult;
import com.obs.services.model.RequestPaymentEnum;
import com.obs.services.model.StorageClassEnum;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Settings of buckets: class, tags, CORS, request payment. */
class SettingsTest {
    @BothModes(value = {"CreateBucket", "HeadBucket"}, obs = {"PutBucketStorageClass", "GetBucketStorageClass"},
            v2 = {"PutBucketStoragePolicy", "GetBucketStoragePolicy"})
    void storageClass(Session session) {
        ObsClient client = session.client;
        CreateBucketRequest request = new CreateBucketRequest();
        request.setBucketStorageClass(StorageClassEnum.WARM);
        String bucket = session.bucket(request);
        assertEquals(StorageClassEnum.WARM, client.getBucketStoragePolicy(bucket).getBucketStorageClass());
        session.put(bucket, "warm", "a");
        assertEquals(StorageClassEnum.WARM, client.getObjectMetadata(bucket, "warm").getObjectStorageClass());
        for (StorageClassEnum value : List.of(StorageClassEnum.COLD, StorageClassEnum.STANDARD)) {
            client.setBucketStoragePolicy(bucket, new BucketStoragePolicyConfiguration(value));
            assertEquals(value, client.getBucketStoragePolicy(bucket).getBucketStorageClass());
            var metadata = client.getBucketMetadata(new BucketMetadataInfoRequest(bucket));
            assertEquals(value, metadata.getBucketStorageClass());
        }
        assertEquals(StorageClassEnum.WARM, client.getObjectMetadata(bucket, "warm").getObjectStorageClass());
    }

    @BothModes({"PutBucketTagging", "GetBucketTagging", "DeleteBucketTagging"})
    void tagging(Session session) {
        ObsClient client = session.client;
        String bucket = session.bucket();
        assertRefused(404, "NoSuchTagSet", () -> client.getBucketTagging(bucket));
        BucketTagInfo.TagSet tags = new BucketTagInfo.TagSet();
        tags.addTag("colour", "blue & green");
        tags.addTag("shape", "round");
        client.setBucketTagging(bucket, new BucketTagInfo(tags));
        assertEquals(Map.of("colour", "blue & green", "shape", "round"), tagsOf(client.getBucketTagging(bucket).getTagSet()));
        assertEquals(204, client.deleteBucketTagging(bucket).getStatusCode());
        assertRefused(404, "NoSuchTagSet", () -> client.getBucketTagging(bucket));
    }

    static Map<String, String> tagsOf(BucketTagInfo.TagSet tags) {
        return tags.getTags().stream().collect(Collectors.toMap(tag -> tag.getKey(), tag -> tag.getValue()));
    }

    @BothModes({"PutBucketCors", "GetBucketCors", "DeleteBucketCors", "OptionsBucket", "HeadBucket"})
    void cors(Session session) {
        ObsClient client = session.client;
        String bucket = session.bucket();
        String origin = "http://www.example.com";
        assertRefused(404, "NoSuchCORSConfiguration", () -> client.getBucketCors(bucket));
        BucketCorsRule rule = new BucketCorsRule();
        rule.setId("one");
        rule.setAllowedOrigin(List.of("http://*.example.com"));
        rule.setAllowedMethod(List.of("GET", "HEAD", "PUT"));
        rule.setAllowedHeader(List.of("x-obs-*", "content-type"));
        rule.setExposeHeader(List.of("ETag"));
        rule.setMaxAgeSecond(77);
        client.setBucketCors(bucket, new BucketCors(List.of(rule)));
        List<BucketCorsRule> rules = client.getBucketCors(bucket).getRules();
        assertEquals(1, rules.size());
        assertEquals("one", rules.get(0).getId());
        assertEquals(rule.getAllowedOrigin(), rules.get(0).getAllowedOrigin());
        assertEquals(rule.getAllowedMethod(), rules.get(0).getAllowedMethod());
        assertEquals(rule.getAllowedHeader(), rules.get(0).getAllowedHeader());
        assertEquals(rule.getExposeHeader(), rules.get(0).getExposeHeader());
        assertEquals(77, rules.get(0).getMaxAgeSecond());

        OptionsInfoRequest preflight = new OptionsInfoRequest(bucket);
        preflight.setOrigin(origin);
        preflight.setRequestMethod(List.of("PUT"));
        preflight.setRequestHeaders(List.of("content-type", "x-obs-acl"));
        BucketMetadataInfoRequest head = new BucketMetadataInfoRequest(bucket);
        head.setOrigin(origin);
        head.setRequestHeaders(List.of("content-type"));
        for (OptionsInfoResult answer : List.of(client.optionsBucket(preflight), client.getBucketMetadata(head))) {
            assertEquals(origin, answer.getAllowOrigin());
            assertTrue(String.join(",", answer.getAllowMethods()).contains("PUT"));
            assertTrue(String.join(",", answer.getAllowHeaders()).contains("content-type"));
            assertEquals(List.of("ETag"), answer.getExposeHeaders());
            assertEquals(77, answer.getMaxAge());
        }
        preflight.setRequestMethod(List.of("DELETE"));
        assertRefused(403, "AccessForbidden", () -> client.optionsBucket(preflight));
        head.setOrigin("http://other.example");
        assertNull(client.getBucketMetadata(head).getAllowOrigin());
        assertEquals(204, client.deleteBucketCors(bucket).getStatusCode());
        assertRefused(404, "NoSuchCORSConfiguration", () -> client.getBucketCors(bucket));
    }

    @BothModes({"PutBucketRequestPayment", "GetBucketRequestPayment"})
    void requestPayment(Session session) {
        ObsClient client = session.client;
        CreateBucketRequest request = new CreateBucketRequest();
        request.setAcl(AccessControlList.REST_CANNED_PUBLIC_READ);
        String bucket = session.bucket(request);
        ObsClient stranger = session.account();
        assertEquals(RequestPaymentEnum.BUCKET_OWNER, client.getBucketRequestPayment(bucket).getPayer());
        list(stranger, bucket, false);
        client.setBucketRequestPayment(bucket, RequestPaymentEnum.REQUESTER);
        assertEquals(RequestPaymentEnum.REQUESTER, client.getBucketRequestPayment(bucket).getPayer());
        assertRefused(403, "RequestPayerDenied", () -> list(stranger, bucket, false));
        list(stranger, bucket, true);
        list(client, bucket, false);
        client.setBucketRequestPayment(bucket, RequestPaymentEnum.BUCKET_OWNER);
        list(stranger, bucket, false);
    }

    private static ObjectListing list(ObsClient client, String bucket, boolean pays) {
        ListObjectsRequest request = new ListObjectsRequest(bucket);
        request.setRequesterPays(pays);
        return client.listObjects(request);
    }

    @BothModes({})
    void whatIsNotThereYetNeverDoesSomethingElse(Session session) {
        String bucket = session.bucket();
        // The bucket is empty: were the sub-resource overlooked, this would delete it.
        ObsException fault = assertThrows(ObsException.class, () -> session.client.deleteBucketReplication(bucket));
        assertEquals(501, fault.getResponseCode());
        assertTrue(session.client.headBucket(bucket));
    }
}
