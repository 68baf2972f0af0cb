//! Disk space: what a killed process left unfinished, and what clients delete, goes back to the filesystem.

use crate::support::{Folder, Gateway, Request, content, eventually};

/// Beyond the live bytes: ends of blocks, and the filesystem's own records of many small pieces.
const SLACK_BYTES: u64 = 256 * 1024;

fn shrinks_to(folder: &Folder, live_bytes: u64) {
    let most = live_bytes + SLACK_BYTES;
    eventually(&format!("segments take at most {most} bytes"), || folder.segment_bytes() <= most);
}

/// Objects of whatever size, then uploads that are cut off by SIGKILL.
fn prepare(folder: &Folder, gateway: Gateway, sizes: &[usize]) {
    let keys = folder.keys();
    gateway.done(&Request::put("/space", "").signed(&keys));
    for (index, size) in sizes.iter().enumerate() {
        let body = content(index as u64, *size);
        gateway.done(&Request::put(&format!("/space/live-{index}"), body).signed(&keys));
    }
    // One in a segment shared with the others, one in a segment of its own.
    let mut unfinished = Vec::new();
    for (name, size) in [("shared", 3 << 20), ("own", 24 << 20)] {
        let body = vec![1; size];
        let request = Request::put(&format!("/space/{name}"), body).header("Expect", "100-continue").signed(&keys);
        let mut connection = gateway.connect();
        connection.send(&request.head()).unwrap();
        assert_eq!(connection.read_head().unwrap().status, 100);
        connection.send(&request.body()[..size - 1]).unwrap();
        unfinished.push(connection);
    }
    // More than fits between the sockets and the segments: some of it must have been written.
    eventually("unfinished bytes take space", || folder.segment_bytes() > 8 << 20);
    gateway.kill();
}

#[test]
fn what_is_unfinished_or_deleted_goes_back_to_the_filesystem() {
    let folder = Folder::new();
    let sizes = [70 << 10, 1 << 20, 300 << 10, 2 << 20];
    prepare(&folder, folder.start(), &sizes);
    let live: usize = sizes.iter().sum();
    assert!(folder.segment_bytes() > live as u64 + SLACK_BYTES, "there is nothing to give back");

    let gateway = folder.start();
    let keys = folder.keys();
    shrinks_to(&folder, live as u64);
    for (index, size) in sizes.iter().enumerate() {
        let answer = gateway.done(&Request::get(&format!("/space/live-{index}")).signed(&keys));
        assert!(answer.body == content(index as u64, *size), "object {index} is not what it was");
    }
    gateway.done(&Request::delete("/space/live-1").signed(&keys));
    gateway.done(&Request::put("/space/live-3", "small").signed(&keys));
    shrinks_to(&folder, (sizes[0] + sizes[2]) as u64);
    assert_eq!(gateway.done(&Request::get("/space/live-2").signed(&keys)).body, content(2, sizes[2]));
    gateway.stop();
    folder.run(&["fsck", "--data", "data"]).done();
}
