package sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static sdk.Session.assertRefused;

import com.obs.services.ObsClient;
import com.obs.services.model.BucketTypeEnum;
import com.obs.services.model.CreateBucketRequest;
import com.obs.services.model.HttpMethodEnum;
import com.obs.services.model.PostSignatureRequest;
import com.obs.services.model.PostSignatureResponse;
import com.obs.services.model.SpecialParamEnum;
import com.obs.services.model.TemporarySignatureRequest;
import com.obs.services.model.TemporarySignatureResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.io.TempDir;

/** What the SDK signs for others: URLs and forms. And what it signs with keys that run out. */
class SignedTest {
    private static final String ALPHABET = "abcdefghijklmnopqrstuvwxyz";

    /** A request by signed URL, in the making. */
    private static final class Signed {
        private final TemporarySignatureRequest request;

        Signed(HttpMethodEnum method, String bucket, String key, SpecialParamEnum resource) {
            request = new TemporarySignatureRequest(method, bucket, key, resource, 60);
        }

        Signed header(String name, String value) {
            request.getHeaders().put(name, value);
            return this;
        }

        Signed query(String name, String value) {
            request.getQueryParams().put(name, value);
            return this;
        }

        Session.Answer send(ObsClient client, String body) {
            TemporarySignatureResponse signed = client.createTemporarySignature(request);
            return Session.fetch(request.getMethod().getOperationType(), signed.getSignedUrl(),
                    signed.getActualSignedRequestHeaders(), body == null ? null : body.getBytes(StandardCharsets.UTF_8));
        }

        /** Sends it; it must be answered with this status. Gives the body. */
        String accept(ObsClient client, int status, String body) {
            Session.Answer answer = send(client, body);
            assertEquals(status, answer.status(), answer.body());
            return answer.body();
        }
    }

    private static Signed url(HttpMethodEnum method, String bucket, String key, SpecialParamEnum resource) {
        return new Signed(method, bucket, key, resource);
    }

    // The SDK signs no URL without a bucket, hence none for ListBuckets.
    @BothModes({"CreateBucket", "HeadBucket", "DeleteBucket", "ListObjects", "GetBucketLocation",
        "PutBucketQuota", "GetBucketQuota", "GetBucketStorageInfo", "PutBucketAcl", "GetBucketAcl", "PutBucketPolicy",
        "GetBucketPolicy", "DeleteBucketPolicy", "PutBucketCors", "GetBucketCors", "DeleteBucketCors", "PutBucketVersioning",
        "GetBucketVersioning", "PutBucketTagging", "GetBucketTagging", "DeleteBucketTagging", "PutBucketRequestPayment",
        "GetBucketRequestPayment", "ListObjectVersions"})
    void urlsOfBuckets(Session session) {
        ObsClient client = session.client;
        String name = session.newName();
        HttpMethodEnum get = HttpMethodEnum.GET;
        HttpMethodEnum put = HttpMethodEnum.PUT;
        HttpMethodEnum delete = HttpMethodEnum.DELETE;
        url(put, name, null, null).accept(client, 200, null);
        url(HttpMethodEnum.HEAD, name, null, null).accept(client, 200, null);
        String listing = url(get, name, null, null).query("prefix", "a b/").query("max-keys", "7").accept(client, 200, null);
        assertTrue(listing.contains("<Prefix>a b/</Prefix>") && listing.contains("<MaxKeys>7</MaxKeys>"), listing);
        assertTrue(url(get, name, null, SpecialParamEnum.LOCATION).accept(client, 200, null).contains(Gateway.REGION));
        url(put, name, null, SpecialParamEnum.QUOTA).accept(client, 200, "<Quota><StorageQuota>4711</StorageQuota></Quota>");
        assertTrue(url(get, name, null, SpecialParamEnum.QUOTA).accept(client, 200, null).contains(">4711<"));
        assertTrue(url(get, name, null, SpecialParamEnum.STORAGEINFO).accept(client, 200, null).contains("<Size>0</Size>"));

        String acl = session.mode.pick("x-obs-acl", "x-amz-acl");
        url(put, name, null, SpecialParamEnum.ACL).header(acl, "public-read").accept(client, 200, null);
        assertTrue(url(get, name, null, SpecialParamEnum.ACL).accept(client, 200, null).contains("<Permission>READ<"));
        String policy = AccessTest.policy(session, "Allow", "*", "GetObject", name + "/*");
        url(put, name, null, SpecialParamEnum.POLICY).accept(client, 204, policy);
        assertEquals(policy, url(get, name, null, SpecialParamEnum.POLICY).accept(client, 200, null));
        url(delete, name, null, SpecialParamEnum.POLICY).accept(client, 204, null);
        String cors = "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
                + "</CORSRule></CORSConfiguration>";
        url(put, name, null, SpecialParamEnum.CORS).header("Content-MD5", Bytes.md5(cors)).accept(client, 200, cors);
        assertTrue(url(get, name, null, SpecialParamEnum.CORS).accept(client, 200, null).contains(">GET<"));
        url(delete, name, null, SpecialParamEnum.CORS).accept(client, 204, null);
        String tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
        url(put, name, null, SpecialParamEnum.TAGGING).header("Content-MD5", Bytes.md5(tags)).accept(client, 204, tags);
        assertTrue(url(get, name, null, SpecialParamEnum.TAGGING).accept(client, 200, null).contains("<Key>a</Key>"));
        url(delete, name, null, SpecialParamEnum.TAGGING).accept(client, 204, null);
        url(put, name, null, SpecialParamEnum.VERSIONING)
                .accept(client, 200, "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>");
        assertTrue(url(get, name, null, SpecialParamEnum.VERSIONING).accept(client, 200, null).contains(">Suspended<"));
        url(get, name, null, SpecialParamEnum.VERSIONS).accept(client, 200, null);
        url(put, name, null, SpecialParamEnum.REQUEST_PAYMENT)
                .accept(client, 200, "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>");
        assertTrue(url(get, name, null, SpecialParamEnum.REQUEST_PAYMENT).accept(client, 200, null).contains("BucketOwner"));
        url(delete, name, null, null).accept(client, 204, null);
    }

