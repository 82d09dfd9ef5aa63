//! The demo's server: started by us at the port its tills know, or already up for another till.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::demo::Demo;
use crate::places::Places;
use crate::program::Running;
use crate::say;

/// A demo server that answers.
pub struct Server {
    /// Its address, as tills are told it.
    pub address: String,
    /// The program, where we started it; it stops when this value goes.
    pub own: Option<Running>,
}

impl Server {
    /// Finds the one that is up, or starts one.
    pub fn find_or_start(places: &Places, demo: &Demo) -> Result<Self> {
        if let Some(port) = running_at(places) {
            say::line(
                "   Sharing the server that another `cargo xtask run` started. When that one ends, its server \
                 ends too, and this till goes on offline.",
            );
            return Ok(Self { address: address(port), own: None });
        }
        demo.seed()?;
        let known = remembered(places);
        let (mut own, lines) =
            Running::start_reading("counterfoil-server", &mut demo.serve(known.unwrap_or(0)))?;
        let found = own.wait_for_line(&lines, Duration::from_secs(60), port_in);
        let port = match (found, known) {
            (Ok(port), _) => port,
            (Err(error), Some(known)) => return Err(error).with_context(|| taken(known)),
            (Err(error), None) => return Err(error),
        };
        fs::write(note(places), format!("{port}\n")).context("cannot remember the server's port")?;
        say::line(&format!("   The server is up at {}.", address(port)));
        Ok(Self { address: address(port), own: Some(own) })
    }
}

/// Deletes the demo's data and nothing else; refuses while another till uses them.
pub fn forget_demo(places: &Places) -> Result<()> {
    if running_at(places).is_some() {
        bail!("another `cargo xtask run` is using the demo's data; please close it first");
    }
    let demo = places.demo();
    match fs::remove_dir_all(&demo) {
        Ok(()) => say::line(&format!("   Deleted {}.", demo.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot delete {}", demo.display())),
    }
    Ok(())
}

/// The port of the demo's server, if it is up.
fn running_at(places: &Places) -> Option<u16> {
    remembered(places).filter(|port| is_healthy(*port))
}

fn remembered(places: &Places) -> Option<u16> {
    fs::read_to_string(note(places)).ok()?.trim().parse().ok()
}

fn note(places: &Places) -> PathBuf {
    places.demo().join("port")
}

fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn taken(port: u16) -> String {
    format!(
        "the demo's tills know their server at port {port}; if another program has taken that port, stop it, or \
         begin anew with `cargo xtask run --fresh-demo`"
    )
}

/// Whether a server answers there that it is well.
fn is_healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let limit = Duration::from_secs(2);
        let mut line = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), limit)?;
        line.set_read_timeout(Some(limit))?;
        line.set_write_timeout(Some(limit))?;
        // In one piece: a server may answer and hang up after the first it gets.
        let question =
            format!("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
        line.write_all(question.as_bytes())?;
        let mut answer = String::new();
        BufReader::new(line.take(1024)).read_line(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}

/// The port in the first address of a line.
fn port_in(line: &str) -> Option<u16> {
    let address = line.split("http://").nth(1)?;
    let (_host, rest) = address.split_once(':')?;
    let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_what_the_server_says() {
        assert_eq!(port_in("http://127.0.0.1:40123"), Some(40123));
        assert_eq!(port_in("Listening on http://127.0.0.1:8080/ (demo)"), Some(8080));
        assert_eq!(port_in("starting"), None);
        assert_eq!(port_in("http://127.0.0.1:99999"), None);
    }

    #[test]
    fn health_is_a_plain_200() {
        let answering = |answer: &'static str| {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let port = listener.local_addr().expect("it has an address").port();
            let server = std::thread::spawn(move || {
                let (mut line, _) = listener.accept().expect("somebody asks");
                let _ = line.read(&mut [0; 512]);
                line.write_all(answer.as_bytes()).expect("the answer goes out");
            });
            let healthy = is_healthy(port);
            server.join().expect("the server ends");
            healthy
        };
        assert!(answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
        assert!(!answering("HTTP/1.1 404 Not Found\r\n\r\n"));
        assert!(!answering("SSH-2.0-something\r\n"));
    }

    #[test]
    fn nobody_there_is_not_healthy() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        drop(listener);
        assert!(!is_healthy(port));
    }
}
