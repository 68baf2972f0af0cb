//! Commands that no gateway answers: because none runs, because the line is wrong, or because none is needed.

use crate::support::{Folder, run};

#[test]
fn a_gateway_that_is_down_ends_with_3() {
    let folder = Folder::new();
    let gateway = folder.start();
    let console = gateway.console.to_string();
    gateway.stop();
    for line in ["account list", "key list", "bucket list", "quota get b", "usage", "account list --json"] {
        let arguments: Vec<&str> = line.split(' ').chain(["--console", &console]).collect();
        let output = folder.run(&arguments);
        output.failed(3, &[&console, "obs-gateway serve"]);
        assert_eq!(output.stdout, "");
    }
}

#[test]
fn a_wrong_line_ends_with_2() {
    let folder = Folder::new();
    for line in [
        "account",
        "account create",
        "account create a --password p",
        "key create",
        "quota set b",
        "nonsense",
        "serve --listen here",
        "sign GET",
        "sign GET ftp://a/",
        "completions nosuchshell",
    ] {
        let output = folder.run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(output.code, Some(2), "{line}: {output:?}");
        assert!(!output.stderr.is_empty(), "{line} says nothing");
    }
    // Nobody wrote credentials here.
    folder.run(&["account", "list"]).failed(2, &["root-credentials", "OBS_GATEWAY_DATA"]);
}

#[test]
fn help_and_reference_and_completions_are_printed() {
    let folder = Folder::new();
    assert!(folder.run(&["--help"]).done().contains("Exit codes:"));
    assert_eq!(folder.run(&["--version"]).done(), concat!("obs-gateway ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(folder.run(&["config"]).done().contains("OBS_GATEWAY_CONSOLE_LISTEN"));
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = folder.run(&["completions", shell]);
        assert!(output.done().contains("obs-gateway") && output.stdout.contains("deregister"), "{shell}");
    }
    let script = folder.run(&["completions", "bash"]).stdout;
    folder.write("completions", &script);
    run(std::process::Command::new("bash").arg("-n").arg(folder.path().join("completions"))).done();
}
