//! The framing itself, as a machine over the bytes of a body: chunks with their sizes and signatures, then the trailer.
//! It keeps one line at the most, and copies no data.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Chain;
use super::framing::{Framing, Plan};
use crate::error::{Code, Error, Result};
use crate::limits;

/// The trailer that signs the others.
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// Takes the framing off a body, whatever pieces it comes in.
///
/// A chunk's last bytes are given out only after its signature held; what came before them has been given out by then,
/// so nothing may be done with the bytes until [`Decoder::finish`] says that all is well.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    framing: Framing,
    /// Of signed chunks.
    chain: Option<Chain>,
    /// Names of the trailers to come.
    declared: Vec<String>,
    trailers: Vec<(String, String)>,
    /// Bytes of data still to come.
    missing: u64,
    /// The beginning of a line whose end has not arrived.
    line: Vec<u8>,
    /// Bytes the trailer, and blanks after it, may still have.
    trailer_budget: usize,
    /// Of the data of the chunk, or of the lines of the trailer, where they are signed.
    sha256: Sha256,
    /// The signature that the head of the chunk presented.
    signature: Vec<u8>,
    is_trailer_signed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the line that begins a chunk.
    Head,
    /// So many bytes, at least one, before the end of the chunk's data.
    Data(u64),
    /// Before the line end that follows the data.
    DataEnd,
    /// After the last chunk.
    Trailer,
    /// After the empty line that ends the trailer.
    End,
    /// After an error.
    Failed,
}

impl Decoder {
    /// A decoder of what `plan` announces. Signed chunks without a `chain`, which is to say without a signature to begin
    /// with, are 400 `InvalidRequest`.
    pub fn new(plan: Plan, chain: Option<Chain>) -> Result<Self> {
        if plan.is_signed() && chain.is_none() {
            return Err(Code::InvalidRequest.because("Signed chunks need a Signature V4 in the Authorization header."));
        }
        Ok(Self {
            state: State::Head,
            chain: chain.filter(|_| plan.is_signed()),
            framing: plan.framing,
            declared: plan.trailers,
            trailers: Vec::new(),
            missing: plan.length,
            line: Vec::new(),
            trailer_budget: limits::AWS_TRAILER_BYTES_MAX,
            sha256: Sha256::new(),
            signature: Vec::new(),
            is_trailer_signed: false,
        })
    }

    /// Bytes of data that were announced and not given out.
    pub fn missing_bytes(&self) -> u64 {
        self.missing
    }

    /// The trailers that have arrived: names in lower case, values without blanks around them.
    pub fn trailers(&self) -> &[(String, String)] {
        &self.trailers
    }

    /// Takes bytes from `input` up to the end of the next piece of data, which is never empty; `None` when `input` is
    /// used up.
    ///
    /// Data of another length than announced is 400 `IncompleteBody`, a signature that is missing or wrong 403
    /// `SignatureDoesNotMatch`, a trailer that was not declared 400 `MalformedTrailerError`, anything else that is no
    /// framing 400 `InvalidRequest`.
    pub fn decode(&mut self, input: &mut Bytes) -> Result<Option<Bytes>> {
        self.advance(input).inspect_err(|_| self.state = State::Failed)
    }

    /// Says that nothing more comes. An end before the last chunk is 400 `IncompleteBody`; a trailer that is missing
    /// 400 `MalformedTrailerError`. The empty line after the trailer may be missing.
    pub fn finish(&mut self) -> Result<()> {
        let ended = match self.state {
            State::Head | State::Data(_) | State::DataEnd => {
                Err(Code::IncompleteBody.because("The body ends before its last chunk."))
            }
            State::Trailer if !self.line.is_empty() => self.end_trailer_line(),
            State::Trailer | State::End => Ok(()),
            State::Failed => Err(failed()),
        };
        ended.and_then(|()| self.check_trailers()).inspect_err(|_| self.state = State::Failed)
    }

    fn advance(&mut self, input: &mut Bytes) -> Result<Option<Bytes>> {
        while !input.is_empty() {
            match self.state {
                State::Head => {
                    if self.take_line(input, limits::AWS_CHUNK_HEAD_BYTES_MAX)? {
                        self.begin_chunk()?;
                    }
                }
                State::Data(left) => return self.take_data(left, input).map(Some),
                State::DataEnd => {
                    let is_line = self.take_line(input, 2);
                    if !b"\r\n".starts_with(&self.line) || is_line.is_err() {
                        return Err(malformed("the data of a chunk does not end where its size says"));
                    }
                    if self.line.len() == 2 {
                        self.line.clear();
                        self.state = State::Head;
                    }
                }
                State::Trailer => {
                    if self.take_line(input, self.trailer_budget)? {
                        self.end_trailer_line()?;
                    }
                }
                State::End => {
                    let is_blank = input.iter().all(u8::is_ascii_whitespace);
                    self.trailer_budget = self.trailer_budget.checked_sub(input.len()).ok_or_else(too_long)?;
                    input.clear();
                    if !is_blank {
                        return Err(malformed("something follows the last chunk"));
                    }
                }
                State::Failed => return Err(failed()),
            }
        }
        Ok(None)
    }

    /// Moves bytes of a line from `input`, up to and including its end; whether that was reached.
    fn take_line(&mut self, input: &mut Bytes, bytes_max: usize) -> Result<bool> {
        let end = memchr::memchr(b'\n', input);
        let count = end.map_or(input.len(), |at| at + 1);
        if self.line.len() + count > bytes_max {
            return Err(too_long());
        }
        self.line.extend_from_slice(&input.split_to(count));
        Ok(end.is_some())
    }

