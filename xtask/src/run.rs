//! `cargo xtask run`: from a machine with only Rust to the app on the screen, with a server behind it.

use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::cargo::build_programs;
use crate::demo::{Demo, Till};
use crate::node::Node;
use crate::packages::For;
use crate::places::Places;
use crate::program::{self, Running};
use crate::server::{self, Server};
use crate::words::{DemoData, Wish};
use crate::{display, packages, say, ui};

/// Does it all, and returns when the window is closed.
pub fn run(places: &Places, wish: &Wish) -> Result<()> {
    display::check()?;
    say::step("Set-up: the system's packages", || packages::set_up(For::Build))?;
    let node = say::step("Set-up: Node", || Node::find(places))?;
    say::step("The page: its packages", || ui::packages(places, &node))?;
    say::step("The page: its build", || ui::build_if_changed(places, &node))?;
    say::step("Building the server and the app (the first time takes some minutes)", || {
        build_programs(places, wish.profile)
    })?;
    if wish.data == DemoData::Fresh {
        say::step("The demo: forgetting its data", || server::forget_demo(places))?;
    }
    let demo = Demo::new(places, wish.profile);
    let till = Till::new(wish.till);
    let server = say::step("The demo: its server", || Server::find_or_start(places, &demo))?;
    say::step(&format!("The demo: {}", till.introduction()), || {
        if demo.is_enrolled(&till)? {
            say::line("   This till is enrolled already.");
            return Ok(());
        }
        demo.enrol(&till, &server.address)
    })?;
    say::heading("The window is opening; close it or press Ctrl-C to end");
    accompany(Running::start("counterfoil", &mut demo.app(&till))?, server)
}

/// Stays with the app until it ends; a server that ends before it is worth a sentence, not the end of the app.
fn accompany(mut app: Running, mut server: Server) -> Result<()> {
    loop {
        if let Some(end) = app.ended()? {
            say::heading("The window is closed");
            if !end.success() {
                bail!("the app ended with an error ({end})");
            }
            return Ok(());
        }
        if program::stopping() {
            app.stop();
            bail!("the app and what was started for it have ended");
        }
        if let Some(own) = &mut server.own
            && let Some(end) = own.ended()?
        {
            say::line(&format!("The demo's server has ended ({end}); the till goes on offline."));
            server.own = None;
        }
        thread::sleep(Duration::from_millis(100));
    }
}
