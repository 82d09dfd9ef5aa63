//! The operating system's credential store: Keychain, Credential Manager, Secret Service.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use keyring::v1::{Entry, Error};

use super::{PATIENCE, Vault, VaultError, What};

/// By which name the store lists what is ours.
const SERVICE: &str = "Counterfoil";

type Job = Box<dyn FnOnce() + Send>;

/// The store behind a thread of its own: whoever asks stops waiting after [`PATIENCE`], whatever the store does.
#[derive(Default)]
pub struct SystemVault {
    worker: Mutex<Option<Sender<Job>>>,
    /// Questions that are still under way. While one is, no other is asked: it would only stand behind it.
    under_way: Arc<AtomicUsize>,
}

impl SystemVault {
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, VaultError> {
        if self.under_way.fetch_add(1, Ordering::SeqCst) > 0 {
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            return Err(VaultError::Silent);
        }
        let (answer, answered) = channel();
        let under_way = self.under_way.clone();
        let job: Job = Box::new(move || {
            let result = question();
            under_way.fetch_sub(1, Ordering::SeqCst);
            // Nobody may be waiting any more.
            let _ = answer.send(result);
        });
        if !self.hand_over(job) {
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            return Err(VaultError::Silent);
        }
        match answered.recv_timeout(PATIENCE) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Error::NoDefaultStore | Error::NoStorageAccess(_))) | Err(_) => Err(VaultError::Silent),
            Ok(Err(error)) => Err(VaultError::Refused(error.to_string())),
        }
    }

    fn hand_over(&self, job: Job) -> bool {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if worker.is_none() {
            let (jobs, incoming): (Sender<Job>, Receiver<Job>) = channel();
            let thread = std::thread::Builder::new().name("credential store".into());
            if thread.spawn(move || incoming.into_iter().for_each(|job| job())).is_err() {
                return false;
            }
            *worker = Some(jobs);
        }
        worker.as_ref().is_some_and(|jobs| jobs.send(job).is_ok())
    }
}

impl Vault for SystemVault {
    fn get(&self, what: What, of: &str) -> Result<Option<Vec<u8>>, VaultError> {
        let user = user(what, of);
        self.ask(move || match Entry::new(SERVICE, &user)?.get_secret() {
            Ok(secret) => Ok(Some(secret)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        })
    }

    fn set(&self, what: What, of: &str, bytes: &[u8]) -> Result<(), VaultError> {
        let (user, secret) = (user(what, of), bytes.to_owned());
        self.ask(move || Entry::new(SERVICE, &user)?.set_secret(&secret))
    }
}

/// The name under which the store keeps it. Half of a public key tells tills apart, and fits every store.
fn user(what: What, of: &str) -> String {
    let of = of.get(..32).unwrap_or(of);
    match what {
        What::Key => format!("device key {of}"),
        What::Head => format!("journal {of}"),
    }
}
