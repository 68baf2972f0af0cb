//! Precedence of the sources, and what is refused with which words.

use super::*;

/// Settings from a file's text, variables and flags, as a process would see them.
fn settings(file: &str, variables: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Settings, ConfigError> {
    let environment =
        |name: &str| variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| OsString::from(*value));
    let flags: Vec<_> = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    Settings::from_sources(Some((Path::new("x.toml"), file)), environment, &flags)
}

fn config(file: &str, variables: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Config, ConfigError> {
    Config::check(&settings(file, variables, flags)?)
}

/// `file` alone is refused with a message that contains every one of `words`.
fn refused(file: &str, words: &[&str]) {
    let message = config(file, &[], &[]).expect_err(file).to_string();
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
}

#[test]
fn nothing_written_gives_the_documented_defaults() {
    let config = config("", &[], &[]).unwrap();
    assert_eq!(config.data, Path::new("./data"));
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.console_listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.domains, ["obs.localhost"]);
    assert_eq!(config.region, "default");
    assert_eq!(config.root, RootSettings::default());
    assert_eq!(config.log, "info");
    assert!(config.workers >= 1);
    assert_eq!(config.verify_interval_hours, 24);
    assert_eq!(config.buckets_per_account, limits::BUCKETS_PER_ACCOUNT_MAX);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = "region = 'from-file'\nlog = 'warn'\nworkers = 3\ndata = '/file'";
    let variables = [("OBS_GATEWAY_REGION", "from-variable"), ("OBS_GATEWAY_DATA", "/variable")];
    let config = config(file, &variables, &[("data", "/flag")]).unwrap();
    assert_eq!(config.data, Path::new("/flag"));
    assert_eq!(config.region, "from-variable");
    assert_eq!(config.log, "warn");
    assert_eq!(config.workers, 3);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    assert_eq!(config("region = 'r'", &[("OBS_GATEWAY_REGION", "")], &[]).unwrap().region, "r");
}

#[test]
fn every_variable_reaches_its_setting() {
    let variables = [
        ("OBS_GATEWAY_DATA", "/d"),
        ("OBS_GATEWAY_LISTEN", "[::1]:1"),
        ("OBS_GATEWAY_CONSOLE_LISTEN", "0.0.0.0:0"),
        ("OBS_GATEWAY_DOMAIN", "Obs.Example.com, s3.example.com,obs.example.com"),
        ("OBS_GATEWAY_REGION", "eu-de"),
        ("OBS_GATEWAY_ROOT_ACCESS_KEY", "ROOTACCESSKEY0000001"),
        ("OBS_GATEWAY_ROOT_SECRET_KEY", "root-secret-key"),
        ("OBS_GATEWAY_ROOT_EMAIL", "root@example.com"),
        ("OBS_GATEWAY_ROOT_PASSWORD", "correct horse"),
        ("OBS_GATEWAY_WEBHOOK_URL", "http://127.0.0.1:9/hook"),
        ("OBS_GATEWAY_WEBHOOK_SECRET", "hook-secret"),
        ("OBS_GATEWAY_LOG", "obs_gateway=debug,info"),
        ("OBS_GATEWAY_WORKERS", "7"),
        ("OBS_GATEWAY_VERIFY_INTERVAL", "0"),
        ("OBS_GATEWAY_BUCKETS_PER_ACCOUNT", "10000"),
    ];
    let config = config("", &variables, &[]).unwrap();
    assert_eq!(config.data, Path::new("/d"));
    assert_eq!(config.listen.to_string(), "[::1]:1");
    assert_eq!(config.console_listen.to_string(), "0.0.0.0:0");
    assert_eq!(config.domains, ["obs.example.com", "s3.example.com"]);
    assert_eq!(config.region, "eu-de");
    assert_eq!(config.root.key_pair(), Some(("ROOTACCESSKEY0000001", "root-secret-key")));
    assert_eq!(config.root.email.as_deref(), Some("root@example.com"));
    assert_eq!(config.root.password.as_deref(), Some("correct horse"));
    let webhook = config.webhook.as_ref().unwrap();
    assert_eq!((webhook.url.to_string().as_str(), webhook.secret.as_str()), ("http://127.0.0.1:9/hook", "hook-secret"));
    assert!(!format!("{config:?}").contains("hook-secret"));
    assert_eq!(config.log, "obs_gateway=debug,info");
    assert_eq!(config.workers, 7);
    assert_eq!(config.verify_interval_hours, 0);
    assert_eq!(config.buckets_per_account, 10_000);
}

#[test]
fn a_list_in_the_file_reads_like_commas_in_the_environment() {
    assert_eq!(config("domain = ['a.example', 'b.example']", &[], &[]).unwrap().domains, ["a.example", "b.example"]);
}

