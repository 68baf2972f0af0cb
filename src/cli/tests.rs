//! Every subcommand parses as documented, and the page that documents them names them all.

use clap::error::ErrorKind;

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
    check("key create --account a", r#"Create { account: "a", access_key: None, secret_key: None }"#);
    check("key create --account a --access-key A --secret-key S", r#"access_key: Some("A"), secret_key: Some("S")"#);
    check("key list", "List { account: None }");
    check("key list --account a", r#"List { account: Some("a") }"#);
    check("key revoke A", r#"Revoke { access_key: "A" }"#);
    check("bucket list", "List { account: None }");
    check("bucket list --account a", r#"List { account: Some("a") }"#);
    check("bucket show b", r#"Show { name: "b" }"#);
    check("quota get b", r#"Get { bucket: "b" }"#);
    check("quota set b 10GiB", r#"Set { bucket: "b", bytes: 10737418240 }"#);
    check("quota set b 0", "bytes: 0");
    check("usage", "Usage { account: None");
    check("usage --account a", r#"Usage { account: Some("a")"#);
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
    refused("quota set b 1.5GiB", ErrorKind::ValueValidation);
    refused("quota set b -1", ErrorKind::UnknownArgument);
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
