//! `fsck`: leaves a live store alone, is content with a sound one, and tells what is wrong with a damaged one.

use serde_json::json;

use crate::support::{Folder, Request, content};

#[test]
fn a_store_in_use_is_not_checked() {
    let folder = Folder::new();
    let gateway = folder.start();
    let refused = folder.run(&["fsck", "--data", "data"]);
    refused.failed(1, &["stop the gateway"]);
    assert_eq!(gateway.ask(&Request::get("/").signed(&folder.keys())).status, 200, "the gateway goes on");
    gateway.stop();
}

#[test]
fn no_store_is_not_a_sound_one() {
    let folder = Folder::new();
    folder.run(&["fsck", "--data", "absent"]).failed(1, &["no store", "absent", "OBS_GATEWAY_DATA"]);
    assert!(!folder.path().join("absent").exists(), "the check made a folder");
}

#[test]
fn a_flipped_byte_is_found_and_never_served() {
    let folder = Folder::new();
    let gateway = folder.start();
    let keys = folder.keys();
    let (sound, damaged) = (content(1, 300_000), content(2, 600_000));
    gateway.done(&Request::put("/bucket", "").signed(&keys));
    gateway.done(&Request::put("/bucket/small", "small").signed(&keys));
    gateway.done(&Request::put("/bucket/sound", sound.clone()).signed(&keys));
    gateway.done(&Request::put("/bucket/damaged", damaged.clone()).signed(&keys));
    gateway.stop();

    let report = folder.run(&["fsck", "--data", "data", "--json"]);
    report.done();
    let (blocks, bytes) = (2 + 3, 5 + 300_000 + 600_000);
    let checked = json!([["buckets", 1], ["objects", 3], ["bytes", bytes], ["blocks", blocks]]);
    assert_eq!(report.json(), json!({ "checked": checked, "differences": [] }));

    // In the last of three blocks.
    folder.damage(&damaged[550_000..550_064]);
    let report = folder.run(&["fsck", "--data", "data"]);
    report.failed(4, &["1 difference found"]);
    assert!(report.stdout.contains("/bucket/damaged: ") && report.stdout.contains("checked 3 objects"), "{report:?}");
    let report = folder.run(&["fsck", "--data", "data", "--json"]);
    assert_eq!(report.code, Some(4));
    assert_eq!(report.json()["differences"][0]["place"], "/bucket/damaged");

    let gateway = folder.start();
    assert_eq!(gateway.done(&Request::get("/bucket/sound").signed(&keys)).body, sound);
    let start = Request::get("/bucket/damaged").header("Range", "bytes=0-99999").signed(&keys);
    assert_eq!(gateway.done(&start).body, damaged[..100_000], "whole blocks are good");
    let end = Request::get("/bucket/damaged").header("Range", "bytes=599000-").signed(&keys);
    assert_eq!(gateway.ask(&end).verdict(), (500, "InternalError"));
    let whole = gateway.connect().ask(&Request::get("/bucket/damaged").signed(&keys));
    assert!(whole.is_err(), "a body that cannot be whole breaks off: {:?}", whole.map(|answer| answer.line));
    assert_eq!(gateway.metric("obs_gateway_corrupt_blocks_total"), 2);
    gateway.stop();
}
