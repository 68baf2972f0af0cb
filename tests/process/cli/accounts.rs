//! `account`, `key`, `bucket`, `quota`, `usage`: the commands that ask the admin API.

use serde_json::{Value, json};

use crate::support::{Folder, Gateway, Keys, Output, Request};

/// A running gateway and its command line.
struct Stage {
    folder: Folder,
    gateway: Gateway,
}

impl Stage {
    fn new() -> Self {
        let folder = Folder::new();
        let gateway = folder.start();
        Self { folder, gateway }
    }

    fn run(&self, line: &str) -> Output {
        self.gateway.cli(&self.folder, &line.split(' ').collect::<Vec<_>>())
    }

    #[track_caller]
    fn done(&self, line: &str) -> String {
        self.run(line).done().to_owned()
    }

    /// The answer as JSON.
    #[track_caller]
    fn json(&self, line: &str) -> Value {
        let output = self.run(&format!("{line} --json"));
        output.done();
        output.json()
    }

    /// Makes a key of the account; returns the pair.
    fn key(&self, account: &str) -> Keys {
        let made = self.json(&format!("key create --account {account}"));
        Keys::new(made["access_key"].as_str().unwrap(), made["secret_key"].as_str().unwrap())
    }

    fn verdict(&self, request: &Request) -> (u16, String) {
        let answer = self.gateway.ask(request);
        let (status, code) = answer.verdict();
        (status, code.to_owned())
    }
}

