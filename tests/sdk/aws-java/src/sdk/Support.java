package sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.function.Executable;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.PutObjectResponse;

/**
 * What every test gets: a client with nothing set but what the environment tells (tests/sdk/with-gateway) and path style,
 * which an endpoint by IP needs.
 */
final class Support {
    static final S3Client S3 = S3Client.builder().forcePathStyle(true).build();

    private static final AtomicInteger NUMBERS = new AtomicInteger();

    private Support() {}

    /** A new bucket. */
    static String bucket() {
        String name = "aws-java-" + NUMBERS.incrementAndGet();
        S3.createBucket(request -> request.bucket(name));
        return name;
    }

    static PutObjectResponse put(String bucket, String key, String content) {
        return S3.putObject(request -> request.bucket(bucket).key(key), RequestBody.fromString(content));
    }

    static ResponseBytes<GetObjectResponse> get(String bucket, String key) {
        return S3.getObjectAsBytes(request -> request.bucket(bucket).key(key));
    }

    static String text(String bucket, String key) {
        return get(bucket, key).asUtf8String();
    }

    /** The call is refused with this status and code, as an exception of this class. */
    static <E extends AwsServiceException> E assertRefused(Class<E> kind, int status, String code, Executable call) {
        E fault = assertThrows(kind, call);
        assertEquals(status + " " + code, fault.statusCode() + " " + fault.awsErrorDetails().errorCode(), fault.toString());
        assertNotNull(fault.requestId(), fault.toString());
        return fault;
    }

    /** Bytes that repeat after a prime number of them, so that no two parts of an upload are the same. */
    static byte[] pattern(int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i % 251);
        }
        return bytes;
    }

    /** Runs a subcommand of the gateway's against the gateway. */
    static void cli(String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(System.getenv("OBS_GATEWAY_BIN")));
        command.addAll(List.of(words));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String printed = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), printed);
    }

    static Map<String, String> who(String name) {
        return Map.of("who", name);
    }
}
