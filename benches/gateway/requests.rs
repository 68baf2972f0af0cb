//! Requests as bytes, signed ahead of the measurement.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use obs_gateway::auth::admin::{admin_signature, admin_string_to_sign};
use obs_gateway::auth::date::basic_date;
use obs_gateway::auth::sign_header;
use obs_gateway::blob::digest;
use obs_gateway::clock::{Clock, http_date};
use obs_gateway::wire::address::Endpoints;
use obs_gateway::wire::dialect::Dialect;
use obs_gateway::wire::hex;

use crate::process::{ACCESS_KEY, DOMAIN, SECRET_KEY};

/// Signs requests to the gateway, in virtual-host style, with the headers an SDK sends.
pub(crate) struct Signer {
    endpoints: Endpoints,
    dialect: Dialect,
    /// What says when, and what is signed of the body.
    headers: Vec<(String, String)>,
    keys: (&'static str, &'static str),
}

impl Signer {
    /// Signs as the root account, with the date of now.
    pub(crate) fn new() -> Self {
        Self::with_keys((ACCESS_KEY, SECRET_KEY))
    }

    /// Signs with an access key and its secret, with the date of now.
    pub(crate) fn with_keys(keys: (&'static str, &'static str)) -> Self {
        let headers = vec![("Date".to_owned(), http_date(Clock::System.now_millis()))];
        Self { endpoints: Endpoints::new(vec![DOMAIN.to_owned()]), dialect: Dialect::Obs, headers, keys }
    }

    /// Signs as the root account by AWS Signature Version 4, the digest of `body` included.
    pub(crate) fn v4(body: &[u8]) -> Self {
        let date = ("X-Amz-Date".to_owned(), basic_date(Clock::System.now_millis()));
        let digest = ("X-Amz-Content-Sha256".to_owned(), hex(&digest::sha256(body)));
        Self { dialect: Dialect::S3, headers: vec![date, digest], ..Self::new() }
    }

    /// The head of a request to a bucket.
    pub(crate) fn head(&self, method: &str, bucket: &str, target: &str, body_bytes: usize) -> io::Result<Vec<u8>> {
        let host = format!("{bucket}.{DOMAIN}");
        let mut headers = self.headers.clone();
        if method == "PUT" {
            headers.push(("Content-Type".to_owned(), "application/octet-stream".to_owned()));
            headers.push(("Content-Length".to_owned(), body_bytes.to_string()));
        }
        let authorization =
            sign_header(self.dialect, method, &host, target, &headers, &self.endpoints, self.keys.0, self.keys.1);
        headers.push(("Authorization".to_owned(), authorization.map_err(io::Error::other)?));
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bench\r\nAccept: */*\r\n");
        for (name, value) in headers {
            head.push_str(&name);
            head.push_str(": ");
            head.push_str(&value);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        Ok(head.into_bytes())
    }

    /// Heads for many keys.
    pub(crate) fn heads(
        &self,
        method: &str,
        bucket: &str,
        keys: impl Iterator<Item = String>,
        body_bytes: usize,
    ) -> io::Result<Vec<Vec<u8>>> {
        keys.map(|key| self.head(method, bucket, &format!("/{key}"), body_bytes)).collect()
    }
}

/// The head of a request of the root account to the admin API.
pub(crate) fn admin(method: &str, target: &str, body: &str) -> Vec<u8> {
    let date = http_date(Clock::System.now_millis());
    let md5 = BASE64.encode(digest::md5(body.as_bytes()));
    let signature = admin_signature(SECRET_KEY, &admin_string_to_sign(method, &md5, "", &date, target));
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nx-obs-date: {date}\r\nContent-MD5: {md5}\r\n\
         Authorization: OBS {ACCESS_KEY}:{signature}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    head.into_bytes()
}

/// An unsigned request to an address.
pub(crate) fn plain_get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").into_bytes()
}
