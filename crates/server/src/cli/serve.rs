//! `serve`: answers tills until interrupted.

use std::net::SocketAddr;

use anyhow::Context;
use clap::Args;
use server::{NotStarted, Server, State, Store};

use super::say::{self, Out};
use super::{Ended, fault};

/// What `serve` takes.
#[derive(Args)]
pub struct ServeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8484", value_name = "ADDR")]
    listen: SocketAddr,
}

/// Serves until SIGINT or SIGTERM.
pub async fn serve(store: Store, args: &ServeArgs, _: Out) -> Result<(), Ended> {
    let server = match Server::start(State::new(store), args.listen).await {
        Ok(server) => server,
        Err(NotStarted::Keys(error)) => return Err(fault("keys", error.to_string())),
        Err(NotStarted::Address(error)) if error.kind() == std::io::ErrorKind::AddrInUse => {
            return Err(fault(
                "address_in_use",
                format!(
                    "{} is in use, perhaps by a server that runs already: stop it or choose another with --listen",
                    args.listen
                ),
            ));
        }
        Err(NotStarted::Address(error)) => {
            return Err(fault("address", format!("{} cannot be listened on: {error}", args.listen)));
        }
    };
    say::line(&server.url())?;
    interrupted().await.context("waiting for a signal")?;
    tracing::info!("stopping");
    server.stop().await.context("stopping")?;
    Ok(())
}

#[cfg(unix)]
async fn interrupted() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => interrupt,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn interrupted() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
