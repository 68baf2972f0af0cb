package sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static sdk.Session.assertRefused;

import com.obs.services.ObsClient;
import com.obs.services.model.AbortMultipartUploadRequest;
import com.obs.services.model.AccessControlList;
import com.obs.services.model.CompleteMultipartUploadRequest;
import com.obs.services.model.CompleteMultipartUploadResult;
import com.obs.services.model.CopyPartRequest;
import com.obs.services.model.CopyPartResult;
import com.obs.services.model.GetObjectRequest;
import com.obs.services.model.InitiateMultipartUploadRequest;
import com.obs.services.model.ListMultipartUploadsRequest;
import com.obs.services.model.ListPartsRequest;
import com.obs.services.model.ListPartsResult;
import com.obs.services.model.Multipart;
import com.obs.services.model.MultipartUpload;
import com.obs.services.model.MultipartUploadListing;
import com.obs.services.model.ObjectMetadata;
import com.obs.services.model.PartEtag;
import com.obs.services.model.StorageClassEnum;
import com.obs.services.model.UploadPartRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;

/** Objects uploaded in parts. */
class MultipartTest {
    /** The smallest the SDKs allow. */
    static final int PART = 100 * 1024;

    private static String begin(Session session, String bucket, String key) {
        return begin(session, new InitiateMultipartUploadRequest(bucket, key));
    }

    private static String begin(Session session, InitiateMultipartUploadRequest request) {
        var begun = session.client.initiateMultipartUpload(request);
        assertEquals(request.getBucketName(), begun.getBucketName());
        assertEquals(request.getObjectKey(), begun.getObjectKey());
        return begun.getUploadId();
    }

    private static PartEtag part(Session session, String bucket, String key, String upload, int number, String content) {
        var stored = session.client.uploadPart(bucket, key, upload, number, Session.stream(content));
        assertEquals(Bytes.etag(content), stored.getEtag());
        return new PartEtag(stored.getEtag(), number);
    }

    private static CompleteMultipartUploadResult complete(
            Session session, String bucket, String key, String upload, PartEtag... parts) {
        return session.client.completeMultipartUpload(
                new CompleteMultipartUploadRequest(bucket, key, upload, new ArrayList<>(List.of(parts))));
    }

    @BothModes({"InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload"})
    void anUploadInParts(Session session, @TempDir Path folder) throws IOException {
        ObsClient client = session.client;
        String bucket = session.bucket();
        String key = "ü b/a+b?c.html";
        String content = Bytes.pattern(3 * PART - 5);
        InitiateMultipartUploadRequest request = new InitiateMultipartUploadRequest(bucket, key);
        ObjectMetadata metadata = new ObjectMetadata();
        metadata.setContentType("text/html");
        metadata.setCacheControl("no-cache");
        metadata.addUserMetadata("colour", "blue");
        metadata.setObjectStorageClass(StorageClassEnum.WARM);
        request.setMetadata(metadata);
        request.setAcl(AccessControlList.REST_CANNED_PUBLIC_READ);
        String upload = begin(session, request);
        PartEtag second = part(session, bucket, key, upload, 2, content.substring(PART, 2 * PART));
        PartEtag first = part(session, bucket, key, upload, 1, content.substring(0, PART));
        // The last one out of the middle of a file, with its digest.
        Path file = Files.writeString(folder.resolve("file"), content);
        UploadPartRequest last = new UploadPartRequest(bucket, key, (long) PART, 2L * PART, file.toFile());
        last.setUploadId(upload);
        last.setPartNumber(7);
        last.setAttachMd5(true);
        PartEtag third = new PartEtag(client.uploadPart(last).getEtag(), 7);
        assertRefused(404, "NoSuchKey", () -> client.getObject(bucket, key));
        assertEquals(content.length(), client.getBucketStorageInfo(bucket).getSize());

        CompleteMultipartUploadResult whole = complete(session, bucket, key, upload, first, second, third);
        assertEquals(bucket, whole.getBucketName());
        assertEquals(key, whole.getObjectKey());
        assertNotNull(whole.getLocation());
        assertEquals(Bytes.etag(content.substring(0, PART), content.substring(PART, 2 * PART), content.substring(2 * PART)),
                whole.getEtag());
        assertEquals(content, session.content(bucket, key));
        ObjectMetadata head = client.getObjectMetadata(bucket, key);
        assertEquals(whole.getEtag(), head.getEtag());
        assertEquals("text/html", head.getContentType());
        assertEquals("no-cache", head.getCacheControl());
        assertEquals("blue", head.getUserMetadata("colour"));
        assertEquals(StorageClassEnum.WARM, head.getObjectStorageClass());
        assertEquals(content, Session.content(session.connect(null).getObject(bucket, key)));
        session.assertUsage(bucket, content.length(), 1);
        GetObjectRequest middle = new GetObjectRequest(bucket, key);
        middle.setRangeStart(PART - 10L);
        middle.setRangeEnd(PART + 9L);
        assertEquals(content.substring(PART - 10, PART + 10), session.content(middle));
    }