    fn begin_chunk(&mut self) -> Result<()> {
        let head = self.line.strip_suffix(b"\r\n").ok_or_else(|| malformed("the head of a chunk has no line end"))?;
        let (size, signature) = parse_head(head)?;
        self.signature = signature.unwrap_or_default().to_vec();
        self.line.clear();
        if size > self.missing {
            return Err(Code::IncompleteBody.because("The chunks have more bytes than the decoded length announced."));
        }
        if size > 0 {
            self.state = State::Data(size);
            return Ok(());
        }
        self.check_chunk()?;
        if self.missing > 0 {
            return Err(Code::IncompleteBody.because("The chunks have fewer bytes than the decoded length announced."));
        }
        self.state = State::Trailer;
        Ok(())
    }

    fn take_data(&mut self, left: u64, input: &mut Bytes) -> Result<Bytes> {
        // What does not fit in a usize is more than any piece has.
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let data = input.split_to(count);
        if self.chain.is_some() {
            self.sha256.update(&data);
        }
        let count = count as u64;
        self.missing -= count;
        if count < left {
            self.state = State::Data(left - count);
        } else {
            self.check_chunk()?;
            self.state = State::DataEnd;
        }
        Ok(data)
    }

    /// Whether the chunk that ends here has its signature, where chunks have one.
    fn check_chunk(&mut self) -> Result<()> {
        let Some(chain) = &mut self.chain else { return Ok(()) };
        let expected = chain.sign_chunk(self.sha256.finalize_reset().into());
        check_signature(expected, &self.signature)
    }

    /// Reads the line of the trailer that has arrived. Lines may end without a carriage return.
    fn end_trailer_line(&mut self) -> Result<()> {
        let line = std::mem::take(&mut self.line);
        // No more than that has been taken.
        self.trailer_budget = self.trailer_budget.saturating_sub(line.len());
        let line = line.trim_ascii();
        if line.is_empty() {
            // Published clients send an empty line before the trailer's signature too.
            let is_last = !self.has_trailer_signature() || self.is_trailer_signed;
            self.state = if is_last { State::End } else { State::Trailer };
            return Ok(());
        }
        let line = str::from_utf8(line).map_err(|_| malformed_trailer("A trailer is not UTF-8."))?;
        let (name, value) = line.split_once(':').ok_or_else(|| malformed_trailer("A trailer has no colon."))?;
        let (name, value) = (name.trim_ascii().to_ascii_lowercase(), value.trim_ascii());
        if self.is_trailer_signed {
            return Err(malformed_trailer("A trailer follows the signature of the trailers."));
        }
        if self.has_trailer_signature() && name == TRAILER_SIGNATURE {
            self.is_trailer_signed = true;
            let chain = self.chain.as_mut().ok_or_else(failed)?;
            let expected = chain.sign_trailer(self.sha256.finalize_reset().into());
            return check_signature(expected, value.as_bytes());
        }
        if !self.declared.contains(&name) {
            return Err(malformed_trailer(format!("The trailer {name} was not declared in x-amz-trailer.")));
        }
        if self.trailers.iter().any(|(known, _)| *known == name) {
            return Err(malformed_trailer(format!("The trailer {name} appears twice.")));
        }
        for part in [name.as_str(), ":", value, "\n"] {
            self.sha256.update(part);
        }
        self.trailers.push((name, value.to_owned()));
        Ok(())
    }

    fn has_trailer_signature(&self) -> bool {
        self.framing == Framing::Signed { has_trailer: true }
    }

    /// Whether everything is there that has to be.
    fn check_trailers(&self) -> Result<()> {
        let has = |name: &String| self.trailers.iter().any(|(known, _)| known == name);
        if let Some(missing) = self.declared.iter().find(|name| !has(name)) {
            return Err(malformed_trailer(format!("The trailer {missing} is missing.")));
        }
        if self.has_trailer_signature() && !self.is_trailer_signed {
            return Err(malformed_trailer("The signature of the trailers is missing."));
        }
        Ok(())
    }
}

/// `size;name=value…`: the size in hexadecimal digits, and the signature if there is one. Other extensions mean nothing.
fn parse_head(head: &[u8]) -> Result<(u64, Option<&[u8]>)> {
    let mut parts = head.split(|byte| *byte == b';');
    let digits = parts.next().unwrap_or_default();
    let size = digits.iter().try_fold(0u64, |size, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        size.checked_mul(16)?.checked_add(u64::from(digit))
    });
    let size = size.filter(|_| !digits.is_empty()).ok_or_else(|| malformed("the size of a chunk is no number"))?;
    let mut signatures = parts.filter_map(|part| part.strip_prefix(b"chunk-signature="));
    let signature = signatures.next();
    if signatures.next().is_some() { Err(malformed("a chunk has two signatures")) } else { Ok((size, signature)) }
}

/// Compared in constant time; hexadecimal digits may be in upper case.
fn check_signature(expected: &str, presented: &[u8]) -> Result<()> {
    let presented = presented.to_ascii_lowercase();
    if expected.as_bytes().ct_eq(&presented).into() {
        Ok(())
    } else {
        Err(Code::SignatureDoesNotMatch.because("The signature of a chunk or trailer does not match what arrived."))
    }
}

fn malformed(what: &str) -> Error {
    Code::InvalidRequest.because(format!("The aws-chunked framing of the body is not valid: {what}."))
}

fn malformed_trailer(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Code::MalformedTrailer.because(why)
}

fn too_long() -> Error {
    malformed("a line is too long")
}

fn failed() -> Error {
    malformed("it was refused already")
}
