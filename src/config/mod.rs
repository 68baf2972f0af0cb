//! What the process is told from outside: [`Settings`], the texts as written in the file, the environment and the
//! flags (later wins), and [`Config`], the checked values everything else is built from. The only place that reads
//! the environment. Not here: opened listeners, stores or log subscribers.

#![expect(
    clippy::disallowed_methods,
    reason = "the one reader of the environment, the settings file and the credentials file"
)]

mod check;
mod credentials;
mod table;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hyper::Uri;

use crate::limits;

pub use check::{is_access_key, is_secret_key};
pub use credentials::{Credentials, read_private, write_private};
pub use table::{Fallback, SETTINGS, Setting, reference};

/// Name of the settings file that is read from the working folder when it exists and no other is named.
pub const FILE_NAME: &str = "obs-gateway.toml";

/// The checked configuration of a process.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder that holds the database, the segments and the root credentials.
    pub data: PathBuf,
    /// Where the data listener binds; port 0 leaves the choice to the kernel.
    pub listen: SocketAddr,
    /// Where the console listener binds; for the command line tools, where they look for it.
    pub console_listen: SocketAddr,
    /// Endpoint domains in lower case, at least one, no duplicates.
    pub domains: Vec<String>,
    /// Name of the region every bucket is in.
    pub region: String,
    /// Which regions signatures of version 4 may be for.
    pub signature_region: SignatureRegion,
    /// What was given for the root account.
    pub root: RootSettings,
    /// Where events are sent, if anywhere.
    pub webhook: Option<Webhook>,
    /// Directives of the log filter.
    pub log: String,
    /// Threads that serve requests, at least one.
    pub workers: usize,
    /// Time from the request to restore an archived object until it can be read.
    pub restore_delay_millis: u64,
    /// Hours between two verifications of the counters; 0 for none but those asked for.
    pub verify_interval_hours: u32,
    /// Buckets one account may own, at least one.
    pub buckets_per_account: usize,
}

/// The root account's credentials as far as the configuration names them. The two keys come together or not at all.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RootSettings {
    /// Access key, see [`is_access_key`].
    pub access_key: Option<String>,
    /// Secret key, see [`is_secret_key`].
    pub secret_key: Option<String>,
    /// E-mail address for signing in.
    pub email: Option<String>,
    /// Password for signing in.
    pub password: Option<String>,
}

impl RootSettings {
    /// Access key and secret key, if they were given.
    pub fn key_pair(&self) -> Option<(&str, &str)> {
        self.access_key.as_deref().zip(self.secret_key.as_deref())
    }
}

impl fmt::Debug for RootSettings {
    /// Secrets never reach a log: only whether they were given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |secret: &Option<String>| secret.as_ref().map(|_| "(hidden)");
        f.debug_struct("RootSettings")
            .field("access_key", &self.access_key)
            .field("secret_key", &hidden(&self.secret_key))
            .field("email", &self.email)
            .field("password", &hidden(&self.password))
            .finish()
    }
}

/// Where events are sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// An absolute `http` URL.
    pub url: Uri,
    /// What posts are signed with.
    pub secret: String,
}

/// Which regions signatures of version 4 may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureRegion {
    /// Any: clients without configuration name one of AWS's.
    Any,
    /// The gateway's own region.
    Own,
}

impl fmt::Debug for Webhook {
    /// Secrets never reach a log, and URLs of webhooks may hold some.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("host", &self.url.host()).finish_non_exhaustive()
    }
}

