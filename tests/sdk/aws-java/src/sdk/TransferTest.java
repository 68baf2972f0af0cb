package sdk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static sdk.Support.S3;
import static sdk.Support.assertRefused;
import static sdk.Support.bucket;
import static sdk.Support.get;
import static sdk.Support.pattern;
import static sdk.Support.put;

import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.async.BlockingInputStreamAsyncRequestBody;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.NoSuchUploadException;
import software.amazon.awssdk.services.s3.model.ObjectAttributes;
import software.amazon.awssdk.services.s3.model.Part;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.UploadPartResponse;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;
import software.amazon.awssdk.services.sts.StsClient;
import software.amazon.awssdk.services.sts.model.Credentials;
import software.amazon.awssdk.services.sts.model.StsException;
import software.amazon.awssdk.transfer.s3.S3TransferManager;
import software.amazon.awssdk.transfer.s3.model.Upload;

/** Uploads by the SDK's manager and by hand, signed URLs, and sessions of the token service. */
class TransferTest {
    private static final int MIB = 1 << 20;

    @TempDir
    Path folder;

    private static S3AsyncClient parallel() {
        return S3AsyncClient.builder().forcePathStyle(true).multipartEnabled(true).build();
    }

    @Test
    void theManagerSendsAStreamOfUnknownLength() {
        String bucket = bucket();
        byte[] content = pattern(20 * MIB + 1);
        try (S3AsyncClient client = parallel(); S3TransferManager manager = S3TransferManager.builder().s3Client(client).build()) {
            BlockingInputStreamAsyncRequestBody body = AsyncRequestBody.forBlockingInputStream(null);
            Upload upload = manager.upload(all -> all.requestBody(body).putObjectRequest(put -> put.bucket(bucket).key("large")));
            body.writeInputStream(new ByteArrayInputStream(content));
            upload.completionFuture().join();
        }
        assertArrayEquals(content, get(bucket, "large").asByteArray());
        assertEquals(3, S3.getObjectAttributes(request -> request.bucket(bucket).key("large")
                .objectAttributes(ObjectAttributes.OBJECT_PARTS)).objectParts().totalPartsCount());
    }

    @Test
    void theManagerSendsAndFetchesFiles() throws Exception {
        String bucket = bucket();
        byte[] content = pattern(20 * MIB + 1);
        Path there = Files.write(folder.resolve("there"), content);
        Path back = folder.resolve("back");
        try (S3AsyncClient client = parallel(); S3TransferManager manager = S3TransferManager.builder().s3Client(client).build()) {
            manager.uploadFile(all -> all.source(there).putObjectRequest(put -> put.bucket(bucket).key("k")))
                    .completionFuture().join();
            manager.downloadFile(all -> all.destination(back).getObjectRequest(get -> get.bucket(bucket).key("k")))
                    .completionFuture().join();
        }
        assertArrayEquals(content, Files.readAllBytes(back));
    }

    @Test
    void anUploadByHand() {
        String bucket = bucket();
        List<byte[]> parts = List.of(pattern(5 * MIB), "the end".getBytes());
        String id = S3.createMultipartUpload(request -> request.bucket(bucket).key("k")).uploadId();
        assertEquals(id, S3.listMultipartUploads(request -> request.bucket(bucket)).uploads().get(0).uploadId());
        List<CompletedPart> completed = new ArrayList<>();
        for (byte[] part : parts) {
            int number = completed.size() + 1;
            UploadPartResponse sent = S3.uploadPart(
                    request -> request.bucket(bucket).key("k").uploadId(id).partNumber(number), RequestBody.fromBytes(part));
            completed.add(CompletedPart.builder().partNumber(number).eTag(sent.eTag()).checksumCRC32(sent.checksumCRC32()).build());
        }
        List<Part> listed = S3.listParts(request -> request.bucket(bucket).key("k").uploadId(id)).parts();
        assertEquals(parts.stream().map(part -> (long) part.length).toList(), listed.stream().map(Part::size).toList());
        CompletedPart wrong = CompletedPart.builder().partNumber(1).eTag(completed.get(1).eTag()).build();
        assertRefused(S3Exception.class, 400, "InvalidPart", () -> complete(bucket, id, List.of(wrong)));
        assertTrue(complete(bucket, id, completed).endsWith("-2\""));
        byte[] whole = get(bucket, "k").asByteArray();
        assertEquals(5 * MIB + 7, whole.length);
        assertEquals("the end", new String(whole, 5 * MIB, 7));
    }

