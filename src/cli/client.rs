//! One signed request to the admin API, one answer. Every command that asks the running server goes through here.
//! Not here: what the answers mean, which each command knows for itself.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use comfy_table::Table;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use md5::{Digest, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use super::credentials::{KeyPair, find_root};
use super::failure::Failure;
use super::flags::{Console, Flags};
use crate::auth::admin::{admin_signature, admin_string_to_sign};
use crate::clock::{Clock, http_date};
use crate::config::Config;

/// Where the admin API is on the console listener.
const BASE: &str = "/admin/v1";
/// A listener that runs on this machine or the next accepts at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer; a list of a hundred thousand accounts is a quarter of that.
const ANSWER_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Everything but unreserved characters, so that a name is one path segment or one query value.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How to reach the server, and how to show what it answers: the part all such commands share.
#[derive(Debug, clap::Args)]
pub(super) struct Connection {
    /// Print the server's JSON instead of a table
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// How long the server may take to answer
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(super) timeout: u32,
    #[command(flatten)]
    pub(super) flags: Flags<Console>,
}

impl Connection {
    /// Finds the server's address and the root credentials; nothing is sent yet.
    pub(super) fn open(&self) -> Result<Client, Failure> {
        Client::new(&self.flags.config()?, Duration::from_secs(self.timeout.into()))
    }

    /// Prints `answer` as it came, or what `human` makes of it. An answer that is not a `T` is a failure either way.
    pub(super) fn show<T: DeserializeOwned>(
        &self,
        out: &mut dyn Write,
        answer: &Answer,
        human: impl FnOnce(T) -> Table,
    ) -> Result<(), Failure> {
        let value = answer.parse()?;
        if self.json { Self::print_json(out, answer) } else { Ok(writeln!(out, "{}", human(value).trim_fmt())?) }
    }

    /// Prints `answer` as it came.
    pub(super) fn print_json(out: &mut dyn Write, answer: &Answer) -> Result<(), Failure> {
        out.write_all(&answer.0)?;
        Ok(writeln!(out)?)
    }
}

/// The path of a resource under the admin API: each of `segments` escaped, each of `parameters` that is given.
pub(super) fn path(segments: &[&str], parameters: &[(&str, Option<&str>)]) -> String {
    let mut path = BASE.to_owned();
    for segment in segments {
        path.push('/');
        path.extend(utf8_percent_encode(segment, ESCAPED));
    }
    let given = parameters.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    for (position, (name, value)) in given.enumerate() {
        path.push(if position == 0 { '?' } else { '&' });
        path.push_str(name);
        path.push('=');
        path.extend(utf8_percent_encode(value, ESCAPED));
    }
    path
}

/// The body of an answer that was not a refusal.
#[derive(Debug)]
pub(super) struct Answer(Bytes);

impl Answer {
    /// The body as a `T`.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.0).map_err(|error| {
            Failure::Other(format!("the server's answer is not understood ({error}): is it another version?").into())
        })
    }
}

/// Speaks to one server as the root account.
#[derive(Debug)]
pub(super) struct Client {
    address: SocketAddr,
    keys: KeyPair,
    timeout: Duration,
}

impl Client {
    pub(super) fn new(config: &Config, timeout: Duration) -> Result<Self, Failure> {
        if config.console_listen.port() == 0 {
            let text = "the console listener is on port 0, the kernel's choice: give --console the address that \
                        `obs-gateway serve` printed";
            return Err(Failure::Usage(text.to_owned()));
        }
        Ok(Self { address: config.console_listen, keys: find_root(config)?, timeout })
    }

