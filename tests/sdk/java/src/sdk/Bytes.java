package sdk;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;

/** Content for objects, and its digests. */
final class Bytes {
    private Bytes() {}

    /** Text of {@code size} bytes that differ from place to place, so that a piece in the wrong place shows. */
    static String pattern(int size) {
        StringBuilder text = new StringBuilder(size + 9);
        for (int i = 0; text.length() < size; i++) {
            text.append("%08d\n".formatted(i));
        }
        return text.substring(0, size);
    }

    /** The ETag of an object stored in one piece. */
    static String etag(String content) {
        return '"' + HexFormat.of().formatHex(digest(content.getBytes(StandardCharsets.UTF_8))) + '"';
    }

    /** The ETag of an object made of these parts. */
    static String etag(String first, String... others) {
        ByteArrayOutputStream digests = new ByteArrayOutputStream();
        digests.writeBytes(digest(first.getBytes(StandardCharsets.UTF_8)));
        for (String part : others) {
            digests.writeBytes(digest(part.getBytes(StandardCharsets.UTF_8)));
        }
        return '"' + HexFormat.of().formatHex(digest(digests.toByteArray())) + '-' + (others.length + 1) + '"';
    }

    /** As in Content-MD5. */
    static String md5(String content) {
        return Base64.getEncoder().encodeToString(digest(content.getBytes(StandardCharsets.UTF_8)));
    }

    private static byte[] digest(byte[] content) {
        try {
            return MessageDigest.getInstance("MD5").digest(content);
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }
}
