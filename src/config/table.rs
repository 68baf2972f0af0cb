//! The table of settings, one row each, and the reference page printed from it. A new setting is a row here, a field
//! of `Config` and a line in `Config::check`.

/// One setting: how it is called in each source, and what an operator needs to know about it.
#[derive(Debug)]
pub struct Setting {
    /// Key in the settings file, and the setting's name in messages.
    pub key: &'static str,
    /// Environment variable.
    pub variable: &'static str,
    /// Flag, without its two dashes.
    pub flag: &'static str,
    /// A shorter second name of the flag, for the tools that speak to the console.
    pub alias: Option<&'static str>,
    /// Form or unit of the value.
    pub form: &'static str,
    /// What holds when it is written nowhere.
    pub fallback: Fallback,
    /// What it does, one or two sentences.
    pub doc: &'static str,
    /// Whether the value must not be repeated in messages.
    pub is_secret: bool,
    /// Whether the settings file may hold it.
    pub is_in_file: bool,
}

/// What holds for a setting that is written nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// This value.
    Value(&'static str),
    /// Something found at run time, described in these words.
    Described(&'static str),
}

const PLAIN: Setting = Setting {
    key: "",
    variable: "",
    flag: "",
    alias: None,
    form: "",
    fallback: Fallback::Described(""),
    doc: "",
    is_secret: false,
    is_in_file: true,
};

/// Every setting, in the order of the reference.
pub static SETTINGS: &[Setting] = &[
    Setting {
        key: "config",
        variable: "OBS_GATEWAY_CONFIG",
        flag: "config",
        form: "PATH",
        fallback: Fallback::Described("`obs-gateway.toml` in the working folder, if it exists"),
        doc: "Settings file (TOML). A file named here must exist.",
        is_in_file: false,
        ..PLAIN
    },
    Setting {
        key: "data",
        variable: "OBS_GATEWAY_DATA",
        flag: "data",
        form: "PATH",
        fallback: Fallback::Value("./data"),
        doc: "Folder that holds everything the gateway stores, and the file `root-credentials`.",
        ..PLAIN
    },
    Setting {
        key: "listen",
        variable: "OBS_GATEWAY_LISTEN",
        flag: "listen",
        form: "IP:PORT",
        fallback: Fallback::Value("127.0.0.1:8080"),
        doc: "Address of the data listener (OBS and S3). Port 0 takes a free port, which is printed.",
        ..PLAIN
    },
    Setting {
        key: "console_listen",
        variable: "OBS_GATEWAY_CONSOLE_LISTEN",
        flag: "console-listen",
        alias: Some("console"),
        form: "IP:PORT",
        fallback: Fallback::Value("127.0.0.1:8081"),
        doc: "Address of the console listener (admin API, metrics, health). The command line tools connect to it.",
        ..PLAIN
    },
    Setting {
        key: "domain",
        variable: "OBS_GATEWAY_DOMAIN",
        flag: "domain",
        form: "NAME[,NAME...]",
        fallback: Fallback::Value("obs.localhost"),
        doc: "Endpoint domains. `BUCKET.NAME` as host reaches a bucket; the bare name and IP addresses take paths.",
        ..PLAIN
    },
    Setting {
        key: "region",
        variable: "OBS_GATEWAY_REGION",
        flag: "region",
        form: "NAME",
        fallback: Fallback::Value("default"),
        doc: "Region that buckets are in and that clients may name.",
        ..PLAIN
    },
    Setting {
        key: "signature_region",
        variable: "OBS_GATEWAY_SIGNATURE_REGION",
        flag: "signature-region",
        form: "any or own",
        fallback: Fallback::Value("any"),
        doc: "Regions that AWS4-HMAC-SHA256 signatures may be made for: any one, or only the gateway's own.",
        ..PLAIN
    },
    Setting {
        key: "root_access_key",
        variable: "OBS_GATEWAY_ROOT_ACCESS_KEY",
        flag: "root-access-key",
        form: "KEY",
        fallback: Fallback::Described("generated at first start"),
        doc: "Access key of the root account: taken at first start, and used by the command line tools.",
        ..PLAIN
    },
    Setting {
        key: "root_secret_key",
        variable: "OBS_GATEWAY_ROOT_SECRET_KEY",
        flag: "root-secret-key",
        form: "SECRET",
        fallback: Fallback::Described("generated at first start"),
        doc: "Secret key that belongs to it. Other users of the machine can see flags: prefer the variable.",
        is_secret: true,
        ..PLAIN
    },
    Setting {
        key: "root_email",
        variable: "OBS_GATEWAY_ROOT_EMAIL",
        flag: "root-email",
        form: "EMAIL",
        fallback: Fallback::Described("chosen at first start"),
        doc: "E-mail address the root account signs in with; taken at first start.",
        ..PLAIN
    },
    Setting {
        key: "root_password",
        variable: "OBS_GATEWAY_ROOT_PASSWORD",
        flag: "root-password",
        form: "PASSWORD",
        fallback: Fallback::Described("generated at first start"),
        doc: "Password the root account signs in with; taken at first start. Prefer the variable to the flag.",
        is_secret: true,
        ..PLAIN
    },
    Setting {
        key: "webhook_url",
        variable: "OBS_GATEWAY_WEBHOOK_URL",
        flag: "webhook-url",
        form: "URL",
        fallback: Fallback::Described("none: events are kept, and not sent"),
        doc: "Where crossings of soft limits are posted, http only. Each is sent until it is taken, in order.",
        ..PLAIN
    },
    Setting {
        key: "webhook_secret",
        variable: "OBS_GATEWAY_WEBHOOK_SECRET",
        flag: "webhook-secret",
        form: "SECRET",
        fallback: Fallback::Described("none"),
        doc: "What these posts are signed with; needed with the URL. Prefer the variable to the flag.",
        is_secret: true,
        ..PLAIN
    },
    Setting {
        key: "log",
        variable: "OBS_GATEWAY_LOG",
        flag: "log",
        form: "FILTER",
        fallback: Fallback::Value("info"),
        doc: "What is logged: a level, or directives such as `obs_gateway=debug,info`.",
        ..PLAIN
    },
    Setting {
        key: "workers",
        variable: "OBS_GATEWAY_WORKERS",
        flag: "workers",
        form: "THREADS",
        fallback: Fallback::Described("the number of cores"),
        doc: "Threads that serve requests, 1 to 1024.",
        ..PLAIN
    },
    Setting {
        key: "verify_interval",
        variable: "OBS_GATEWAY_VERIFY_INTERVAL",
        flag: "verify-interval",
        form: "HOURS",
        fallback: Fallback::Value("24"),
        doc: "Hours between two verifications of the usage counters, 0 to 8760; 0 for none but those asked for.",
        ..PLAIN
    },
    Setting {
        key: "buckets_per_account",
        variable: "OBS_GATEWAY_BUCKETS_PER_ACCOUNT",
        flag: "buckets-per-account",
        form: "COUNT",
        fallback: Fallback::Value("100"),
        doc: "Buckets one account may own, 1 to 10000. A lower number than an account has takes none away.",
        ..PLAIN
    },
    Setting {
        key: "restore_delay",
        variable: "OBS_GATEWAY_RESTORE_DELAY",
        flag: "restore-delay",
        form: "SECONDS",
        fallback: Fallback::Value("0"),
        doc: "Seconds until an archived object that is restored can be read, 0 to 86400.",
        ..PLAIN
    },
];

/// The settings reference as Markdown; `docs/config.md` is this text.
pub fn reference() -> String {
    let mut page = String::from(HEAD);
    for setting in SETTINGS {
        let key = if setting.is_in_file { format!("`{}`", setting.key) } else { "-".to_owned() };
        let fallback = match setting.fallback {
            Fallback::Value(value) => format!("`{value}`"),
            Fallback::Described(words) => words.to_owned(),
        };
        let alias = setting.alias.map(|alias| format!(", `--{alias}`")).unwrap_or_default();
        let cells = [
            key,
            format!("`{}`", setting.variable),
            format!("`--{}`{alias}", setting.flag),
            format!("`{}`", setting.form),
            fallback,
            setting.doc.to_owned(),
        ];
        page.push_str("| ");
        page.push_str(&cells.join(" | "));
        page.push_str(" |\n");
    }
    page
}

const HEAD: &str = "\
# Settings

Printed by `obs-gateway config`; a test keeps this page and the code the same.

A setting comes from the settings file, then from the environment, then from flags; the later one wins. An empty
variable counts as unset. Relative paths start at the working folder. A key in the file that is no setting, and a
value that does not hold, stop the program with a message that names the setting and where it was written.

| key in the file | environment variable | flag | value | default | meaning |
|---|---|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_setting_follow_from_its_key() {
        for setting in SETTINGS {
            assert_eq!(setting.variable, format!("OBS_GATEWAY_{}", setting.key.to_ascii_uppercase()));
            assert_eq!(setting.flag, setting.key.replace('_', "-"));
            assert!(!setting.form.is_empty() && setting.doc.ends_with('.') && !setting.doc.contains('|'));
        }
    }

    #[test]
    fn the_committed_reference_is_this_one() {
        let committed = include_str!("../../docs/config.md");
        assert!(committed == reference(), "docs/config.md is stale: run `obs-gateway config > docs/config.md`");
    }
}
