//! `POST /bucket` with a form.

use bytes::Bytes;
use obs_gateway::auth::sign_string;
use obs_gateway::limits;

use crate::form::{BOUNDARY, Form};
use crate::support::{As, DATE, Gateway, both, pattern};

/// Of `hello`, as a parameter.
const ETAG: &str = "%225d41402abc4b2a76b9719d911017c592%22";

/// An account in every way forms are signed.
fn every(name: &'static str) -> [As; 3] {
    [As::Obs(name), As::Aws(name), As::S3(name)]
}

#[tokio::test]
async fn a_form_stores_its_file() {
    let gateway = Gateway::with_bucket().await;
    for who in every("alice") {
        let form = Form::new("dir/a b", "hello")
            .field("Content-Type", "text/plain")
            .field("Cache-Control", "no-store")
            .field(&format!("{}meta-Colour", who.prefix()), "grün")
            .field("acl", "private")
            .bare("x-ignore-this", "1");
        let answer = gateway.check_post(who, &form, "204").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.text(), @r#"
            204 No Content
            etag: "5d41402abc4b2a76b9719d911017c592"
            location: http://127.0.0.1:8080/photos/dir/a%20b
            "#);
        }
        let stored = gateway.check(As::Obs("alice"), "GET /photos/dir/a%20b", "200").await;
        assert_eq!(stored.body_text(), "hello");
        assert_eq!((stored.header("content-type"), stored.header("cache-control")), ("text/plain", "no-store"));
        assert_eq!(stored.header("x-obs-meta-colour"), "grün");
        assert_eq!(gateway.used("photos").await, (5, 1));
    }
}

#[tokio::test]
async fn files_of_every_size_come_back() {
    let gateway = Gateway::with_bucket().await;
    let inline = usize::try_from(limits::INLINE_BODY_BYTES_MAX).unwrap();
    for length in [0, 1, inline, inline + 1, 3 * limits::BODY_BUFFER_BYTES + 17] {
        let file = pattern(length);
        let form = Form::new("k", file.clone());
        gateway.check_post(As::Obs("alice"), &form, "204").await;
        let answer = gateway.check(As::Obs("alice"), "GET /photos/k", "200").await;
        assert!(answer.body == file, "{length} bytes");
        let pieces: Vec<Bytes> = form.body(As::Aws("alice")).chunks(10_007).map(Bytes::copy_from_slice).collect();
        let answer = gateway.send_chunked(As::Nobody, &form.head(), pieces).await;
        assert_eq!(answer.verdict(), "204", "{}", answer.text());
        let answer = gateway.check(As::Obs("alice"), "GET /photos/k", "200").await;
        assert!(answer.body == file, "{length} bytes in pieces");
        assert_eq!(gateway.used("photos").await, (length as u64, 1));
    }
}

#[tokio::test]
async fn the_answer_is_as_asked() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        for (status, verdict) in [("200", "200"), ("201", "201"), ("204", "204"), ("202", "204"), ("x", "204")] {
            let form = Form::new("k", "hello").field("success_action_status", status);
            gateway.check_post(who, &form, verdict).await;
        }
        let created = Form::new("a&b", "hello").field("Success_Action_Status", "201");
        let answer = gateway.post(who, &created).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.text(), @r#"
            201 Created
            content-type: application/xml
            etag: "5d41402abc4b2a76b9719d911017c592"
            location: http://127.0.0.1:8080/photos/a%26b

            <PostResponse><Location>http://127.0.0.1:8080/photos/a%26b</Location><Bucket>photos</Bucket><Key>a&amp;b</Key><ETag>"5d41402abc4b2a76b9719d911017c592"</ETag></PostResponse>
            "#);
        }
        for (url, location) in [
            ("http://a.example", format!("http://a.example?bucket=photos&key=a%26b&etag={ETAG}")),
            ("https://a.example/p?q=1", format!("https://a.example/p?q=1&bucket=photos&key=a%26b&etag={ETAG}")),
            ("http://a/b#c?d", format!("http://a/b?bucket=photos&key=a%26b&etag={ETAG}")),
        ] {
            let form =
                Form::new("a&b", "hello").field("success_action_redirect", url).field("success_action_status", "201");
            let answer = gateway.check_post(who, &form, "303").await;
            assert_eq!(answer.header("location"), location);
            assert_eq!(answer.body_text(), "");
        }
        let older = Form::new("k", "hello").field("redirect", "http://a.example");
        gateway.check_post(who, &older, if who.prefix() == "x-obs-" { "204" } else { "303" }).await;
        let newer = older.field("success_action_redirect", "http://b.example");
        assert!(gateway.check_post(who, &newer, "303").await.header("location").starts_with("http://b.example?"));
        for bad in ["", "a.example", "/path", "ftp://a.example", "javascript:alert(1)", "http://", "http://a b"] {
            let form = Form::new("k", "hello").field("success_action_redirect", bad);
            gateway.check_post(who, &form, "204").await;
        }
    }
}

