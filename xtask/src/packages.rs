//! The system's packages: which are missing, and their installation where the system is Debian or Ubuntu.

use std::io::IsTerminal;
use std::process::Command;
use std::sync::Once;

use anyhow::{Result, bail};

use crate::{places, program, say};

/// What everything but the app needs to be built: the decoder of pictures is C++ and built by cmake.
const PROGRAMS: [&str; 2] = ["build-essential", "cmake"];
/// What the build of the app and the running app need besides.
const BUILD: [&str; 4] = ["pkg-config", "libwebkit2gtk-4.1-dev", "libasound2-dev", "fonts-noto-cjk"];
/// What the tests in the window need besides (keyboard layouts and a Chinese input method among it, which scans must
/// survive), the Python that signed codes are compared with, and the database server that the tests start for themselves.
const TEST: [&str; 13] = [
    "xvfb",
    "xauth",
    "webkit2gtk-driver",
    "xdotool",
    "imagemagick",
    "x11-utils",
    "x11-xkb-utils",
    "dbus-daemon",
    "ibus",
    "ibus-gtk3",
    "ibus-libpinyin",
    "python3-venv",
    "postgresql",
];
/// The programs of [`TEST`], to be looked for where there is no dpkg.
const TEST_PROGRAMS: [&str; 9] = [
    "Xvfb",
    "WebKitWebDriver",
    "xdotool",
    "convert",
    "setxkbmap",
    "dbus-daemon",
    "ibus-daemon",
    "python3",
    "initdb",
];

const ELSEWHERE: &str = "On Fedora: dnf install gcc gcc-c++ cmake pkgconf webkit2gtk4.1-devel alsa-lib-devel \
     google-noto-sans-cjk-fonts. On Arch: pacman -S base-devel cmake webkit2gtk-4.1 alsa-lib noto-fonts-cjk.";

/// What the machine is prepared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// Building whatever has no window.
    Programs,
    /// Building the app and using it.
    Build,
    /// That, and the tests in the window.
    Test,
}

/// Makes sure that the system's packages are there, or says in one sentence what the person has to do.
pub fn set_up(purpose: For) -> Result<()> {
    if cfg!(target_os = "linux") {
        set_up_linux(purpose)
    } else if cfg!(target_os = "macos") {
        set_up_macos(purpose)
    } else {
        say::line(
            "   On Windows the app needs the MSVC build tools with CMake, WebView2 (part of Windows 11) and Node.",
        );
        Ok(())
    }
}

fn set_up_linux(purpose: For) -> Result<()> {
    let mut wanted = PROGRAMS.to_vec();
    if purpose != For::Programs {
        wanted.extend(BUILD);
    }
    if purpose == For::Test {
        wanted.extend(TEST);
    }
    let Some(missing) = missing(&wanted) else {
        return set_up_unknown_linux(purpose);
    };
    if missing.is_empty() {
        say::line("   All system packages are installed.");
        return Ok(());
    }
    apt_install(&missing)
}

/// A Linux without dpkg: we look whether what we need is there, under whatever name it was installed.
fn set_up_unknown_linux(purpose: For) -> Result<()> {
    if places::on_path("cmake").is_none() {
        bail!("this Linux has no apt, so please install a C++ compiler and CMake by hand. {ELSEWHERE}");
    }
    if purpose == For::Programs {
        return Ok(());
    }
    let libraries = program::try_ask("pkg-config", &["--exists", "webkit2gtk-4.1", "alsa"]).is_some();
    if !libraries {
        bail!(
            "this Linux has no apt, so please install a C compiler, pkg-config, the development files of WebKitGTK \
             4.1 and ALSA, and a Chinese font by hand. {ELSEWHERE}"
        );
    }
    let missing: Vec<_> =
        TEST_PROGRAMS.into_iter().filter(|program| places::on_path(program).is_none()).collect();
    if purpose == For::Test && !missing.is_empty() {
        bail!("the tests need programs that are not installed: {}", missing.join(", "));
    }
    say::line("   The libraries that the app needs are installed.");
    Ok(())
}

