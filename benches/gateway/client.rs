//! The load generator: a hand-written HTTP/1.1 client on one thread. It sends requests that were made and signed
//! ahead, and reads no more of an answer than its status and length, so that it costs the cores little.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bodies up to this size are sent in one write with their head.
const JOINED_BYTES_MAX: usize = 64 * 1024;
/// Bytes read at a time.
const READ_BYTES: usize = 256 * 1024;

/// What to send.
pub(crate) struct Requests {
    /// Heads, each sent with the body.
    heads: Vec<Vec<u8>>,
    body: Vec<u8>,
    is_repeated: bool,
}

impl Requests {
    /// The same request over and over.
    pub(crate) fn repeated(head: Vec<u8>) -> Self {
        Self { heads: vec![head], body: Vec::new(), is_repeated: true }
    }

    /// Each head once, all with one body.
    pub(crate) fn once(heads: Vec<Vec<u8>>, body: Vec<u8>) -> Self {
        Self { heads, body, is_repeated: false }
    }

    /// These in turn, over and over.
    pub(crate) fn in_turn(heads: Vec<Vec<u8>>) -> Self {
        Self { heads, body: Vec::new(), is_repeated: true }
    }

    fn head(&self, at: usize) -> Option<&[u8]> {
        let at = if self.is_repeated { at % self.heads.len() } else { at };
        self.heads.get(at).map(Vec::as_slice)
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// Requests answered.
    pub(crate) count: usize,
    /// From the first byte sent to the last one read.
    pub(crate) elapsed: Duration,
}

/// Open kept-alive connections to one server.
pub(crate) struct Connections {
    open: Vec<Connection>,
    next: Cell<usize>,
}

struct Connection {
    stream: TcpStream,
    sent: Vec<u8>,
    buffer: Vec<u8>,
}

impl Connections {
    /// Opens `count` connections.
    pub(crate) async fn open(address: SocketAddr, count: usize) -> io::Result<Self> {
        let mut open = Vec::with_capacity(count);
        for _ in 0..count {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            open.push(Connection { stream, sent: Vec::new(), buffer: vec![0; READ_BYTES] });
        }
        Ok(Self { open, next: Cell::new(0) })
    }

    /// Begins the next requests at their first.
    pub(crate) fn rewind(&self) {
        self.next.set(0);
    }

    /// Sends on every connection until `time` is over or the requests are used up, and waits for the answers. An
    /// answer that is not a success is an error.
    pub(crate) async fn drive(&mut self, requests: &Requests, time: Duration) -> io::Result<Done> {
        let (first, next, started) = (self.next.get(), &self.next, Instant::now());
        let working = self.open.iter_mut().map(|connection| async move {
            while started.elapsed() < time {
                let at = next.get();
                let Some(head) = requests.head(at) else { break };
                next.set(at + 1);
                connection.exchange(head, &requests.body).await?;
            }
            Ok::<_, io::Error>(())
        });
        try_join_all(working).await?;
        Ok(Done { count: self.next.get() - first, elapsed: started.elapsed() })
    }
}

/// Sends one request on a connection of its own and gives the body of the answer.
pub(crate) async fn ask(address: SocketAddr, head: &[u8], body: &[u8]) -> io::Result<Vec<u8>> {
    let mut connections = Connections::open(address, 1).await?;
    connections.open[0].exchange(head, body).await
}

impl Connection {
    /// One request and its answer; the body is given back as far as it came with the head.
    async fn exchange(&mut self, head: &[u8], body: &[u8]) -> io::Result<Vec<u8>> {
        if body.is_empty() {
            self.stream.write_all(head).await?;
        } else if body.len() <= JOINED_BYTES_MAX {
            self.sent.clear();
            self.sent.extend_from_slice(head);
            self.sent.extend_from_slice(body);
            self.stream.write_all(&self.sent).await?;
        } else {
            self.stream.write_all(head).await?;
            self.stream.write_all(body).await?;
        }
        let (mut filled, head_end) = (0, 0);
        let head_end = loop {
            filled += self.read(filled).await?;
            if let Some(end) = find_head_end(&self.buffer[..filled], head_end) {
                break end;
            }
        };
        let length = check(&self.buffer[..head_end], &self.buffer[..filled])?;
        let with_head = self.buffer[head_end..filled].to_vec();
        let mut left = length.saturating_sub(with_head.len());
        while left > 0 {
            left = left.saturating_sub(self.read(0).await?);
        }
        Ok(with_head)
    }

    async fn read(&mut self, at: usize) -> io::Result<usize> {
        match self.stream.read(&mut self.buffer[at..]).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(count),
        }
    }
}

fn find_head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let found = bytes[from..].windows(4).position(|four| four == b"\r\n\r\n");
    found.map(|at| from + at + 4)
}

/// The body's length, of an answer that is a success.
fn check(head: &[u8], whole: &[u8]) -> io::Result<usize> {
    const NAME: &[u8] = b"content-length:";
    if !head.starts_with(b"HTTP/1.1 2") {
        return Err(io::Error::other(format!("refused: {}", String::from_utf8_lossy(whole))));
    }
    for line in head.split(|&byte| byte == b'\n') {
        if line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME) {
            let digits = str::from_utf8(&line[NAME.len()..]).unwrap_or_default();
            return digits.trim().parse().map_err(io::Error::other);
        }
    }
    Ok(0)
}
