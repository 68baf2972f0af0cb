//! A client of HTTP/1.1 that hides nothing: bytes go out as given, answers come back with their headers as spelled.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::{DEADLINE, Request, element};

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// An answer, or an interim one, which has no body.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) line: String,
    pub(crate) status: u16,
    /// In the order and the letter case of the wire.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The text of an element of the document in the body.
    #[track_caller]
    pub(crate) fn element(&self, name: &str) -> &str {
        element(self.text(), name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// Status and error code; the code is empty where there is none.
    pub(crate) fn verdict(&self) -> (u16, &str) {
        let document = std::str::from_utf8(&self.body).unwrap_or_default();
        (self.status, element(document, "Code").unwrap_or_default())
    }
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(Self { stream, unread: Vec::new() })
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, request: &Request) -> io::Result<Answer> {
        self.send(&request.to_bytes())?;
        if request.is_head() { self.read_head() } else { self.read_answer() }
    }

    /// Status line and headers; all there is of an interim answer and of one to HEAD.
    pub(crate) fn read_head(&mut self) -> io::Result<Answer> {
        let end = loop {
            if let Some(end) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            self.fill()?;
        };
        let head: Vec<u8> = self.unread.drain(..end + 4).collect();
        let malformed = || io::Error::new(ErrorKind::InvalidData, format!("not a head: {:?}", head.escape_ascii()));
        let text = std::str::from_utf8(&head[..end]).map_err(|_| malformed())?;
        let mut lines = text.split("\r\n");
        let line = lines.next().ok_or_else(malformed)?.to_owned();
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(malformed)?;
        let split = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        let headers = lines.map(split).collect::<Option<_>>().ok_or_else(malformed)?;
        Ok(Answer { line, status, headers, body: Vec::new() })
    }

    /// A whole answer: the gateway announces every length.
    pub(crate) fn read_answer(&mut self) -> io::Result<Answer> {
        let mut answer = self.read_head()?;
        let length = answer.header("Content-Length").map_or(Ok(0), str::parse);
        let length: usize = length.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        while self.unread.len() < length {
            self.fill()?;
        }
        answer.body = self.unread.drain(..length).collect();
        Ok(answer)
    }

    /// Reads `length` bytes and throws them away.
    pub(crate) fn skip(&mut self, length: u64) -> io::Result<()> {
        let read = self.unread.drain(..self.unread.len().min(usize::try_from(length).unwrap_or(usize::MAX))).count();
        let left = length - read as u64;
        match io::copy(&mut (&self.stream).take(left), &mut io::sink())? {
            all if all == left => Ok(()),
            _ => Err(ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Whether the gateway ends the connection without saying anything more.
    pub(crate) fn ends(&mut self) -> bool {
        self.unread.is_empty() && {
            let mut byte = [0];
            match self.stream.read(&mut byte) {
                Ok(count) => count == 0,
                Err(error) => error.kind() == ErrorKind::ConnectionReset,
            }
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish_sending(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => {
                self.unread.extend_from_slice(&piece[..count]);
                Ok(())
            }
        }
    }
}
