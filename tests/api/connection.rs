//! What only a connection shows: when `100 Continue` is sent, what a client that stops in the middle leaves behind,
//! and that a refusal does not cost the connection. hyper on both sides of a pipe in memory, no socket.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use obs_gateway::gateway;
use obs_gateway::name::BucketName;
use obs_gateway::quota::Change;
use obs_gateway::wire::body::RequestBody;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinHandle;

use crate::support::{As, Gateway, Lines, both};

/// A client's end.
pub(crate) struct Connection {
    pub(crate) stream: DuplexStream,
    server: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Connection {
    pub(crate) fn open(gateway: &Gateway) -> Self {
        let (stream, server_end) = tokio::io::duplex(64 * 1024);
        let app = Arc::clone(&gateway.app);
        let server = tokio::spawn(async move {
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                let app = Arc::clone(&app);
                async move {
                    Ok::<_, Infallible>(
                        gateway::handle(
                            &app,
                            request.map(RequestBody::from),
                            obs_gateway::wire::Peer::plain(std::net::Ipv4Addr::LOCALHOST.into()),
                        )
                        .await,
                    )
                }
            });
            let mut protocol = hyper::server::conn::http1::Builder::new();
            // How a connection ends is the client's affair.
            let _ = protocol.half_close(true).serve_connection(TokioIo::new(server_end), service).await;
        });
        Self { stream, server }
    }

    /// Sends a request's head, completed and signed.
    pub(crate) async fn send_head(&mut self, gateway: &Gateway, who: As, head: &str) {
        let mut lines = Lines::of(head);
        lines.complete(who, &gateway.app.endpoints, gateway.app.clock.now_millis());
        self.send(lines.wire_text().as_bytes()).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the server listens");
    }

    /// One answer: its status line, and its body.
    async fn receive(&mut self) -> (String, String) {
        tokio::time::timeout(Duration::from_secs(60), self.read_answer()).await.expect("an answer")
    }

    async fn read_head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.expect("a whole head"));
        }
        String::from_utf8(head).expect("the head is text")
    }

    async fn read_answer(&mut self) -> (String, String) {
        let head = self.read_head().await;
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
        self.stream.read_exact(&mut body).await.expect("a whole body");
        let status = head.lines().next().unwrap_or_default().trim_start_matches("HTTP/1.1 ").to_owned();
        (status, String::from_utf8(body).expect("the body is text"))
    }

    /// Expects an answer with this status and, in a refusal, this code.
    pub(crate) async fn expect(&mut self, status: &str, code: &str) {
        let (found, body) = self.receive().await;
        assert_eq!(found, status, "{body}");
        assert!(body.contains(code), "{body}");
    }
}

async fn with_quota(bytes: u64) -> Gateway {
    let gateway = Gateway::with_bucket().await;
    let body = format!("<Quota><StorageQuota>{bytes}</StorageQuota></Quota>");
    gateway.check(As::Obs("alice"), &format!("PUT /photos?quota\n\n{body}"), "200").await;
    gateway
}

