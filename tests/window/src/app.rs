//! The app's window: started by a WebDriver of its own, read through it, typed at through the X server.

use std::collections::HashMap;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::input::InputMethod;
use crate::keys::Keys;
use crate::patience::{LIMIT, LOOK, Rule, passes, until};
use crate::pictures;
use crate::processes::{Running, lives, program, runs, signal};
use crate::shop::{Shop, Till, ZONE};

/// The system's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    /// zh_CN.
    Chinese,
    /// en_US.
    English,
}

/// The system's theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// How the system is set up in which the app starts.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The system's language.
    pub tongue: Tongue,
    /// The system's theme.
    pub theme: Theme,
}

/// A shop in China, in daylight.
pub const PLAIN: Look = Look { tongue: Tongue::Chinese, theme: Theme::Light };

/// One window of the app.
pub struct App {
    /// Keyboard and scanner.
    pub keys: Keys,
    page: Client,
    process: u32,
    test: String,
    driver: Running,
    /// The system's own notes of fonts, caches and the like.
    _home: TempDir,
}

impl App {
    /// Opens the till's window in a Chinese system.
    pub async fn open(shop: &Shop, till: &Till) -> Result<Self> {
        Self::open_in(shop, till, PLAIN).await
    }

    /// Opens the till's window.
    pub async fn open_in(shop: &Shop, till: &Till, look: Look) -> Result<Self> {
        Self::open_with(shop, till, look, None).await
    }

    /// Opens the till's window on a machine with an input method.
    pub async fn open_with(
        shop: &Shop,
        till: &Till,
        look: Look,
        method: Option<&InputMethod>,
    ) -> Result<Self> {
        let app = program("counterfoil")?;
        let home = tempfile::tempdir()?;
        let port = free_port()?;
        let log = pictures::folder()?.join(format!("{}-app.log", shop.name()));
        let log = File::options().create(true).append(true).open(log)?;
        let mut command = Command::new("WebKitWebDriver");
        command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(log);
        set_up(&mut command, look, &home);
        if let Some(method) = method {
            method.show(&mut command);
        }
        let driver = Running::start(&mut command)?;
        until("WebKitWebDriver answers", async || Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()))
            .await?;
        let browser = json!({
            "binary": app.to_string_lossy(), "args": ["--data", till.folder().to_string_lossy()],
        });
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities([("webkitgtk:browserOptions".to_owned(), browser)].into_iter().collect())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .context("WebKitWebDriver did not get a window of the app")?;
        let own = |process: &u32| runs(*process, &app);
        let process = driver.descendants().into_iter().find(own).context("the app's own process is there")?;
        let keys = Keys::of(process).await?;
        page.execute(REMEMBER_KEYS, vec![]).await?;
        Ok(Self { keys, page, process, test: shop.name().to_owned(), driver, _home: home })
    }

    /// The app's own process.
    pub fn process(&self) -> u32 {
        self.process
    }

    /// Waits until the page has this element; `why` completes "it must be there, because …".
    pub async fn sees(&self, css: &str, why: &str) -> Result<Element> {
        let mut seen = self.page.wait().at_most(LIMIT).every(LOOK).for_element(Locator::Css(css)).await;
        // The page drew itself anew between the driver's finding the element and its naming it: it looks once more.
        for _ in 0..5 {
            if seen.as_ref().is_err_and(CmdError::is_stale_element_reference) {
                seen = self.page.wait().at_most(LIMIT).every(LOOK).for_element(Locator::Css(css)).await;
            }
        }
        match seen {
            Ok(element) => Ok(element),
            Err(CmdError::WaitTimeout) => {
                pictures::keep_screen(&format!("{}-in-vain", self.test));
                let shown = self.run("return document.body.innerText").await.unwrap_or_default();
                let state = self.run(STATE).await.unwrap_or_default();
                let keys = self.run("return window.keysSeen.slice(-30).join(' ')").await.unwrap_or_default();
                bail!(
                    "{css} did not appear, but: {why}\nThe page says {shown}\nand holds {state}\n\
                     The last keys, with the pause before each (ms): {keys}"
                )
            }
            Err(error) => Err(error).with_context(|| format!("looking for {css}: {why}")),
        }
    }

    /// Whether the page has this element now.
    pub async fn has(&self, css: &str) -> Result<bool> {
        Ok(!self.page.find_all(Locator::Css(css)).await?.is_empty())
    }

    /// The text of an element, waiting for it. Also while it fades in, when WebDriver itself sees no text yet.
    pub async fn text(&self, css: &str) -> Result<String> {
        self.sees(css, "its text is asked for").await?;
        let text =
            self.run_with("return document.querySelector(arguments[0]).innerText", vec![css.into()]).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// An attribute of an element, waiting for it.
    pub async fn attribute(&self, css: &str, name: &str) -> Result<String> {
        let element = self.sees(css, "its attribute is asked for").await?;
        Ok(element.attr(name).await?.unwrap_or_default())
    }

    /// What an element looks like in this respect, such as "background-color".
    pub async fn style(&self, css: &str, property: &str) -> Result<String> {
        Ok(self.sees(css, "its looks are asked for").await?.css_value(property).await?)
    }

    /// Clicks an element, waiting for it, and for the card that it may stand on to be old enough.
    pub async fn click(&self, css: &str) -> Result<()> {
        self.sees(css, "it is to be clicked").await?;
        passes(Rule::TooSoon).await;
        let element = self.sees(css, "it is to be clicked").await?;
        element.click().await.with_context(|| format!("clicking {css}"))
    }

    /// Runs a script in the page.
    pub async fn run(&self, script: &str) -> Result<Value> {
        self.run_with(script, vec![]).await
    }

    /// Runs a script in the page with arguments.
    pub async fn run_with(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        Ok(self.page.execute(script, arguments).await?)
    }

    /// Runs a script in the page that calls its last argument when it is done.
    pub async fn run_until_called(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        Ok(self.page.execute_async(script, arguments).await?)
    }

    /// Keeps a picture of the page among the artefacts, under the test's name and this one.
    pub async fn keep_picture(&self, name: &str) -> Result<()> {
        let png = self.picture().await?;
        pictures::keep(&pictures::folder()?, &format!("{}-{name}", self.test), &png)?;
        Ok(())
    }

    /// A picture of the page as PNG.
    pub async fn picture(&self) -> Result<Vec<u8>> {
        self.run_until_called(SETTLED, vec![]).await?;
        Ok(self.page.screenshot().await?)
    }

    /// Lets the program stand still (SIGSTOP), as an overloaded computer would.
    pub fn freeze(&self) {
        signal("STOP", self.process);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        signal("CONT", self.process);
    }

    /// Ends the app as a power cut would (SIGKILL), and waits until it is gone. What it held is free a little later:
    /// see [`Till::is_free`].
    pub async fn kill(mut self) -> Result<()> {
        let process = self.process;
        signal("KILL", process);
        until("the killed app is gone", async || Ok((!lives(process)).then_some(()))).await?;
        self.driver.kill();
        Ok(())
    }
}