    @BothModes({"CopyPart", "CompleteMultipartUpload"})
    void partsOfOtherObjects(Session session) {
        String source = session.bucket();
        String bucket = session.bucket();
        String content = Bytes.pattern(2 * PART);
        session.put(source, "ü/a+b", content);
        String upload = begin(session, bucket, "copy");
        CopyPartRequest all = new CopyPartRequest(upload, source, "ü/a+b", bucket, "copy", 1);
        CopyPartResult whole = session.client.copyPart(all);
        assertEquals(Bytes.etag(content), whole.getEtag());
        assertNotNull(whole.getLastModified());
        CopyPartRequest some = new CopyPartRequest(upload, source, "ü/a+b", bucket, "copy", 2);
        some.setByteRangeStart(10L);
        some.setByteRangeEnd(19L);
        CopyPartResult piece = session.client.copyPart(some);
        assertEquals(Bytes.etag(content.substring(10, 20)), piece.getEtag());
        some.setByteRangeEnd(2L * PART + 1);
        assertRefused(416, "InvalidRange", () -> session.client.copyPart(some));
        complete(session, bucket, "copy", upload, new PartEtag(whole.getEtag(), 1), new PartEtag(piece.getEtag(), 2));
        assertEquals(content + content.substring(10, 20), session.content(bucket, "copy"));
    }

    @BothModes({"ListParts", "AbortMultipartUpload"})
    void theListOfParts(Session session) {
        ObsClient client = session.client;
        String bucket = session.bucket();
        String upload = begin(session, bucket, "a b");
        for (int number : List.of(1, 2, 5, 9)) {
            part(session, bucket, "a b", upload, number, "x".repeat(number));
        }
        List<String> found = new ArrayList<>();
        ListPartsRequest request = new ListPartsRequest(bucket, "a b", upload, 3, null, "url");
        ListPartsResult page;
        do {
            page = client.listParts(request);
            assertEquals(List.of(bucket, "a b", upload), List.of(page.getBucket(), page.getKey(), page.getUploadId()));
            assertEquals(session.accountId(client), page.getOwner().getId());
            assertEquals(StorageClassEnum.STANDARD, page.getObjectStorageClass());
            assertEquals(3, page.getMaxParts());
            for (Multipart part : page.getMultipartList()) {
                assertEquals(Bytes.etag("x".repeat(part.getPartNumber())), part.getEtag());
                assertNotNull(part.getLastModified());
                found.add(part.getPartNumber() + ":" + part.getSize());
            }
            request.setPartNumberMarker(Integer.parseInt(page.getNextPartNumberMarker()));
        } while (page.isTruncated());
        assertEquals(List.of("1:1", "2:2", "5:5", "9:9"), found);
        AbortMultipartUploadRequest abort = new AbortMultipartUploadRequest(bucket, "a b", upload);
        assertEquals(204, client.abortMultipartUpload(abort).getStatusCode());
        assertRefused(404, "NoSuchUpload", () -> client.listParts(request));
        assertRefused(404, "NoSuchUpload", () -> client.abortMultipartUpload(abort));
        session.assertUsage(bucket, 0, 0);
    }

