//! Servers under test, each in a process of its own so that its CPU time is known, and stopped when dropped.

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Access key of the gateway's root account.
pub(crate) const ACCESS_KEY: &str = "BENCHBENCHBENCHBENCH";
/// Its secret.
pub(crate) const SECRET_KEY: &str = "benchbenchbenchbenchbenchbenchbenchbench";
/// The gateway's domain.
pub(crate) const DOMAIN: &str = "obs.localhost";
/// Linux shows CPU time to programs in hundredths of a second, on every architecture.
const TICK: Duration = Duration::from_millis(10);

/// A child process that is killed when it is no longer needed.
pub(crate) struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Where it listens; a placeholder for one that does not.
    pub(crate) address: SocketAddr,
    /// Where the gateway's metrics are.
    pub(crate) console: Option<SocketAddr>,
}

impl Server {
    /// A gateway with an empty data folder.
    pub(crate) fn gateway(binary: &Path, data: &Path) -> io::Result<Self> {
        let mut command = Command::new(binary);
        command.arg("serve").current_dir(data).envs([
            ("OBS_GATEWAY_LISTEN", "127.0.0.1:0"),
            ("OBS_GATEWAY_CONSOLE_LISTEN", "127.0.0.1:0"),
            ("OBS_GATEWAY_DOMAIN", DOMAIN),
            ("OBS_GATEWAY_ROOT_ACCESS_KEY", ACCESS_KEY),
            ("OBS_GATEWAY_ROOT_SECRET_KEY", SECRET_KEY),
        ]);
        command.env("OBS_GATEWAY_DATA", data);
        let mut server = Self::start(command)?;
        server.address = server.announced("listening data http://")?;
        server.console = Some(server.announced("listening console http://")?);
        Ok(server)
    }

    /// A bare hyper service that answers `body_bytes` bytes.
    pub(crate) fn bare(body_bytes: usize) -> io::Result<Self> {
        let mut server = Self::start_self(&["bare", &body_bytes.to_string()])?;
        server.address = server.announced("listening ")?;
        Ok(server)
    }

    /// RocksDB by itself, in `folder`.
    pub(crate) fn raw(folder: &Path) -> io::Result<Self> {
        Self::start_self(&["raw", &folder.to_string_lossy()])
    }

    fn start_self(role: &[&str]) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(role);
        Self::start(command)
    }

    fn start(mut command: Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a child has no pipes"));
        };
        let output = BufReader::new(output);
        Ok(Self { child, input, output, address: SocketAddr::from(([127, 0, 0, 1], 0)), console: None })
    }

    /// The next line of the child, without `prefix`.
    fn announced(&mut self, prefix: &str) -> io::Result<SocketAddr> {
        let line = self.line()?;
        let address = line.strip_prefix(prefix).and_then(|address| address.parse().ok());
        address.ok_or_else(|| io::Error::other(format!("expected an address, found: {line}")))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.output.read_line(&mut line)? {
            0 => Err(io::Error::other("a server under test ended")),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// Asks a child that works on command, and waits for its answer.
    pub(crate) fn command(&mut self, line: &str) -> io::Result<String> {
        writeln!(self.input, "{line}")?;
        self.line()
    }

    /// User and system time of all its threads so far.
    #[expect(clippy::disallowed_methods, reason = "reads what the kernel says of a process")]
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Fields 14 and 15; the name in field 2 may hold blanks, its closing bracket is the last one.
        let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let mut ticks = fields.split(' ').skip(11).map_while(|field| field.parse::<u32>().ok());
        match (ticks.next(), ticks.next()) {
            (Some(user), Some(system)) => Ok(TICK * (user + system)),
            _ => Err(io::Error::other(format!("cannot read CPU time from: {stat}"))),
        }
    }

    /// Time on a core of all threads it has now, to the nanosecond: for spans of few ticks. A thread that has ended
    /// is not in it.
    #[expect(clippy::disallowed_methods, reason = "reads what the kernel says of a process")]
    pub(crate) fn fine_cpu(&self) -> io::Result<Duration> {
        let mut nanos = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let stat = std::fs::read_to_string(task?.path().join("schedstat"))?;
            let own = stat.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok());
            nanos += own.ok_or_else(|| io::Error::other(format!("cannot read CPU time from: {stat}")))?;
        }
        Ok(Duration::from_nanos(nanos))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has nothing to lose: its folder goes too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
