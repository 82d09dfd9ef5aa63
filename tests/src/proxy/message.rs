//! One HTTP/1.1 message, as its bytes.

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::HungUp;
use crate::hands::SeededDice;

/// A request or an answer.
pub(super) struct Message {
    pub(super) bytes: Vec<u8>,
    /// Where the body begins.
    body: usize,
}

impl Message {
    /// Reads a request, or the answer to `request`; nothing if the other side has hung up before it began one.
    pub(super) async fn read(
        from: &mut TcpStream,
        request: Option<&Message>,
    ) -> Result<Option<Message>, HungUp> {
        let mut bytes = Vec::new();
        let body = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if from.read_buf(&mut bytes).await? == 0 {
                return if bytes.is_empty() { Ok(None) } else { Err(HungUp) };
            }
        };
        let head = String::from_utf8_lossy(&bytes[..body]).to_ascii_lowercase();
        let header = |name: &str| {
            head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
        };
        if header("transfer-encoding").is_some_and(|coding| coding.ends_with("chunked")) {
            while !bytes[body..].ends_with(b"0\r\n\r\n") {
                more(from, &mut bytes).await?;
            }
        } else if let Some(length) = header("content-length").and_then(|length| length.parse::<usize>().ok())
        {
            while bytes.len() < body + length {
                more(from, &mut bytes).await?;
            }
        } else if request.is_some() && !head.starts_with("http/1.1 204") {
            // An answer without a length ends with the connection.
            while from.read_buf(&mut bytes).await? > 0 {}
        }
        Ok(Some(Message { bytes, body }))
    }

    /// Makes a byte of the body another one: the eighth bit, so that no JSON stays what it was.
    pub(super) fn flip(&mut self, dice: &SeededDice) {
        let length = self.bytes.len() - self.body;
        if length > 0 {
            let at = self.body + dice.below(length as u64) as usize;
            self.bytes[at] ^= 0x80;
        }
    }
}

async fn more(from: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<(), HungUp> {
    if from.read_buf(bytes).await? == 0 { Err(HungUp) } else { Ok(()) }
}
