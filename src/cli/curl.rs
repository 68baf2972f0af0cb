//! `curl`: runs curl with a signed request. Reads curl's arguments as far as the signature needs: headers, and whether
//! curl would add a Content-Type of its own.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::process::{Command, ExitStatus};

use super::failure::{Failure, USAGE};
use super::signing::{Header, Signature, Url, parse_header, parse_method};
use crate::clock::Clock;

/// curl's short options that take a value, in the same word or the next.
const SHORT_WITH_VALUE: &str = "AbCcDdEeFHKmoPQrTtUuwXxYyz";

/// Run curl with a signed request
///
/// The headers given to curl with -H are signed too. A body given with --data is sent as application/octet-stream
/// unless -H names its type, because the signature covers it.
#[derive(Debug, clap::Args)]
#[command(override_usage = "obs-gateway curl [OPTIONS] <METHOD> <URL> [CURL_ARGUMENTS]...")]
pub(super) struct Curl {
    #[command(flatten)]
    signature: Signature,
    /// Method, URL, and any arguments for curl; options of this command come before them
    #[arg(required = true, num_args = 2.., trailing_var_arg = true, allow_hyphen_values = true, value_name = "METHOD URL CURL_ARGUMENTS")]
    line: Vec<OsString>,
}

impl Curl {
    /// Runs curl and returns its exit code.
    pub(super) fn run(&self) -> Result<u8, Failure> {
        let arguments = self.arguments(Clock::System.now_millis())?;
        match Command::new("curl").args(arguments).status() {
            Ok(status) => Ok(exit_code(status)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let text = "there is no curl on this machine: install it, or send the headers that \
                            `obs-gateway sign` prints with another client";
                Err(Failure::NoProgram(text.to_owned()))
            }
            Err(error) => Err(Failure::other(error)),
        }
    }

    fn arguments(&self, now_millis: u64) -> Result<Vec<OsString>, Failure> {
        let [method, url, arguments @ ..] = self.line.as_slice() else {
            return Err(Failure::Usage("a method and a URL are needed".to_owned()));
        };
        let method = parse_method(&text(method)?).map_err(Failure::Usage)?;
        let url_text = text(url)?;
        let url: Url = url_text.parse().map_err(|error| Failure::Usage(format!("{url_text}: {error}")))?;
        let scan = Scan::of(arguments)?;
        if scan.body == Some(Body::Upload) && url.path_and_query().ends_with('/') {
            let text = "curl -T appends the file's name to a URL that ends in `/`: write the object's name into it";
            return Err(Failure::Usage(text.to_owned()));
        }
        let mut added = Vec::new();
        let content_type = scan.body.and_then(Body::content_type).filter(|_| !scan.names_content_type);
        added.extend(content_type.map(|value| ("Content-Type".to_owned(), value.to_owned())));
        let given = [scan.headers, added.clone()].concat();
        added.extend(self.signature.open()?.headers(&method, &url, &given, now_millis)?);

        // The path and the brackets in it go over the wire as they were signed.
        let mut command: Vec<OsString> = vec!["--globoff".into(), "--path-as-is".into()];
        if method == "HEAD" {
            // With -X HEAD curl would wait for a body.
            command.push("--head".into());
        } else {
            command.extend(["--request".into(), method.into()]);
        }
        for (name, value) in added {
            command.extend(["--header".into(), format!("{name}: {value}").into()]);
        }
        command.extend_from_slice(arguments);
        command.extend(["--url".into(), url_text.into()]);
        Ok(command)
    }
}

/// What curl's arguments say about the request.
#[derive(Debug, Default, PartialEq, Eq)]
struct Scan {
    headers: Vec<Header>,
    /// `Content-Type` is given, or taken away with `Content-Type:`.
    names_content_type: bool,
    body: Option<Body>,
}

/// How curl is told to send a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Data,
    Json,
    Upload,
}

impl Body {
    /// The type to send and sign when none is given. For `--data` curl would send a form's, which no object is.
    fn content_type(self) -> Option<&'static str> {
        match self {
            Self::Data => Some("application/octet-stream"),
            Self::Json => Some("application/json"),
            Self::Upload => None,
        }
    }
}