    @BothModes({"PutObject", "GetObject", "HeadObject", "CopyObject", "PutObjectAcl", "GetObjectAcl", "AppendObject",
        "SetObjectMetadata", "PutObjectTagging", "GetObjectTagging", "DeleteObjectTagging", "DeleteObjects", "DeleteObject"})
    void urlsOfObjects(Session session) {
        ObsClient client = session.client;
        String bucket = session.bucket();
        String key = "a b/ü+c";
        String prefix = session.mode.pick("x-obs-", "x-amz-");
        url(HttpMethodEnum.PUT, bucket, key, null).header("Content-Type", "text/x-letters")
                .header(prefix + "meta-colour", "blue").accept(client, 200, ALPHABET);
        Session.Answer head = url(HttpMethodEnum.HEAD, bucket, key, null).send(client, null);
        assertEquals("text/x-letters", head.header("Content-Type"));
        assertEquals("blue", head.header(prefix + "meta-colour"));
        Session.Answer read = url(HttpMethodEnum.GET, bucket, key, null)
                .query("response-content-type", "text/x-asked").send(client, null);
        assertEquals(List.of(200, "text/x-asked", ALPHABET), List.of(read.status(), read.header("Content-Type"), read.body()));
        url(HttpMethodEnum.PUT, bucket, "copy", null).header(prefix + "copy-source", "/" + bucket + "/a%20b/%C3%BC%2Bc")
                .accept(client, 200, null);
        url(HttpMethodEnum.PUT, bucket, "copy", SpecialParamEnum.ACL).header(prefix + "acl", "public-read")
                .accept(client, 200, null);
        assertTrue(url(HttpMethodEnum.GET, bucket, "copy", SpecialParamEnum.ACL).accept(client, 200, null).contains(">READ<"));
        url(HttpMethodEnum.PUT, bucket, "copy", SpecialParamEnum.METADATA)
                .header(prefix + "metadata-directive", "REPLACE_NEW").header("Content-Type", "text/plain")
                .accept(client, 200, null);
        assertEquals("text/plain", client.getObjectMetadata(bucket, "copy").getContentType());
        String tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
        url(HttpMethodEnum.PUT, bucket, "copy", SpecialParamEnum.TAGGING).header("Content-MD5", Bytes.md5(tags))
                .accept(client, 200, tags);
        assertTrue(url(HttpMethodEnum.GET, bucket, "copy", SpecialParamEnum.TAGGING).accept(client, 200, null).contains(">a<"));
        url(HttpMethodEnum.DELETE, bucket, "copy", SpecialParamEnum.TAGGING).accept(client, 204, null);
        url(HttpMethodEnum.POST, bucket, "log", SpecialParamEnum.APPEND).query("position", "0").accept(client, 200, "one");
        assertEquals("one", session.content(bucket, "log"));
        String document = "<Delete><Object><Key>log</Key></Object><Object><Key>copy</Key></Object></Delete>";
        url(HttpMethodEnum.POST, bucket, null, SpecialParamEnum.DELETE).header("Content-MD5", Bytes.md5(document))
                .accept(client, 200, document);
        url(HttpMethodEnum.DELETE, bucket, key, null).accept(client, 204, null);
        session.assertUsage(bucket, 0, 0);
    }

