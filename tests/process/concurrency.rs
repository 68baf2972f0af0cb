//! Many clients at once into a bucket with room for some: exactly as many get in as fit.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Connection, Folder, Gateway, Keys, Request};

const CLIENT_COUNT: usize = 64;
/// Races are rare; each round is another chance to lose one.
const ROUND_COUNT: usize = 6;

/// All clients put at the same moment; returns their verdicts.
fn rush(gateway: &Gateway, keys: &Keys, bucket: &str, size: usize) -> Vec<(u16, String)> {
    let barrier = Barrier::new(CLIENT_COUNT);
    let put = |client: usize| {
        let request = Request::put(&format!("/{bucket}/{client}"), vec![b'x'; size]).signed(keys).to_bytes();
        let mut connection = Connection::open(gateway.data).unwrap();
        barrier.wait();
        connection.send(&request).unwrap();
        let answer = connection.read_answer().unwrap();
        let (status, code) = answer.verdict();
        (status, code.to_owned())
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENT_COUNT).map(|client| scope.spawn(move || put(client))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    })
}

/// Rounds with room for another number of objects each, and a remainder that is no room for one more.
fn check(size: usize) {
    let folder = Folder::new();
    let gateway = folder.start();
    let keys = folder.keys();
    for round in 0..ROUND_COUNT {
        let fitting = 1 + round * 11;
        let bucket = format!("rush-{round}");
        gateway.done(&Request::put(&format!("/{bucket}"), "").signed(&keys));
        let quota = fitting * size + size - 1;
        gateway.done(&Request::put_quota(&bucket, quota as u64).signed(&keys));

        let verdicts = rush(&gateway, &keys, &bucket, size);
        let count = |wanted: (u16, &str)| verdicts.iter().filter(|(s, c)| (*s, c.as_str()) == wanted).count();
        let expected = (fitting, CLIENT_COUNT - fitting);
        assert_eq!(
            (count((200, "")), count((403, "InsufficientStorageSpace"))),
            expected,
            "round {round}: {verdicts:?}"
        );
        let info = gateway.done(&Request::get(&format!("/{bucket}?storageinfo")).signed(&keys));
        let found = (info.element("Size").to_owned(), info.element("ObjectNumber").to_owned());
        assert_eq!(found, ((fitting * size).to_string(), fitting.to_string()));
    }
    gateway.stop();
    folder.run(&["fsck", "--data", "data"]).done();
}

#[test]
fn as_many_small_objects_get_in_as_fit() {
    check(1024);
}

#[test]
fn as_many_large_objects_get_in_as_fit() {
    check(100 * 1024);
}

/// Room for two, and two come, close after each other: the second must not find the first one counted twice, as
/// stored already and as still held.
#[test]
fn what_fits_is_not_refused_for_its_neighbour() {
    const ROUND_COUNT: u64 = 100;
    const SIZE: usize = 100 * 1024;
    let folder = Folder::new();
    let gateway = folder.start();
    let keys = folder.keys();
    gateway.done(&Request::put("/pair", "").signed(&keys));
    gateway.done(&Request::put_quota("pair", 2 * SIZE as u64).signed(&keys));
    let barrier = Barrier::new(2);
    // How long the first one's last PUT took: the second aims at its end, a little earlier in every round.
    let taken_micros = AtomicU64::new(0);
    let client = |path: &str, is_first: bool| {
        let mut connection = gateway.connect();
        let put = Request::put(path, vec![b'x'; SIZE]).signed(&keys).to_bytes();
        let delete = Request::delete(path).signed(&keys);
        let mut refused = Vec::new();
        for round in 0..ROUND_COUNT {
            barrier.wait();
            let start = Instant::now();
            let aim = taken_micros.load(Ordering::SeqCst).saturating_sub(round % 50 * 20);
            while !is_first && start.elapsed() < Duration::from_micros(aim) {
                std::hint::spin_loop();
            }
            connection.send(&put).unwrap();
            let answer = connection.read_answer().unwrap();
            let taken = start.elapsed();
            if answer.status != 200 {
                refused.push((path.to_owned(), answer.text().to_owned()));
            }
            barrier.wait();
            if is_first {
                taken_micros.store(u64::try_from(taken.as_micros()).unwrap(), Ordering::SeqCst);
            }
            assert_eq!(connection.ask(&delete).unwrap().status, 204);
        }
        refused
    };
    let (first, second) = std::thread::scope(|scope| {
        let second = scope.spawn(|| client("/pair/second", false));
        (client("/pair/first", true), second.join().unwrap())
    });
    assert_eq!([first, second].concat(), []);
    gateway.stop();
}
