//! Pictures of the window: kept where whoever looks into a failure finds them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::processes::ask;

/// Where screenshots and logs go: `COUNTERFOIL_ARTEFACTS`, otherwise `artefacts` in the repository.
pub(crate) fn folder() -> Result<PathBuf> {
    let folder = std::env::var_os("COUNTERFOIL_ARTEFACTS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../artefacts"), PathBuf::from);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Where README's pictures go: `COUNTERFOIL_PICTURES`, otherwise beside the screenshots.
pub fn for_readme() -> Result<PathBuf> {
    match std::env::var_os("COUNTERFOIL_PICTURES") {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => {
            let folder = folder()?.join("pictures");
            std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
            Ok(folder)
        }
    }
}

/// Keeps a picture.
pub fn keep(folder: &Path, name: &str, png: &[u8]) -> Result<PathBuf> {
    let path = folder.join(format!("{name}.png"));
    std::fs::write(&path, png).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// The whole screen as the X server has it: also what no WebDriver tells of, such as an empty window.
pub(crate) fn keep_screen(name: &str) {
    // A picture is a help. Without it the failure is told in words all the same.
    let Ok(folder) = folder() else { return };
    let mut import = Command::new("import");
    let _ = ask(import.args(["-silent", "-window", "root"]).arg(folder.join(format!("{name}.png"))));
}

/// Fails unless the picture shows a window of the size asked for, with something drawn in it.
pub fn assert_real(path: &Path, size: (u32, u32)) -> Result<()> {
    let mut identify = Command::new("identify");
    let facts = ask(identify.args(["-format", "%w %h %k"]).arg(path))?.good()?.said;
    let numbers: Vec<u32> = facts.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [width, height, colours] = numbers[..] else {
        anyhow::bail!("{}: {facts:?} is no size and number of colours", path.display())
    };
    ensure!(
        (width, height) == size,
        "{} is {width} × {height}: a picture for people shows the whole window",
        path.display()
    );
    ensure!(
        colours > 50,
        "{} has {colours} colours: text alone has more, so the page was not drawn",
        path.display()
    );
    Ok(())
}
