//! What came back, and the rules that hold for every answer whatever was asked.

use bytes::Bytes;
use hyper::http::response::Parts;
use hyper::{HeaderMap, StatusCode};
use obs_gateway::clock::{UnixMillis, http_date};

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    request_id: String,
    id_2: String,
}

impl Answer {
    /// Takes an answer and holds it against the rules for all of them.
    pub(crate) fn new(method: &str, parts: Parts, body: Bytes, now: UnixMillis) -> Self {
        let prefix = if parts.headers.contains_key("x-obs-request-id") { "x-obs-" } else { "x-amz-" };
        let mut answer =
            Self { status: parts.status, headers: parts.headers, body, request_id: String::new(), id_2: String::new() };
        answer.request_id = answer.header(&format!("{prefix}request-id")).to_owned();
        answer.id_2 = answer.header(&format!("{prefix}id-2")).to_owned();
        answer.assert_common(method, now);
        answer
    }

    fn assert_common(&self, method: &str, now: UnixMillis) {
        let is_upper_hex = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
        assert!(self.request_id.len() == 32 && self.request_id.bytes().all(is_upper_hex), "{}", self.request_id);
        assert_eq!(self.id_2.len(), 64);
        assert_eq!(self.header("server"), "OBS");
        assert_eq!(self.header("date"), http_date(now));
        let length = self.headers.get("content-length").map(|_| self.header("content-length"));
        let own_length = self.body.len().to_string();
        match self.status.as_u16() {
            204 | 304 => assert!(length.is_none() && self.body.is_empty()),
            _ if method == "HEAD" => assert!(length.is_some() && self.body.is_empty()),
            _ => assert_eq!(length, Some(own_length.as_str())),
        }
        if self.is_refusal() && method != "HEAD" {
            assert_eq!(self.element("RequestId"), Some(self.request_id.as_str()));
            // The token service has a document of its own.
            let is_call = str::from_utf8(&self.body).is_ok_and(|body| body.contains("<ErrorResponse xmlns="));
            assert_eq!(self.element("HostId"), (!is_call).then_some(self.id_2.as_str()));
            assert_eq!(self.header("content-type"), "application/xml");
        }
    }

    fn is_refusal(&self) -> bool {
        self.status.is_client_error() || self.status.is_server_error()
    }

    /// A header's text; empty where there is none. One that came twice is shown as both.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map_or("", |value| str::from_utf8(value.as_bytes()).expect("headers are UTF-8"));
        assert!(values.next().is_none(), "{name} came twice");
        value
    }

    /// The status, and the code of a refusal: `404 NoSuchKey`.
    pub(crate) fn verdict(&self) -> String {
        if !self.is_refusal() {
            return self.status.as_u16().to_string();
        }
        let of_header = ["x-obs-error-code", "x-amz-error-code"].map(|name| self.header(name)).concat();
        let code = self.element("Code").unwrap_or(&of_header);
        format!("{} {code}", self.status.as_u16())
    }

    /// The body as text.
    pub(crate) fn body_text(&self) -> &str {
        str::from_utf8(&self.body).expect("the body is text")
    }

    /// The content of the first element of this name, as written.
    pub(crate) fn element(&self, name: &str) -> Option<&str> {
        self.elements(name).into_iter().next()
    }

    /// The contents of all elements of this name, as written.
    pub(crate) fn elements(&self, name: &str) -> Vec<&str> {
        let text = str::from_utf8(&self.body).unwrap_or_default();
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        text.split(&open).skip(1).filter_map(|rest| rest.split_once(&close).map(|(content, _)| content)).collect()
    }

    /// Status, headers and body, as snapshots have them: without what [`Answer::new`] has looked at and no two
    /// answers share. The declaration that begins every document is left out, too.
    pub(crate) fn text(&self) -> String {
        const CHECKED: [&str; 6] =
            ["server", "date", "x-obs-request-id", "x-obs-id-2", "x-amz-request-id", "x-amz-id-2"];
        let mut text = self.status.to_string();
        let is_checked = |name: &str| CHECKED.contains(&name) || (name == "content-length" && !self.body.is_empty());
        for (name, value) in self.headers.iter().filter(|(name, _)| !is_checked(name.as_str())) {
            text.extend(["\n", name.as_str(), ": ", &String::from_utf8_lossy(value.as_bytes())]);
        }
        let body = String::from_utf8_lossy(&self.body);
        let body = body.replace(&self.request_id, "<id>").replace(&self.id_2, "<id-2>");
        let declaration = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;
        let body = body.strip_prefix(declaration).unwrap_or(&body).trim_start();
        if body.is_empty() { text } else { format!("{text}\n\n{body}") }
    }
}
