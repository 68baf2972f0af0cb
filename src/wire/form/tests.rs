//! Forms cut into pieces in every way, held against a parser that has the whole text before it.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use proptest::prelude::*;

use super::*;

const BOUNDARY: &str = "--x-y";

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}").parse().unwrap());
    headers
}

fn part(name: &str, value: &str) -> String {
    format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn form(parts: &[(&str, &str)]) -> String {
    let parts: String = parts.iter().map(|(name, value)| part(name, value)).collect();
    format!("{parts}--{BOUNDARY}--\r\n")
}

fn pieces(bytes: &[u8], size: usize) -> RequestBody {
    RequestBody::Pieces(bytes.chunks(size.max(1)).map(Bytes::copy_from_slice).collect())
}

type Outcome = std::result::Result<(Vec<(String, String)>, Vec<u8>), Code>;

/// Fields and file of a form, or why not.
async fn read(mut body: RequestBody) -> Outcome {
    let code = |error: crate::error::Error| error.code();
    let fields = Fields::read(&headers(), &mut body).await.map_err(code)?;
    let mut file = Vec::new();
    while let Some(piece) = body.next().await.map_err(code)? {
        assert!(!piece.is_empty());
        file.extend_from_slice(&piece);
    }
    assert!(body.is_end() && body.next().await.unwrap().is_none());
    Ok((fields.fields, file))
}

/// The form has these fields and this file.
async fn check_read(text: &str, fields: &[(&str, &str)], file: &str) {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    check(text, Ok((fields, file.as_bytes().to_vec()))).await;
}

/// In pieces of every size.
async fn check(text: &str, outcome: Outcome) {
    for size in 1..=text.len().max(1) {
        assert_eq!(read(pieces(text.as_bytes(), size)).await, outcome, "pieces of {size}: {text}");
    }
}

#[tokio::test]
async fn forms_are_read_however_they_are_cut() {
    check_read(&form(&[("key", "a"), ("file", "hello")]), &[("key", "a")], "hello").await;
    check_read(&form(&[("file", "")]), &[], "").await;
    check_read(&form(&[("FILE", "x")]), &[], "x").await;
    check_read(
        &form(&[("key", ""), ("acl", "\r\n"), ("file", "\r\n\r\n--")]),
        &[("key", ""), ("acl", "\r\n")],
        "\r\n\r\n--",
    )
    .await;
    // What looks like a boundary and is none.
    let near = "\r\n----x-\r\n\r--\r\n----x--y\r\n\n----x-y --x-y";
    check_read(&form(&[("file", near)]), &[], near).await;
    check_read(&form(&[("file", "a"), ("submit", "now"), ("key", "b")]), &[], "a").await;
    let preamble = format!("A form.\r\n{}An end.\r\n", form(&[("file", "a")]));
    check_read(&preamble, &[], "a").await;
    let bare = form(&[("file", "a")]);
    check_read(bare.trim_end(), &[], "a").await;
    let padded =
        form(&[("key", "k"), ("file", "a")]).replace(&format!("--{BOUNDARY}\r\n"), &format!("--{BOUNDARY} \t\r\n"));
    check_read(&padded, &[("key", "k")], "a").await;
    let rich = form(&[("file", "a")])
        .replace("\r\n\r\n", "\r\nContent-Type: text/plain\r\ncontent-transfer-encoding: BINARY\r\n\r\n");
    check_read(&rich, &[], "a").await;
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let malformed = || Err(Code::MalformedPostRequest);
    check("", malformed()).await;
    check("no form", malformed()).await;
    let whole = form(&[("key", "a"), ("file", "hello")]);
    let end = whole.len() - 2;
    for length in 0..end {
        assert_eq!(read(pieces(&whole.as_bytes()[..length], 7)).await, malformed(), "{length}");
    }
    check(&form(&[]).replace("----x-y--", "----x-y"), malformed()).await;
    check(&form(&[("key", "a")]), Err(Code::IncorrectNumberOfFiles)).await;
    check(&form(&[]), Err(Code::IncorrectNumberOfFiles)).await;
    check(&form(&[("file", "a"), ("file", "b")]), Err(Code::IncorrectNumberOfFiles)).await;
    check(&form(&[("file", "a"), ("x", "y"), ("File", "b")]), Err(Code::IncorrectNumberOfFiles)).await;
    check(&form(&[("key", "a"), ("Key", "b"), ("file", "c")]), Err(Code::InvalidArgument)).await;
    check(&form(&[("file", "a\r\n----x-yz")]), malformed()).await;
    for (from, to) in [
        ("\r\n\r\n", "\r\nno colon\r\n\r\n"),
        ("\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n"),
        ("Content-Disposition", "Disposition"),
        ("form-data", "attachment"),
    ] {
        check(&form(&[("file", "a")]).replace(from, to), malformed()).await;
    }
    let not_text = [part("key", "?").replace('?', "\u{0}").as_bytes(), form(&[("file", "a")]).as_bytes()].concat();
    let not_text: Vec<u8> = not_text.into_iter().map(|byte| if byte == 0 { 0xff } else { byte }).collect();
    assert_eq!(read(pieces(&not_text, 5)).await, malformed());
}

#[tokio::test]
async fn what_is_not_file_is_bounded() {
    let limit = limits::FORM_FIELDS_BYTES_MAX;
    let overhead = part("a", "").len() + part("file", "").len() - 2;
    let with = |size: usize, rest: &str| form(&[("a", &"v".repeat(size)), ("file", "f")]).replace("PLACE", rest);
    let too_large = || Err(Code::MaxPostPreDataLengthExceeded);
    for size in [1, 1000, limit * 2] {
        let outcome = read(pieces(with(limit - overhead, "").as_bytes(), size)).await;
        assert!(outcome.is_ok(), "{outcome:?}");
        assert_eq!(read(pieces(with(limit - overhead + 1, "").as_bytes(), size)).await, too_large());
        let preamble = format!("{}\r\n{}", "p".repeat(limit), form(&[("file", "f")]));
        assert_eq!(read(pieces(preamble.as_bytes(), size)).await, too_large());
        let line = format!("--{BOUNDARY}\r\n{}", "h".repeat(limit * 2));
        assert_eq!(read(pieces(line.as_bytes(), size)).await, too_large());
        let after = form(&[("file", "f"), ("late", &"v".repeat(limit))]);
        assert_eq!(read(pieces(after.as_bytes(), size)).await, too_large());
        let epilogue = format!("{}{}", form(&[("file", "f")]), "e".repeat(limit));
        assert_eq!(read(pieces(epilogue.as_bytes(), size)).await, too_large());
    }
    let names: Vec<String> = (0..=limits::FORM_FIELD_COUNT_MAX).map(|index| format!("f{index}")).collect();
    let many = |count: usize| {
        let fields = names[..count].iter().map(|name| (name.as_str(), ""));
        form(&fields.chain([("file", "")]).collect::<Vec<_>>())
    };
    assert!(read(pieces(many(limits::FORM_FIELD_COUNT_MAX).as_bytes(), 999)).await.is_ok());
    assert_eq!(read(pieces(many(limits::FORM_FIELD_COUNT_MAX + 1).as_bytes(), 999)).await, too_large());
}

#[tokio::test]
async fn the_file_has_the_last_of_its_names() {
    for (path, name) in
        [("a.txt", "a.txt"), (r"C:\dir\a.txt", "a.txt"), ("/tmp/a.txt", "a.txt"), ("", ""), ("dir/", "")]
    {
        let text = form(&[("file", "f")]).replace("name=\"file\"", &format!("name=\"file\"; filename=\"{path}\""));
        let fields = Fields::read(&headers(), &mut pieces(text.as_bytes(), 1000)).await.unwrap();
        assert_eq!(fields.file_name, name);
    }
}

/// A refused form is read on by the spine, and must be left to it.
#[tokio::test]
async fn the_rest_of_a_refused_form_goes_back() {
    let text = form(&[("key", "a"), ("key", "b"), ("file", "rest")]);
    let mut body = pieces(text.as_bytes(), 10);
    assert!(Fields::read(&headers(), &mut body).await.is_err());
    assert!(!body.is_end());
}

#[tokio::test]
async fn a_file_has_as_many_bytes_as_it_may() {
    for (length, code) in [
        (5, Some(Code::EntityTooSmall)),
        (6, None),
        (10, None),
        (11, Some(Code::EntityTooLarge)),
        (1000, Some(Code::EntityTooLarge)),
    ] {
        for size in [1, 7, 2000] {
            let mut body = pieces(form(&[("file", &"x".repeat(length))]).as_bytes(), size);
            Fields::read(&headers(), &mut body).await.unwrap();
            let RequestBody::Form(file) = &mut body else { panic!("the file is not in its place") };
            file.limit(6..=10);
            let mut outcome = Ok(Some(Bytes::new()));
            while let Ok(Some(_)) = outcome {
                outcome = body.next().await;
            }
            assert_eq!(outcome.err().map(|error| error.code()), code, "{length}");
            while body.next().await.unwrap().is_some() {}
            assert!(body.is_end());
        }
    }
}

/// What one piece holds is all that is held: the file comes out as it goes in.
#[tokio::test]
async fn the_file_is_not_gathered() {
    let text = form(&[("file", &"x".repeat(100_000))]);
    let mut body = pieces(text.as_bytes(), 1000);
    Fields::read(&headers(), &mut body).await.unwrap();
    while let Some(piece) = body.next().await.unwrap() {
        assert!(piece.len() <= 1000 + BOUNDARY.len() + 4);
    }
}

/// The whole text at once: split at delimiters, the first part named `file` is the file.
fn naive(text: &[u8]) -> Option<Outcome> {
    let text = [b"\r\n", text].concat();
    let delimiter = format!("\r\n--{BOUNDARY}");
    let mut rest = text.as_slice();
    let find = |haystack: &[u8], needle: &[u8]| haystack.windows(needle.len()).position(|window| window == needle);
    let mut fields = Vec::new();
    let mut file = None;
    rest = &rest[find(rest, delimiter.as_bytes())? + delimiter.len()..];
    while !rest.starts_with(b"--") {
        let head_end = find(rest, b"\r\n\r\n")?;
        let head = String::from_utf8(rest[..head_end].to_vec()).ok()?;
        let name = head.split_once("name=\"")?.1.split_once('"')?.0.to_owned();
        rest = &rest[head_end + 4..];
        let end = find(rest, delimiter.as_bytes())?;
        match file {
            None if name == "file" => file = Some(rest[..end].to_vec()),
            None => fields.push((name, String::from_utf8(rest[..end].to_vec()).ok()?)),
            Some(_) => {}
        }
        rest = &rest[end + delimiter.len()..];
    }
    Some(file.map(|file| (fields, file)).ok_or(Code::IncorrectNumberOfFiles))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #[test]
    fn cut_forms_are_what_whole_forms_are(
        fields in prop::collection::btree_map("[a-d]{1,3}", "[ -~\r\n]{0,20}", 0..4),
        file in "(\r|\n|-|x|y|\r\n----x-|[a-z ]){0,60}",
        size in 1_usize..80,
    ) {
        let mut parts: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        parts.push(("file", &file));
        let text = form(&parts);
        // A value that has the delimiter in it makes another form than was meant.
        prop_assume!(parts.iter().all(|(_, value)| !value.contains("\r\n----x-y")));
        prop_assert_eq!(run(read(pieces(text.as_bytes(), size))), naive(text.as_bytes()).unwrap());
    }

    #[test]
    fn any_bytes_are_a_form_or_refused(text in "(--|--x-y|\r\n|\r|\n|Content-Disposition: form-data; |name=\"|file|\"|a|:)*", size in 1_usize..20) {
        let whole = run(read(pieces(text.as_bytes(), text.len())));
        prop_assert_eq!(run(read(pieces(text.as_bytes(), size))), whole);
    }
}
