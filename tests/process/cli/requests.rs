//! `sign` and `curl`: the documented sample request by hand.

use std::process::Command;

use crate::support::{Folder, Gateway, Request, run};

fn start(folder: &Folder) -> (Gateway, String) {
    let gateway = folder.start();
    let keys = folder.keys();
    gateway.done(&Request::put("/examplebucket", "").signed(&keys));
    gateway.done(&Request::put_quota("examplebucket", 12345).signed(&keys));
    // As in the reference the host names the bucket; `*.localhost` is this machine in every curl.
    let url = format!("http://examplebucket.obs.localhost:{}/", gateway.data.port());
    (gateway, url)
}

const ANSWER: &str = "<StorageQuota>12345</StorageQuota>";

#[test]
fn curl_does_the_sample_request() {
    let folder = Folder::new();
    let (gateway, url) = start(&folder);
    let quota = format!("{url}?quota");
    let curl = |arguments: &[&str]| gateway.cli(&folder, &[&["curl"], arguments].concat());
    assert!(curl(&["GET", &quota, "-sS"]).done().contains(ANSWER));
    for dialect in ["s3", "s3-v2"] {
        assert!(curl(&["--dialect", dialect, "GET", &quota, "-sS"]).done().contains(ANSWER));
    }

    folder.write("cat.jpg", "a picture");
    let object = format!("{url}a%20cat.jpg");
    curl(&["PUT", &object, "-sS", "--fail", "-T", "cat.jpg", "-H", "Content-Type: image/jpeg"]).done();
    let head = curl(&["HEAD", &object, "-sS", "--fail"]);
    assert!(head.done().contains("Content-Type: image/jpeg"), "{head:?}");
    assert_eq!(curl(&["GET", &object, "-sS"]).done(), "a picture");
    curl(&["PUT", &format!("{url}note"), "-sS", "--fail", "--data", "a note"]).done();
    assert_eq!(curl(&["GET", &format!("{url}note"), "-sS"]).done(), "a note");
    curl(&["DELETE", &object, "-sS", "--fail"]).done();
    // curl's own exit code for an answer from 400.
    assert_eq!(curl(&["GET", &object, "-sS", "--fail"]).code, Some(22));
    gateway.stop();
}

#[test]
fn signed_headers_and_urls_are_good_in_any_client() {
    let folder = Folder::new();
    let (gateway, url) = start(&folder);
    let quota = format!("{url}?quota");
    let signed = gateway.cli(&folder, &["sign", "GET", &quota]);
    let mut curl = Command::new("curl");
    for line in signed.done().lines() {
        curl.args(["-H", line]);
    }
    assert!(run(curl.args(["-sS", &quota])).done().contains(ANSWER));

    let presigned = gateway.cli(&folder, &["sign", "GET", &quota, "--url", "--expires", "60"]);
    let presigned = presigned.done().trim_end();
    assert!(run(Command::new("curl").args(["-sS", presigned])).done().contains(ANSWER));
    let altered = presigned.replace("quota", "storageinfo");
    assert!(run(Command::new("curl").args(["-sS", &altered])).done().contains("SignatureDoesNotMatch"));

    // The pair that a command is given goes before the root's.
    let keys = ["--access-key", "NOBODYSKEY", "--secret-key", "nobodys-secret"];
    let signed = gateway.cli(&folder, &[&["sign", "GET", &quota], &keys[..]].concat());
    assert!(signed.done().contains("Authorization: OBS NOBODYSKEY:"), "{signed:?}");
    gateway.stop();
}
