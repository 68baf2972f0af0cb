//! Bodies stream: what the process holds in memory does not grow with them.

#![expect(clippy::disallowed_methods, reason = "reads what the kernel says of the process")]

use std::thread;

use crate::support::{Connection, Folder, Gateway, Keys, Request};

const MIB: u64 = 1 << 20;
const PIECE_BYTES: u64 = MIB;

/// Peak of the process's resident memory since [`forget_peak`], in bytes.
fn peak_bytes(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

fn forget_peak(gateway: &Gateway) {
    std::fs::write(format!("/proc/{}/clear_refs", gateway.id()), "5").unwrap();
}

/// A PUT of `length` bytes whose head has been sent.
fn begin(gateway: &Gateway, keys: &Keys, target: &str, length: u64) -> Connection {
    let request = Request::new("PUT", target).header("Content-Length", &length.to_string()).signed(keys);
    let mut connection = gateway.connect();
    connection.send(&request.head()).unwrap();
    connection
}

fn send(connection: &mut Connection, length: u64) {
    let piece = vec![b'x'; usize::try_from(PIECE_BYTES).unwrap()];
    for at in (0..length).step_by(piece.len()) {
        let left = usize::try_from((length - at).min(PIECE_BYTES)).unwrap();
        connection.send(&piece[..left]).unwrap();
    }
}

fn started() -> (Folder, Gateway, Keys) {
    let folder = Folder::new();
    let gateway = folder.start();
    let keys = folder.keys();
    gateway.done(&Request::put("/large", "").signed(&keys));
    // The code on the way of a body is in memory before it is measured what bodies add.
    gateway.done(&Request::put("/large/first", vec![0; 100_000]).signed(&keys));
    gateway.done(&Request::get("/large/first").signed(&keys));
    forget_peak(&gateway);
    (folder, gateway, keys)
}

#[test]
fn a_body_of_4_gib_takes_32_mib_of_memory_at_most() {
    const LENGTH: u64 = 4096 * MIB;
    let (_folder, gateway, keys) = started();
    let idle = peak_bytes(&gateway);
    let check = |what: &str| {
        let more = peak_bytes(&gateway).saturating_sub(idle);
        assert!(more <= 32 * MIB, "{what} took {more} bytes more");
    };
    let mut connection = begin(&gateway, &keys, "/large/object", LENGTH);
    send(&mut connection, LENGTH);
    assert_eq!(connection.read_answer().unwrap().status, 200);
    check("putting");
    connection.send(&Request::get("/large/object").signed(&keys).to_bytes()).unwrap();
    let head = connection.read_head().unwrap();
    assert_eq!((head.status, head.header("Content-Length")), (200, Some(LENGTH.to_string().as_str())));
    connection.skip(LENGTH).unwrap();
    check("getting");
    gateway.stop();
}

#[test]
fn many_uploads_at_once_take_4_mib_of_memory_each_at_most() {
    const COUNT: u64 = 64;
    const LENGTH: u64 = 12 * MIB;
    let (_folder, gateway, keys) = started();
    let idle = peak_bytes(&gateway);
    let mut connections: Vec<_> =
        (0..COUNT).map(|index| begin(&gateway, &keys, &format!("/large/{index}"), LENGTH)).collect();
    thread::scope(|scope| {
        for connection in &mut connections {
            scope.spawn(|| send(connection, LENGTH - 1));
        }
    });
    for connection in &mut connections {
        connection.send(b"x").unwrap();
        assert_eq!(connection.read_answer().unwrap().status, 200);
    }
    let more = peak_bytes(&gateway).saturating_sub(idle);
    assert!(more <= COUNT * 4 * MIB, "{COUNT} uploads took {more} bytes more");
    gateway.stop();
}