/// A client that waits for `100 Continue` has sent nothing when it is refused.
#[tokio::test]
async fn a_refusal_comes_instead_of_100_continue() {
    let gateway = with_quota(100_000).await;
    gateway.check(As::Obs("alice"), "PUT /photos/kept\n\nold", "200").await;
    let long = "k".repeat(1025);
    for (who, head, status, code) in [
        (As::Nobody, "PUT /photos/k\nContent-Length: 5", "403 Forbidden", "AccessDenied"),
        (As::Obs("bob"), "PUT /photos/k\nContent-Length: 5", "403 Forbidden", "AccessDenied"),
        (
            As::Nobody,
            "PUT /photos/k\nContent-Length: 5\nAuthorization: OBS AK-alice:eA==",
            "403 Forbidden",
            "SignatureDoesNotMatch",
        ),
        (As::Obs("alice"), "PUT /missing/k\nContent-Length: 5", "404 Not Found", "NoSuchBucket"),
        (As::Obs("alice"), "PUT /photos/k\nContent-Length: 99998", "403 Forbidden", "InsufficientStorageSpace"),
        (As::Aws("alice"), "PUT /photos/k\nContent-Length: 5000000000", "403 Forbidden", "InsufficientStorageSpace"),
        (As::Obs("alice"), "PUT /photos/kept\nContent-Length: 100001", "403 Forbidden", "InsufficientStorageSpace"),
        (As::Obs("alice"), "PUT /photos/k\nContent-Length: 5368709121", "400 Bad Request", "EntityTooLarge"),
        (
            As::Obs("alice"),
            "PUT /photos/kept\nContent-Length: 5\nIf-None-Match: *",
            "412 Precondition Failed",
            "If-None-Match",
        ),
        (As::Obs("alice"), "PUT /photos/k\nContent-Length: 5\nContent-MD5: x", "400 Bad Request", "InvalidDigest"),
        (As::Obs("alice"), "PUT /photos/k?torrent\nContent-Length: 5", "501 Not Implemented", "ServiceNotImplemented"),
        (As::Obs("alice"), &format!("PUT /photos/{long}\nContent-Length: 5"), "400 Bad Request", "KeyTooLongError"),
        (As::Obs("alice"), "DELETE /photos/kept\nContent-Length: 5", "400 Bad Request", "UnexpectedContent"),
    ] {
        let mut connection = Connection::open(&gateway);
        connection.send_head(&gateway, who, &format!("{head}\nExpect: 100-continue")).await;
        connection.expect(status, code).await;
    }
    assert_eq!(gateway.used("photos").await, (3, 1));
}

#[tokio::test]
async fn what_is_admitted_is_asked_for() {
    let gateway = with_quota(10).await;
    for who in both("alice") {
        let mut connection = Connection::open(&gateway);
        connection.send_head(&gateway, who, "PUT /photos/k\nContent-Length: 10\nExpect: 100-continue").await;
        connection.expect("100 Continue", "").await;
        connection.send(b"0123456789").await;
        connection.expect("200 OK", "").await;
        // The connection goes on.
        connection.send_head(&gateway, who, "GET /photos/k").await;
        connection.expect("200 OK", "0123456789").await;
        assert_eq!(gateway.used("photos").await, (10, 1));
    }
}

/// The AWS command line waits for ever for the end of what comes next on a connection whose last answer came instead of
/// `100 Continue`, unless it is told that there is no next.
#[tokio::test]
async fn an_answer_instead_of_100_continue_is_the_last() {
    let gateway = with_quota(10).await;
    for (who, length, status) in [
        (As::Obs("alice"), 0, "HTTP/1.1 200 OK\r\n"),
        (As::Aws("alice"), 0, "HTTP/1.1 200 OK\r\n"),
        (As::Aws("alice"), 11, "HTTP/1.1 403 Forbidden\r\n"),
    ] {
        let mut connection = Connection::open(&gateway);
        let head = format!("PUT /photos/k\nContent-Length: {length}");
        connection.send_head(&gateway, who, &format!("{head}\nExpect: 100-continue")).await;
        let answer = connection.read_head().await;
        assert!(answer.starts_with(status) && answer.contains("Connection: close\r\n"), "{answer}");
        let mut rest = Vec::new();
        connection.stream.read_to_end(&mut rest).await.expect("the connection ends");

        let mut connection = Connection::open(&gateway);
        connection.send_head(&gateway, who, "PUT /photos/k\nContent-Length: 0").await;
        let answer = connection.read_head().await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && !answer.contains("Connection: "), "{answer}");
    }
}

/// Who was told to continue goes on sending, whatever becomes of it.
#[tokio::test]
async fn what_was_asked_for_and_is_refused_on_its_way_is_read() {
    let gateway = with_quota(200_000).await;
    for who in both("alice") {
        let mut connection = Connection::open(&gateway);
        for _ in 0..2 {
            let head = "PUT /photos/k\nTransfer-Encoding: chunked\nExpect: 100-continue";
            connection.send_head(&gateway, who, head).await;
            connection.expect("100 Continue", "").await;
            let chunk = [b"2710\r\n".as_slice(), &[b'x'; 10_000], b"\r\n"].concat();
            for _ in 0..50 {
                connection.send(&chunk).await;
            }
            connection.send(b"0\r\n\r\n").await;
            connection.expect("403 Forbidden", "InsufficientStorageSpace").await;
        }
    }
}