#[tokio::test]
async fn the_address_has_the_style_of_the_request() {
    let gateway = Gateway::with_bucket().await;
    let form = Form::new("a/b", "hello");
    let head = format!(
        "POST /\nHost: photos.obs.localhost:8080\nContent-Type: multipart/form-data; boundary={BOUNDARY}\nDate:"
    );
    let answer = gateway.send_bytes(As::Nobody, &head, form.body(As::Obs("alice"))).await;
    assert_eq!((answer.verdict().as_str(), answer.header("location")), ("204", "http://photos.obs.localhost:8080/a/b"));
}

#[tokio::test]
async fn the_name_of_the_file_is_put_into_the_key() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        for (name, key) in [("cat.jpg", "dir/cat.jpg"), (r"C:\me\cat.jpg", "dir/cat.jpg"), ("../x", "dir/x")] {
            let form = Form::new("dir/${filename}", "hello").file_name(name);
            gateway.check_post(who, &form, "204").await;
            gateway.check(who, &format!("HEAD /photos/{key}"), "200").await;
            gateway.check(who, &format!("DELETE /photos/{key}"), "204").await;
        }
        gateway.check_post(who, &Form::new("${filename}", "hello").file_name(""), "400 InvalidArgument").await;
    }
    assert!(gateway.keys("photos").await.is_empty());
}