impl Config {
    /// Reads the settings file and the environment, puts `flags` (key and value) on top, and checks everything.
    pub fn load(flags: &[(&'static str, String)]) -> Result<Self, ConfigError> {
        Self::check(&Settings::load(flags)?)
    }

    /// Checks every setting; the first one that does not hold is the error.
    pub fn check(settings: &Settings) -> Result<Self, ConfigError> {
        let url = settings.optional("webhook_url", check::parse_webhook_url)?;
        let secret = settings.optional("webhook_secret", check::parse_secret_key)?;
        for (given, missing, is_alone) in [
            ("webhook_url", "webhook_secret", url.is_some() && secret.is_none()),
            ("webhook_secret", "webhook_url", secret.is_some() && url.is_none()),
        ] {
            if is_alone {
                return Err(settings.refusal(given, format!("{missing} is missing: give both or neither")));
            }
        }
        let config = Self {
            webhook: url.zip(secret).map(|(url, secret)| Webhook { url, secret }),
            data: settings.value("data", check::parse_path)?,
            listen: settings.value("listen", check::parse_address)?,
            console_listen: settings.value("console_listen", check::parse_address)?,
            domains: settings.value("domain", check::parse_domains)?,
            region: settings.value("region", check::parse_region)?,
            signature_region: settings.value("signature_region", check::parse_signature_region)?,
            root: RootSettings {
                access_key: settings.optional("root_access_key", check::parse_access_key)?,
                secret_key: settings.optional("root_secret_key", check::parse_secret_key)?,
                email: settings.optional("root_email", check::parse_email)?,
                password: settings.optional("root_password", check::parse_password)?,
            },
            log: settings.value("log", check::parse_log)?,
            workers: match settings.optional("workers", check::parse_workers)? {
                Some(workers) => workers,
                None => std::thread::available_parallelism().map_or(1, usize::from),
            },
            restore_delay_millis: settings.value("restore_delay", check::parse_restore_delay)?,
            verify_interval_hours: settings.value("verify_interval", check::parse_hours)?,
            buckets_per_account: settings.value("buckets_per_account", check::parse_bucket_count)?,
        };
        for (given, missing, is_alone) in [
            (
                "root_access_key",
                "root_secret_key",
                config.root.access_key.is_some() && config.root.secret_key.is_none(),
            ),
            (
                "root_secret_key",
                "root_access_key",
                config.root.secret_key.is_some() && config.root.access_key.is_none(),
            ),
        ] {
            if is_alone {
                return Err(settings.refusal(given, format!("{missing} is missing: give both keys or neither")));
            }
        }
        if config.listen == config.console_listen && config.listen.port() != 0 {
            let problem = "the data listener has the same address: choose another port".to_owned();
            return Err(settings.refusal("console_listen", problem));
        }
        Ok(config)
    }

    /// A configuration for tests: loopback, ports chosen by the kernel, default names, a data folder nobody made.
    pub fn for_testing() -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            data: PathBuf::from("data-of-a-test"),
            listen: loopback,
            console_listen: loopback,
            domains: vec!["obs.localhost".to_owned()],
            region: "default".to_owned(),
            signature_region: SignatureRegion::Any,
            root: RootSettings::default(),
            webhook: None,
            log: "info".to_owned(),
            workers: 2,
            restore_delay_millis: 0,
            verify_interval_hours: 24,
            buckets_per_account: limits::BUCKETS_PER_ACCOUNT_MAX,
        }
    }
}

/// Settings as they were written, each with the place it was written in.
#[derive(Clone, Default)]
pub struct Settings(BTreeMap<&'static str, Written>);

#[derive(Clone)]
struct Written {
    text: String,
    origin: Origin,
}

/// Where a setting's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Default,
    File(PathBuf),
    Environment(&'static str),
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(variable) => f.write_str(variable),
            Self::Flag(flag) => write!(f, "--{flag}"),
        }
    }
}