#[tokio::test]
async fn a_refused_body_is_read_and_the_connection_kept() {
    let gateway = with_quota(10).await;
    let mut connection = Connection::open(&gateway);
    for _ in 0..3 {
        connection.send_head(&gateway, As::Obs("alice"), "PUT /photos/k\nContent-Length: 300000").await;
        for _ in 0..30 {
            connection.send(&[b'x'; 10_000]).await;
        }
        connection.expect("403 Forbidden", "InsufficientStorageSpace").await;
    }
    connection.send_head(&gateway, As::Obs("alice"), "HEAD /photos").await;
    connection.expect("200 OK", "").await;
    assert_eq!(gateway.used("photos").await, (0, 0));
}

/// A client that goes away in the middle leaves nothing, and no room held.
#[tokio::test]
async fn half_a_body_is_no_object() {
    let gateway = with_quota(100_000).await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nold", "200").await;
    for (framing, sent) in [
        ("Content-Length: 10", "01234"),
        ("Content-Length: 90000", "01234"),
        ("Transfer-Encoding: chunked", "5\r\n01234\r\n"),
        ("Transfer-Encoding: chunked", "a\r\n01234"),
    ] {
        let mut connection = Connection::open(&gateway);
        connection.send_head(&gateway, As::Obs("alice"), &format!("PUT /photos/k\n{framing}")).await;
        connection.send(sent.as_bytes()).await;
        connection.stream.shutdown().await.unwrap();
        connection.expect("400 Bad Request", "IncompleteBody").await;
        assert_eq!(gateway.check(As::Obs("alice"), "GET /photos/k", "200").await.body_text(), "old");
        assert_eq!(gateway.used("photos").await, (3, 1));
    }
    let all = gateway.send_bytes(As::Obs("alice"), "PUT /photos/k", vec![b'x'; 100_000]).await;
    assert_eq!(all.verdict(), "200");
}

#[tokio::test]
async fn a_body_of_unknown_length_is_cut_off_at_the_limit() {
    let gateway = with_quota(100_000).await;
    gateway.send_bytes(As::Obs("alice"), "PUT /photos/k", vec![b'x'; 60_000]).await;
    // What it replaces is credited: all of the quota is there for the new body.
    for (chunks, verdict) in [(10, "200 OK"), (11, "403 Forbidden")] {
        let mut connection = Connection::open(&gateway);
        connection.send_head(&gateway, As::Obs("alice"), "PUT /photos/k\nTransfer-Encoding: chunked").await;
        for _ in 0..chunks {
            connection.send(b"2710\r\n").await;
            connection.send(&[b'y'; 10_000]).await;
            connection.send(b"\r\n").await;
        }
        // A body that is too long is refused though its end was not sent yet.
        if verdict == "200 OK" {
            connection.send(b"0\r\n\r\n").await;
        }
        connection.expect(verdict, "").await;
        assert_eq!(gateway.used("photos").await, (100_000, 1));
    }
}

/// An upload of unknown length holds what it has sent, not more: what fits beside it is accepted.
#[tokio::test]
async fn an_upload_under_way_holds_what_it_has_sent() {
    const QUOTA: usize = 20 * 1024 * 1024;
    // More than is kept in the metadata, which holds nothing.
    const SENT: usize = 70_000;
    let gateway = with_quota(QUOTA as u64).await;
    let mut connection = Connection::open(&gateway);
    connection.send_head(&gateway, As::Obs("alice"), "PUT /photos/slow\nTransfer-Encoding: chunked").await;
    connection.send(format!("{SENT:x}\r\n{}\r\n", "x".repeat(SENT)).as_bytes()).await;
    let bucket = BucketName::parse("photos").unwrap();
    let bucket = gateway.app.store.read(|tx| tx.bucket(&bucket)).await.unwrap().unwrap();
    let held = async {
        while gateway.app.store.check_room(&bucket, Change::put(None, (QUOTA - SENT + 1) as u64)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), held).await.expect("what was sent is held");
    let put =
        async |length| gateway.send_bytes(As::Obs("alice"), "PUT /photos/beside", vec![b'x'; length]).await.verdict();
    assert_eq!(put(QUOTA - SENT + 1).await, "403 InsufficientStorageSpace");
    assert_eq!(put(QUOTA - SENT).await, "200");
    connection.send(b"0\r\n\r\n").await;
    connection.expect("200 OK", "").await;
    assert_eq!(gateway.used("photos").await, (QUOTA as u64, 2));
}
