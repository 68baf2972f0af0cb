//! Every subcommand parses as documented, and the page that documents them names them all.

use clap::error::ErrorKind;

use super::client::tests::serve_once;
use super::*;

fn parsed(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("obs-gateway").chain(line.split_whitespace()))
}

/// `line` parses, and the command it becomes shows `expected` (its `Debug` form is all there is to see).
fn check(line: &str, expected: &str) {
    let cli = parsed(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let shown = format!("{:?}", cli.command);
    assert!(shown.contains(expected), "{line}: {shown} does not show {expected}");
}

fn refused(line: &str, kind: ErrorKind) {
    assert_eq!(parsed(line).expect_err(line).kind(), kind, "{line}");
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn every_subcommand_parses() {
    check("serve", "Serve");
    check("serve --data /d --listen 127.0.0.1:0 --workers 2", r#"("listen", "127.0.0.1:0")"#);
    check("account create a", r#"Create { name: "a", email: None, password: None }"#);
    check("account create a --email e@x --password p", r#"email: Some("e@x"), password: Some("p")"#);
    check("account list", "List");
    check("account show a", r#"Show(Named { name: "a" })"#);
    check("account freeze a", r#"Freeze(Named { name: "a" })"#);
    check("account activate a", r#"Activate(Named { name: "a" })"#);
    check("account deregister a", r#"Deregister(Named { name: "a" })"#);
    check(
        "key create --account a",
        r#"Create { account: "a", access_key: None, secret_key: None, expires: None, policy: None }"#,
    );
    check("key create --account a --access-key A --secret-key S", r#"access_key: Some("A"), secret_key: Some("S")"#);
    check("key create --account a --expires 2027-01-31T00:00:00Z", r#"expires: Some("2027-01-31T00:00:00.000Z")"#);
    check("key temporary --account a", r#"Temporary { account: "a", duration: 3600, policy: None }"#);
    check("key temporary --account a --duration 15m --policy -", r#"duration: 900, policy: Some("-")"#);
    check("key list", "List { account: None }");
    check("key list --account a", r#"List { account: Some("a") }"#);
    check("key revoke A", r#"Revoke { access_key: "A" }"#);
    check("bucket list", "List { account: None }");
    check("bucket list --account a", r#"List { account: Some("a") }"#);
    check("bucket show b", r#"Show { name: "b" }"#);
    check("quota get b", r#"Get { bucket: "b" }"#);
    check("quota set b 10GiB", r#"Set { bucket: "b", bytes: 10737418240, objects: None, soft: None }"#);
    check("quota set b 0 --objects 5", "objects: Some(5)");
    check("quota set b 0 --soft 50,90", "soft: Some(Soft([50, 90]))");
    check("account limit a --soft default", "capacity: None, objects: None, soft: Some(Soft([]))");
    check("event list --after 7", "List { after: Some(7) }");
    check("usage history --bucket b", r#"History { bucket: Some("b"), account: None, before: None }"#);
    check("usage history --account a --before T", r#"account: Some("a"), before: Some("T")"#);
    check(
        "account limit a --capacity 1GiB",
        r#"Limit { name: "a", capacity: Some(1073741824), objects: None, soft: None }"#,
    );
    check("pack add a 1GiB --expires 2027-01-31T00:00:00Z", r#"expires: Some("2027-01-31T00:00:00.000Z")"#);
    check("pack list a", r#"List { account: "a" }"#);
    check("pack remove a 3", r#"Remove { account: "a", id: 3 }"#);
    check("quota set b 0", "bytes: 0");
    check("usage", "Usage { account: None");
    check("usage --account a", r#"Usage { account: Some("a")"#);
    check("verify", "Verify { repair: false");
    check("verify --repair --json", "Verify { repair: true");
    check("sign GET http://127.0.0.1:8080/b?quota", "is_url: false");
    check("sign put http://h/ -H A:b -H C:d --dialect s3", r#"headers: [("A", "b"), ("C", "d")]"#);
    check("sign GET http://h/ --url --expires 60", "is_url: true, expires: 60");
    check("curl GET http://h/ --data x --help", r#"["GET", "http://h/", "--data", "x", "--help"]"#);
    check("curl --dialect s3 --data d GET http://h/ -v", r#"["GET", "http://h/", "-v"]"#);
    check("fsck --json --data d", "json: true");
    check("config", "Config");
    check("completions bash", "Bash");
}

#[test]
fn the_connection_is_described_before_or_after_the_verb() {
    let expected = r#"json: true, timeout: 5, flags: Flags { values: [("console_listen", "127.0.0.1:1")]"#;
    check("account list --json --timeout 5 --console 127.0.0.1:1", expected);
    check("account --json --timeout 5 --console-listen 127.0.0.1:1 list", expected);
    check("usage --root-access-key A --root-secret-key S --data d", r#"("root_access_key", "A")"#);
}

#[test]
fn wrong_usage_is_refused() {
    refused("", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
    refused("account", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
    refused("accounts list", ErrorKind::InvalidSubcommand);
    refused("account show", ErrorKind::MissingRequiredArgument);
    refused("account create a --password p", ErrorKind::MissingRequiredArgument);
    refused("key create", ErrorKind::MissingRequiredArgument);
    refused("key create --account a --access-key A", ErrorKind::MissingRequiredArgument);
    refused("key temporary", ErrorKind::MissingRequiredArgument);
    for span in ["14m", "25h", "899s", "1w", "900", "-1h"] {
        refused(&format!("key temporary --account a --duration={span}"), ErrorKind::ValueValidation);
    }
    refused("quota set b 1.5GiB", ErrorKind::ValueValidation);
    refused("quota set b -1", ErrorKind::UnknownArgument);
    refused("quota set b 0 --soft 90,80", ErrorKind::ValueValidation);
    refused("account limit a", ErrorKind::MissingRequiredArgument);
    refused("usage history", ErrorKind::MissingRequiredArgument);
    refused("usage history --bucket b --account a", ErrorKind::ArgumentConflict);
    refused("sign GET", ErrorKind::MissingRequiredArgument);
    refused("sign GET path", ErrorKind::ValueValidation);
    refused("sign GET http://h/ --expires 60", ErrorKind::MissingRequiredArgument);
    refused("sign GET http://h/ --url --expires 0", ErrorKind::ValueValidation);
    refused("sign GET http://h/ --dialect v4", ErrorKind::InvalidValue);
    refused("curl GET", ErrorKind::TooFewValues);
    refused("account list --timeout 0", ErrorKind::ValueValidation);
    refused("account list --workers 2", ErrorKind::UnknownArgument);
    refused("completions cobol", ErrorKind::InvalidValue);
}

#[test]
fn the_reference_and_the_completions_print() {
    for (line, expected) in [("config", "OBS_GATEWAY_LISTEN"), ("completions zsh", "#compdef obs-gateway")] {
        let mut out = Vec::new();
        assert_eq!(parsed(line).unwrap().command.run(&mut out).unwrap(), 0);
        assert!(String::from_utf8(out).unwrap().contains(expected), "{line}");
    }
}

/// `line`, sent to a server that answers `answer`, asks for `request` (method, path, body) and prints `expected`.
fn converse(line: &str, request: (&str, &str, &str), (status, answer): (u16, &'static str), expected: &str) {
    let (address, server) = serve_once(status, answer);
    let keys = "--root-access-key ROOTKEY --root-secret-key root-secret";
    let mut out = Vec::new();
    let outcome = parsed(&format!("{line} --console {address} {keys}")).unwrap().command.run(&mut out);
    let seen = server.join().unwrap();
    let body = String::from_utf8(seen.body.to_vec()).unwrap();
    let asked = (seen.head.method.as_str(), seen.head.uri.path_and_query().unwrap().as_str(), body.as_str());
    assert_eq!(asked, request, "{line}");
    assert_eq!(outcome.unwrap(), 0, "{line}");
    assert_eq!(String::from_utf8(out).unwrap(), expected, "{line}");
}

const ACCOUNT: &str = r#"{"name":"a","id":"0123456789abcdef0123456789abcdef","email":null,"status":"active","root":false,
"created":"2026-01-02T03:04:05.678Z","bucket_count":1,"used_bytes":4096,"object_count":2,"later":"x",
"capacity_bytes":8192,"packs_bytes":1024,"object_limit":0,"usage":{"current_bytes":20,"noncurrent_bytes":3,"part_bytes":1,"reserved_bytes":5},
"soft_percents":[80,90,100],"level_percent":44,"projected_full":null,
"packs":[{"id":3,"bytes":1024,"starts":"2026","expires":null,"valid":true}]}"#;

const ACCOUNT_CARD: &str = "\x20name            a
 id              0123456789abcdef0123456789abcdef
 email           -
 status          active
 root            no
 created         2026-01-02T03:04:05.678Z
 buckets         1
 objects         2
 used bytes      4096 (4 KiB)
 of these        20 current, 3 non-current, 1 in parts (and 5 reserved)
 capacity bytes  8192 (8 KiB)
 pack bytes      1024 (1 KiB)
 object limit    0 (no limit)
 level           44% (events at 80, 90, 100%)
 projected full  -
";

#[test]
fn accounts_are_asked_for_and_shown() {
    let ok = (200, ACCOUNT);
    converse("account show a/b", ("GET", "/admin/v1/accounts/a%2Fb", ""), ok, ACCOUNT_CARD);
    converse("account freeze a", ("POST", "/admin/v1/accounts/a/freeze", ""), ok, ACCOUNT_CARD);
    converse("account activate a", ("POST", "/admin/v1/accounts/a/activate", ""), ok, ACCOUNT_CARD);
    converse("account deregister a", ("POST", "/admin/v1/accounts/a/deregister", ""), ok, ACCOUNT_CARD);
    let limit = ("PUT", "/admin/v1/accounts/a/limits", r#"{"capacity_bytes":8192,"object_limit":7}"#);
    converse("account limit a --capacity 8KiB --objects 7", limit, ok, ACCOUNT_CARD);
    let created = (201, ACCOUNT);
    let bare = ("POST", "/admin/v1/accounts", r#"{"name":"a"}"#);
    converse("account create a", bare, created, ACCOUNT_CARD);
    let full = ("POST", "/admin/v1/accounts", r#"{"email":"e@x","name":"a","password":"p"}"#);
    converse("account create a --email e@x --password p", full, created, ACCOUNT_CARD);
    let list = r#"{"accounts":[{"name":"root","id":"01","email":"r@x","status":"active","root":true,
"created":"2026-01-02T03:04:05.678Z","bucket_count":0,"used_bytes":0,"object_count":0,
"capacity_bytes":0,"packs_bytes":0,"object_limit":0,"soft_percents":[80],"level_percent":null,"usage":{"current_bytes":20,"noncurrent_bytes":3,"part_bytes":1,"reserved_bytes":5}}]}"#;
    let table = " NAME         STATUS  BUCKETS  OBJECTS  USED BYTES  ID\n root (root)  active  0        0        0           01\n";
    converse("account list", ("GET", "/admin/v1/accounts", ""), (200, list), table);
}

#[test]
fn packs_are_asked_for_and_shown() {
    let table = " ID  BYTES         STARTS  EXPIRES  VALID\n 3   1024 (1 KiB)  2026    never    yes\n";
    let add = ("POST", "/admin/v1/accounts/a/packs", r#"{"bytes":1024,"starts":"2026-01-02T03:04:05.000Z"}"#);
    converse("pack add a 1KiB --starts 2026-01-02T03:04:05Z", add, (201, ACCOUNT), table);
    converse("pack list a", ("GET", "/admin/v1/accounts/a", ""), (200, ACCOUNT), table);
    converse("pack remove a 3", ("DELETE", "/admin/v1/accounts/a/packs/3", ""), (200, ACCOUNT), table);
}

#[test]
fn json_is_what_the_server_sent() {
    let request = ("GET", "/admin/v1/accounts/a", "");
    converse("account show a --json", request, (200, ACCOUNT), &format!("{ACCOUNT}\n"));
    converse("key revoke A --json", ("DELETE", "/admin/v1/keys/A", ""), (204, ""), "{}\n");
}

#[test]
fn keys_are_asked_for_and_shown() {
    let created = r#"{"access_key":"AK","secret_key":"SK","account":"a","status":"active","created":"2026",
"expires":null,"temporary":false,"policy":null}"#;
    let shown = " account     a\n access key  AK\n secret key  SK\n\n\
                 Keep the secret key: the server will not show it again.\n";
    let bare = ("POST", "/admin/v1/keys", r#"{"account":"a"}"#);
    converse("key create --account a", bare, (201, created), shown);
    let full = ("POST", "/admin/v1/keys", r#"{"access_key":"AK","account":"a","secret_key":"SK"}"#);
    converse("key create --account a --access-key AK --secret-key SK", full, (201, created), shown);
    let list = r#"{"keys":[{"access_key":"AK","account":"a","status":"revoked","created":"2026",
"expires":null,"temporary":false,"policy":null},{"access_key":"TK","account":"a","status":"active","created":"2026",
"expires":"2027","temporary":true,"policy":"{}"}]}"#;
    let table = " ACCESS KEY  ACCOUNT  STATUS   CREATED  EXPIRES  KIND\n \
                 AK          a        revoked  2026     never    permanent\n \
                 TK          a        active   2026     2027     temporary, narrowed\n";
    converse("key list", ("GET", "/admin/v1/keys", ""), (200, list), table);
    converse("key list --account a", ("GET", "/admin/v1/keys?account=a", ""), (200, list), table);
    let made = r#"{"access_key":"TK","secret_key":"SK","security_token":"T","account":"a","status":"active",
"created":"2026","expires":"2027","temporary":true,"policy":null}"#;
    let shown = " account     a\n access key  TK\n secret key  SK\n token       T\n expires     2027\n\n\
                 Keep the secret key and the token: the server will not show them again.\n";
    let ask = ("POST", "/admin/v1/keys/temporary", r#"{"account":"a","duration_seconds":900}"#);
    converse("key temporary --account a --duration 15m", ask, (201, made), shown);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy");
    #[expect(clippy::disallowed_methods, reason = "a file of whoever runs the command")]
    std::fs::write(&file, "{}").unwrap();
    let ask = ("POST", "/admin/v1/keys/temporary", r#"{"account":"a","duration_seconds":3600,"policy":"{}"}"#);
    converse(&format!("key temporary --account a --policy {}", file.display()), ask, (201, made), shown);
    converse("key revoke AK", ("DELETE", "/admin/v1/keys/AK", ""), (204, ""), "revoked AK\n");
}

#[test]
fn buckets_quotas_and_usage_are_asked_for_and_shown() {
    let bucket = r#"{"name":"b","account":"a","region":"r","created":"2026","quota_bytes":1024,"object_limit":9,"used_bytes":24,"object_count":1,
"soft_percents":[80,90],"level_percent":11,"projected_full":"2027",
"usage":{"current_bytes":20,"noncurrent_bytes":3,"part_bytes":1,"reserved_bytes":5}}"#;
    let card = " name            b\n account         a\n region          r\n created         2026\n objects         1\n \
                used bytes      24\n of these        20 current, 3 non-current, 1 in parts (and 5 reserved)\n \
                quota bytes     1024 (1 KiB)\n object limit    9\n \
                level           11% (events at 80, 90%)\n projected full  2027\n";
    converse("bucket show b", ("GET", "/admin/v1/buckets/b", ""), (200, bucket), card);
    let list = r#"{"buckets":[{"name":"b","account":"a","region":"r","created":"2026","quota_bytes":0,"object_limit":0,"used_bytes":24,"object_count":1,
"soft_percents":[80],"level_percent":null,
"usage":{"current_bytes":20,"noncurrent_bytes":3,"part_bytes":1,"reserved_bytes":5}}]}"#;
    let table = " NAME  ACCOUNT  OBJECTS  USED BYTES  QUOTA BYTES\n b     a        1        24          0 (no limit)\n";
    converse("bucket list --account a", ("GET", "/admin/v1/buckets?account=a", ""), (200, list), table);
    let quota = " bucket          b\n quota bytes     1024 (1 KiB)\n used bytes      24\n objects         1\n \
                 object limit    9\n level           11% (events at 80, 90%)\n projected full  2027\n \
                 left bytes      1000\n";
    converse("quota get b", ("GET", "/admin/v1/buckets/b", ""), (200, bucket), quota);
    let set = ("PUT", "/admin/v1/buckets/b/quota", r#"{"quota_bytes":1024}"#);
    converse("quota set b 1KiB", set, (200, bucket), quota);
    let set = ("PUT", "/admin/v1/buckets/b/quota", r#"{"object_limit":9,"quota_bytes":1024}"#);
    converse("quota set b 1KiB --objects 9", set, (200, bucket), quota);
    let set = ("PUT", "/admin/v1/buckets/b/quota", r#"{"quota_bytes":1024,"soft_percents":[80,90]}"#);
    converse("quota set b 1KiB --soft 80,90", set, (200, bucket), quota);
    let usage = r#"{"accounts":[{"account":"a","used_bytes":24,"object_count":1,"bucket_count":1}],
"store":{"total_bytes":2048,"available_bytes":1024}}"#;
    let table = " ACCOUNT  BUCKETS  OBJECTS  USED BYTES\n a        1        1        24\n\n\
                 store: 1024 (1 KiB) bytes available of 2048 (2 KiB)\n";
    converse("usage", ("GET", "/admin/v1/usage", ""), (200, usage), table);
}

#[test]
fn events_and_histories_are_asked_for_and_shown() {
    let limit = ("PUT", "/admin/v1/accounts/a/limits", r#"{"soft_percents":[]}"#);
    converse("account limit a --soft default", limit, (200, ACCOUNT), ACCOUNT_CARD);
    let events = r#"{"events":[{"number":7,"time":"2026","holder":"bucket","name":"b","id":"01","account_id":"02",
"measure":"bytes","percent":80,"direction":"up","used":85,"limit":100}],"next_after":7}"#;
    let table = " NUMBER  TIME  HOLDER  NAME  MEASURE  LEVEL   USED  LIMIT\n \
                 7       2026  bucket  b     bytes    80% up  85    100\n\nmore with --after 7\n";
    converse("event list --after 6", ("GET", "/admin/v1/events?after=6", ""), (200, events), table);
    let history = r#"{"samples":[{"time":"2026","used_bytes":24,"object_count":1}],"next_before":null}"#;
    let table = " TIME  OBJECTS  USED BYTES\n 2026  1        24\n";
    converse("usage history --bucket b", ("GET", "/admin/v1/buckets/b/history", ""), (200, history), table);
    let account = ("GET", "/admin/v1/accounts/a/history?before=T", "");
    converse("usage history --account a --before T", account, (200, history), table);
}

#[test]
fn an_answer_of_another_shape_is_a_failure() {
    let (address, server) = serve_once(200, r#"{"accounts":3}"#);
    let line =
        format!("account list --json --console {address} --root-access-key ROOTKEY --root-secret-key root-secret");
    let failure = parsed(&line).unwrap().command.run(&mut Vec::new()).unwrap_err();
    server.join().unwrap();
    assert_eq!(failure.exit_code(), 1);
    assert!(failure.to_string().contains("not understood"), "{failure}");
}

#[test]
fn the_page_on_the_command_line_names_every_command_and_exit_code() {
    let page = include_str!("../../docs/cli.md");
    let root = Cli::command();
    for command in root.get_subcommands() {
        let verbs: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
        let group = command.get_name();
        let lines = if verbs.is_empty() { vec![group.to_owned()] } else { Vec::new() };
        for line in lines.into_iter().chain(verbs.iter().map(|verb| format!("{group} {verb}"))) {
            assert!(page.contains(&format!("`obs-gateway {line}")), "docs/cli.md does not tell about `{line}`");
        }
    }
    for line in EXIT_CODES.lines().filter(|line| line.starts_with("  ")) {
        let (code, meaning) = line.trim().split_once("  ").unwrap();
        assert!(page.contains(&format!("| {code} | {meaning} |")), "docs/cli.md does not explain exit code {code}");
    }
}

#[test]
fn a_verification_is_asked_for_and_shown() {
    let request = ("POST", "/admin/v1/verify", r#"{"repair":true}"#);
    let clean = r#"{"run":1,"state":"done","buckets":1,"objects":2,"bytes":3,"differences":[],"findings":[]}"#;
    let counts = "checked 1 buckets\nchecked 2 objects\nchecked 3 bytes\n";
    converse("verify --repair", request, (202, clean), counts);
    let mended = r#"{"run":1,"state":"done","buckets":1,"objects":2,"bytes":3,"findings":[],
"differences":[{"place":"bucket b","finding":"is wrong","difference":{"current_bytes":1},"repaired":true}]}"#;
    converse("verify --repair", request, (202, mended), &format!("{counts}bucket b: is wrong (mended)\n"));
    converse("verify --repair --json", request, (202, mended), &format!("{mended}\n"));
}

/// `verify`, answered with `answer`, ends with this exit code and these words.
fn verify_fails(answer: &'static str, code: u8, words: &str) {
    let (address, server) = serve_once(202, answer);
    let line = format!("verify --console {address} --root-access-key ROOTKEY --root-secret-key root-secret");
    let failure = parsed(&line).unwrap().command.run(&mut Vec::new()).unwrap_err();
    server.join().unwrap();
    assert_eq!(failure.exit_code(), code, "{failure}");
    assert!(failure.to_string().contains(words), "{failure}");
}

#[test]
fn a_verification_that_finds_something_or_breaks_off_is_a_failure() {
    let wrong = r#"{"run":1,"state":"done","buckets":1,"objects":2,"bytes":3,"findings":[{"place":"b","finding":"f"}],
"differences":[{"place":"bucket b","finding":"is wrong","repaired":false},{"place":"a","finding":"w","repaired":true}]}"#;
    verify_fails(wrong, 4, "2 differences");
    verify_fails(r#"{"run":1,"state":"failed"}"#, 1, "log");
    verify_fails(r#"{"run":1,"state":"stopped"}"#, 1, "stopping");
    // It is asked again, and nobody answers.
    verify_fails(r#"{"run":1,"state":"running"}"#, 3, "");
}
