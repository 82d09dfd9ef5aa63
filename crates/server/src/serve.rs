//! Serves the router on a socket until it is told to stop.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::routes::{State, app};

/// A running server.
pub struct Server {
    address: SocketAddr,
    state: State,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Listens on `address`; port 0 takes a free one.
    pub async fn start(state: State, address: SocketAddr) -> io::Result<Server> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let router = app(state.clone());
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
    pub async fn stop(self) -> io::Result<()> {
        self.state.stop();
        let ended = self.task.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        self.state.store.close().await;
        ended
    }
}
