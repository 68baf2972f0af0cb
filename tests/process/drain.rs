//! SIGTERM: what is in flight finishes, nothing new begins, and the process ends well.

use std::io::ErrorKind;
use std::net::TcpStream;

use crate::support::{Folder, Gateway, Keys, Request, content, eventually};

/// A PUT whose client has sent half of `body`, and whose handler is known to be at work: it asked for the body.
fn begin(gateway: &Gateway, keys: &Keys, body: &[u8]) -> crate::support::Connection {
    let request = Request::put("/drain/slow", body).header("Expect", "100-continue").signed(keys);
    let mut connection = gateway.connect();
    connection.send(&request.head()).unwrap();
    assert_eq!(connection.read_head().unwrap().status, 100);
    connection.send(&body[..body.len() / 2]).unwrap();
    connection
}

fn refuses_connections(gateway: &Gateway) -> bool {
    TcpStream::connect(gateway.data).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

#[test]
fn a_put_in_flight_finishes_and_nothing_new_begins() {
    let folder = Folder::new();
    let gateway = folder.start();
    let keys = folder.keys();
    gateway.done(&Request::put("/drain", "").signed(&keys));
    let body = content(1, 3 << 20);
    let mut slow = begin(&gateway, &keys, &body);
    let mut idle = gateway.connect();
    assert_eq!(idle.ask(&Request::get("/drain?quota").signed(&keys)).unwrap().status, 200);

    gateway.terminate();
    eventually("the data listener is closed", || refuses_connections(&gateway));
    assert!(idle.ends(), "a connection without a request is closed at once");
    slow.send(&body[body.len() / 2..]).unwrap();
    let answer = slow.read_answer().unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(slow.ends(), "no further request is taken");
    let (status, log) = gateway.wait();
    assert_eq!(status.code(), Some(0), "{log}");

    let gateway = folder.start();
    assert_eq!(gateway.done(&Request::get("/drain/slow").signed(&keys)).body, body);
    gateway.stop();
}

#[test]
fn sigint_stops_too() {
    let folder = Folder::new();
    let gateway = folder.start();
    gateway.interrupt();
    let (status, log) = gateway.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert_eq!(folder.run(&["fsck", "--data", "data"]).code, Some(0));
}