    private static String complete(String bucket, String id, List<CompletedPart> parts) {
        return S3.completeMultipartUpload(request -> request.bucket(bucket).key("k").uploadId(id)
                .multipartUpload(all -> all.parts(parts))).eTag();
    }

    @Test
    void anUploadThatIsGivenUp() {
        String bucket = bucket();
        String id = S3.createMultipartUpload(request -> request.bucket(bucket).key("k")).uploadId();
        S3.abortMultipartUpload(request -> request.bucket(bucket).key("k").uploadId(id));
        assertRefused(S3Exception.class, 404, "NoSuchUpload", () -> S3.uploadPart(
                request -> request.bucket(bucket).key("k").uploadId(id).partNumber(1), RequestBody.fromString("x")));
        assertRefused(NoSuchUploadException.class, 404, "NoSuchUpload",
                () -> S3.abortMultipartUpload(request -> request.bucket(bucket).key("k").uploadId("none")));
    }

    @Test
    void signedAddresses() throws Exception {
        String bucket = bucket();
        S3Configuration style = S3Configuration.builder().pathStyleAccessEnabled(true).build();
        try (S3Presigner signer = S3Presigner.builder().serviceConfiguration(style).build()) {
            URI to = signer.presignPutObject(sign -> sign.signatureDuration(Duration.ofMinutes(1))
                    .putObjectRequest(put -> put.bucket(bucket).key("a b/ü"))).url().toURI();
            assertEquals(200, send(HttpRequest.newBuilder(to).PUT(BodyPublishers.ofString("hello"))).statusCode());
            URI from = signer.presignGetObject(sign -> sign.signatureDuration(Duration.ofMinutes(1))
                    .getObjectRequest(get -> get.bucket(bucket).key("a b/ü"))).url().toURI();
            assertEquals("hello", send(HttpRequest.newBuilder(from)).body());
            HttpResponse<String> other = send(HttpRequest.newBuilder(from).DELETE());
            assertEquals(403, other.statusCode());
            assertTrue(other.body().contains("<Code>SignatureDoesNotMatch</Code>"), other.body());
        }
    }

    private static HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return HttpClient.newHttpClient().send(request.build(), BodyHandlers.ofString());
    }

    @Test
    void aSessionMayDoWhatItsPolicyAllows() {
        String bucket = bucket();
        put(bucket, "a", "hello");
        try (StsClient service = StsClient.create()) {
            String account = service.getCallerIdentity().account();
            assertEquals("arn:aws:iam::" + account + ":root", service.getCallerIdentity().arn());
            String policy = """
                    {"Version": "2012-10-17", "Statement":
                      [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::%s/*"}]}
                    """.formatted(bucket);
            Credentials reading = service.assumeRole(role -> role.roleArn("arn:aws:iam::" + account + ":role/reader")
                    .roleSessionName("test").policy(policy)).credentials();
            try (S3Client reader = connect(reading)) {
                assertEquals("hello", reader.getObjectAsBytes(get -> get.bucket(bucket).key("a")).asUtf8String());
                assertRefused(S3Exception.class, 403, "AccessDenied",
                        () -> reader.putObject(put -> put.bucket(bucket).key("b"), RequestBody.empty()));
            }
            try (S3Client whole = connect(service.getSessionToken(token -> token.durationSeconds(900)).credentials())) {
                whole.putObject(put -> put.bucket(bucket).key("b"), RequestBody.empty());
            }
            assertRefused(StsException.class, 403, "AccessDenied", () -> service.assumeRole(
                    role -> role.roleArn("arn:aws:iam::123456789012:role/reader").roleSessionName("test")));
        }
    }

    private static S3Client connect(Credentials keys) {
        AwsSessionCredentials session =
                AwsSessionCredentials.create(keys.accessKeyId(), keys.secretAccessKey(), keys.sessionToken());
        return S3Client.builder().forcePathStyle(true).credentialsProvider(StaticCredentialsProvider.create(session)).build();
    }
}