    @BothModes({"InitiateMultipartUpload", "UploadPart", "CopyPart", "ListParts", "ListMultipartUploads",
        "CompleteMultipartUpload", "AbortMultipartUpload"})
    void urlsOfUploads(Session session) {
        ObsClient client = session.client;
        String bucket = session.bucket();
        String content = Bytes.pattern(MultipartTest.PART);
        session.put(bucket, "source", "copied");
        String upload = upload(client, bucket, "a");
        url(HttpMethodEnum.PUT, bucket, "a", null).query("uploadId", upload).query("partNumber", "1")
                .accept(client, 200, content);
        url(HttpMethodEnum.PUT, bucket, "a", null).query("uploadId", upload).query("partNumber", "2")
                .header(session.mode.pick("x-obs-", "x-amz-") + "copy-source", "/" + bucket + "/source")
                .accept(client, 200, null);
        assertTrue(url(HttpMethodEnum.GET, bucket, "a", null).query("uploadId", upload).accept(client, 200, null)
                .contains("<PartNumber>2</PartNumber>"));
        assertTrue(url(HttpMethodEnum.GET, bucket, null, SpecialParamEnum.UPLOADS).accept(client, 200, null).contains(upload));
        String document = """
                <CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part>\
                <Part><PartNumber>2</PartNumber><ETag>%s</ETag></Part></CompleteMultipartUpload>"""
                .formatted(Bytes.etag(content), Bytes.etag("copied"));
        url(HttpMethodEnum.POST, bucket, "a", null).query("uploadId", upload).accept(client, 200, document);
        assertEquals(content + "copied", session.content(bucket, "a"));
        String other = upload(client, bucket, "b");
        url(HttpMethodEnum.DELETE, bucket, "b", null).query("uploadId", other).accept(client, 204, null);
    }

    private static String upload(ObsClient client, String bucket, String key) {
        String begun = url(HttpMethodEnum.POST, bucket, key, SpecialParamEnum.UPLOADS).accept(client, 200, null);
        Matcher found = Pattern.compile("<UploadId>(.*?)</UploadId>").matcher(begun);
        assertTrue(found.find(), begun);
        return found.group(1);
    }

    @BothModes({"ModifyObject", "TruncateObject", "RenameObject"})
    void urlsOfFiles(Session session) {
        ObsClient client = session.client;
        CreateBucketRequest request = new CreateBucketRequest();
        request.setBucketType(BucketTypeEnum.PFS);
        String bucket = session.bucket(request);
        session.put(bucket, "file", "0123456789");
        url(HttpMethodEnum.PUT, bucket, "file", SpecialParamEnum.MODIFY).query("position", "2").accept(client, 200, "abc");
        url(HttpMethodEnum.PUT, bucket, "file", SpecialParamEnum.TRUNCATE).query("length", "6").accept(client, 204, null);
        url(HttpMethodEnum.POST, bucket, "file", SpecialParamEnum.RENAME).query("name", "new name").accept(client, 204, null);
        assertEquals("01abc5", session.content(bucket, "new name"));
    }

    @BothModes({})
    void urlsOpenNothingElse(Session session) {
        String bucket = session.bucket();
        session.put(bucket, "a", "a");
        session.put(bucket, "b", "b");
        String good = session.client.createTemporarySignature(
                new TemporarySignatureRequest(HttpMethodEnum.GET, bucket, "a", null, 60)).getSignedUrl();
        assertEquals("a", Session.fetch("GET", good, Map.of(), null).body());
        assertEquals(403, Session.fetch("GET", good.replace("/a?", "/b?"), Map.of(), null).status());
        assertEquals(403, Session.fetch("DELETE", good, Map.of(), null).status());
        assertEquals(403, Session.fetch("GET", good.replace("Expires=", "Expires=1"), Map.of(), null).status());
        session.assertUsage(bucket, 2, 2);
    }

