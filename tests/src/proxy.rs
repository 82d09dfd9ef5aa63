//! A bad line on loopback: a TCP proxy between a till and its server that does, to one request after another, what
//! networks and machines in between do to them.
//!
//! It knows no more of HTTP/1.1 than where a message ends (RFC 9112 6.3). What it does to which request follows from
//! its seed and the request's number.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::hands::SeededDice;

mod message;

use message::Message;

/// What the line does to a request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// It resets the connection before the server hears anything.
    ResetsBefore,
    /// It resets the connection after the server has heard all of it.
    ResetsAfter,
    /// It takes its time on the way there, on the way back, or both.
    Delays,
    /// The answer ends at some byte.
    Truncates,
    /// The server hears the request twice: before the answer comes back, or some time later.
    Duplicates,
    /// The request comes in drops.
    TricklesThere,
    /// The answer comes in drops.
    TricklesBack,
    /// A byte of the request's body is another one.
    FlipsThere,
    /// A byte of the answer's body is another one.
    FlipsBack,
    /// Something in between has too much to do: 429 or 503 with Retry-After.
    Busy,
    /// Something in between answers with a page of its own.
    Page,
    /// No HTTP at all.
    Garbage,
    /// Takes the request and says nothing.
    Silence,
}

impl Trouble {
    /// Each of them.
    pub const ALL: [Trouble; 13] = [
        Trouble::ResetsBefore,
        Trouble::ResetsAfter,
        Trouble::Delays,
        Trouble::Truncates,
        Trouble::Duplicates,
        Trouble::TricklesThere,
        Trouble::TricklesBack,
        Trouble::FlipsThere,
        Trouble::FlipsBack,
        Trouble::Busy,
        Trouble::Page,
        Trouble::Garbage,
        Trouble::Silence,
    ];
}

/// The longest that anything is held up.
const DELAY_MAX: Duration = Duration::from_secs(3);
/// A request that is heard twice is heard again after so long at most.
const ECHO_MAX: Duration = Duration::from_millis(800);

/// The line. It lives as long as this.
pub struct Proxy {
    address: SocketAddr,
    line: Arc<Line>,
    accepting: JoinHandle<()>,
}

struct Line {
    server: SocketAddr,
    seed: u64,
    bad: AtomicBool,
    requests: AtomicU64,
    done: Mutex<BTreeMap<Trouble, u64>>,
}

/// How a connection ends that the line does not want to keep.
struct HungUp;

impl From<std::io::Error> for HungUp {
    fn from(_: std::io::Error) -> HungUp {
        HungUp
    }
}

