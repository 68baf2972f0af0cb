//! The vectors of the references, what is read liberally and what strictly, and that nothing depends on where a body is
//! cut.

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::error::Code;
use crate::limits;
use crate::wire::Head;
use crate::wire::address::Endpoints;

type Outcome = std::result::Result<Vec<u8>, Code>;

const CHECKSUM: &str = "x-amz-checksum-crc32c";

fn plan(framing: Framing, length: usize, trailers: &[&str]) -> Plan {
    Plan { framing, length: length as u64, trailers: trailers.iter().map(|name| (*name).to_owned()).collect() }
}

fn unsigned(length: usize, trailers: &[&str]) -> Decoder {
    Decoder::new(plan(Framing::Unsigned, length, trailers), None).unwrap()
}

fn signed(length: usize, trailers: &[&str], has_trailer: bool) -> Decoder {
    Decoder::new(plan(Framing::Signed { has_trailer }, length, trailers), Some(chain())).unwrap()
}

fn chain() -> Chain {
    Chain::new(&[7; 32], "20150701T032745Z", "20150701/us-east-1/s3/aws4_request", &"0".repeat(64))
}

/// What a body in these pieces comes to.
fn decode<'a>(decoder: &mut Decoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut data = Vec::new();
    for piece in pieces {
        let mut input = Bytes::copy_from_slice(piece);
        while let Some(piece) = decoder.decode(&mut input).map_err(|error| error.code())? {
            assert!(!piece.is_empty());
            data.extend_from_slice(&piece);
        }
        assert!(input.is_empty());
    }
    decoder.finish().map_err(|error| error.code())?;
    Ok(data)
}

/// Data in signed chunks of these sizes, as a client sends it.
fn sign(mut chain: Chain, data: &[u8], sizes: &[usize], trailer: Option<&[(&str, &str)]>) -> Vec<u8> {
    let (mut body, mut rest) = (Vec::new(), data);
    for size in sizes.iter().chain(&[0]) {
        let (chunk, after) = rest.split_at(*size);
        rest = after;
        let signature = chain.sign_chunk(Sha256::digest(chunk).into());
        body.extend_from_slice(format!("{size:x};chunk-signature={signature}\r\n").as_bytes());
        body.extend_from_slice(chunk);
        body.extend_from_slice(if chunk.is_empty() { b"" } else { b"\r\n" });
    }
    if let Some(trailers) = trailer {
        let lines: String = trailers.iter().map(|(name, value)| [name, ":", value, "\n"].concat()).collect();
        let signature = chain.sign_trailer(Sha256::digest(&lines).into());
        let lines = format!("{}x-amz-trailer-signature:{signature}\r\n", lines.replace('\n', "\r\n"));
        body.extend_from_slice(lines.as_bytes());
    }
    body.extend_from_slice(b"\r\n");
    body
}

mod vectors {
    use hmac::{Hmac, KeyInit as _, Mac as _};

    use super::*;

