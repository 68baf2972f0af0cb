//! Bodies that are not wanted: refused before they are sent where the client asks first, read past where it does not,
//! and forgotten where the client vanishes.

use crate::support::{Connection, Folder, Gateway, Keys, Request, content, eventually};

fn start(folder: &Folder, quota_bytes: u64) -> (Gateway, Keys) {
    let gateway = folder.start();
    let keys = folder.keys();
    gateway.done(&Request::put("/bucket", "").signed(&keys));
    gateway.done(&Request::put_quota("bucket", quota_bytes).signed(&keys));
    (gateway, keys)
}

fn used(gateway: &Gateway, keys: &Keys) -> (String, String) {
    let info = gateway.done(&Request::get("/bucket?storageinfo").signed(keys));
    (info.element("Size").to_owned(), info.element("ObjectNumber").to_owned())
}

#[test]
fn a_client_that_asks_first_is_told_no_before_it_sends() {
    let folder = Folder::new();
    let (gateway, keys) = start(&folder, 100_000);
    let put = |length: usize| Request::put("/bucket/key", vec![b'x'; length]).header("Expect", "100-continue");
    let wrong = Keys::new(&keys.access_key, "another-secret");
    for (request, code) in [
        (put(100_001).signed(&keys), "InsufficientStorageSpace"),
        (put(1).signed(&wrong), "SignatureDoesNotMatch"),
        (put(1), "AccessDenied"),
    ] {
        let mut connection = gateway.connect();
        connection.send(&request.head()).unwrap();
        let answer = connection.read_answer().unwrap();
        assert_eq!(answer.verdict(), (403, code), "the body was asked for: {answer:?}");
    }
    for length in [1, 100_000] {
        let request = put(length).signed(&keys);
        let mut connection = gateway.connect();
        connection.send(&request.head()).unwrap();
        assert_eq!(connection.read_head().unwrap().line, "HTTP/1.1 100 Continue");
        connection.send(request.body()).unwrap();
        assert_eq!(connection.read_answer().unwrap().status, 200);
        // And the connection is good for more.
        assert_eq!(connection.ask(&Request::get("/bucket/key").signed(&keys)).unwrap().body, request.body());
    }
    assert_eq!(used(&gateway, &keys), ("100000".to_owned(), "1".to_owned()));
    gateway.stop();
}

#[test]
fn a_client_that_sends_everything_first_reads_the_refusal_and_goes_on() {
    let folder = Folder::new();
    let (gateway, keys) = start(&folder, 1 << 20);
    let body = content(1, 5 << 20);
    let mut connection = gateway.connect();
    for request in [
        Request::put("/bucket/large", body.clone()).signed(&keys),
        Request::put_chunked("/bucket/large", &body, 100_000).signed(&keys),
        Request::put("/bucket/large", body.clone()),
        Request::put("/absent/large", body.clone()).signed(&keys),
    ] {
        connection.send(&request.to_bytes()).unwrap();
        let answer = connection.read_answer().unwrap();
        assert!(matches!(answer.status, 403 | 404), "{answer:?}");
        let next = connection.ask(&Request::get("/bucket?quota").signed(&keys)).unwrap();
        assert_eq!(next.element("StorageQuota"), (1 << 20).to_string());
    }
    assert_eq!(used(&gateway, &keys), ("0".to_owned(), "0".to_owned()));
    gateway.stop();
}

/// Bodies that ended before their end.
fn incomplete_count(gateway: &Gateway) -> usize {
    let page = Connection::open(gateway.console).unwrap().ask(&Request::get("/metrics")).unwrap();
    let name = "obs_gateway_requests_total{operation=\"PutObject\",code=\"IncompleteBody\"}";
    let count = page.text().lines().find_map(|line| line.strip_prefix(name));
    count.map_or(0, |count| count.trim().parse().unwrap())
}

#[test]
fn a_client_that_vanishes_leaves_nothing() {
    let folder = Folder::new();
    let body = content(1, 1 << 20);
    let (gateway, keys) = start(&folder, body.len() as u64);
    let whole = Request::put("/bucket/key", body.clone()).signed(&keys);
    let chunked = Request::put_chunked("/bucket/key", &body, 1 << 16).signed(&keys);
    let small = Request::put("/bucket/key", &body[..4096]).signed(&keys);
    let cases = [(&whole, false), (&whole, true), (&chunked, false), (&chunked, true), (&small, true)];
    for (count, (request, is_half_closed)) in cases.into_iter().enumerate() {
        let mut connection = gateway.connect();
        let bytes = request.to_bytes();
        connection.send(&bytes[..bytes.len() - 1000]).unwrap();
        if is_half_closed {
            connection.finish_sending();
            let answer = connection.read_answer().unwrap();
            assert_eq!(answer.verdict(), (400, "IncompleteBody"), "{answer:?}");
        }
        drop(connection);
        eventually("the gateway has seen it go", || incomplete_count(&gateway) == count + 1);
        assert_eq!(used(&gateway, &keys), ("0".to_owned(), "0".to_owned()));
        // What it held of the quota is free again once its end is noticed.
        eventually("the room is free again", || {
            let answer = gateway.ask(&whole);
            assert!(matches!(answer.verdict(), (200, _) | (403, "InsufficientStorageSpace")), "{answer:?}");
            answer.status == 200
        });
        assert_eq!(used(&gateway, &keys), (body.len().to_string(), "1".to_owned()));
        gateway.done(&Request::delete("/bucket/key").signed(&keys));
    }
    gateway.stop();
    folder.run(&["fsck", "--data", "data"]).done();
}
