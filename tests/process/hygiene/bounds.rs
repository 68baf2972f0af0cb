//! Heads that are too much or make no sense: refused, and the gateway goes on.

use crate::support::{Folder, Gateway, Request};

/// The status that the head gets, and that the gateway serves others afterwards.
fn check(gateway: &Gateway, head: &str, expected: u16) {
    let mut connection = gateway.connect();
    connection.send(head.as_bytes()).unwrap();
    let answer = connection.read_answer().unwrap();
    let start: String = head.chars().take(60).collect();
    assert_eq!(answer.status, expected, "{start}: {answer:?}");
    if expected != 414 {
        assert!(connection.ends(), "{start}: nothing after it can be understood");
    }
    assert_eq!(gateway.ask(&Request::get("/")).verdict(), (403, "AccessDenied"));
}

#[test]
fn heads_have_bounds() {
    let folder = Folder::new();
    let gateway = folder.start();
    let with = |headers: &str| format!("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n");
    let many = "x: y\r\n".repeat(150);
    check(&gateway, &with(&many), 431);
    check(&gateway, &with(&format!("x: {}\r\n", "y".repeat(70 * 1024))), 431);
    // Longer than the gateway's own bound, and longer than any URI can be.
    check(&gateway, &format!("GET /bucket/{} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "k".repeat(17 * 1024)), 414);
    check(&gateway, &format!("GET /bucket/{} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "k".repeat(65 * 1024)), 431);
    gateway.stop();
}

#[test]
fn lengths_are_one_number() {
    let folder = Folder::new();
    let gateway = folder.start();
    let put = |headers: &str| format!("PUT /bucket/key HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n");
    check(&gateway, &put("Content-Length: 1\r\nContent-Length: 2\r\n"), 400);
    check(&gateway, &put("Content-Length: 1, 2\r\n"), 400);
    check(&gateway, &put("Content-Length: -1\r\n"), 400);
    check(&gateway, &put("Content-Length: +1\r\n"), 400);
    check(&gateway, &put("Content-Length: 18446744073709551616\r\n"), 400);
    check(&gateway, &put("Transfer-Encoding: gzip\r\n"), 400);
    gateway.stop();
}

#[test]
fn what_is_no_request_is_refused() {
    let folder = Folder::new();
    let gateway = folder.start();
    for nonsense in [
        "nonsense\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
        "GET / HTTP/1.1\r\n: empty\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n folded: line\r\n\r\n",
    ] {
        check(&gateway, nonsense, 400);
    }
    gateway.stop();
}