#[tokio::test]
async fn only_a_signed_form_that_meets_its_policy_is_stored() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("bob"), "PUT /bobs", "200").await;
    let form = || Form::new("k", "hello");
    for who in every("alice") {
        let not_implemented = if matches!(who, As::S3(_)) { "501 NotImplemented" } else { "501 ServiceNotImplemented" };
        for (form, verdict) in [
            (Form { secret: Some("SK-bob"), ..form() }, "403 SignatureDoesNotMatch"),
            (Form { expires: 1_435_721_265_482, ..form() }, "403 AccessDenied"),
            (form().bare("acl", "private"), "403 AccessDenied"),
            (form().condition(r#"{"key": "other"}"#), "403 AccessDenied"),
            (form().condition(r#"{"bucket": "other"}"#), "403 AccessDenied"),
            (form().condition(r#"{"acl": "private"}"#), "403 AccessDenied"),
            // A policy that names no bucket would hold for all of them.
            (Form { conditions: vec![r#"["starts-with", "$key", ""]"#.to_owned()], ..form() }, "403 AccessDenied"),
            (form().condition("{}"), "400 InvalidPolicyDocument"),
            (form().condition(r#"["content-length-range", 1]"#), "400 InvalidPolicyDocument"),
            (form().condition(r#"["content-length-range", 6, 10]"#), "400 EntityTooSmall"),
            (form().condition(r#"["content-length-range", 0, 4]"#), "400 EntityTooLarge"),
            (Form { bucket: "bobs", ..form() }, "403 AccessDenied"),
            (Form { bucket: "none", ..form() }, "404 NoSuchBucket"),
            (form().bare("policy", "x"), "400 InvalidArgument"),
            (form().field("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="), "400 BadDigest"),
            (form().field("Content-MD5", "AAAA"), "400 InvalidDigest"),
            (form().field("callbackUrl", "http://a"), not_implemented),
            (form().field("tagging", "<Tagging/>"), "400 MalformedXML"),
            (form().field("x-amz-signature", "x"), "400 InvalidArgument"),
            (Form::new("", "hello"), "400 InvalidArgument"),
            (
                Form::new(&"k".repeat(1025), "hello"),
                if matches!(who, As::Aws(_)) { "400 KeyTooLong" } else { "400 KeyTooLongError" },
            ),
        ] {
            gateway.check_post(who, &form, verdict).await;
        }
        gateway.check_post(who, &form().condition(r#"["content-length-range", 5, 5]"#), "204").await;
        gateway.check(who, "DELETE /photos/k", "204").await;
    }
    for name in ["bob", "frida", "dora", "nobody"] {
        let verdict = match name {
            "bob" => "403 AccessDenied",
            "frida" => "403 InArrearOrInsufficientBalance",
            "dora" => "403 DeregisterUserId",
            _ => "403 InvalidAccessKeyId",
        };
        for who in every(name) {
            gateway.check_post(who, &form(), verdict).await;
        }
    }
    gateway.check_post(As::Nobody, &form(), "403 AccessDenied").await;
    assert_eq!(gateway.used("photos").await, (0, 0));
    assert!(gateway.keys("photos").await.is_empty());
}

/// The file of a form has no framing but the form's.
#[tokio::test]
async fn a_field_makes_no_framing() {
    let gateway = Gateway::with_bucket().await;
    let form = || Form::new("k", "hello").field("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    for who in [As::Aws("alice"), As::S3("alice")] {
        gateway.check_post(who, &form(), "411 MissingContentLength").await;
        gateway.check_post(who, &form().field("x-amz-decoded-content-length", "5"), "400 InvalidArgument").await;
    }
    assert_eq!(gateway.used("photos").await, (0, 0));
}

/// The fields of a signature by version 4 are conditions of its policy, each of them.
#[tokio::test]
async fn version_4_covers_its_own_fields() {
    let gateway = Gateway::with_bucket().await;
    let form = Form::new("k", "hello");
    let text = String::from_utf8(form.body(As::S3("alice")).to_vec()).unwrap();
    let check = async |from: &str, to: &str, verdict: &str| {
        let answer = gateway.send_bytes(As::Nobody, &form.head(), text.replace(from, to)).await;
        assert_eq!(answer.verdict(), verdict, "{from} {to} {}", answer.text());
    };
    check("20150701T032745Z", "20150701T032746Z", "403 AccessDenied").await;
    check("AK-alice/20150701/us-east-1", "AK-alice/20150701/us-west-1", "403 SignatureDoesNotMatch").await;
    check("AK-alice/20150701/us-east-1", "AK-bob/20150701/us-east-1", "403 SignatureDoesNotMatch").await;
    check("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "501 NotImplemented").await;
    check("AWS4-HMAC-SHA256", "AWS4", "400 InvalidArgument").await;
    assert_eq!(gateway.used("photos").await, (0, 0));
    check("", "", "204").await;
}

#[tokio::test]
async fn a_form_may_have_tags() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos?acl\nx-obs-acl: public-read-write", "200").await;
    let tag = |key: &str| format!("<Tag><Key>{key}</Key><Value>1</Value></Tag>");
    let document = |tags: &str| format!("<Tagging><TagSet>{tags}</TagSet></Tagging>");
    let tagged = |xml: &str| Form::new("k", "hello").field("tagging", xml);
    for who in every("alice").into_iter().chain([As::Nobody]) {
        gateway.check_post(who, &tagged(&document(&(tag("a") + &tag("b")))), "204").await;
        let tags = gateway.check(As::Obs("alice"), "GET /photos/k?tagging", "200").await;
        assert_eq!(tags.elements("Key"), ["a", "b"]);
        let eleven: String = (0..11).map(|at| tag(&at.to_string())).collect();
        for (xml, verdict) in [
            ("", "400 MalformedXML"),
            ("<Tagging>", "400 MalformedXML"),
            ("<Tags><TagSet/></Tags>", "400 MalformedXML"),
            (&document("<Tag/>"), "400 MalformedXML"),
            (&document(&(tag("a") + &tag("a"))), "400 InvalidTag"),
            (&document(&eleven), if who.prefix() == "x-obs-" { "400 BadRequest" } else { "400 InvalidTag" }),
        ] {
            gateway.check_post(who, &tagged(xml), verdict).await;
        }
        let twice = tagged(&document(&tag("a"))).field(&format!("{}tagging", who.prefix()), "a=1");
        gateway.check_post(who, &twice, "400 InvalidArgument").await;
        gateway.check_post(who, &tagged(&document("")), "204").await;
        gateway.check(As::Obs("alice"), "GET /photos/k?tagging", "404 NoSuchTagSet").await;
    }
}

#[tokio::test]
async fn a_token_field_stands_for_three() {
    let gateway = Gateway::with_bucket().await;
    let policy = "eyJleHBpcmF0aW9uIjogIjIwMTUtMDctMDFUMDQ6MDA6MDBaIiwgImNvbmRpdGlvbnMiOiBbeyJidWNrZXQiOiAicGhvdG9zIn0sIFsic3RhcnRzLXdpdGgiLCAiJGtleSIsICIiXV19";
    let token = format!("AK-alice:{}:{policy}", sign_string("SK-alice", policy.as_bytes()));
    let form = Form::new("k", "hello").bare("Token", &token);
    gateway.check_post(As::Nobody, &form, "204").await;
    let form = Form::new("k", "hello").bare("token", &token.replace("AK-alice", "AK-bob"));
    gateway.check_post(As::Nobody, &form, "403 SignatureDoesNotMatch").await;
}

/// What is signed by other means says nothing about the fields.
#[tokio::test]
async fn a_form_is_signed_in_its_fields_alone() {
    let gateway = Gateway::with_bucket().await;
    let form = Form::new("k", "hello");
    for who in both("alice") {
        let head = form.head().replace("Date:", &format!("Date: {DATE}"));
        let answer = gateway.send_bytes(who, &head, form.body(As::Nobody)).await;
        assert_eq!(answer.verdict(), "400 InvalidArgument");
        let answer = gateway.send_bytes(who, &head, form.body(who)).await;
        assert_eq!(answer.verdict(), "400 InvalidArgument");
        // Nor does the address, or a header.
        let target = format!("POST /photos?{}acl=public-read\n", who.prefix());
        let head = form.head().replace("POST /photos\n", &target);
        let answer = gateway.send_bytes(As::Nobody, &head, form.body(who)).await;
        assert_eq!(answer.verdict(), "400 InvalidArgument");
        let head = format!("{}\n{}meta-a: 1", form.head(), who.prefix());
        let answer = gateway.send_bytes(As::Nobody, &head, form.body(who)).await;
        assert_eq!(answer.verdict(), "204");
        let stored = gateway.check(who, "HEAD /photos/k", "200").await;
        assert!(!stored.text().contains("meta-a"), "{}", stored.text());
    }
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let gateway = Gateway::with_bucket().await;
    let form = Form::new("k", "hello");
    let typed = |content_type: &str| format!("POST /photos\nContent-Type: {content_type}\nDate:");
    for (content_type, verdict) in [
        ("text/plain", "400 RequestIsNotMultiPartContent"),
        ("multipart/form-data", "400 MalformedPOSTRequest"),
        ("multipart/form-data; boundary=other", "400 MalformedPOSTRequest"),
    ] {
        let answer = gateway.send_bytes(As::Nobody, &typed(content_type), form.body(As::Obs("alice"))).await;
        assert_eq!(answer.verdict(), verdict, "{content_type}");
    }
    gateway.check(As::Nobody, "POST /photos\nDate:", "400 RequestIsNotMultiPartContent").await;
    let body = form.body(As::Obs("alice"));
    let file_at = body.windows(5).position(|window| window == b"hello").unwrap();
    for (length, verdict) in [
        (10, "400 MalformedPOSTRequest"),
        (file_at + 2, "400 MalformedPOSTRequest"),
        (body.len() - 10, "400 MalformedPOSTRequest"),
    ] {
        let answer = gateway.send_bytes(As::Nobody, &form.head(), body.slice(..length)).await;
        assert_eq!(answer.verdict(), verdict, "{length}");
    }
    let text = String::from_utf8(body.to_vec()).unwrap();
    for (text, verdict) in [
        (text.replace("name=\"file\"", "name=\"other\""), "400 IncorrectNumberOfFilesInPostRequest"),
        (text.replace("name=\"submit\"", "name=\"file\""), "400 IncorrectNumberOfFilesInPostRequest"),
        (
            text.replacen("\r\n\r\nk\r\n", &format!("\r\n\r\n{}\r\n", "k".repeat(30_000)), 1),
            "400 MaxPostPreDataLengthExceededError",
        ),
    ] {
        let answer = gateway.send_bytes(As::Nobody, &form.head(), text).await;
        assert_eq!(answer.verdict(), verdict);
    }
    assert!(gateway.keys("photos").await.is_empty());
    assert_eq!(gateway.used("photos").await, (0, 0));
}

/// The length of the file is not announced: it is counted as it comes, and the limit is met to the byte.
#[tokio::test]
async fn a_limit_is_met_to_the_byte() {
    let gateway = Gateway::with_bucket().await;
    for limit in [10, 300_000_u64] {
        let quota = format!("PUT /photos?quota\n\n<Quota><StorageQuota>{limit}</StorageQuota></Quota>");
        gateway.check(As::Obs("alice"), &quota, "200").await;
        let length = usize::try_from(limit).unwrap();
        for who in both("alice") {
            gateway.check_post(who, &Form::new("k", pattern(length + 1)), "403 InsufficientStorageSpace").await;
            assert_eq!(gateway.used("photos").await, (0, 0));
            gateway.check_post(who, &Form::new("k", pattern(length)), "204").await;
            // In its own place it fits again, beside itself it does not.
            gateway.check_post(who, &Form::new("k", pattern(length)), "204").await;
            gateway.check_post(who, &Form::new("l", pattern(1)), "403 InsufficientStorageSpace").await;
            assert_eq!(gateway.used("photos").await, (limit, 1));
            gateway.check(who, "DELETE /photos/k", "204").await;
        }
    }
}

#[tokio::test]
async fn temporary_keys_sign_forms_with_their_token() {
    let gateway = Gateway::with_lent_keys().await;
    for who in both("lent") {
        let name = format!("{}security-token", who.prefix());
        let form = || Form::new("k", "hello");
        gateway.check_post(who, &form().field(&name, "T-lent"), "204").await;
        gateway.check_post(who, &form(), "403 InvalidAccessKeyId").await;
        gateway.check_post(who, &form().field(&name, "T-other"), "403 InvalidSecurity").await;
        gateway.check_post(who, &form().bare(&name, "T-lent"), "403 AccessDenied").await;
        let policy = r#"{"Statement":[{"Effect":"Allow","Action":["PutObject"],"Resource":["photos/a*"]}]}"#;
        gateway.narrow("lent", Some(policy)).await;
        gateway.check_post(who, &Form::new("a1", "hello").field(&name, "T-lent"), "204").await;
        gateway.check_post(who, &form().field(&name, "T-lent"), "403 AccessDenied").await;
        gateway.narrow("lent", None).await;
    }
    let (who, form) = (As::S3("lent"), || Form::new("k", "hello"));
    gateway.check_post(who, &form().field("x-amz-security-token", "T-lent"), "204").await;
    gateway.check_post(who, &form().field("x-amz-security-token", "T-other"), "400 InvalidToken").await;
    gateway.check_post(who, &form().bare("x-amz-security-token", "T-lent"), "403 AccessDenied").await;
}

#[tokio::test]
async fn who_may_write_may_send_a_form() {
    let gateway = Gateway::with_bucket().await;
    let form = || Form::new("k", "hello");
    gateway.check(As::Obs("alice"), "PUT /photos?acl\nx-obs-acl: public-read-write", "200").await;
    gateway.check_post(As::Nobody, &form(), "204").await;
    // What nobody signed for is everyone's to read.
    gateway.check(As::Nobody, "GET /photos/k", "200").await;
    for who in both("bob") {
        gateway.check_post(who, &form(), "204").await;
        gateway.check(As::Nobody, "GET /photos/k", "403 AccessDenied").await;
        gateway.check_post(who, &form().field("ACL", "public-read"), "204").await;
        gateway.check(As::Nobody, "GET /photos/k", "200").await;
        gateway.check_post(who, &form().field("acl", "everyone"), "400 InvalidArgument").await;
    }
    assert_eq!(gateway.used("photos").await, (5, 1));
    // A policy counts though nobody need have signed.
    let narrow = form().condition(r#"["content-length-range", 0, 4]"#);
    gateway.check_post(As::Obs("bob"), &narrow, "400 EntityTooLarge").await;
}

#[tokio::test]
async fn the_policy_of_the_bucket_sees_the_key_of_the_form() {
    let gateway = Gateway::with_bucket().await;
    let policy =
        r#"{"Statement":[{"Effect":"Allow","Principal":{"ID":"*"},"Action":"PutObject","Resource":"photos/in/*"}]}"#;
    gateway.check(As::Obs("alice"), &format!("PUT /photos?policy\n\n{policy}"), "204").await;
    for who in [As::Nobody, As::Obs("bob"), As::Aws("bob")] {
        gateway.check_post(who, &Form::new("in/${filename}", "hello"), "204").await;
        gateway.check_post(who, &Form::new("out/k", "hello"), "403 AccessDenied").await;
        gateway.check_post(who, &Form::new("${filename}", "hello").file_name("in"), "403 AccessDenied").await;
    }
    assert_eq!(gateway.keys("photos").await, ["in/cat.jpg"]);
}

#[tokio::test]
async fn versions_are_named() {
    let gateway = Gateway::with_bucket().await;
    let enabled =
        "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    gateway.check(As::Obs("alice"), enabled, "200").await;
    for who in both("alice") {
        let answer = gateway.check_post(who, &Form::new("k", "hello"), "204").await;
        assert_eq!(answer.header(&format!("{}version-id", who.prefix())).len(), 32);
    }
    assert_eq!(gateway.used("photos").await, (10, 2));
}
