package sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.obs.services.model.ListObjectsRequest;
import com.obs.services.model.ObjectListing;
import com.obs.services.model.ObsObject;
import com.obs.services.model.StorageClassEnum;
import java.util.ArrayList;
import java.util.List;

/** Listings: order, prefix, marker, delimiter and pages. */
class ListingTest {
    private static final List<String> KEYS = List.of("a", "a/1", "a/2", "a/b/3", "b/1", "b/2", "c", "d/e/f");

    private static String filled(Session session) {
        String bucket = session.bucket();
        for (int i = KEYS.size() - 1; i >= 0; i--) {
            session.put(bucket, KEYS.get(i), KEYS.get(i));
        }
        return bucket;
    }

    private static List<String> keys(ObjectListing listing) {
        return listing.getObjects().stream().map(ObsObject::getObjectKey).toList();
    }

    private record Case(String prefix, String marker, String delimiter, List<String> keys, List<String> prefixes) {}

    @BothModes({"ListObjects"})
    void whatIsListed(Session session) {
        String bucket = filled(session);
        for (Case asked : List.of(
                new Case(null, null, null, KEYS, List.of()),
                new Case("a", null, null, KEYS.subList(0, 4), List.of()),
                new Case("zzz", null, null, List.of(), List.of()),
                new Case(null, "b/1", null, KEYS.subList(5, 8), List.of()),
                new Case(null, "b", null, KEYS.subList(4, 8), List.of()),
                new Case(null, null, "/", List.of("a", "c"), List.of("a/", "b/", "d/")),
                new Case("a/", null, "/", List.of("a/1", "a/2"), List.of("a/b/")),
                new Case(null, "a/", "/", List.of("c"), List.of("b/", "d/")),
                new Case(null, null, "e/", KEYS.subList(0, 7), List.of("d/e/")))) {
            for (String encoding : new String[] {null, "url"}) {
                ObjectListing listing = session.client.listObjects(new ListObjectsRequest(
                        bucket, asked.prefix(), asked.marker(), asked.delimiter(), 1000, encoding));
                assertEquals(asked.keys(), keys(listing), asked.toString());
                assertEquals(asked.prefixes(), listing.getCommonPrefixes(), asked.toString());
                assertFalse(listing.isTruncated());
                assertEquals(bucket, listing.getBucketName());
                assertEquals(asked.prefix() == null ? "" : asked.prefix(), listing.getPrefix());
                assertEquals(Gateway.REGION, listing.getLocation());
            }
        }
    }

    @BothModes({"ListObjects"})
    void anEntryIsWhole(Session session) {
        String bucket = filled(session);
        ListObjectsRequest request = new ListObjectsRequest(bucket);
        request.setPrefix("a/b/");
        ObsObject entry = session.client.listObjects(request).getObjects().get(0);
        var head = session.client.getObjectMetadata(bucket, "a/b/3");
        assertEquals(5, entry.getMetadata().getContentLength());
        assertEquals(head.getEtag(), entry.getMetadata().getEtag());
        assertEquals(head.getLastModified().getTime() / 1000, entry.getMetadata().getLastModified().getTime() / 1000);
        assertEquals(StorageClassEnum.STANDARD, entry.getMetadata().getObjectStorageClass());
        assertEquals(session.accountId(session.client), entry.getOwner().getId());
    }

    @BothModes({"ListObjects"})
    void pages(Session session) {
        String bucket = filled(session);
        for (int size = 1; size <= KEYS.size() + 1; size++) {
            List<String> found = new ArrayList<>();
            ListObjectsRequest request = new ListObjectsRequest(bucket, size);
            ObjectListing listing;
            do {
                listing = session.client.listObjects(request);
                assertEquals(size, listing.getMaxKeys());
                found.addAll(keys(listing));
                assertTrue(found.size() <= KEYS.size(), "the listing does not end");
                request.setMarker(listing.getNextMarker());
            } while (listing.isTruncated());
            assertEquals(KEYS, found);
        }
    }
}
