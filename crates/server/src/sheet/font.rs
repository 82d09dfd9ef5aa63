//! A font that has Chinese characters, from those that this machine has: none is bundled, for they are large.

use std::path::{Path, PathBuf};

use ab_glyph::{Font, FontVec};

/// File names of fonts with simplified Chinese, regular and bold, with the face's place in the collection.
const CHINESE: [(&str, &str, u32); 12] = [
    ("NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc", 2),
    ("NotoSansCJKsc-Regular.otf", "NotoSansCJKsc-Bold.otf", 0),
    ("NotoSansSC-Regular.otf", "NotoSansSC-Bold.otf", 0),
    ("SourceHanSansSC-Regular.otf", "SourceHanSansSC-Bold.otf", 0),
    ("SourceHanSansCN-Regular.otf", "SourceHanSansCN-Bold.otf", 0),
    ("msyh.ttc", "msyhbd.ttc", 0),
    ("PingFang.ttc", "PingFang.ttc", 0),
    ("Hiragino Sans GB.ttc", "Hiragino Sans GB.ttc", 0),
    ("STHeiti Medium.ttc", "STHeiti Medium.ttc", 0),
    ("wqy-microhei.ttc", "wqy-microhei.ttc", 0),
    ("wqy-zenhei.ttc", "wqy-zenhei.ttc", 0),
    ("simhei.ttf", "simhei.ttf", 0),
];
/// Fonts without Chinese, if there is no other.
const PLAIN: [(&str, &str, u32); 4] = [
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", 0),
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf", 0),
    ("arial.ttf", "arialbd.ttf", 0),
    ("Arial.ttf", "Arial Bold.ttf", 0),
];
/// Where systems keep their fonts.
const FOLDERS: [&str; 6] = [
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/System/Library/Fonts",
    "/System/Library/AssetsV2",
    "/Library/Fonts",
    "C:\\Windows\\Fonts",
];
/// How deep folders are searched.
const DEPTH_MAX: usize = 6;

/// What captions can be written with.
pub(super) enum Fonts {
    /// Everything can be written.
    Chinese(Box<Pair>),
    /// Only letters and digits.
    Plain(Box<Pair>),
    /// Nothing.
    None,
}

/// A font and its bold cut.
pub(super) struct Pair {
    pub(super) regular: FontVec,
    pub(super) bold: FontVec,
}

impl Fonts {
    /// What to tell whoever asked for sheets.
    pub(super) fn warning(&self) -> Option<&'static str> {
        match self {
            Fonts::Chinese(_) => None,
            Fonts::Plain(_) => Some(
                "No font with Chinese characters was found, so the captions are in plain letters. \
                 Install one (on Debian and Ubuntu: fonts-noto-cjk) and make the sheets again.",
            ),
            Fonts::None => Some(
                "No font was found at all, so the sheets have no captions. \
                 Install one (on Debian and Ubuntu: fonts-noto-cjk) and make the sheets again.",
            ),
        }
    }
}

/// Looks for fonts on this machine.
pub(super) fn find() -> Fonts {
    let mut files = Vec::new();
    for folder in FOLDERS.map(PathBuf::from).into_iter().chain(own_folders()) {
        list(&folder, 0, &mut files);
    }
    if let Some(pair) = CHINESE.iter().find_map(|names| load(&files, names, '茶')) {
        return Fonts::Chinese(Box::new(pair));
    }
    match PLAIN.iter().find_map(|names| load(&files, names, 'A')) {
        Some(pair) => Fonts::Plain(Box::new(pair)),
        None => Fonts::None,
    }
}

fn own_folders() -> Vec<PathBuf> {
    let user = directories::UserDirs::new();
    user.as_ref().and_then(|user| user.font_dir()).map(Path::to_owned).into_iter().collect()
}

fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() && depth < DEPTH_MAX {
            list(&path, depth + 1, files);
        } else if path.is_file() {
            files.push(path);
        }
    }
}

/// The pair of those names, if its regular cut is here and has that character.
fn load(files: &[PathBuf], (regular, bold, face): &(&str, &str, u32), must_have: char) -> Option<Pair> {
    let open = |name: &str| {
        let path = files.iter().find(|path| path.file_name().is_some_and(|file| file == name))?;
        let font = FontVec::try_from_vec_and_index(std::fs::read(path).ok()?, *face).ok()?;
        (font.glyph_id(must_have).0 != 0).then_some(font)
    };
    let regular_font = open(regular)?;
    let bold_font = open(bold).or_else(|| open(regular))?;
    Some(Pair { regular: regular_font, bold: bold_font })
}