#[test]
fn refusals_name_the_setting_its_source_and_what_was_expected() {
    refused("colour = 'red'", &["x.toml", "`colour`", "obs-gateway config"]);
    refused("config = 'other.toml'", &["`config`"]);
    refused("[listen]\nport = 1", &["`listen`", "IP:PORT"]);
    refused("domain = [1]", &["`domain`"]);
    refused("log = 'info'\nregion = ", &["x.toml line 2"]);
    refused("listen = 'localhost:80'", &["setting listen", "`localhost:80`", "x.toml", "IP:PORT"]);
    refused("listen = '127.0.0.1:99999'", &["setting listen"]);
    refused("console_listen = '127.0.0.1:8080'", &["setting console_listen", "same address"]);
    refused("data = ''", &["setting data"]);
    refused("domain = ''", &["setting domain"]);
    refused("domain = 'a..b'", &["setting domain", "`a..b`"]);
    refused("domain = '10.0.0.1'", &["setting domain", "path style"]);
    refused("domain = 'obs.localhost:8080'", &["setting domain", "without a port"]);
    refused("region = 'Eu De'", &["setting region"]);
    refused("signature_region = 'default'", &["setting signature_region", "`any` or `own`"]);
    refused("log = 'obs_gateway=loud'", &["setting log"]);
    refused("workers = 0", &["setting workers", "1 to 1024"]);
    refused("workers = 'many'", &["setting workers", "`many`"]);
    refused("verify_interval = '1d'", &["setting verify_interval", "0 to 8760"]);
    refused("verify_interval = 8761", &["setting verify_interval"]);
    refused("restore_delay = '5h'", &["setting restore_delay", "0 to 86400"]);
    refused("restore_delay = 86401", &["setting restore_delay"]);
    refused("buckets_per_account = 0", &["setting buckets_per_account", "1 to 10000"]);
    refused("buckets_per_account = 10001", &["setting buckets_per_account"]);
    refused("root_access_key = 'AKAKAKAK'", &["setting root_access_key", "root_secret_key is missing"]);
    refused("root_secret_key = 'sksksksk'", &["setting root_secret_key", "root_access_key is missing"]);
    refused("root_access_key = 'a:b'", &["setting root_access_key"]);
    refused("root_email = 'nobody'", &["setting root_email", "`nobody`"]);
}

#[test]
fn the_default_is_named_when_it_is_what_does_not_hold() {
    refused("listen = '127.0.0.1:8081'", &["setting console_listen", "the default"]);
}

#[test]
fn a_source_other_than_the_file_is_named_too() {
    let from_variable = config("", &[("OBS_GATEWAY_WORKERS", "x")], &[]).unwrap_err().to_string();
    assert!(from_variable.contains("(from OBS_GATEWAY_WORKERS)"), "{from_variable}");
    let from_flag = config("", &[], &[("console_listen", "x")]).unwrap_err().to_string();
    assert!(from_flag.contains("(from --console-listen)"), "{from_flag}");
}

#[test]
fn secrets_are_repeated_nowhere() {
    let file = "root_secret_key = 'short'\nroot_access_key = 'AKAKAKAK'";
    let message = config(file, &[], &[]).unwrap_err().to_string();
    assert!(message.contains("root_secret_key") && !message.contains("short"), "{message}");

    let message = config("root_secret_key = hush-hush", &[], &[]).unwrap_err().to_string();
    assert!(message.contains("line 1") && !message.contains("hush"), "{message}");

    let file = "root_secret_key = 'long-enough'\nroot_access_key = 'AKAKAKAK'\nroot_password = 'hush-hush'";
    let shown = format!("{:?} {:?}", config(file, &[], &[]).unwrap(), settings(file, &[], &[]).unwrap());
    assert!(!shown.contains("long-enough") && !shown.contains("hush"), "{shown}");
}

#[test]
fn the_configuration_of_tests_would_pass_the_checks() {
    let config = Config::for_testing();
    let flags = [
        ("data", config.data.display().to_string()),
        ("listen", config.listen.to_string()),
        ("console_listen", config.console_listen.to_string()),
        ("domain", config.domains.join(",")),
        ("region", config.region.clone()),
        ("signature_region", "any".to_owned()),
        ("log", config.log.clone()),
        ("workers", config.workers.to_string()),
        ("verify_interval", config.verify_interval_hours.to_string()),
        ("buckets_per_account", config.buckets_per_account.to_string()),
        ("restore_delay", (config.restore_delay_millis / 1000).to_string()),
    ];
    let checked = Config::check(&Settings::from_sources(None, |_| None, &flags).unwrap()).unwrap();
    assert_eq!(format!("{checked:?}"), format!("{config:?}"));
}

#[test]
fn a_webhook_has_an_url_and_a_secret() {
    refused("webhook_url = 'http://a/'", &["webhook_url", "webhook_secret is missing"]);
    refused("webhook_secret = 'long-enough'", &["webhook_secret", "(hidden)", "webhook_url is missing"]);
    refused("webhook_url = 'https://a/'\nwebhook_secret = 'long-enough'", &["https is not supported yet"]);
}
