//! Every form of HTTP that clients speak, on one port: 1.0, 1.1 with pipelining, 2 without a word before.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::support::{Connection, Folder, Gateway, Keys, Request};

fn start(folder: &Folder) -> (Gateway, Keys) {
    let gateway = folder.start();
    let keys = folder.keys();
    gateway.done(&Request::put("/bucket", "").signed(&keys));
    (gateway, keys)
}

#[test]
fn http_1_0_is_answered_and_closed() {
    let folder = Folder::new();
    let (gateway, keys) = start(&folder);
    let get = || Request::get("/bucket?quota").version("HTTP/1.0");
    let mut connection = gateway.connect();
    let answer = connection.ask(&get().signed(&keys)).unwrap();
    assert_eq!((answer.line.as_str(), answer.element("StorageQuota")), ("HTTP/1.0 200 OK", "0"));
    assert!(connection.ends());

    let mut kept = gateway.connect();
    for _ in 0..2 {
        let answer = kept.ask(&get().header("Connection", "keep-alive").signed(&keys)).unwrap();
        assert_eq!((answer.status, answer.header("Connection")), (200, Some("keep-alive")));
    }
    // Without a length the end of the connection would be the end of the body: 1.0 clients do not do that in requests.
    let put = Request::put("/bucket/old", "body").version("HTTP/1.0").signed(&keys);
    assert_eq!(gateway.ask(&put).status, 200);
    assert_eq!(gateway.done(&Request::get("/bucket/old").signed(&keys)).body, b"body");
    gateway.stop();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let folder = Folder::new();
    let (gateway, keys) = start(&folder);
    let requests = [
        Request::put("/bucket/key", "first").signed(&keys),
        Request::get("/bucket/key").signed(&keys),
        Request::put("/bucket/key", vec![b'x'; 100_000]).signed(&keys),
        Request::new("HEAD", "/bucket/key").signed(&keys),
        Request::put("/bucket/key", "not signed"),
        Request::get("/bucket?storageinfo").signed(&keys),
        Request::delete("/bucket/key").signed(&keys),
        Request::get("/bucket/key").signed(&keys),
    ];
    let mut connection = gateway.connect();
    let bytes: Vec<u8> = requests.iter().flat_map(Request::to_bytes).collect();
    connection.send(&bytes).unwrap();
    let mut answers = requests.iter().map(|request| read(&mut connection, request));
    let mut next = || answers.next().unwrap();
    assert_eq!(next().status, 200);
    assert_eq!(next().body, b"first");
    assert_eq!(next().status, 200);
    assert_eq!(next().header("Content-Length"), Some("100000"));
    assert_eq!(next().verdict(), (403, "AccessDenied"));
    assert_eq!(next().element("Size"), "100000");
    assert_eq!(next().status, 204);
    assert_eq!(next().verdict(), (404, "NoSuchKey"));
    gateway.stop();
}

fn read(connection: &mut Connection, request: &Request) -> crate::support::Answer {
    if request.is_head() { connection.read_head() } else { connection.read_answer() }.unwrap()
}

#[test]
fn an_answer_to_head_has_no_body() {
    let folder = Folder::new();
    let (gateway, keys) = start(&folder);
    gateway.done(&Request::put("/bucket/key", "body").signed(&keys));
    let head = |target: &str| Request::new("HEAD", target);
    let mut connection = gateway.connect();
    for (request, status, length) in [
        (head("/bucket/key").signed(&keys), 200, Some("4")),
        (head("/bucket").signed(&keys), 200, Some("0")),
        (head("/bucket/absent").signed(&keys), 404, None),
        (head("/absent").signed(&keys), 404, None),
        (head("/bucket/key"), 403, None),
        (head("/bucket?quota").signed(&keys), 405, None),
    ] {
        let answer = connection.ask(&request).unwrap();
        assert_eq!(answer.status, status, "{request:?}: {answer:?}");
        assert!(length.is_none() || answer.header("Content-Length") == length, "{request:?}: {answer:?}");
        // A body would stand before this answer.
        let next = connection.ask(&Request::get("/bucket?quota").signed(&keys)).unwrap();
        assert_eq!(next.element("StorageQuota"), "0");
    }
    gateway.stop();
}

#[tokio::test]
async fn http_2_needs_no_word_before() {
    let folder = Folder::new();
    let (gateway, keys) = start(&folder);
    let stream = tokio::net::TcpStream::connect(gateway.data).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let send = |request: Request| {
        let (mut sender, request) = (sender.clone(), request.signed(&keys).to_hyper(gateway.data));
        async move {
            let response = sender.send_request(request).await.unwrap();
            let (parts, body) = response.into_parts();
            (parts.status.as_u16(), body.collect().await.unwrap().to_bytes())
        }
    };
    let (status, body) = send(Request::get("/bucket?quota")).await;
    assert_eq!(status, 200);
    assert!(std::str::from_utf8(&body).unwrap().contains("<StorageQuota>0</StorageQuota>"));
    let large = vec![b'x'; 1 << 20];
    let puts =
        futures_util::future::join_all((0..8).map(|n| send(Request::put(&format!("/bucket/{n}"), large.clone()))));
    assert!(puts.await.iter().all(|(status, _)| *status == 200));
    assert_eq!(send(Request::get("/bucket/7")).await, (200, Bytes::from(large)));
    assert_eq!(send(Request::get("/bucket/8")).await.0, 404);
    drop(sender);
    connection.await.unwrap().unwrap();
    gateway.stop();
}