impl Settings {
    /// Reads the settings file (named by the flag `config`, else by `OBS_GATEWAY_CONFIG`, else [`FILE_NAME`] if it
    /// exists), then the environment, then `flags`.
    pub fn load(flags: &[(&'static str, String)]) -> Result<Self, ConfigError> {
        let environment = |variable: &str| std::env::var_os(variable);
        let over_file = Self::from_sources(None, environment, flags)?;
        let named = over_file.0.get("config").map(|written| PathBuf::from(&written.text));
        let path = named.clone().unwrap_or_else(|| PathBuf::from(FILE_NAME));
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::from_sources(Some((&path, &text)), environment, flags),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(over_file),
            Err(source) => Err(ConfigError::Unreadable { path, source }),
        }
    }

    /// The pure half of [`Settings::load`]: `file` is a path and its text, `environment` looks a variable up, an
    /// empty variable counts as unset, and `flags` are keys of [`SETTINGS`] with their values.
    pub fn from_sources(
        file: Option<(&Path, &str)>,
        environment: impl Fn(&str) -> Option<OsString>,
        flags: &[(&'static str, String)],
    ) -> Result<Self, ConfigError> {
        let mut settings = Self::default();
        if let Some((path, text)) = file {
            settings.read_file(path, text)?;
        }
        for setting in SETTINGS {
            let origin = Origin::Environment(setting.variable);
            let Some(value) = environment(setting.variable).filter(|value| !value.is_empty()) else { continue };
            let text = value.into_string().map_err(|_| ConfigError::NotText { variable: setting.variable })?;
            settings.0.insert(setting.key, Written { text, origin });
        }
        for (key, text) in flags {
            let origin = Origin::Flag(setting(key).flag);
            settings.0.insert(key, Written { text: text.clone(), origin });
        }
        Ok(settings)
    }

    fn read_file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let table: toml::Table = text.parse().map_err(|error| ConfigError::syntax(path, text, &error))?;
        for (key, value) in table {
            let Some(setting) = SETTINGS.iter().find(|setting| setting.is_in_file && setting.key == key) else {
                return Err(ConfigError::UnknownKey { path: path.to_owned(), key });
            };
            let origin = Origin::File(path.to_owned());
            match text_of(&value) {
                Some(text) => self.0.insert(setting.key, Written { text, origin }),
                None => return Err(ConfigError::NotAValue { path: path.to_owned(), key, form: setting.form }),
            };
        }
        Ok(())
    }

    fn value<T>(&self, key: &'static str, parse: Parse<T>) -> Result<T, ConfigError> {
        let text = match (self.0.get(key), setting(key).fallback) {
            (Some(written), _) => &written.text,
            (None, Fallback::Value(text) | Fallback::Described(text)) => text,
        };
        parse(text).map_err(|expected| self.refusal(key, expected))
    }

    fn optional<T>(&self, key: &'static str, parse: Parse<T>) -> Result<Option<T>, ConfigError> {
        let Some(written) = self.0.get(key) else { return Ok(None) };
        parse(&written.text).map(Some).map_err(|expected| self.refusal(key, expected))
    }

    /// The error for what stands under `key`; a secret's value is not repeated in it.
    fn refusal(&self, key: &'static str, problem: String) -> ConfigError {
        let (value, origin) = match self.0.get(key) {
            Some(written) if setting(key).is_secret => ("(hidden)".to_owned(), written.origin.clone()),
            Some(written) => (format!("`{}`", written.text), written.origin.clone()),
            None => ("its value".to_owned(), Origin::Default),
        };
        ConfigError::Refused { key, value, origin: origin.to_string(), problem }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(key, written)| (key, &written.origin))).finish()
    }
}

/// What a check makes of a text; the error says what was expected.
type Parse<T> = fn(&str) -> Result<T, String>;

/// Why a configuration is not usable. Every message names the setting and the place it was written in.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The settings file is named but cannot be read.
    #[error("cannot read the settings file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The settings file is not TOML.
    #[error("{} line {line}: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What the parser expected.
        problem: String,
    },
    /// The settings file has a key that is no setting.
    #[error("{}: there is no setting `{key}` (`obs-gateway config` lists them)", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key as written.
        key: String,
    },
    /// The settings file has a table, a date or the like where a text or a number belongs.
    #[error("{}: `{key}` must be a text, a whole number or a list of texts ({form})", path.display())]
    NotAValue {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Form of the setting.
        form: &'static str,
    },
    /// An environment variable is not UTF-8.
    #[error("{variable} is not UTF-8 text")]
    NotText {
        /// The variable.
        variable: &'static str,
    },
    /// A setting's value does not hold.
    #[error("setting {key}: {value} (from {origin}) is not usable: {problem}")]
    Refused {
        /// Key of the setting.
        key: &'static str,
        /// The value in back quotes, or a word instead of a secret.
        value: String,
        /// The file, variable or flag.
        origin: String,
        /// What was expected.
        problem: String,
    },
    /// The root credentials file cannot be read, understood or written.
    #[error("root credentials in {}: {problem}", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl ConfigError {
    /// The parser's own rendering quotes the line, and the line may be a secret: give its number instead.
    fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Self::Syntax { path: path.to_owned(), line, problem: error.message().to_owned() }
    }
}

/// The row of `key`. Keys are literals of this module or come from the table itself.
fn setting(key: &str) -> &'static Setting {
    SETTINGS.iter().find(|setting| setting.key == key).expect("every key used in the code is a row of SETTINGS")
}

/// A scalar or a list of texts as one text; lists are joined as the environment writes them.
fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Array(items) => {
            items.iter().map(toml::Value::as_str).collect::<Option<Vec<_>>>().map(|texts| texts.join(","))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