fn set_up_macos(purpose: For) -> Result<()> {
    if program::try_ask("xcode-select", &["-p"]).is_none() {
        bail!(
            "please install Xcode's command line tools (xcode-select --install) and Node, then start again"
        );
    }
    if places::on_path("cmake").is_none() {
        bail!("the decoder of pictures is built by CMake; please install it: brew install cmake");
    }
    if purpose == For::Test && places::on_path("initdb").is_none() {
        bail!(
            "the tests start a PostgreSQL server of their own; please install it: brew install postgresql@17"
        );
    }
    say::line("   Xcode's command line tools are installed.");
    Ok(())
}

/// Those of the wanted packages that dpkg does not have installed; nothing where there is no dpkg.
pub fn missing<'a>(wanted: &[&'a str]) -> Option<Vec<&'a str>> {
    // dpkg-query fails when it does not know one of the names, and still lists the others.
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${Package} ${db:Status-Status}\\n"])
        .args(wanted)
        .output()
        .ok()?;
    Some(missing_in(wanted, &String::from_utf8_lossy(&output.stdout)))
}

fn missing_in<'a>(wanted: &[&'a str], listing: &str) -> Vec<&'a str> {
    let is_there = |package: &str| listing.lines().any(|line| line.trim() == format!("{package} installed"));
    wanted.iter().copied().filter(|package| !is_there(package)).collect()
}

/// Installs packages by apt, or says what the person has to install.
pub fn apt_install(names: &[&str]) -> Result<()> {
    let names_in_a_row = names.join(" ");
    let Some(mut install) = apt_get() else {
        bail!(
            "these packages are missing and only an administrator may install them: \
             apt-get install {names_in_a_row}. {ELSEWHERE}"
        );
    };
    apt_update();
    say::line(&format!("   Installing by apt: {names_in_a_row}"));
    install.args(["install", "--yes", "--no-install-recommends"]).args(names);
    program::run_in_front("apt-get install", &mut install)
}

/// The version that apt would install, after fresh lists; nothing where apt cannot be used.
pub fn apt_candidate(package: &str) -> Option<String> {
    apt_get()?;
    apt_update();
    candidate_in(&program::try_ask("apt-cache", &["policy", package])?)
}

fn candidate_in(policy: &str) -> Option<String> {
    let version = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate:"))?.trim();
    (version != "(none)").then(|| version.to_owned())
}

/// Fetches apt's lists, once in the life of this program.
fn apt_update() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        say::line("   Fetching apt's lists of packages.");
        let done = apt_get()
            .map(|mut update| program::run_in_front("apt-get update", update.args(["update", "--quiet"])));
        if let Some(Err(error)) = done {
            say::line(&format!("   Going on with the lists of last time: {error:#}."));
        }
    });
}

/// `apt-get`, with the rights to install: as root, else through sudo; nothing where either is missing.
fn apt_get() -> Option<Command> {
    places::on_path("apt-get")?;
    let mut command = if program::try_ask("id", &["-u"])?.trim() == "0" {
        Command::new("env")
    } else {
        let mut sudo = Command::new(places::on_path("sudo")?);
        if !std::io::stdin().is_terminal() {
            sudo.arg("--non-interactive");
        }
        sudo.arg("env");
        sudo
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    command.args(["-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=120"]);
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_installed_packages_count_as_there() {
        let listing =
            "build-essential installed\nxvfb config-files\nxauth not-installed\nlibasound2-dev installed\n";
        let wanted = ["build-essential", "xvfb", "xauth", "xdotool", "libasound2-dev"];
        assert_eq!(missing_in(&wanted, listing), ["xvfb", "xauth", "xdotool"]);
        assert_eq!(missing_in(&wanted, "").len(), wanted.len());
    }

    #[test]
    fn a_package_is_not_taken_for_one_with_a_longer_name() {
        assert_eq!(missing_in(&["xvfb"], "xvfb-extra installed\n"), ["xvfb"]);
    }

    #[test]
    fn apts_choice_is_read() {
        let policy = "nodejs:\n  Installed: (none)\n  Candidate: 18.20.4+dfsg-1~deb12u3\n  Version table:\n";
        assert_eq!(candidate_in(policy).as_deref(), Some("18.20.4+dfsg-1~deb12u3"));
        assert_eq!(candidate_in("nodejs:\n  Candidate: (none)\n"), None);
        assert_eq!(candidate_in(""), None);
    }
}
