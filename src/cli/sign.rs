//! `sign`: the headers, or the URL, with which any other client can send one request.

use std::io::Write;

use super::failure::Failure;
use super::signing::{Header, Signature, Url, parse_header, parse_method};
use crate::clock::Clock;

/// Print the headers (or the URL) of a signed request
///
/// One header per line, those given with -H included: `obs-gateway sign GET URL | curl -H @- URL`.
#[derive(Debug, clap::Args)]
pub(super) struct Sign {
    /// Method of the request
    #[arg(value_parser = parse_method)]
    method: String,
    /// URL of the request, percent-encoded
    url: Url,
    /// A header the request will carry; repeat as needed
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<Header>,
    /// Print a presigned URL instead of headers
    #[arg(long = "url")]
    is_url: bool,
    /// How long the presigned URL holds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, requires = "is_url", value_parser = clap::value_parser!(u64).range(1..=20 * 365 * 86_400))]
    expires: u64,
    #[command(flatten)]
    signature: Signature,
}

impl Sign {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        self.run_at(out, Clock::System.now_millis())
    }

    fn run_at(&self, out: &mut dyn Write, now_millis: u64) -> Result<(), Failure> {
        let signer = self.signature.open()?;
        if self.is_url {
            let url = signer.presigned(&self.method, &self.url, &self.headers, (now_millis, self.expires))?;
            return Ok(writeln!(out, "{url}")?);
        }
        let added = signer.headers(&self.method, &self.url, &self.headers, now_millis)?;
        for (name, value) in self.headers.iter().chain(&added) {
            // `Name:` would tell curl to leave the header out.
            if value.is_empty() { writeln!(out, "{name};")? } else { writeln!(out, "{name}: {value}")? }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        sign: Sign,
    }

    const KEYS: [&str; 4] = ["--access-key", "AK", "--secret-key", "TestVectorSecretKeyForObsGateway00000001"];

    fn check(arguments: &[&str], expected: &str) {
        let line = Line::try_parse_from(["sign"].iter().chain(arguments).chain(&KEYS)).unwrap();
        let mut out = Vec::new();
        line.sign.run_at(&mut out, 1_435_721_265_482).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn the_headers_come_one_per_line() {
        let url = "http://192.0.2.10:9000/examplebucket?quota";
        let date = "Date: Wed, 01 Jul 2015 03:27:45 GMT";
        check(&["GET", url], &format!("{date}\nAuthorization: OBS AK:KwArjhO6k/7bnNJfdH7WcHWj+hA=\n"));
        check(
            &["get", url, "-H", "Accept: */*", "-H", "Empty;", "--dialect", "s3-v2"],
            &format!("Accept: */*\nEmpty;\n{date}\nAuthorization: AWS AK:KwArjhO6k/7bnNJfdH7WcHWj+hA=\n"),
        );
    }

    #[test]
    fn a_url_counts_its_seconds_from_now() {
        let domain = ["--domain", "obs.region.example.com"];
        let url = "http://examplebucket.obs.region.example.com/objectkey";
        let arguments = [&["GET", url, "--url", "--expires", "97058186"][..], &domain].concat();
        let query = "AccessKeyId=AK&Expires=1532779451&Signature=UfyA9WAFesI3%2FF9ucZgUYVDVGkw%3D";
        check(&arguments, &format!("{url}?{query}\n"));
    }
}