    fn hmac(key: &[u8], text: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The chain of the S3 reference's examples.
    fn published(seed: &str) -> Chain {
        let mut key = b"AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_vec();
        for part in ["20130524", "us-east-1", "s3", "aws4_request"] {
            key = hmac(&key, part).to_vec();
        }
        let key = key.try_into().unwrap();
        Chain::new(&key, "20130524T000000Z", "20130524/us-east-1/s3/aws4_request", seed)
    }

    /// The body of the examples with these signatures, as far as the trailer.
    fn body(signatures: [&str; 3]) -> Vec<u8> {
        let mut body = Vec::new();
        for (size, signature) in [65_536, 1024, 0].into_iter().zip(signatures) {
            body.extend_from_slice(format!("{size:x};chunk-signature={signature}\r\n").as_bytes());
            body.extend_from_slice(&vec![b'a'; size]);
            body.extend_from_slice(if size == 0 { b"" } else { b"\r\n" });
        }
        body
    }

    #[test]
    fn the_published_chunks_pass() {
        let mut body = body([
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ]);
        body.extend_from_slice(b"\r\n");
        // The length that the example announces.
        assert_eq!(body.len(), 66_824);
        let plan = plan(Framing::Signed { has_trailer: false }, 66_560, &[]);
        let chain = published("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
        let check = |chain: Chain, body: &[u8]| decode(&mut Decoder::new(plan.clone(), Some(chain)).unwrap(), [body]);
        assert_eq!(check(chain.clone(), &body).map(|data| data.len()), Ok(66_560));
        let other = published(&"0".repeat(64));
        assert_eq!(check(other, &body), Err(Code::SignatureDoesNotMatch));
        let last = body.len() - 3;
        for at in [20, 100, 65_000, 66_000, 66_700] {
            let mut bad = body.clone();
            bad[at] ^= 2;
            assert_eq!(check(chain.clone(), &bad), Err(Code::SignatureDoesNotMatch), "{at}");
        }
        assert_eq!(check(chain, &body[..last]), Err(Code::IncompleteBody));
    }

    #[test]
    fn the_published_trailer_passes() {
        const SIGNATURE: &str = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435";
        let mut body = body([
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        ]);
        let plan = plan(Framing::Signed { has_trailer: true }, 66_560, &[CHECKSUM]);
        let chain = published("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
        let framed = body.len();
        let mut check = |trailer: &str, expected: std::result::Result<(), Code>| {
            body.truncate(framed);
            body.extend_from_slice(trailer.as_bytes());
            let mut decoder = Decoder::new(plan.clone(), Some(chain.clone())).unwrap();
            let found = decode(&mut decoder, [body.as_slice()]);
            assert_eq!(found.map(|data| assert_eq!(data.len(), 66_560)), expected, "{trailer}");
            if expected.is_ok() {
                assert_eq!(decoder.trailers(), [(CHECKSUM.to_owned(), "sOO8/Q==".to_owned())]);
            }
        };
        check(&format!("{CHECKSUM}:sOO8/Q==\r\nx-amz-trailer-signature:{SIGNATURE}\r\n\r\n"), Ok(()));
        check(&format!("{CHECKSUM}:sOO8/Q==\n\r\nx-amz-trailer-signature:{SIGNATURE}\r\n\r\n"), Ok(()));
        check(&format!("X-Amz-Checksum-Crc32c: sOO8/Q== \r\nx-amz-trailer-signature:{SIGNATURE}"), Ok(()));
        let upper = SIGNATURE.to_ascii_uppercase();
        check(&format!("{CHECKSUM}:sOO8/Q==\r\nX-Amz-Trailer-Signature:{upper}\r\n"), Ok(()));
        let bad = Err(Code::SignatureDoesNotMatch);
        check(&format!("{CHECKSUM}:sOO8/A==\r\nx-amz-trailer-signature:{SIGNATURE}\r\n\r\n"), bad);
        check(&format!("x-amz-trailer-signature:{SIGNATURE}\r\n\r\n"), bad);
        check(&format!("{CHECKSUM}:sOO8/Q==\r\nx-amz-trailer-signature:\r\n\r\n"), bad);
        let malformed = Err(Code::MalformedTrailer);
        check(&format!("{CHECKSUM}:sOO8/Q==\r\n\r\n"), malformed);
        check("\r\n", malformed);
        check("", malformed);
        let signed = format!("{CHECKSUM}:sOO8/Q==\r\nx-amz-trailer-signature:{SIGNATURE}\r\n");
        check(&format!("{signed}{CHECKSUM}:sOO8/Q==\r\n\r\n"), malformed);
        check(&format!("{signed}\r\n0\r\n"), Err(Code::InvalidRequest));
    }
}

#[test]
fn unsigned_chunks_are_read_liberally() {
    let check = |body: &str, expected: &str| {
        let mut decoder = unsigned(expected.len(), &[]);
        assert_eq!(decode(&mut decoder, [body.as_bytes()]), Ok(expected.as_bytes().to_vec()), "{body:?}");
        assert_eq!(decoder.missing_bytes(), 0);
    };
    check("3\r\nabc\r\n0\r\n\r\n", "abc");
    check("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc");
    check("0\r\n\r\n", "");
    check("00000\r\n\r\n", "");
    check("0\r\n", "");
    check("0003\r\nabc\r\n0\r\n\r\n", "abc");
    check("A\r\n0123456789\r\n0\r\n\r\n", "0123456789");
    check("a\r\n0123456789\r\n0\r\n\r\n", "0123456789");
    check("3;a=b\r\nabc\r\n0;chunk-signature=x;c\r\n\r\n", "abc");
    check("3;\r\nabc\r\n0\r\n\r\n \r\n\t", "abc");
    check("2\r\n\r\n\r\n0\r\n\r\n", "\r\n");
}

#[test]
fn what_is_no_framing_is_refused() {
    let check = |body: &str, code: Code| {
        assert_eq!(decode(&mut unsigned(3, &[]), [body.as_bytes()]), Err(code), "{body:?}");
    };
    for body in ["", "3", "3\r", "3\r\n", "3\r\nab", "3\r\nabc", "3\r\nabc\r\n", "3\r\nabc\r\n0", "3\r\nabc\r\n0\r"] {
        check(body, Code::IncompleteBody);
    }
    check("0\r\n\r\n", Code::IncompleteBody);
    check("2\r\nab\r\n0\r\n\r\n", Code::IncompleteBody);
    check("4\r\n", Code::IncompleteBody);
    check("3\r\nabc\r\n1\r\n", Code::IncompleteBody);
    check("ffffffffffffffff\r\n", Code::IncompleteBody);
    for body in [
        "10000000000000000\r\n",
        "\r\n",
        "3\nabc\r\n",
        "+3\r\n",
        "-3\r\n",
        "0x3\r\n",
        " 3\r\n",
        "3 \r\n",
        "g\r\n",
        "abc",
        "3\r\nabcd\r\n",
        "3\r\nabc\n",
        "3\r\nabc\r\r\n",
        "3\r\nabc3",
        "3;chunk-signature=a;chunk-signature=a\r\n",
        "3\r\nabc\r\n0\r\n\r\nx",
        "3\r\nabc\r\n0\r\n\r\n0\r\n\r\n",
    ] {
        // `abc` alone may still become a size.
        let code = if body == "abc" { Code::IncompleteBody } else { Code::InvalidRequest };
        check(body, code);
    }
    check(&"0".repeat(limits::AWS_CHUNK_HEAD_BYTES_MAX + 1), Code::InvalidRequest);
    check(&format!("3\r\nabc\r\n0\r\n\r\n{}", " ".repeat(limits::AWS_TRAILER_BYTES_MAX)), Code::InvalidRequest);
}

#[test]
fn a_refused_body_stays_refused() {
    let mut decoder = unsigned(3, &[]);
    let mut input = Bytes::from_static(b"x\r\n3\r\nabc\r\n0\r\n\r\n");
    assert_eq!(decoder.decode(&mut input).unwrap_err().code(), Code::InvalidRequest);
    assert_eq!(decoder.decode(&mut input).unwrap_err().code(), Code::InvalidRequest);
    assert!(decoder.finish().is_err());
}

#[test]
fn trailers_are_those_declared() {
    const CRC32: &str = "x-amz-checksum-crc32";
    const MALFORMED: std::result::Result<&[(&str, &str)], Code> = Err(Code::MalformedTrailer);
    let check = |declared: &[&str], trailer: &str, expected: std::result::Result<&[(&str, &str)], Code>| {
        let mut decoder = unsigned(3, declared);
        let found = decode(&mut decoder, [format!("3\r\nabc\r\n0\r\n{trailer}").as_bytes()]);
        let found = found.map(|data| {
            assert_eq!(data, b"abc");
            decoder.trailers().to_vec()
        });
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        assert_eq!(found, expected.map(|pairs| pairs.iter().map(owned).collect()), "{declared:?} {trailer:?}");
    };
    for end in ["\r\n\r\n", "\n\r\n\r\n", "\r\n", "\n", ""] {
        check(&[CRC32], &format!("{CRC32}:NSRBwg=={end}"), Ok(&[(CRC32, "NSRBwg==")]));
        check(&[CRC32], &format!("X-Amz-Checksum-CRC32: NSRBwg== {end}"), Ok(&[(CRC32, "NSRBwg==")]));
    }
    check(&[CRC32, CHECKSUM], &format!("{CHECKSUM}:b\r\n{CRC32}:a:b\r\n\r\n"), Ok(&[(CHECKSUM, "b"), (CRC32, "a:b")]));
    check(&[CRC32], &format!("{CRC32}:\r\n\r\n"), Ok(&[(CRC32, "")]));
    check(&[], "\r\n", Ok(&[]));
    check(&[CRC32], "\r\n", MALFORMED);
    check(&[CRC32], "", MALFORMED);
    check(&[CRC32], &format!("{CHECKSUM}:a\r\n\r\n"), MALFORMED);
    check(&[CRC32, CHECKSUM], &format!("{CHECKSUM}:a\r\n\r\n"), MALFORMED);
    check(&[], &format!("{CHECKSUM}:a\r\n\r\n"), MALFORMED);
    check(&[CRC32], &format!("{CRC32}:a\r\n{CRC32}:a\r\n\r\n"), MALFORMED);
    check(&[CRC32], "x-amz-checksum-crc32\r\n\r\n", MALFORMED);
    check(&[CRC32], &format!("{CRC32}:a\r\nx-amz-trailer-signature:b\r\n\r\n"), MALFORMED);
    let long = format!("{CRC32}:{}\r\n\r\n", "a".repeat(limits::AWS_TRAILER_BYTES_MAX));
    check(&[CRC32], &long, Err(Code::InvalidRequest));
}

#[test]
fn signatures_cover_order_and_data() {
    let body = sign(chain(), b"abcdef", &[3, 3], None);
    let check = |decoder: &mut Decoder, body: &[u8], expected: Outcome| assert_eq!(decode(decoder, [body]), expected);
    check(&mut signed(6, &[], false), &body, Ok(b"abcdef".to_vec()));
    let bad = || Err(Code::SignatureDoesNotMatch);
    // The same chunks, changed places; the last one left out; signatures left out.
    let text = String::from_utf8(body.clone()).unwrap();
    let chunks: Vec<&str> = text.split_inclusive("\r\n").collect();
    let order = |order: &[usize]| order.iter().map(|at| chunks[*at]).collect::<String>();
    check(&mut signed(6, &[], false), order(&[2, 3, 0, 1, 4, 5]).as_bytes(), bad());
    check(&mut signed(3, &[], false), order(&[0, 1, 4, 5]).as_bytes(), bad());
    check(&mut signed(6, &[], false), order(&[0, 1, 2, 3]).as_bytes(), Err(Code::IncompleteBody));
    check(&mut signed(6, &[], false), b"6\r\nabcdef\r\n0\r\n\r\n", bad());
    check(&mut signed(0, &[], false), b"0\r\n\r\n", bad());
    // A trailer that is not covered.
    let trailing = [&body[..body.len() - 2], b"x-amz-checksum-crc32:a\r\n\r\n"].concat();
    check(&mut signed(6, &[], false), &trailing, Err(Code::MalformedTrailer));
    assert!(Decoder::new(plan(Framing::Signed { has_trailer: true }, 0, &[]), None).is_err());
    let empty = sign(chain(), b"", &[], None);
    check(&mut signed(0, &[], false), &empty, Ok(Vec::new()));
}

/// Of a chunk that is wrong nothing after the mistake is given out, nor its last bytes.
#[test]
fn the_end_of_a_chunk_waits_for_its_signature() {
    let mut body = sign(chain(), b"abcdef", &[3, 3], None);
    let at = body.windows(3).position(|window| window == b"def").unwrap();
    body[at + 2] = b'x';
    let mut decoder = signed(6, &[], false);
    let (mut first, mut second) = (Bytes::copy_from_slice(&body[..=at]), Bytes::copy_from_slice(&body[at + 1..]));
    assert_eq!(decoder.decode(&mut first).unwrap().unwrap(), "abc");
    assert_eq!(decoder.decode(&mut first).unwrap().unwrap(), "d");
    assert!(decoder.decode(&mut first).unwrap().is_none());
    assert_eq!(decoder.decode(&mut second).unwrap_err().code(), Code::SignatureDoesNotMatch);
}

fn head(lines: &[(&str, &str)]) -> Head {
    let request = hyper::Request::put("/photos/k").header("host", "localhost");
    let request = lines.iter().fold(request, |request, line| request.header(line.0, line.1));
    Head::parse(request.body(()).unwrap().into_parts().0, &Endpoints::default()).unwrap()
}

#[test]
fn a_head_announces_its_framing() {
    const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let sent = |line: (&str, &str), hash: &str| {
        Plan::of(&head(&[("x-amz-content-sha256", hash), ("x-amz-decoded-content-length", "3"), line]))
            .map_err(|error| error.code())
    };
    let none = ("accept", "*/*");
    let planned = |framing, trailers: &[&str]| Ok(Some(plan(framing, 3, trailers)));
    assert_eq!(sent(none, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), planned(Framing::Unsigned, &[]));
    assert_eq!(sent(none, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), planned(Framing::Signed { has_trailer: false }, &[]));
    for (value, expected) in [
        (CHECKSUM, &[CHECKSUM][..]),
        ("X-Amz-Checksum-CRC32C , x-amz-checksum-crc32c", &[CHECKSUM]),
        ("x-amz-checksum-crc32c,x-amz-checksum-sha1", &[CHECKSUM, "x-amz-checksum-sha1"]),
    ] {
        let trailer = ("x-amz-trailer", value);
        let signed = Framing::Signed { has_trailer: true };
        assert_eq!(sent(trailer, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"), planned(signed, expected));
        assert_eq!(sent(trailer, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), planned(Framing::Unsigned, expected));
        assert_eq!(sent(trailer, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), Err(Code::InvalidRequest));
        assert_eq!(sent(trailer, "UNSIGNED-PAYLOAD"), Err(Code::InvalidRequest));
    }
    for bad in ["", "x-amz-meta-a", "x-amz-checksum-crc32,,", "content-md5"] {
        let code = sent(("x-amz-trailer", bad), "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        assert_eq!(code, Err(Code::InvalidRequest), "{bad}");
    }
    let many: Vec<String> = (0..=limits::AWS_TRAILER_COUNT_MAX).map(|at| format!("x-amz-checksum-{at}")).collect();
    let many = sent(("x-amz-trailer", &many.join(",")), "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    assert_eq!(many, Err(Code::InvalidRequest));
    for hash in ["UNSIGNED-PAYLOAD", HASH] {
        assert_eq!(sent(none, hash), Err(Code::InvalidRequest));
        assert_eq!(Plan::of(&head(&[("x-amz-content-sha256", hash)])).unwrap(), None);
    }
    assert_eq!(Plan::of(&head(&[("x-amz-acl", "private")])).unwrap(), None);
    for bad in ["", "abc", &HASH[1..], "STREAMING-UNSIGNED-PAYLOAD", "unsigned-payload"] {
        assert_eq!(sent(none, bad), Err(Code::InvalidArgument), "{bad}");
    }
    for v4a in ["STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"] {
        assert_eq!(sent(none, v4a), Err(Code::ServiceNotImplemented));
    }
    let obs = head(&[("x-obs-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), ("x-obs-acl", "private")]);
    assert_eq!(Plan::of(&obs).unwrap(), None);
}

#[test]
fn the_length_is_that_of_the_data() {
    let check = |lines: &[(&str, &str)], expected: std::result::Result<Option<u64>, Code>| {
        assert_eq!(head(lines).body_length().map_err(|error| error.code()), expected, "{lines:?}");
    };
    let streaming = ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    check(&[("content-length", "9")], Ok(Some(9)));
    check(&[streaming, ("content-length", "9"), ("x-amz-decoded-content-length", "3")], Ok(Some(3)));
    check(&[streaming, ("content-length", "9")], Ok(None));
    assert_eq!(Plan::of(&head(&[streaming])).unwrap_err().code(), Code::MissingContentLength);
    for bad in ["", "+3", "3 3", "18446744073709551616"] {
        check(&[streaming, ("x-amz-decoded-content-length", bad)], Err(Code::InvalidContentLength));
    }
    let twice = [streaming, ("x-amz-decoded-content-length", "3"), ("x-amz-decoded-content-length", "3")];
    check(&twice, Err(Code::MultipleContentLengths));
}

#[tokio::test]
async fn a_body_is_its_data_and_then_its_trailers() {
    const BODY: &str = "3\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32c:a\r\n\r\n";
    for size in [1, 2, 7, 100] {
        let pieces = BODY.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
        let framed = ChunkedBody::new(RequestBody::Pieces(pieces), unsigned(5, &[CHECKSUM]));
        let mut body = RequestBody::AwsChunked(Box::new(framed));
        assert_eq!(body.length(), Some(5));
        let mut data = Vec::new();
        while let Some(piece) = body.next().await.unwrap() {
            assert!(!body.is_end() && body.trailer(CHECKSUM).is_none());
            data.extend_from_slice(&piece);
            assert_eq!(body.length(), Some(5 - data.len() as u64));
        }
        assert_eq!(data, b"abcde");
        assert!(body.is_end() && body.next().await.unwrap().is_none());
        assert_eq!((body.trailer(CHECKSUM), body.trailer("x-amz-checksum-sha1")), (Some("a"), None));
    }
}

#[tokio::test]
async fn a_body_that_ends_early_has_no_end() {
    let framed = ChunkedBody::new(RequestBody::Full(Some(Bytes::from_static(b"3\r\nabc\r\n"))), unsigned(3, &[]));
    let mut body = RequestBody::AwsChunked(Box::new(framed));
    assert_eq!(body.collect(10).await.unwrap_err().code(), Code::IncompleteBody);
    assert!(!body.is_end() && body.into_unframed().is_end());
    let framed = ChunkedBody::new(RequestBody::Full(Some(Bytes::from_static(b"3\r\nabc\r\n"))), unsigned(3, &[]));
    let mut body = RequestBody::AwsChunked(Box::new(framed));
    assert_eq!(body.collect(2).await.unwrap_err().code(), Code::EntityTooLarge);
}

/// Where a body is cut.
fn pieces(mut body: &[u8], cuts: Vec<usize>) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    for cut in cuts {
        let (piece, rest) = body.split_at(cut.min(body.len()));
        pieces.push(piece);
        body = rest;
    }
    pieces.push(body);
    pieces
}

proptest! {
    #[test]
    fn data_comes_back_however_it_is_cut(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
        cuts in prop::collection::vec(0usize..50, 0..30),
        flip in prop::option::of((any::<prop::sample::Index>(), 1u8..)),
        has_trailer: bool,
    ) {
        let (data, sizes): (Vec<u8>, Vec<usize>) = (chunks.concat(), chunks.iter().map(Vec::len).collect());
        let trailer = has_trailer.then_some([(CHECKSUM, "sOO8/Q==")]);
        let mut body = sign(chain(), &data, &sizes, trailer.as_ref().map(|trailer| &trailer[..]));
        let declared: &[&str] = if has_trailer { &[CHECKSUM] } else { &[] };
        let decoder = || signed(data.len(), declared, has_trailer);
        if let Some((at, bits)) = flip {
            let at = at.index(body.len());
            body[at] ^= bits;
        }
        let whole = decode(&mut decoder(), [body.as_slice()]);
        if let Ok(decoded) = &whole {
            prop_assert_eq!(decoded, &data);
        } else {
            prop_assert!(flip.is_some());
        }
        prop_assert_eq!(decode(&mut decoder(), pieces(&body, cuts)), whole);
    }

    #[test]
    fn garbage_is_refused_alike_however_it_is_cut(
        body in "([0-9a-fA-F]{1,3}|;|:|\r\n|\n|x-amz-checksum-crc32c|chunk-signature=|\\PC){0,30}",
        cuts in prop::collection::vec(0usize..20, 0..30),
        length in 0usize..20,
    ) {
        let decoder = || unsigned(length, &[CHECKSUM]);
        let whole = decode(&mut decoder(), [body.as_bytes()]);
        prop_assert_eq!(decode(&mut decoder(), pieces(body.as_bytes(), cuts)), whole);
    }
}
