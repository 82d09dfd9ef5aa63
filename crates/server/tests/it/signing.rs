//! What a till does to a request before it is sent, in single steps, so that a test can do one of them wrongly.

use std::sync::atomic::{AtomicU64, Ordering};

use model::signed::token::{PublicKey, SigningKey};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use wire::api::Enrol;
use wire::codes::hex;
use wire::enrolment::{self, Known};
use wire::signature::{
    Answered, Asked, DIGEST_HEADER, Digest, EPOCH_HEADER, Fields, INPUT_HEADER, Moment, SIGNATURE_HEADER,
};

/// A request with the fields that are to be sent, whether they belong to it or not.
#[derive(Clone)]
pub struct Signed {
    pub asked: Asked,
    pub fields: Fields,
    pub body: Vec<u8>,
    pub headers: Vec<(&'static str, String)>,
}

/// An answer, and when the server says that it was given (seconds since 1970); nothing if nobody has signed it.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub fields: Option<Fields>,
}

impl Signed {
    /// Signed by `key` at `now` (seconds since 1970), under a nonce of its own.
    pub fn new(method: &Method, target: &str, body: Vec<u8>, key: &SigningKey, now: i64) -> Signed {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let asked = Asked {
            method: method.as_str().to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            digest: Digest::of(&body),
            epoch: 1,
        };
        Signed { fields: sign(&asked, key, now), asked, body, headers: Vec::new() }
    }

    /// Sends it.
    pub async fn send(&self, url: &str) -> Reply {
        // Whoever comes second finds a provider installed, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let query =
            if self.asked.query.is_empty() { String::new() } else { format!("?{}", self.asked.query) };
        let method = Method::from_bytes(self.asked.method.as_bytes()).expect("a method");
        let mut request = client
            .request(method, format!("{url}{}{query}", self.asked.path))
            .header(DIGEST_HEADER, self.asked.digest.to_field())
            .header(EPOCH_HEADER, self.asked.epoch.to_string())
            .header(INPUT_HEADER, &self.fields.input)
            .header(SIGNATURE_HEADER, &self.fields.signature);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if !self.body.is_empty() {
            request = request.body(self.body.clone());
        }
        let response = request.send().await.expect("the server answers");
        let version = response.headers().get(wire::VERSION_HEADER).map(|value| value.as_bytes().to_owned());
        assert_eq!(version.as_deref(), Some(wire::VERSION.as_bytes()), "it says which contract it is in");
        let field = |name| Some(response.headers().get(name)?.to_str().expect("ASCII").to_owned());
        let fields = field(INPUT_HEADER)
            .zip(field(SIGNATURE_HEADER))
            .map(|(input, signature)| Fields { input, signature });
        Reply {
            status: response.status(),
            headers: response.headers().clone(),
            fields,
            body: response.bytes().await.expect("it is whole").to_vec(),
        }
    }
}

/// What a till sends that has this code.
pub fn enrolling(secret: &str, key: &SigningKey, till: &str, now: i64) -> Signed {
    let enrol = Enrol {
        code: hex(&enrolment::id(secret)),
        key: hex(&key.public().to_bytes()),
        proof: hex(&Known::of(secret).of_till(key.public(), till)),
        till: till.to_owned(),
    };
    let body = serde_json::to_vec(&enrol).expect("it can be written");
    Signed::new(&Method::POST, "/v1/enrolments", body, key, now)
}

/// Signs a request at `now`, under a nonce of its own.
pub fn sign(asked: &Asked, key: &SigningKey, now: i64) -> Fields {
    static NONCES: AtomicU64 = AtomicU64::new(0);
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&NONCES.fetch_add(1, Ordering::SeqCst).to_be_bytes());
    asked.sign(key, Moment { created: now, nonce })
}

impl Reply {
    /// The server's time, if it has signed this as the answer to that.
    pub fn time(&self, to: &Signed, server: PublicKey) -> Option<i64> {
        let (status, digest) = (self.status.as_u16(), Digest::of(&self.body));
        let answered = Answered { status, digest, to: &to.asked, to_fields: &to.fields };
        answered.verify(self.fields.as_ref()?, server)
    }

    /// Whether it bears a signature at all.
    pub fn is_signed(&self) -> bool {
        self.fields.is_some()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The status, and the code of the problem.
    pub fn refused(&self) -> (u16, String) {
        (self.status.as_u16(), crate::support::problem(&self.text()).error)
    }
}