    @BothModes({"ListMultipartUploads"})
    void theListOfUploads(Session session) {
        ObsClient client = session.client;
        String bucket = session.bucket();
        List<String> keys = List.of("a", "a", "b/1", "b/2 ü", "c");
        Set<String> uploads = new HashSet<>();
        keys.forEach(key -> uploads.add(begin(session, bucket, key)));
        assertEquals(keys, keys(session, client.listMultipartUploads(new ListMultipartUploadsRequest(bucket))));
        for (String encoding : new String[] {null, "url"}) {
            ListMultipartUploadsRequest prefixed = new ListMultipartUploadsRequest(bucket);
            prefixed.setPrefix("b/");
            prefixed.setEncodingType(encoding);
            assertEquals(keys.subList(2, 4), keys(session, client.listMultipartUploads(prefixed)));
        }
        ListMultipartUploadsRequest grouped = new ListMultipartUploadsRequest(bucket);
        grouped.setDelimiter("/");
        MultipartUploadListing groups = client.listMultipartUploads(grouped);
        assertEquals(List.of("a", "a", "c"), keys(session, groups));
        // The SDK gives every prefix twice: it collects them anew each time it is asked.
        assertEquals(Set.of("b/"), new HashSet<>(List.of(groups.getCommonPrefixes())));
        List<String> found = new ArrayList<>();
        ListMultipartUploadsRequest request = new ListMultipartUploadsRequest(bucket, 1);
        MultipartUploadListing page;
        do {
            page = client.listMultipartUploads(request);
            assertEquals(1, page.getMaxUploads());
            found.addAll(keys(session, page));
            assertTrue(found.size() <= keys.size(), "the listing does not end");
            request.setKeyMarker(page.getNextKeyMarker());
            request.setUploadIdMarker(page.getNextUploadIdMarker());
        } while (page.isTruncated());
        assertEquals(keys, found);
        assertRefused(409, "BucketNotEmpty", () -> client.deleteBucket(bucket));
        for (MultipartUpload upload : client.listMultipartUploads(new ListMultipartUploadsRequest(bucket)).getMultipartTaskList()) {
            assertTrue(uploads.remove(upload.getUploadId()));
            client.abortMultipartUpload(new AbortMultipartUploadRequest(bucket, upload.getObjectKey(), upload.getUploadId()));
        }
        assertEquals(Set.of(), uploads);
    }

    private static List<String> keys(Session session, MultipartUploadListing listing) {
        for (MultipartUpload upload : listing.getMultipartTaskList()) {
            assertNotNull(upload.getInitiatedDate());
            assertEquals(session.accountId(session.client), upload.getOwner().getId());
        }
        return listing.getMultipartTaskList().stream().map(MultipartUpload::getObjectKey).toList();
    }

    @BothModes({"CompleteMultipartUpload"})
    void uploadsThatFail(Session session) {
        String bucket = session.bucket();
        String upload = begin(session, bucket, "a");
        PartEtag small = part(session, bucket, "a", upload, 1, "small");
        PartEtag last = part(session, bucket, "a", upload, 2, "last");
        assertRefused(404, "NoSuchUpload", () -> complete(session, bucket, "a", "0123456789ABCDEF0123456789ABCDEF", small));
        PartEtag missing = new PartEtag(last.getEtag(), 3);
        assertRefused(400, "InvalidPart", () -> complete(session, bucket, "a", upload, small, missing));
        PartEtag other = new PartEtag(small.getEtag(), 2);
        assertRefused(400, "InvalidPart", () -> complete(session, bucket, "a", upload, small, other));
        assertRefused(400, "EntityTooSmall", () -> complete(session, bucket, "a", upload, small, last));
        session.assertUsage(bucket, 9, 0);
        // After all these, it can still be completed; once more changes nothing.
        String etag = complete(session, bucket, "a", upload, last).getEtag();
        assertEquals(etag, complete(session, bucket, "a", upload, last).getEtag());
        assertEquals("last", session.content(bucket, "a"));
        session.assertUsage(bucket, 4, 1);
    }
}
