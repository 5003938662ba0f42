//! A small HTTP/1.1 server that can also misbehave on the wire.
//!
//! Written out because a correct HTTP library refuses to send what the faults need: wrong lengths,
//! single bytes, resets between two of them.

use super::faults::FaultKind;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Largest request taken, bytes.
const REQUEST_MAX: usize = 16 << 20;
/// A client that sends nothing for this long is dropped.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request, read to its end.
#[derive(Debug, Default)]
pub struct Request {
    /// `GET`, `POST`.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// An answer, and how it goes wrong on the wire.
#[derive(Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// The fault to play, if any.
    pub fault: Option<FaultKind>,
}

impl Response {
    /// JSON with a status.
    #[must_use]
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes(), fault: None }
    }
}

/// Reads one request; `None` when the peer left or sent nonsense.
pub async fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            break end;
        }
        more(stream, &mut bytes).await?;
    };
    let mut request = parse_head(std::str::from_utf8(&bytes[..end]).ok()?)?;
    let length = request.header("content-length").and_then(|text| text.parse().ok());
    let length: usize = length.unwrap_or(0);
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        more(stream, &mut body).await?;
    }
    body.truncate(length);
    request.body = body;
    Some(request)
}

/// The next piece of a request; `None` when none comes or it grew too large.
async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0_u8; 16_384];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut chunk)).await.ok()?.ok()?;
    if read == 0 || bytes.len() > REQUEST_MAX {
        return None;
    }
    bytes.extend_from_slice(&chunk[..read]);
    Some(())
}

fn parse_head(head: &str) -> Option<Request> {
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let headers = lines.filter_map(|line| line.split_once(':'));
    Some(Request {
        method: first.next()?.to_owned(),
        path: first.next()?.to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect(),
        body: Vec::new(),
    })
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Sends `response`, or the fault it carries, and closes.
///
/// # Errors
/// When the peer left.
pub async fn send(mut stream: TcpStream, response: &Response) -> io::Result<()> {
    let length = match response.fault {
        Some(FaultKind::WrongLength) => Some(response.body.len() + 64),
        Some(FaultKind::HalfThenReset | FaultKind::Endless) => None,
        _ => Some(response.body.len()),
    };
    let mut bytes = head(response, length).into_bytes();
    let head_len = bytes.len();
    bytes.extend_from_slice(&response.body);
    match &response.fault {
        Some(FaultKind::SlowHead { ms }) => {
            tokio::time::sleep(Duration::from_millis(*ms)).await;
            stream.write_all(&bytes).await?;
        }
        Some(FaultKind::Drip { ms }) => {
            for byte in bytes.drain(..) {
                stream.write_all(&[byte]).await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_millis(*ms)).await;
            }
        }
        Some(FaultKind::HalfThenReset) => {
            let half = head_len + response.body.len() / 2;
            stream.write_all(&bytes[..half]).await?;
            stream.flush().await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
            return reset(&stream);
        }
        Some(FaultKind::Reset | FaultKind::LoseReply) => return reset(&stream),
        Some(FaultKind::Hang) => std::future::pending::<()>().await,
        Some(FaultKind::Endless) => {
            stream.write_all(&bytes).await?;
            loop {
                stream.write_all(&[b' '; 4_096]).await?;
            }
        }
        _ => stream.write_all(&bytes).await?,
    }
    stream.shutdown().await
}

fn head(response: &Response, length: Option<usize>) -> String {
    let mut head = format!("HTTP/1.1 {} Fake\r\nconnection: close\r\n", response.status);
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(length) = length {
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    head + "\r\n"
}

/// Closes with a reset instead of an orderly end.
fn reset(stream: &TcpStream) -> io::Result<()> {
    stream.set_zero_linger()
}