impl Scan {
    fn of(arguments: &[OsString]) -> Result<Self, Failure> {
        let mut scan = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            // Only an option's value may be something else than text, and values are not looked at here.
            let Some(argument) = argument.to_str() else { continue };
            if let Some(long) = argument.strip_prefix("--") {
                let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                if let Some(option) = long_option(name) {
                    let value = if option.takes_value() { next_value(value, &mut rest) } else { OsStr::new("") };
                    scan.note(option, value, argument)?;
                }
            } else if let Some(cluster) = argument.strip_prefix('-') {
                scan.read_cluster(cluster, &mut rest, argument)?;
            }
        }
        Ok(scan)
    }

    /// `-sSH value`, `-sSHvalue`: letters up to the first that takes a value.
    fn read_cluster<'a>(
        &mut self,
        cluster: &'a str,
        rest: &mut impl Iterator<Item = &'a OsString>,
        argument: &str,
    ) -> Result<(), Failure> {
        for (position, letter) in cluster.char_indices() {
            let attached = &cluster[position + letter.len_utf8()..];
            let takes_value = SHORT_WITH_VALUE.contains(letter);
            let value = if takes_value {
                next_value(Some(attached).filter(|attached| !attached.is_empty()), rest)
            } else {
                OsStr::new("")
            };
            if let Some(option) = short_option(letter) {
                self.note(option, value, argument)?;
            }
            if takes_value {
                break;
            }
        }
        Ok(())
    }

    fn note(&mut self, option: CurlOption, value: &OsStr, argument: &str) -> Result<(), Failure> {
        match option {
            CurlOption::Header => {
                let value = text(value)?;
                if value.starts_with('@') {
                    return Err(Failure::Usage(format!(
                        "{value}: headers in a file cannot be signed: give each with -H"
                    )));
                }
                let (name, content) =
                    parse_header(&value).map_err(|error| Failure::Usage(format!("{value}: {error}")))?;
                self.names_content_type |= name.eq_ignore_ascii_case("content-type");
                // `Name:` takes curl's own header away, `Name;` sends an empty one.
                if !content.is_empty() || value.ends_with(';') {
                    self.headers.push((name, content));
                }
            }
            CurlOption::Body(body) => self.body = Some(body),
            CurlOption::Refused(why) => return Err(Failure::Usage(format!("{argument}: {why}"))),
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
enum CurlOption {
    Header,
    Body(Body),
    Refused(&'static str),
}

impl CurlOption {
    fn takes_value(self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}

const FORM: CurlOption = CurlOption::Refused("a form is signed by a policy among its fields, not by headers");
const QUERY: CurlOption = CurlOption::Refused("it changes the URL after it was signed: write the query into the URL");
const METHOD: CurlOption = CurlOption::Refused("the method is the first argument of `obs-gateway curl`");
const SECOND: CurlOption = CurlOption::Refused("one request is signed at a time");

fn long_option(name: &str) -> Option<CurlOption> {
    Some(match name {
        "header" => CurlOption::Header,
        "data" | "data-ascii" | "data-binary" | "data-raw" | "data-urlencode" => CurlOption::Body(Body::Data),
        "json" => CurlOption::Body(Body::Json),
        "upload-file" => CurlOption::Body(Body::Upload),
        "form" | "form-string" => FORM,
        "get" | "url-query" => QUERY,
        "request" | "head" => METHOD,
        "next" | "url" => SECOND,
        _ => return None,
    })
}

fn short_option(letter: char) -> Option<CurlOption> {
    Some(match letter {
        'H' => CurlOption::Header,
        'd' => CurlOption::Body(Body::Data),
        'T' => CurlOption::Body(Body::Upload),
        'F' => FORM,
        'G' => QUERY,
        'X' | 'I' => METHOD,
        ':' => SECOND,
        _ => return None,
    })
}

/// The value written in the option's own word, else the next word; curl itself complains when there is none.
fn next_value<'a>(attached: Option<&'a str>, rest: &mut impl Iterator<Item = &'a OsString>) -> &'a OsStr {
    attached.map(OsStr::new).or_else(|| rest.next().map(OsString::as_os_str)).unwrap_or_default()
}

fn text(argument: &OsStr) -> Result<String, Failure> {
    let text = argument.to_str().map(str::to_owned);
    text.ok_or_else(|| Failure::Usage(format!("{} is not UTF-8", argument.display())))
}

/// curl's code; a curl that was killed counts as shells count it.
fn exit_code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(USAGE)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        curl: Curl,
    }

    const URL: &str = "http://127.0.0.1:8080/bucket?quota";

    fn arguments(line: &[&str]) -> Result<Vec<String>, Failure> {
        let keys = ["curl", "--access-key", "AK", "--secret-key", "TestVectorSecretKeyForObsGateway00000001"];
        let line = Line::try_parse_from(keys.iter().chain(line)).unwrap();
        let arguments = line.curl.arguments(1_435_721_265_482)?;
        Ok(arguments.into_iter().map(|argument| argument.into_string().unwrap()).collect())
    }

    /// `curl METHOD URL arguments…` hands curl `expected` between its first options and the signature.
    fn check(method: &str, given: &[&str], expected: &[&str]) {
        let all = arguments(&[&[method, URL], given].concat()).unwrap();
        let method = method.to_ascii_uppercase();
        let head = if method == "HEAD" { vec!["--head"] } else { vec!["--request", method.as_str()] };
        let date = ["--header", "Date: Wed, 01 Jul 2015 03:27:45 GMT", "--header"];
        let before = [&["--globoff", "--path-as-is"], head.as_slice(), expected, &date].concat();
        assert_eq!(all[..before.len()], before);
        assert!(all[before.len()].starts_with("Authorization: OBS AK:"), "{all:?}");
        assert_eq!(all[before.len() + 1..], [given, &["--url", URL]].concat());
    }

    fn signature(line: &[&str]) -> String {
        let all = arguments(line).unwrap();
        all.into_iter().find(|argument| argument.starts_with("Authorization")).unwrap()
    }

    fn refused(given: &[&str], word: &str) {
        let message = arguments(&[&["PUT", URL], given].concat()).expect_err(word).to_string();
        assert!(message.contains(word), "{message}");
    }

    #[test]
    fn curl_gets_the_signature_its_own_arguments_and_the_url() {
        check("GET", &[], &[]);
        check("get", &["-v", "-o", "-"], &[]);
        check("HEAD", &["--silent"], &[]);
        check("PUT", &["-T", "file"], &[]);
        check("PUT", &["--config", "c", "--help"], &[]);
    }

    #[test]
    fn a_body_has_a_content_type_that_is_signed() {
        let plain = ["--header", "Content-Type: application/octet-stream"];
        check("PUT", &["--data", "x"], &plain);
        check("PUT", &["--data-binary", "@f"], &plain);
        check("PUT", &["-sSdx"], &plain);
        check("POST", &["--json", "{}"], &["--header", "Content-Type: application/json"]);
        check("PUT", &["-d", "x", "-H", "content-type: text/plain"], &[]);
        check("PUT", &["-d", "x", "-H", "Content-Type:"], &[]);
    }

    #[test]
    fn the_signature_covers_headers_however_they_are_written() {
        let expected = signature(&["PUT", URL, "-H", "Content-Type: text/plain"]);
        assert_ne!(expected, signature(&["PUT", URL]));
        for given in [
            &["-HContent-Type: text/plain"][..],
            &["-sSH", "Content-Type: text/plain"],
            &["--header", "Content-Type: text/plain", "-v"],
            &["-o", "-H", "-H", "Content-Type: text/plain"],
            &["-w", "-d", "-H", "Content-Type: text/plain"],
        ] {
            assert_eq!(signature(&[&["PUT", URL], given].concat()), expected, "{given:?}");
        }
        assert_eq!(signature(&["PUT", URL, "-H", "Content-Type:"]), signature(&["PUT", URL]));
    }

    #[test]
    fn arguments_that_would_break_the_signature_are_refused() {
        refused(&["-F", "a=b"], "-F");
        refused(&["-sG", "-d", "x"], "-sG");
        refused(&["-X", "POST"], "method");
        refused(&["-I"], "method");
        refused(&["--next", URL], "one request");
        refused(&["-H", "@file"], "@file");
        refused(&["-H", "no header"], "no header");
        refused(&["-H", "Authorization: mine"], "Authorization");
        assert!(arguments(&["PUT", "http://127.0.0.1:8080/bucket/", "-T", "file"]).is_err());
        assert!(arguments(&["PUT", "not a url"]).is_err());
    }

    #[test]
    fn exit_codes_are_those_of_curl() {
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(exit_code(ExitStatus::from_raw(0)), 0);
        assert_eq!(exit_code(ExitStatus::from_raw(22 << 8)), 22);
        assert_eq!(exit_code(ExitStatus::from_raw(9)), 137);
    }
}
