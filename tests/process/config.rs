//! Where settings come from, and what a start does that cannot go well.

use std::net::TcpListener;
use std::process::Command;

use crate::support::{Folder, Gateway, Keys, Request, run};

/// The region that a bucket made now gets.
fn region(folder: &Folder, gateway: &Gateway, bucket: &str) -> String {
    let keys = folder.keys();
    gateway.done(&Request::put(&format!("/{bucket}"), "").signed(&keys));
    gateway.done(&Request::get(&format!("/{bucket}?location")).signed(&keys)).text().to_owned()
}

#[test]
fn the_environment_wins_over_the_file_and_flags_over_both() {
    let folder = Folder::new();
    folder.write("obs-gateway.toml", "region = 'from-file'\ndata = 'elsewhere'\ndomain = ['obs.example.com']\n");
    let mut command = folder.serve();
    command.env("OBS_GATEWAY_DATA", "data");
    let gateway = Gateway::start(&mut command, &folder);
    assert!(!folder.path().join("elsewhere").exists(), "the file won over the environment");
    let found = region(&folder, &gateway, "bucket-a");
    assert!(found.contains(">from-file<") && found.contains("http://obs.example.com/"), "{found}");
    gateway.stop();

    command.env("OBS_GATEWAY_REGION", "from-environment");
    let gateway = Gateway::start(&mut command, &folder);
    assert!(region(&folder, &gateway, "bucket-b").contains(">from-environment<"));
    gateway.stop();

    command.args(["--region", "from-flag"]);
    let gateway = Gateway::start(&mut command, &folder);
    assert!(region(&folder, &gateway, "bucket-c").contains(">from-flag<"));
    gateway.stop();
}

#[test]
fn a_settings_file_that_is_wrong_stops_the_start() {
    let folder = Folder::new();
    let refused = |folder: &Folder| run(&mut folder.serve());
    folder.write("obs-gateway.toml", "listne = '127.0.0.1:0'\n");
    refused(&folder).failed(2, &["obs-gateway.toml", "`listne`", "obs-gateway config"]);
    folder.write("obs-gateway.toml", "workers = 'many'\n");
    refused(&folder).failed(2, &["workers", "`many`", "obs-gateway.toml"]);
    folder.run(&["serve", "--config", "absent.toml"]).failed(2, &["absent.toml"]);
    assert!(!folder.data().exists(), "a start that was refused made the data folder");
}

#[test]
fn a_port_in_use_is_named_with_its_setting() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for setting in ["OBS_GATEWAY_LISTEN", "OBS_GATEWAY_CONSOLE_LISTEN"] {
        let output = run(folder.serve().env(setting, &address));
        output.failed(1, &[&address, setting]);
        assert!(!folder.data().exists(), "a start that failed made the data folder");
    }
}

#[test]
fn a_data_folder_has_one_process() {
    let folder = Folder::new();
    let gateway = folder.start();
    let second = run(&mut folder.serve());
    second.failed(1, &["data folder", "data"]);
    assert_eq!(gateway.ask(&Request::get("/").signed(&folder.keys())).status, 200, "the first goes on");
    gateway.stop();
    folder.start().stop();
}

#[test]
fn the_first_start_writes_credentials_for_their_owner_alone() {
    let folder = Folder::new();
    let gateway = folder.start();
    assert_eq!((folder.mode("root-credentials"), folder.mode("master-key")), (0o600, 0o600));
    let keys = folder.keys();
    assert_eq!(gateway.ask(&Request::get("/").signed(&keys)).status, 200);
    let printed = gateway.printed();
    assert!(printed.contains(&keys.access_key) && printed.contains(&keys.secret_key), "{printed}");
    assert!(printed.contains("curl "), "{printed}");

    let gateway = folder.start();
    assert_eq!(folder.keys(), keys, "a later start changed the credentials");
    assert_eq!(gateway.ask(&Request::get("/").signed(&keys)).status, 200);
    let printed = gateway.printed();
    assert!(!printed.contains(&keys.secret_key), "the secret is printed again: {printed}");
}

#[test]
fn the_printed_command_makes_a_bucket_and_gets_its_quota() {
    let folder = Folder::new();
    let mut gateway = folder.start();
    let line = gateway.printed_line("curl ");
    let output = run(Command::new("sh").args(["-c", &line]));
    assert!(output.done().contains("<StorageQuota>0</StorageQuota>"), "{output:?}");
    gateway.stop();
}

#[test]
fn given_root_credentials_are_taken_at_the_first_start() {
    let folder = Folder::new();
    let given = Keys::new("GIVENROOTKEY", "given-root-secret");
    let mut command = folder.serve();
    command.env("OBS_GATEWAY_ROOT_ACCESS_KEY", &given.access_key).env("OBS_GATEWAY_ROOT_SECRET_KEY", &given.secret_key);
    let gateway = Gateway::start(&mut command, &folder);
    assert_eq!(folder.keys(), given);
    assert_eq!(gateway.ask(&Request::get("/").signed(&given)).status, 200);
    gateway.stop();

    // Without them the same keys go on.
    let gateway = folder.start();
    assert_eq!(gateway.ask(&Request::get("/").signed(&given)).status, 200);
    let wrong = Keys::new(&given.access_key, "another-secret");
    assert_eq!(gateway.ask(&Request::get("/").signed(&wrong)).verdict(), (403, "SignatureDoesNotMatch"));
    gateway.stop();

    let alone = run(Folder::new().serve().env("OBS_GATEWAY_ROOT_ACCESS_KEY", "LONELYKEY"));
    alone.failed(2, &["root_secret_key", "both"]);
}
