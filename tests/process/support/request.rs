//! One request as it goes over the wire. Not here: sending it.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use obs_gateway::auth;
use obs_gateway::clock::{Clock, http_date};
use obs_gateway::wire::address::Endpoints;
use obs_gateway::wire::dialect::Dialect;

/// A key pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
}

impl Keys {
    pub(crate) fn new(access_key: &str, secret_key: &str) -> Self {
        Self { access_key: access_key.to_owned(), secret_key: secret_key.to_owned() }
    }
}

/// A request in the making. Buckets stand in the path unless `host` says otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    target: String,
    host: String,
    version: &'static str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    endpoints: Endpoints,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            host: "127.0.0.1".to_owned(),
            version: "HTTP/1.1",
            headers: Vec::new(),
            body: Vec::new(),
            endpoints: Endpoints::default(),
        }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub(crate) fn delete(target: &str) -> Self {
        Self::new("DELETE", target)
    }

    /// A PUT that announces the length of its body.
    pub(crate) fn put(target: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let mut request = Self::new("PUT", target).header("Content-Length", &body.len().to_string());
        request.body = body;
        request
    }

    /// A POST that announces the length of its body.
    pub(crate) fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { method: "POST".to_owned(), ..Self::put(target, body) }
    }

    /// A PUT of unannounced length, in chunks of `chunk_bytes`.
    pub(crate) fn put_chunked(target: &str, body: &[u8], chunk_bytes: usize) -> Self {
        let mut request = Self::new("PUT", target).header("Transfer-Encoding", "chunked");
        for chunk in body.chunks(chunk_bytes) {
            request.body.extend(format!("{:x}\r\n", chunk.len()).bytes());
            request.body.extend([chunk, b"\r\n"].concat());
        }
        request.body.extend(b"0\r\n\r\n");
        request
    }

    /// `PUT ?quota` of a bucket.
    pub(crate) fn put_quota(bucket: &str, bytes: u64) -> Self {
        let document = format!("<Quota><StorageQuota>{bytes}</StorageQuota></Quota>");
        Self::put(&format!("/{bucket}?quota"), document)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A host below `domain`.
    pub(crate) fn host(mut self, host: &str, domain: &str) -> Self {
        host.clone_into(&mut self.host);
        self.endpoints = Endpoints::new(vec![domain.to_owned()]);
        self
    }

    pub(crate) fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// Adds the date, where there is none yet, and the signature; headers given later are not covered by it.
    pub(crate) fn signed(self, keys: &Keys) -> Self {
        self.signed_in(Dialect::Obs, keys)
    }

    /// The same with Signature Version 4, the body unsigned.
    pub(crate) fn signed_s3(self, keys: &Keys) -> Self {
        self.header("x-amz-content-sha256", "UNSIGNED-PAYLOAD").signed_in(Dialect::S3, keys)
    }

    fn signed_in(mut self, dialect: Dialect, keys: &Keys) -> Self {
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("date")) {
            self = self.header("Date", &http_date(Clock::System.now_millis()));
        }
        let signature = auth::sign_header(
            dialect,
            &self.method,
            &self.host,
            &self.target,
            &self.headers,
            &self.endpoints,
            &keys.access_key,
            &keys.secret_key,
        );
        self.header("Authorization", &signature.unwrap())
    }

    pub(crate) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// Request line and headers.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut text = format!("{} {} {}\r\nHost: {}\r\n", self.method, self.target, self.version, self.host);
        for (name, value) in &self.headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text.push_str("\r\n");
        text.into_bytes()
    }

    /// What follows the head.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// For hyper's client, which has its own ways to write a request down.
    pub(crate) fn to_hyper(&self, address: SocketAddr) -> hyper::Request<Full<Bytes>> {
        let mut request =
            hyper::Request::builder().method(self.method.as_str()).uri(format!("http://{address}{}", self.target));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(Bytes::copy_from_slice(&self.body))).unwrap()
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [&self.head(), self.body()].concat()
    }
}
