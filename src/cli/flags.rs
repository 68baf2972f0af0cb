//! Flags made from the table of settings, so that a setting is written once. A command takes the settings of its
//! scope. Not here: what the values mean, which `config` checks.

use std::marker::PhantomData;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::failure::Failure;
use crate::config::{Config, Fallback, SETTINGS, Setting};

/// Which settings a command takes as flags.
pub(super) trait Scope {
    /// Keys of the settings.
    const KEYS: &'static [&'static str];
}

/// `serve` takes all of them.
#[derive(Debug)]
pub(super) struct Server;

impl Scope for Server {
    const KEYS: &'static [&'static str] = &[
        "config",
        "data",
        "listen",
        "console_listen",
        "domain",
        "region",
        "signature_region",
        "root_access_key",
        "root_secret_key",
        "root_email",
        "root_password",
        "webhook_url",
        "webhook_secret",
        "log",
        "workers",
        "verify_interval",
        "buckets_per_account",
        "restore_delay",
    ];
}

/// Commands that speak to the console.
#[derive(Debug)]
pub(super) struct Console;

impl Scope for Console {
    const KEYS: &'static [&'static str] = &["config", "data", "console_listen", "root_access_key", "root_secret_key"];
}

/// Commands that sign requests for the data listener.
#[derive(Debug)]
pub(super) struct Signer;

impl Scope for Signer {
    const KEYS: &'static [&'static str] = &["config", "data", "domain", "region"];
}

/// Commands that open a stopped store.
#[derive(Debug)]
pub(super) struct Store;

impl Scope for Store {
    const KEYS: &'static [&'static str] = &["config", "data", "log"];
}

/// The settings of scope `S` that were given as flags.
#[derive(Debug)]
pub(super) struct Flags<S> {
    values: Vec<(&'static str, String)>,
    scope: PhantomData<S>,
}

impl<S> Flags<S> {
    /// Reads the other sources, puts the flags on top and checks the whole.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        Ok(Config::load(&self.values)?)
    }
}

impl<S: Scope> Flags<S> {
    fn settings() -> impl Iterator<Item = &'static Setting> {
        SETTINGS.iter().filter(|setting| S::KEYS.contains(&setting.key))
    }

    fn values(matches: &ArgMatches) -> Vec<(&'static str, String)> {
        let given = |setting: &Setting| matches.get_one::<String>(setting.key).cloned();
        Self::settings().filter_map(|setting| Some((setting.key, given(setting)?))).collect()
    }
}

impl<S: Scope> Args for Flags<S> {
    fn augment_args(command: Command) -> Command {
        command.args(Self::settings().map(|setting| {
            let fallback = match setting.fallback {
                Fallback::Value(text) | Fallback::Described(text) => text,
            };
            // One sentence for `-h`, everything for `--help`.
            let brief = setting.doc.split_inclusive(". ").next().unwrap_or_default().trim_end_matches(['.', ' ']);
            let arg = Arg::new(setting.key)
                .long(setting.flag)
                .value_name(setting.form)
                .help(brief.to_owned())
                .long_help(format!("{}\n[env: {}] [default: {fallback}]", setting.doc, setting.variable))
                .help_heading("Settings")
                .global(true);
            match setting.alias {
                Some(alias) => arg.visible_alias(alias),
                None => arg,
            }
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<S: Scope> FromArgMatches for Flags<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self { values: Self::values(matches), scope: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.values = Self::values(matches);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given<S: Scope>(arguments: &[&str]) -> Vec<(&'static str, String)> {
        let command = Flags::<S>::augment_args(Command::new("x"));
        let matches = command.try_get_matches_from(arguments.iter().copied()).unwrap();
        Flags::<S>::from_arg_matches(&matches).unwrap().values
    }

    #[test]
    fn serving_takes_every_setting_and_every_scope_names_settings() {
        assert!(SETTINGS.iter().map(|setting| setting.key).eq(Server::KEYS.iter().copied()));
        for key in [Console::KEYS, Signer::KEYS, Store::KEYS].concat() {
            assert!(Server::KEYS.contains(&key), "{key}");
        }
    }

    #[test]
    fn flags_come_out_under_the_keys_of_their_settings() {
        assert_eq!(given::<Server>(&["x"]), []);
        let expected = [("console_listen", "[::1]:1".to_owned())];
        assert_eq!(given::<Server>(&["x", "--console-listen", "[::1]:1"]), expected);
        assert_eq!(given::<Console>(&["x", "--console=[::1]:1"]), expected);
        assert_eq!(given::<Signer>(&["x", "--data", "d", "--domain", "a,b"]).len(), 2);
        assert_eq!(given::<Store>(&["x", "--data", "d"]), [("data", "d".to_owned())]);
    }
}