    /** Sends a form as a browser would; the file is its last field. */
    private static Session.Answer post(Session session, String bucket, Map<String, String> fields, String file) {
        String boundary = "----boundary0123456789";
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        fields.forEach((name, value) -> body.writeBytes("--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n"
                .formatted(boundary, name, value).getBytes(StandardCharsets.UTF_8)));
        body.writeBytes(("--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"name.txt\"\r\n"
                + "Content-Type: text/plain\r\n\r\n%s\r\n--%s--\r\n").formatted(boundary, file, boundary)
                .getBytes(StandardCharsets.UTF_8));
        return Session.fetch("POST", session.url(bucket, ""),
                Map.of("Content-Type", "multipart/form-data; boundary=" + boundary), body.toByteArray());
    }

    @BothModes({"PostObject"})
    void forms(Session session) {
        String bucket = session.bucket();
        String prefix = session.mode.pick("x-obs-", "x-amz-");
        Map<String, String> fields = new LinkedHashMap<>();
        fields.put(prefix + "acl", "public-read");
        fields.put(prefix + "meta-colour", "blue");
        fields.put("content-type", "text/x-letters");
        PostSignatureRequest request = new PostSignatureRequest(60, bucket, "form/ü");
        request.setFormParams(new HashMap<>(fields));
        PostSignatureResponse signed = session.client.createPostSignature(request);
        fields.put("key", "form/ü");
        if (session.mode == Session.Mode.OBS) {
            fields.put("token", signed.getToken());
        } else {
            fields.put("policy", signed.getPolicy());
            fields.put("signature", signed.getSignature());
            fields.put("AWSAccessKeyId", Gateway.ROOT.accessKey());
        }
        Session.Answer answer = post(session, bucket, fields, ALPHABET);
        assertEquals(204, answer.status(), answer.body());
        assertEquals(Bytes.etag(ALPHABET), answer.header("ETag"));
        assertEquals(ALPHABET, session.content(bucket, "form/ü"));
        var head = session.client.getObjectMetadata(bucket, "form/ü");
        assertEquals("text/x-letters", head.getContentType());
        assertEquals("blue", head.getUserMetadata("colour"));
        assertEquals(ALPHABET, Session.content(session.connect(null).getObject(bucket, "form/ü")));
        fields.put("key", "other");
        assertEquals(403, post(session, bucket, fields, ALPHABET).status());
        session.assertUsage(bucket, 26, 1);
    }

    @BothModes({"PutObject", "GetObject"})
    void temporaryKeys(Session session, @TempDir Path folder) throws IOException, InterruptedException {
        String account = session.newName();
        ObsClient owner = session.account(account);
        String bucket = session.newName();
        owner.createBucket(bucket);
        Gateway.Key key = issue(session, account);
        ObsClient client = session.connect(key);
        client.putObject(bucket, "a", Session.stream(ALPHABET));
        assertEquals(ALPHABET, Session.content(client.getObject(bucket, "a")));
        assertEquals(ALPHABET, url(HttpMethodEnum.GET, bucket, "a", null).accept(client, 200, null));

        ObsClient without = session.connect(new Gateway.Key(key.accessKey(), key.secretKey(), null));
        assertRefused(403, "InvalidAccessKeyId", () -> without.getObject(bucket, "a"));
        ObsClient foreign = session.connect(
                new Gateway.Key(key.accessKey(), key.secretKey(), issue(session, account).token()));
        assertRefused(403, "InvalidSecurity", () -> foreign.getObject(bucket, "a"));

        String policy = session.mode.pick(
                "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"GetObject\"],\"Resource\":[\"%s/*\"]}]}",
                "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"s3:GetObject\"],\"Resource\":[\"arn:aws:s3:::%s/*\"]}]}");
        Path file = Files.writeString(folder.resolve("policy"), policy.formatted(bucket));
        ObsClient narrow = session.connect(issue(session, account, "--policy", file.toString()));
        assertEquals(ALPHABET, Session.content(narrow.getObject(bucket, "a")));
        assertRefused(403, "AccessDenied", () -> narrow.putObject(bucket, "b", Session.stream("b")));
        assertRefused(403, "AccessDenied", () -> narrow.listBuckets(null));
    }

    private static Gateway.Key issue(Session session, String account, String... arguments)
            throws IOException, InterruptedException {
        List<String> words = new ArrayList<>(List.of("key", "temporary", "--account", account, "--json"));
        words.addAll(List.of(arguments));
        return Gateway.Key.parse(session.gateway.cli(words.toArray(String[]::new)));
    }
}