impl Proxy {
    /// A line to the server that is bad from the beginning.
    pub async fn start(server: SocketAddr, seed: u64) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it listens");
        let line = Arc::new(Line {
            server,
            seed,
            bad: AtomicBool::new(true),
            requests: AtomicU64::new(0),
            done: Mutex::default(),
        });
        let accepting = tokio::spawn({
            let line = line.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let line = line.clone();
                    // A connection that ends badly is what this is for.
                    tokio::spawn(async move { line.carry(stream).await.ok() });
                }
            }
        });
        Proxy { address, line, accepting }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it carries everything as it is.
    pub fn mend(&self) {
        self.line.bad.store(false, Ordering::SeqCst);
    }

    /// What it has done so far, and how often.
    pub fn done(&self) -> BTreeMap<Trouble, u64> {
        self.line.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.line.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Line {
    /// Carries one connection's requests, one after another.
    async fn carry(&self, mut till: TcpStream) -> Result<(), HungUp> {
        while let Some(request) = Message::read(&mut till, None).await? {
            let number = self.requests.fetch_add(1, Ordering::SeqCst);
            let dice = SeededDice::new(self.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let trouble = (self.bad.load(Ordering::SeqCst) && dice.below(3) == 0)
                .then(|| Trouble::ALL[dice.below(Trouble::ALL.len() as u64) as usize]);
            if let Some(trouble) = trouble {
                *self.done.lock().unwrap_or_else(PoisonError::into_inner).entry(trouble).or_default() += 1;
            }
            match trouble {
                None => {
                    let answer = self.ask(&request).await?;
                    till.write_all(&answer.bytes).await?;
                }
                Some(trouble) => self.trouble(trouble, &dice, request, &mut till).await?,
            }
        }
        Ok(())
    }

    async fn trouble(
        &self,
        trouble: Trouble,
        dice: &SeededDice,
        mut request: Message,
        till: &mut TcpStream,
    ) -> Result<(), HungUp> {
        match trouble {
            Trouble::ResetsBefore => return reset(till),
            Trouble::ResetsAfter => {
                self.ask(&request).await?;
                return reset(till);
            }
            Trouble::Delays => {
                let (there, back) = (delay(dice), delay(dice));
                pass(there).await;
                let answer = self.ask(&request).await?;
                pass(back).await;
                till.write_all(&answer.bytes).await?;
            }
            Trouble::Truncates => {
                let answer = self.ask(&request).await?;
                let end = dice.below(answer.bytes.len() as u64) as usize;
                till.write_all(&answer.bytes[..end]).await?;
                return Err(HungUp);
            }
            Trouble::Duplicates => {
                let answer = self.ask(&request).await?;
                let again = self.same();
                if dice.below(2) == 0 {
                    again.ask(&request).await?;
                } else {
                    let later = ECHO_MAX.mul_f64(dice.below(100) as f64 / 100.0);
                    tokio::spawn(async move {
                        pass(later).await;
                        again.ask(&request).await.ok()
                    });
                }
                till.write_all(&answer.bytes).await?;
            }
            Trouble::TricklesThere => {
                let mut server = TcpStream::connect(self.server).await?;
                trickle(&mut server, &request.bytes, dice).await?;
                let answer = Message::read(&mut server, Some(&request)).await?.ok_or(HungUp)?;
                till.write_all(&answer.bytes).await?;
            }
            Trouble::TricklesBack => {
                let answer = self.ask(&request).await?;
                trickle(till, &answer.bytes, dice).await?;
            }
            Trouble::FlipsThere => {
                request.flip(dice);
                let answer = self.ask(&request).await?;
                till.write_all(&answer.bytes).await?;
            }
            Trouble::FlipsBack => {
                let mut answer = self.ask(&request).await?;
                answer.flip(dice);
                till.write_all(&answer.bytes).await?;
            }
            Trouble::Busy | Trouble::Page | Trouble::Garbage => {
                till.write_all(instead(trouble, dice).as_bytes()).await?;
                return Err(HungUp);
            }
            Trouble::Silence => pass(DELAY_MAX).await,
        }
        if trouble == Trouble::Silence { Err(HungUp) } else { Ok(()) }
    }

    /// The same way to the server, for a request that outlives its connection.
    fn same(&self) -> Line {
        Line {
            server: self.server,
            seed: self.seed,
            bad: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            done: Mutex::default(),
        }
    }

    /// Asks the server, on a connection of its own.
    async fn ask(&self, request: &Message) -> Result<Message, HungUp> {
        let mut server = TcpStream::connect(self.server).await?;
        server.write_all(&request.bytes).await?;
        Message::read(&mut server, Some(request)).await?.ok_or(HungUp)
    }
}

/// What something in between says in the server's place.
fn instead(trouble: Trouble, dice: &SeededDice) -> String {
    let whole = |status: &str, headers: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
    };
    match trouble {
        Trouble::Busy => {
            let status = ["429 Too Many Requests", "503 Service Unavailable"][dice.below(2) as usize];
            whole(status, &format!("retry-after: {}\r\n", dice.below(3)), "")
        }
        Trouble::Page => {
            let status = ["200 OK", "502 Bad Gateway", "403 Forbidden"][dice.below(3) as usize];
            whole(status, "content-type: text/html\r\n", "<html><h1>Welcome to our free WLAN</h1></html>")
        }
        _ => "\u{1}\u{2}\r\n220 mail.example ESMTP\r\n\r\n".to_owned(),
    }
}

/// Ends a connection so that the other side hears of it at once (RST).
fn reset(till: &TcpStream) -> Result<(), HungUp> {
    till.set_zero_linger()?;
    Err(HungUp)
}

/// Mostly some milliseconds, now and then more than anybody waits for.
fn delay(dice: &SeededDice) -> Duration {
    let most = if dice.below(6) == 0 { DELAY_MAX } else { Duration::from_millis(60) };
    most.mul_f64(dice.below(1000) as f64 / 1000.0)
}

/// Writes in drops, for up to three seconds in all.
async fn trickle(to: &mut TcpStream, bytes: &[u8], dice: &SeededDice) -> Result<(), HungUp> {
    to.set_nodelay(true)?;
    let drops = 1 + dice.below(30) as usize;
    let between = delay(dice) / 30;
    for drop in bytes.chunks(bytes.len().div_ceil(drops).max(1)) {
        to.write_all(drop).await?;
        pass(between).await;
    }
    Ok(())
}

/// Holds something up for so long. This is what a slow line does, not a wait for something to happen.
async fn pass(time: Duration) {
    let _ = tokio::time::timeout(time, pending::<()>()).await;
}