impl Drop for App {
    fn drop(&mut self) {
        if std::thread::panicking() {
            pictures::keep_screen(&format!("{}-failed", self.test));
        }
    }
}

/// What the page holds, for the words of a failure.
const STATE: &str = "return [...document.querySelectorAll('[data-stage],[data-testid=verdict],[data-line]')]
    .map((one) => JSON.stringify({ ...one.dataset })).join(' ')";

/// Notes the keys that the page takes for itself, for the words of a failure: a pause that no scanner makes comes from
/// a machine too busy to press keys in time. (Nobody else gets to see those keys, so this looks over its shoulder.)
const REMEMBER_KEYS: &str = "const take = Event.prototype.preventDefault; let last = 0; window.keysSeen = [];
    Event.prototype.preventDefault = function () {
        if (this.type === 'keydown') window.keysSeen.push(this.key + '+' + Math.round(this.timeStamp - last));
        if (this.type === 'keydown') last = this.timeStamp;
        return take.call(this);
    }";

/// Calls back once no movement is under way that will ever end, and everything that is known is drawn, which takes
/// two frames.
const SETTLED: &str = "const done = arguments[arguments.length - 1];
    const moves = document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime < Infinity);
    const still = moves.map((one) => one.finished.catch(() => null));
    Promise.all(still).then(() => requestAnimationFrame(() => requestAnimationFrame(() => done())))";

fn set_up(command: &mut Command, look: Look, home: &TempDir) {
    let lang = match look.tongue {
        Tongue::Chinese => "zh_CN.UTF-8",
        Tongue::English => "en_US.UTF-8",
    };
    let theme = match look.theme {
        Theme::Light => "Adwaita",
        Theme::Dark => "Adwaita:dark",
    };
    let settings: HashMap<&str, &str> = [
        ("TAURI_WEBVIEW_AUTOMATION", "true"),
        ("GDK_BACKEND", "x11"),
        ("LANG", lang),
        ("TZ", ZONE),
        ("GTK_THEME", theme),
        // No look for screen readers on a bus that is not there.
        ("NO_AT_BRIDGE", "1"),
        // Nothing of a test is left in this user's credential store.
        ("COUNTERFOIL_KEYS", "file"),
    ]
    .into();
    for name in ["LC_ALL", "LC_MESSAGES", "LANGUAGE", "WAYLAND_DISPLAY", "COUNTERFOIL_DATA"] {
        command.env_remove(name);
    }
    command.envs(settings);
    for name in ["XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "COUNTERFOIL_HEADS"] {
        command.env(name, home.path());
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
