//! Servers that do it wrong: each answers every connection in one wrong way.
//!
//! Plain threads over plain sockets, so that they can break what a proper HTTP library would keep whole. They live as
//! long as the test program.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use model::verdict::Silence;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens.
    NobodyThere,
    /// HTTP 500 of our own server.
    Error500,
    /// HTTP 502 of something in front of it.
    BadGateway,
    /// HTTP 200 in our contract with a body that is no JSON.
    Garbage,
    /// JSON that is not in the contract.
    OtherJson,
    /// No HTTP at all.
    Noise,
    /// The body ends in the middle.
    HalfABody,
    /// The connection closes without a word.
    HangsUp,
    /// A later version of the contract.
    OtherVersion,
    /// A captive portal's redirect to its login page.
    Portal,
    /// A captive portal's login page itself.
    LoginPage,
    /// TLS under a certificate that nobody has vouched for.
    WrongCertificate,
    /// Takes the request and says nothing.
    Silence,
}

impl Fault {
    /// Each of them.
    pub const ALL: [Fault; 13] = [
        Fault::NobodyThere,
        Fault::Error500,
        Fault::BadGateway,
        Fault::Garbage,
        Fault::OtherJson,
        Fault::Noise,
        Fault::HalfABody,
        Fault::HangsUp,
        Fault::OtherVersion,
        Fault::Portal,
        Fault::LoginPage,
        Fault::WrongCertificate,
        Fault::Silence,
    ];

    /// What a till must make of it.
    pub fn silence(self) -> Silence {
        match self {
            Fault::NobodyThere | Fault::HangsUp => Silence::Unreachable,
            Fault::Error500 | Fault::BadGateway => Silence::ServerFault,
            Fault::Garbage | Fault::OtherJson => Silence::NotOurs,
            Fault::Noise | Fault::HalfABody | Fault::Portal | Fault::LoginPage => Silence::Garbled,
            Fault::OtherVersion => Silence::OtherVersion,
            Fault::WrongCertificate => Silence::Untrusted,
            Fault::Silence => Silence::TimedOut,
        }
    }

    /// Starts a server that does it, and gives its address.
    pub fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        if self == Fault::NobodyThere {
            return format!("http://{address}");
        }
        let tls = (self == Fault::WrongCertificate).then(self_signed);
        let scheme = if tls.is_some() { "https" } else { "http" };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let tls = tls.clone();
                std::thread::spawn(move || serve(self, stream, tls));
            }
        });
        format!("{scheme}://{address}")
    }

    fn answer(self) -> String {
        let json = "content-type: application/json\r\nconnection: close";
        let in_contract = format!("{}: {}\r\n{json}", wire::VERSION_HEADER, wire::VERSION);
        let page = "content-type: text/html\r\nconnection: close";
        match self {
            Fault::Error500 => {
                let body = r#"{"error":"internal","message":"a fault"}"#;
                whole("500 Internal Server Error", &in_contract, body)
            }
            Fault::BadGateway => whole("502 Bad Gateway", page, "<h1>502</h1>"),
            Fault::Garbage => whole("200 OK", &in_contract, "<<< this is no JSON >>>"),
            Fault::OtherJson => whole("200 OK", &in_contract, r#"{"hello":"world"}"#),
            Fault::Noise => "\u{1}\u{2} 220 mail.example ESMTP\r\n".into(),
            Fault::HalfABody => {
                format!(
                    "HTTP/1.1 200 OK\r\n{in_contract}\r\ncontent-length: 900\r\n\r\n{{\"entitlement\":{{\"id\""
                )
            }
            Fault::OtherVersion => {
                let later = format!("{}: 2\r\n{json}", wire::VERSION_HEADER);
                whole("200 OK", &later, "{}")
            }
            Fault::Portal => {
                let to = format!("location: http://login.portal.example/\r\n{page}");
                whole("302 Found", &to, "")
            }
            Fault::LoginPage => whole("200 OK", page, "<form>Welcome to our free WLAN</form>"),
            Fault::NobodyThere | Fault::HangsUp | Fault::WrongCertificate | Fault::Silence => String::new(),
        }
    }
}

fn whole(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn serve(fault: Fault, mut stream: TcpStream, tls: Option<Arc<ServerConfig>>) {
    if let Some(tls) = tls {
        let connection = ServerConnection::new(tls).expect("the configuration is whole");
        // A till that looks at the certificate hangs up here.
        let mut encrypted = StreamOwned::new(connection, stream);
        let _ = encrypted.read(&mut [0u8; 1024]);
        return;
    }
    read_request(&mut stream);
    if fault == Fault::Silence {
        // Ends when the till hangs up.
        let _ = stream.read(&mut [0u8; 1]);
        return;
    }
    let _ = stream.write_all(fault.answer().as_bytes());
    let _ = stream.flush();
}

/// Reads a request to its end, so that closing the socket afterwards does not take the answer with it.
fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    let mut chunk = [0u8; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return;
            }
        }
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => request.extend_from_slice(&chunk[..count]),
            _ => return,
        }
    }
}

fn self_signed() -> Arc<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate is made");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key in PKCS #8");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("certificate and key belong together");
    Arc::new(config)
}
