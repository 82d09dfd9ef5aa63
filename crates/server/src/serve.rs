//! Serves the router on a socket until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::keys::{Keys, KeysError};
use crate::routes::{State, app};

/// How long requests that have begun may take to end (seconds). A client that stalls must not keep the server.
const STOP_SECONDS_MAX: u64 = 10;
/// How often it is looked whether the trust list has to be signed anew.
const LOOK_AT_TRUST_EVERY: Duration = Duration::from_secs(3600);

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// The address cannot be listened on.
    #[error(transparent)]
    Address(#[from] io::Error),
    /// The key that signs answers.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    state: State,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// The address cannot be had, or the key by which tills know this server is not here.
    pub async fn start(state: State, address: SocketAddr) -> Result<Server, NotStarted> {
        state.answer_key().await?;
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let router = app(state.clone());
        tokio::spawn(keep_trust_fresh(state.clone()));
        let stopping = state.clone();
        let task = tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(async move { stopping.stopped().await })
                .await
        });
        Ok(Server { address, state, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as a till is told.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends the waiting polls, finishes what has begun, and closes the database.
    pub async fn stop(mut self) -> io::Result<()> {
        self.state.stop();
        let ended = match tokio::time::timeout(Duration::from_secs(STOP_SECONDS_MAX), &mut self.task).await {
            Ok(ended) => ended.unwrap_or_else(|error| Err(io::Error::other(error))),
            Err(_) => {
                tracing::warn!("a client stalled, its connection is cut");
                self.task.abort();
                Ok(())
            }
        };
        self.state.store.close().await;
        ended
    }
}

/// Signs the trust list anew long before it ends, for as long as the server runs.
async fn keep_trust_fresh(state: State) {
    loop {
        match Keys::of(&state.store).renew().await {
            Ok(true) => tracing::info!("the trust list was signed anew"),
            Ok(false) => {}
            Err(error @ KeysError::NoKey(_)) => tracing::warn!(%error, "the trust list is getting old"),
            Err(error) => tracing::error!(%error, "the trust list cannot be signed anew"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AT_TRUST_EVERY) => {}
            () = state.stopped() => return,
        }
    }
}
