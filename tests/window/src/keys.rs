//! Real key presses at the X server, as a scanner that types sends them. (WebDriver's keys lack Shift.)

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::patience::until;
use crate::processes::ask;

/// A scanner's pause between two keys (ms).
const BURST: u32 = 5;
/// A quick person's (ms); longer than what can still be a scan.
const BY_HAND: u32 = 130;

/// The rows of a US keyboard: the first keycode of each, what its keys type, and what they type with Shift. (Keycodes of
/// the kernel's input layer, which Xvfb has too.)
const ROWS: [(u32, &str, &str); 6] = [
    (10, "1234567890-=", "!@#$%^&*()_+"),
    (24, "qwertyuiop[]", "QWERTYUIOP{}"),
    (38, "asdfghjkl;'`", "ASDFGHJKL:\"~"),
    (51, "\\", "|"),
    (52, "zxcvbnm,./", "ZXCVBNM<>?"),
    (65, " ", " "),
];
const TAB: &str = "23";
const ENTER: &str = "36";
const ALT: &str = "64";
const CAPS_LOCK: &str = "66";
/// The digits of the keypad, from 0.
const KEYPAD: [&str; 10] = ["90", "87", "88", "89", "83", "84", "85", "79", "80", "81"];

/// How a scanner is set that presses keys, whatever the machine makes of them.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// From key to key (ms).
    pub gap_ms: u32,
    /// What it presses before the text.
    pub prefix: Mark,
    /// What it presses after it.
    pub suffix: Mark,
    /// Every character as a number typed with Alt.
    pub alt_numbers: bool,
}

/// A quick scanner that ends its texts with Enter.
pub const QUICK: Setting = Setting { gap_ms: 2, prefix: Mark::None, suffix: Mark::Enter, alt_numbers: false };

/// A key before or after a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// None.
    None,
    /// Enter.
    Enter,
    /// Tab.
    Tab,
}

/// Keyboard and scanner in front of one window.
pub struct Keys {
    window: String,
}

impl Keys {
    /// Finds the window that this process shows.
    pub(crate) async fn of(process: u32) -> Result<Self> {
        let process = process.to_string();
        let search = ["search", "--onlyvisible", "--all", "--pid", &process, "--name", "^Counterfoil$"];
        let window = until("a visible window called Counterfoil", async || {
            let answer = ask(Command::new("xdotool").args(search))?;
            Ok(answer.said.lines().next_back().map(str::to_owned))
        })
        .await?;
        let keys = Self { window };
        keys.focus()?;
        Ok(keys)
    }

    /// Puts the window in front of the keyboard, as a click on it would.
    pub fn focus(&self) -> Result<()> {
        xdotool(&["windowfocus", "--sync", &self.window])
    }

    /// Makes the window this large, as a smaller screen would.
    pub fn resize(&self, width: u32, height: u32) -> Result<()> {
        xdotool(&["windowsize", "--sync", &self.window, &width.to_string(), &height.to_string()])
    }

    /// A scanner reads `text`: fast keys, then Enter.
    pub fn scan(&self, text: &str) -> Result<()> {
        // In one go: a second program would start too late for a scanner's Enter.
        xdotool(&["type", "--delay", &BURST.to_string(), "--args", "1", "--", text, "key", "Return"])
    }

    /// A scanner that believes in a US keyboard reads these texts, so many milliseconds apart: keys, not characters.
    pub fn press_as(&self, setting: Setting, texts: &[&str], apart_ms: u32) -> Result<()> {
        let mut words: Vec<String> = vec![];
        let delay = setting.gap_ms.to_string();
        for (n, text) in texts.iter().enumerate() {
            if n > 0 {
                words.extend(["sleep".into(), format!("{:.3}", f64::from(apart_ms) / 1000.0)]);
            }
            let mut keys: Vec<String> = vec![];
            keys.extend(mark(setting.prefix));
            if setting.alt_numbers {
                for character in text.chars() {
                    words.extend(
                        ["keydown", "--delay", &delay, ALT, "key", "--delay", &delay].map(Into::into),
                    );
                    let digits = format!("{:04}", u32::from(character));
                    words.extend(digits.bytes().map(|digit| KEYPAD[usize::from(digit - b'0')].to_owned()));
                    words.extend(["keyup", "--delay", &delay, ALT].map(Into::into));
                }
            } else {
                for character in text.chars() {
                    keys.push(key_of(character).with_context(|| format!("no key types {character:?}"))?);
                }
            }
            keys.extend(mark(setting.suffix));
            if !keys.is_empty() {
                words.extend(["key", "--delay", &delay].map(Into::into));
                words.extend(keys);
            }
        }
        xdotool(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A person types `text`, without Enter.
    pub fn type_by_hand(&self, text: &str) -> Result<()> {
        xdotool(&["type", "--delay", &BY_HAND.to_string(), "--", text])
    }

    /// One key by its X name, such as "Return" or "F3".
    pub fn press(&self, key: &str) -> Result<()> {
        xdotool(&["key", key])
    }
}

/// The machine's keyboard in another state; as it was when this value goes.
pub struct Keyboard {
    caps_lock: bool,
}

impl Keyboard {
    /// The keyboard has this layout ("us", "de", "fr", "cz"), and CapsLock is on or not.
    pub fn set(layout: &str, caps_lock: bool) -> Result<Self> {
        let answer = ask(Command::new("setxkbmap").args(["-layout", layout]))?;
        ensure!(answer.exit == Some(0), "setxkbmap {layout} failed: {answer:?}");
        let keyboard = Self { caps_lock };
        if caps_lock {
            xdotool(&["key", CAPS_LOCK])?;
        }
        Ok(keyboard)
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        // A test that is failing has its own words; the next one sets what it needs.
        if self.caps_lock {
            let _ = xdotool(&["key", CAPS_LOCK]);
        }
        let _ = ask(Command::new("setxkbmap").args(["-layout", "us"]));
    }
}

fn mark(mark: Mark) -> Option<String> {
    match mark {
        Mark::None => None,
        Mark::Enter => Some(ENTER.into()),
        Mark::Tab => Some(TAB.into()),
    }
}

/// The key of a US keyboard that types this, in xdotool's words.
fn key_of(character: char) -> Option<String> {
    ROWS.iter().find_map(|(first, plain, shifted)| {
        let place = |row: &str| row.chars().position(|typed| typed == character);
        let code = |place: usize| first + u32::try_from(place).unwrap_or_default();
        place(plain)
            .map(|place| code(place).to_string())
            .or_else(|| place(shifted).map(|place| format!("shift+{}", code(place))))
    })
}

/// Ahead of other programs where that is allowed: a busy computer does not slow down a scanner.
fn xdotool(words: &[&str]) -> Result<()> {
    let answer = ask(Command::new("nice").args(["-n", "-10", "xdotool"]).args(words))?;
    ensure!(answer.exit == Some(0), "xdotool {words:?} failed: {answer:?}");
    Ok(())
}
