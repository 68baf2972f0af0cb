//! A data folder in a temporary place, and processes of the real executable over it.

#![expect(clippy::disallowed_methods, reason = "prepares and inspects the gateway's folder from outside")]

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Instant;

use obs_gateway::config::{Credentials, SETTINGS};
use tempfile::TempDir;

use super::{Answer, Connection, DEADLINE, Keys, Request};

/// The working folder of processes, with the data folder in it. Removed when dropped.
#[derive(Debug)]
pub(crate) struct Folder(TempDir);

/// What a command that has ended left.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The command did what it was asked; its output.
    #[track_caller]
    pub(crate) fn done(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:?}");
        &self.stdout
    }

    /// The command ended with `code` and said each of `words`.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in {self:?}");
        }
    }
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// The executable with these arguments, in this folder, without any setting of the machine's.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_obs-gateway"));
        for setting in SETTINGS {
            command.env_remove(setting.variable);
        }
        command.current_dir(self.path()).stdin(Stdio::null()).args(arguments);
        command
    }

    /// `serve` on ports of the kernel's choice.
    pub(crate) fn serve(&self) -> Command {
        let mut command = self.command(&["serve"]);
        command.env("OBS_GATEWAY_LISTEN", "127.0.0.1:0").env("OBS_GATEWAY_CONSOLE_LISTEN", "127.0.0.1:0");
        command
    }

    pub(crate) fn start(&self) -> Gateway {
        Gateway::start(&mut self.serve(), self)
    }

    /// Runs a command to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Output {
        run(&mut self.command(arguments))
    }

    /// The root account's keys, as the gateway wrote them at its first start.
    pub(crate) fn keys(&self) -> Keys {
        let found = Credentials::read(&self.data()).unwrap().expect("the first start writes them");
        Keys { access_key: found.access_key, secret_key: found.secret_key }
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// Permission bits of a file in the data folder.
    pub(crate) fn mode(&self, name: &str) -> u32 {
        std::fs::metadata(self.data().join(name)).unwrap().mode() & 0o777
    }

    /// Bytes that the filesystem has set aside for segments.
    pub(crate) fn segment_bytes(&self) -> u64 {
        let blocks = |path: PathBuf| std::fs::metadata(path).map_or(0, |metadata| metadata.blocks());
        self.segments().into_iter().map(blocks).sum::<u64>() * 512
    }

    /// Inverts one byte of the content that begins with `start`, wherever it lies in the segments.
    pub(crate) fn damage(&self, start: &[u8]) {
        for path in self.segments() {
            let bytes = std::fs::read(&path).unwrap();
            if let Some(position) = bytes.windows(start.len()).position(|window| window == start) {
                let file = File::options().write(true).open(&path).unwrap();
                file.write_all_at(&[!bytes[position]], position as u64).unwrap();
                return;
            }
        }
        panic!("no segment has the content");
    }

    fn segments(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.data().join("segments")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A running gateway; killed when dropped.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    stdout: BufReader<ChildStdout>,
    log: PathBuf,
    pub(crate) data: SocketAddr,
    pub(crate) console: SocketAddr,
}

impl Gateway {
    /// Starts `command`, which is a `serve`, and waits until both listeners are announced.
    pub(crate) fn start(command: &mut Command, folder: &Folder) -> Self {
        let log = folder.path().join("gateway.log");
        let stderr = File::create(&log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut announced = |what: &str| {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            let address = line.trim_end().strip_prefix(&format!("listening {what} http://"));
            address.and_then(|address| address.parse().ok())
        };
        let addresses = (announced("data"), announced("console"));
        let (Some(data), Some(console)) = addresses else {
            let _ = child.kill();
            let status = child.wait();
            panic!("the gateway did not start: {status:?}\n{}", std::fs::read_to_string(log).unwrap());
        };
        Self { child, stdout, log, data, console }
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.data).unwrap()
    }

    /// Sends one request over a connection of its own.
    pub(crate) fn ask(&self, request: &Request) -> Answer {
        self.connect().ask(request).unwrap()
    }

    /// Sends one request and expects a 2xx.
    #[track_caller]
    pub(crate) fn done(&self, request: &Request) -> Answer {
        let answer = self.ask(request);
        assert!((200..300).contains(&answer.status), "{answer:?}");
        answer
    }

    /// A counter of `/metrics`.
    pub(crate) fn metric(&self, name: &str) -> i64 {
        let page = Connection::open(self.console).unwrap().ask(&Request::get("/metrics")).unwrap();
        let value = page.text().lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in {page:?}"))
    }

    /// Runs a command of the command line that speaks to this gateway.
    pub(crate) fn cli(&self, folder: &Folder, arguments: &[&str]) -> Output {
        run(folder.command(arguments).env("OBS_GATEWAY_CONSOLE_LISTEN", self.console.to_string()))
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// SIGINT.
    pub(crate) fn interrupt(&self) {
        self.signal("INT");
    }

    fn signal(&self, name: &str) {
        // The shell's own `kill`: there is one on every machine.
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(status.unwrap().success());
    }

    /// SIGKILL, and gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and a clean end.
    #[track_caller]
    pub(crate) fn stop(self) {
        self.terminate();
        let (status, log) = self.wait();
        assert_eq!(status.code(), Some(0), "{log}");
    }

    /// Waits for the end; exit status and log.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = wait_for_exit(&mut self.child);
        (status, std::fs::read_to_string(&self.log).unwrap())
    }

    /// Ends it; returns what it printed after its addresses.
    pub(crate) fn printed(mut self) -> String {
        self.terminate();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        rest
    }

    /// The next line it prints that begins so, without what surrounds it.
    pub(crate) fn printed_line(&mut self, start: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "no line begins with {start}");
            if line.trim_start().starts_with(start) {
                return line.trim().to_owned();
            }
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Gone already after `wait` and `kill`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a process to end by itself.
#[track_caller]
fn wait_for_exit(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "the process does not end");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