    /// Asks for the resource at `path`.
    pub(super) fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.send(&Method::GET, path, None)
    }

    /// Sends a request and waits for its answer, both within the timeout. A status from 400 is [`Failure::Refused`].
    pub(super) fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<Answer, Failure> {
        let date = http_date(Clock::System.now_millis());
        let request = self.signed_request(method, path, body, &date)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::other)?;
        let (status, body) = runtime.block_on(async {
            match tokio::time::timeout(self.timeout, self.exchange(request)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(self.unreachable(&format!("no answer within {} s", self.timeout.as_secs()))),
            }
        })?;
        if status.is_success() { Ok(Answer(body)) } else { Err(self.refusal(status, &body)) }
    }

    fn signed_request(
        &self,
        method: &Method,
        path: &str,
        body: Option<&serde_json::Value>,
        date: &str,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::builder().method(method).uri(path);
        let body = body.map(ToString::to_string).unwrap_or_default();
        let (mut content_md5, mut content_type) = (String::new(), "");
        if !body.is_empty() {
            content_md5 = BASE64.encode(Md5::digest(&body));
            content_type = "application/json";
            request = request.header("content-md5", &content_md5).header("content-type", content_type);
        }
        let text = admin_string_to_sign(method.as_str(), &content_md5, content_type, date, path);
        let signature = admin_signature(&self.keys.secret_key, &text);
        request
            .header("host", self.address.to_string())
            .header("x-obs-date", date)
            .header("authorization", format!("OBS {}:{signature}", self.keys.access_key))
            .body(Full::new(Bytes::from(body)))
            .map_err(Failure::other)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Failure> {
        let stream = match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(self.address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.unreachable(&error.to_string())),
            Err(_) => return Err(self.unreachable("the connection is not accepted")),
        };
        let broken = |error: hyper::Error| self.unreachable(&format!("the connection broke: {error}"));
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // Ends with the runtime; its errors also reach the request.
        tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        match Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await {
            Ok(body) => Ok((status, body.to_bytes())),
            Err(error) => Err(self.unreachable(&format!("the answer broke off: {error}"))),
        }
    }

    fn unreachable(&self, why: &str) -> Failure {
        Failure::Unreachable(format!(
            "cannot reach the console at {}: {why}\n\
             is `obs-gateway serve` running? set OBS_GATEWAY_CONSOLE_LISTEN or --console to its console address",
            self.address
        ))
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> Failure {
        #[derive(Deserialize)]
        struct Document {
            code: String,
            message: String,
            request_id: Option<String>,
        }
        let Ok(Document { code, message, request_id }) = serde_json::from_slice(body) else {
            let message = "the answer is not one of the admin API".to_owned();
            let next_step = Some(format!("is {} the console listener of an obs-gateway?", self.address));
            return Failure::Refused { code: status.to_string(), message, request_id: None, next_step };
        };
        let next_step = match code.as_str() {
            "AccessDenied" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" => Some(format!(
                "the request was signed with the key {} from {}: are these the root credentials of this server?",
                self.keys.access_key, self.keys.origin
            )),
            "RequestTimeTooSkewed" => Some("set this machine's clock".to_owned()),
            _ => None,
        };
        Failure::Refused { code, message, request_id, next_step }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::convert::Infallible;
    use std::sync::mpsc;
    use std::thread::JoinHandle;

    use hyper::Response;
    use hyper::service::service_fn;
    use serde_json::{Value, json};

    use super::*;

    /// A request as the server saw it.
    pub(in crate::cli) struct Seen {
        pub(in crate::cli) head: hyper::http::request::Parts,
        pub(in crate::cli) body: Bytes,
    }

    impl Seen {
        fn header(&self, name: &str) -> &str {
            self.head.headers.get(name).map_or("", |value| value.to_str().unwrap())
        }
    }

    /// A server on a port of its own that answers one request and hands it back.
    pub(in crate::cli) fn serve_once(status: u16, answer: &'static str) -> (SocketAddr, JoinHandle<Seen>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            let (seen, asked) = mpsc::channel();
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let seen = seen.clone();
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    seen.send(Seen { head, body }).unwrap();
                    let response = Response::builder().status(status).body(Full::new(Bytes::from(answer)));
                    Ok::<_, Infallible>(response.unwrap())
                }
            });
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let stream = TokioIo::new(TcpStream::from_std(stream).unwrap());
                hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await.unwrap();
            });
            asked.recv().unwrap()
        });
        (address, server)
    }

    fn client(address: SocketAddr, timeout: Duration) -> Client {
        let mut config = Config { console_listen: address, ..Config::for_testing() };
        config.root.access_key = Some("ROOTKEY".into());
        config.root.secret_key = Some("root-secret".into());
        Client::new(&config, timeout).unwrap()
    }

    /// Sends one request to a server that answers with `status` and `answer`.
    fn ask(
        (method, path): (&Method, &str),
        body: Option<&Value>,
        (status, answer): (u16, &'static str),
    ) -> (Seen, Result<Answer, Failure>) {
        let (address, server) = serve_once(status, answer);
        let outcome = client(address, Duration::from_secs(30)).send(method, path, body);
        (server.join().unwrap(), outcome)
    }

    #[test]
    fn the_signed_text_has_six_lines() {
        let date = "Wed, 01 Jul 2015 03:27:45 GMT";
        let text = admin_string_to_sign("GET", "", "", date, "/admin/v1/keys?account=a");
        assert_eq!(text, "GET\n\n\n\nx-obs-date:Wed, 01 Jul 2015 03:27:45 GMT\n/admin/v1/keys?account=a");
        let text = admin_string_to_sign("PUT", "md5==", "application/json", date, "/p");
        assert_eq!(text, "PUT\nmd5==\napplication/json\n\nx-obs-date:Wed, 01 Jul 2015 03:27:45 GMT\n/p");
    }

    #[test]
    fn the_signature_is_hmac_sha1_in_base64() {
        // Computed with another implementation.
        let text = "GET\n\n\nWed, 01 Jul 2015 03:27:45 GMT\n/examplebucket/?quota";
        assert_eq!(admin_signature("TestVectorSecretKeyForObsGateway00000001", text), "96XLPhxsOMt4/3dBimYTtyHvMsY=");
    }

    #[test]
    fn names_become_one_segment_or_one_value() {
        assert_eq!(path(&["accounts"], &[("account", None)]), "/admin/v1/accounts");
        assert_eq!(path(&["accounts", "a/b?c d%é", "freeze"], &[]), "/admin/v1/accounts/a%2Fb%3Fc%20d%25%C3%A9/freeze");
        assert_eq!(path(&["keys"], &[("account", Some("a&b=c"))]), "/admin/v1/keys?account=a%26b%3Dc");
        assert_eq!(path(&["keys"], &[("a", Some("1")), ("b", None), ("c", Some("2"))]), "/admin/v1/keys?a=1&c=2");
    }

    #[test]
    fn a_request_without_a_body_is_signed() {
        let (seen, outcome) = ask((&Method::GET, "/admin/v1/keys?account=a"), None, (200, r#"{"keys":[]}"#));
        assert_eq!(outcome.unwrap().parse::<Value>().unwrap(), json!({ "keys": [] }));
        assert_eq!(
            (seen.head.method.as_str(), seen.head.uri.to_string().as_str()),
            ("GET", "/admin/v1/keys?account=a")
        );
        assert!(seen.header("host").starts_with("127.0.0.1:"));
        let text = admin_string_to_sign("GET", "", "", seen.header("x-obs-date"), "/admin/v1/keys?account=a");
        let expected = format!("OBS ROOTKEY:{}", admin_signature("root-secret", &text));
        assert_eq!(seen.header("authorization"), expected);
        assert!(seen.body.is_empty());
    }

    #[test]
    fn a_body_is_signed_by_its_digest() {
        let body = json!({ "quota_bytes": 4096 });
        let path = "/admin/v1/buckets/b/quota";
        let (seen, outcome) = ask((&Method::PUT, path), Some(&body), (200, "{}"));
        outcome.unwrap();
        assert_eq!(seen.body, r#"{"quota_bytes":4096}"#);
        let digest = BASE64.encode(Md5::digest(&seen.body));
        assert_eq!(seen.header("content-md5"), digest);
        let text = admin_string_to_sign("PUT", &digest, "application/json", seen.header("x-obs-date"), path);
        let expected = format!("OBS ROOTKEY:{}", admin_signature("root-secret", &text));
        assert_eq!(seen.header("authorization"), expected);
    }

    /// A refused request fails with code 1 and a message that contains every one of `words`.
    fn refused(status: u16, answer: &'static str, words: &[&str]) {
        let failure = ask((&Method::GET, "/"), None, (status, answer)).1.unwrap_err();
        assert_eq!(failure.exit_code(), 1);
        let message = failure.to_string();
        for word in words {
            assert!(message.contains(word), "{message:?} does not say {word:?}");
        }
    }

    #[test]
    fn refusals_say_what_the_server_said_and_what_to_do() {
        let answer = r#"{"code":"NoSuchAccount","message":"The account does not exist.","request_id":"AB12"}"#;
        refused(404, answer, &["NoSuchAccount", "The account does not exist.", "AB12"]);
        let answer = r#"{"code":"SignatureDoesNotMatch","message":"m"}"#;
        refused(403, answer, &["ROOTKEY", "root_access_key", "are these the root credentials"]);
        refused(403, r#"{"code":"RequestTimeTooSkewed","message":"m"}"#, &["clock"]);
        refused(404, "<html>", &["404", "is 127.0.0.1:"]);
        refused(302, "", &["302"]);
    }

    #[test]
    fn a_server_that_is_not_there_is_unreachable() {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let failure = client(address, Duration::from_secs(30)).get("/").unwrap_err();
        assert_eq!(failure.exit_code(), 3);
        let message = failure.to_string();
        assert!(message.contains(&address.to_string()) && message.contains("OBS_GATEWAY_CONSOLE_LISTEN"), "{message}");
    }

    #[test]
    fn a_server_that_does_not_answer_or_hangs_up_is_unreachable() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let failure = client(silent.local_addr().unwrap(), Duration::from_millis(50)).get("/").unwrap_err();
        assert_eq!(failure.exit_code(), 3);
        assert!(failure.to_string().contains("no answer within"), "{failure}");

        let address = silent.local_addr().unwrap();
        let hang_up = std::thread::spawn(move || {
            // The first connection is the one given up above.
            drop((silent.accept().unwrap(), silent.accept().unwrap()));
        });
        let failure = client(address, Duration::from_secs(30)).get("/").unwrap_err();
        hang_up.join().unwrap();
        assert_eq!(failure.exit_code(), 3);
        assert!(failure.to_string().contains("the connection broke"), "{failure}");
    }

    #[test]
    fn port_0_is_no_address_to_connect_to() {
        let failure = Client::new(&Config::for_testing(), Duration::from_secs(1)).unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().contains("--console"), "{failure}");
    }
}