/// Names of the members, in the order of the alphabet.
fn members(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn accounts_are_made_listed_and_switched() {
    let stage = Stage::new();
    let card = stage.done("account create alice --email alice@example.com --password correct-horse");
    assert!(card.contains("alice@example.com") && card.contains("active"), "{card}");
    let shown = stage.json("account show alice");
    let expected = [
        "bucket_count",
        "capacity_bytes",
        "created",
        "email",
        "id",
        "level_percent",
        "name",
        "object_count",
        "object_limit",
        "packs",
        "packs_bytes",
        "projected_full",
        "root",
        "soft_percents",
        "status",
        "usage",
        "used_bytes",
    ];
    assert_eq!(members(&shown), expected);
    assert_eq!((&shown["name"], &shown["root"], &shown["used_bytes"]), (&json!("alice"), &json!(false), &json!(0)));
    let accounts = stage.json("account list");
    let names: Vec<&str> =
        accounts["accounts"].as_array().unwrap().iter().map(|account| account["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["alice", "root"]);
    let table = stage.done("account list");
    assert!(table.starts_with(" NAME") && table.contains("root (root)"), "{table}");

    let keys = stage.key("alice");
    let make = Request::put("/alices", "").signed(&keys);
    let quota = Request::get("/alices?quota").signed(&keys);
    assert_eq!(stage.verdict(&make).0, 200);
    for (verb, status, verdict) in [
        ("freeze", "frozen", (403, "InArrearOrInsufficientBalance")),
        ("deregister", "deregistered", (403, "DeregisterUserId")),
        ("activate", "active", (200, "")),
    ] {
        assert_eq!(stage.json(&format!("account {verb} alice"))["status"], status);
        assert_eq!(stage.json("account show alice")["status"], status);
        let (status, code) = stage.verdict(&quota);
        assert_eq!((status, code.as_str()), verdict, "after {verb}");
    }
    stage.gateway.stop();
}

#[test]
fn what_the_server_refuses_ends_with_1() {
    let stage = Stage::new();
    stage.done("account create alice");
    stage.run("account create alice").failed(1, &["AccountAlreadyExists"]);
    stage.run("account show nobody").failed(1, &["NoSuchAccount", "nobody"]);
    stage.run("account create a/b").failed(1, &["InvalidArgument"]);
    stage.run("account freeze root").failed(1, &["InvalidArgument", "root"]);
    stage.run("key create --account nobody").failed(1, &["NoSuchAccount"]);
    stage.run("key revoke ABSENTKEY").failed(1, &["NoSuchAccessKey"]);
    stage.run("bucket show absent").failed(1, &["NoSuchBucket"]);
    stage.run("quota set absent 1KiB").failed(1, &["NoSuchBucket"]);
    stage.run("usage --account nobody").failed(1, &["NoSuchAccount"]);

    // Only the root account may ask at all.
    let keys = stage.key("alice");
    let as_alice = format!("account list --root-access-key {} --root-secret-key {}", keys.access_key, keys.secret_key);
    stage.run(&as_alice).failed(1, &["AccessDenied", &keys.access_key]);
    let wrong = format!("account list --root-access-key {} --root-secret-key wrong-secret", keys.access_key);
    stage.run(&wrong).failed(1, &["SignatureDoesNotMatch", "root credentials"]);
    stage.gateway.stop();
}

#[test]
fn keys_are_generated_imported_listed_and_revoked() {
    let stage = Stage::new();
    stage.done("account create alice");
    let card = stage.done("key create --account alice");
    assert!(card.contains("Keep the secret key"), "{card}");
    let generated = stage.key("alice");
    assert_eq!((generated.access_key.len(), generated.secret_key.len()), (20, 40));
    let line = "key create --account alice --access-key IMPORTEDKEY --secret-key imported-secret";
    let imported = stage.json(line);
    let expected = ["access_key", "account", "created", "expires", "policy", "secret_key", "status", "temporary"];
    assert_eq!(members(&imported), expected);
    stage.run(line).failed(1, &["AccessKeyAlreadyExists"]);
    let imported = Keys::new("IMPORTEDKEY", "imported-secret");
    for keys in [&generated, &imported] {
        assert_eq!(stage.verdict(&Request::get("/").signed(keys)).0, 200);
    }

    let list = stage.run("key list --account alice");
    assert!(list.done().contains("IMPORTEDKEY") && !list.stdout.contains("imported-secret"), "{list:?}");
    let listed = stage.json("key list");
    assert_eq!(listed["keys"].as_array().unwrap().len(), 4, "three of hers and root's: {listed}");
    assert!(!listed.to_string().contains("secret"), "{listed}");

    assert_eq!(stage.done("key revoke IMPORTEDKEY"), "revoked IMPORTEDKEY\n");
    assert_eq!(stage.verdict(&Request::get("/").signed(&imported)), (403, "InvalidAccessKeyId".to_owned()));
    assert_eq!(stage.verdict(&Request::get("/").signed(&generated)).0, 200);
    assert_eq!(stage.json(&format!("key revoke {}", generated.access_key)), json!({}));
    assert_eq!(stage.verdict(&Request::get("/").signed(&generated)).0, 403);
    let root = stage.folder.keys().access_key;
    stage.run(&format!("key revoke {root}")).failed(1, &["last"]);
    stage.gateway.stop();
}

#[test]
fn a_temporary_key_opens_with_its_token() {
    let stage = Stage::new();
    stage.done("account create alice");
    let made = stage.json("key temporary --account alice --duration 15m");
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let keys = Keys::new(&text("access_key"), &text("secret_key"));
    let with = Request::get("/").header("x-obs-security-token", &text("security_token")).signed(&keys);
    assert_eq!(stage.verdict(&with).0, 200);
    assert_eq!(stage.verdict(&Request::get("/").signed(&keys)), (403, "InvalidAccessKeyId".to_owned()));
    let listed = stage.done("key list --account alice");
    assert!(listed.contains("temporary") && !listed.contains(&text("security_token")), "{listed}");
    stage.gateway.stop();
}

#[test]
fn buckets_quotas_and_usage_are_those_of_the_data_listener() {
    let stage = Stage::new();
    stage.done("account create alice");
    let keys = stage.key("alice");
    stage.gateway.done(&Request::put("/photos", "").signed(&keys));
    stage.gateway.done(&Request::put("/others", "").signed(&stage.folder.keys()));
    let card = stage.json("quota set photos 4KiB");
    assert_eq!(card["quota_bytes"], 4096);
    let answer = stage.gateway.done(&Request::get("/photos?quota").signed(&keys));
    assert_eq!(answer.element("StorageQuota"), "4096");
    stage.gateway.done(&Request::put("/photos/a", vec![0; 3000]).signed(&keys));
    let refused = stage.verdict(&Request::put("/photos/b", vec![0; 1097]).signed(&keys));
    assert_eq!(refused, (403, "InsufficientStorageSpace".to_owned()));

    let shown = stage.json("bucket show photos");
    let expected = [
        "account",
        "created",
        "level_percent",
        "name",
        "object_count",
        "object_limit",
        "projected_full",
        "quota_bytes",
        "region",
        "soft_percents",
        "usage",
        "used_bytes",
    ];
    assert_eq!(members(&shown), expected);
    assert_eq!((&shown["used_bytes"], &shown["object_count"]), (&json!(3000), &json!(1)));
    assert_eq!(stage.json("quota get photos"), shown);
    let card = stage.done("quota get photos");
    assert!(card.contains("4096") && card.contains("1096"), "what is left: {card}");
    let names = |line: &str| {
        let listed = stage.json(line);
        let rows = listed["buckets"].as_array().unwrap();
        rows.iter().map(|bucket| bucket["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("bucket list"), ["others", "photos"]);
    assert_eq!(names("bucket list --account alice"), ["photos"]);

    let usage = stage.json("usage --account alice");
    let alice = json!({ "account": "alice", "used_bytes": 3000, "object_count": 1, "bucket_count": 1 });
    assert_eq!(usage["accounts"], json!([alice]));
    assert!(usage["store"]["available_bytes"].as_u64() < usage["store"]["total_bytes"].as_u64(), "{usage}");
    assert_eq!(stage.json("usage")["accounts"].as_array().unwrap().len(), 2);
    assert!(stage.done("usage").contains("bytes available of"));

    stage.done("quota set photos 0");
    stage.gateway.done(&Request::put("/photos/b", vec![0; 1097]).signed(&keys));
    for size in ["-1", "1.5GiB", "9223372036854775808", "10XB"] {
        let output = stage.gateway.cli(&stage.folder, &["quota", "set", "photos", size]);
        assert_eq!(output.code, Some(2), "{output:?}");
    }
    stage.gateway.stop();
}
