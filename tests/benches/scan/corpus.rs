//! The corpus: pictures, what they show, and how texts are compared.

use std::fs;
use std::path::{Path, PathBuf};

use reader::Luma;
use unicode_normalization::UnicodeNormalization;

/// What a picture is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// QR or Micro QR.
    Square,
    /// Code 128 or EAN.
    Bars,
    /// No code.
    None,
}

/// A row of the manifest.
pub struct Picture {
    path: PathBuf,
    /// Its name in the manifest.
    pub file: String,
    /// Where it is from and what is hard about it.
    pub category: String,
    symbology: String,
    /// The texts in it, normalised.
    pub expected: Vec<String>,
    also_visible: Vec<String>,
    /// Whether anybody knows what the code in it says.
    is_known: bool,
}

/// All pictures of the corpus in `folder`; the error is a piece of a sentence.
pub fn read(folder: &Path) -> Result<Vec<Picture>, String> {
    let path = folder.join("manifest.tsv");
    let text =
        fs::read_to_string(&path).map_err(|error| format!("{} cannot be read ({error})", path.display()))?;
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let rows: Option<Vec<Picture>> = lines.map(|line| picture(folder, &head, line)).collect();
    let rows = rows.ok_or_else(|| format!("{} lacks a column", path.display()))?;
    if rows.is_empty() { Err(format!("{} names no picture", path.display())) } else { Ok(rows) }
}

fn picture(folder: &Path, head: &[&str], line: &str) -> Option<Picture> {
    let cells: Vec<&str> = line.split('\t').collect();
    let cell =
        |name: &str| head.iter().position(|title| *title == name).and_then(|at| cells.get(at).copied());
    let texts = |cell: Option<&str>| -> Option<Vec<String>> {
        let texts: Vec<String> = serde_json::from_str(cell.unwrap_or("[]")).ok()?;
        Some(texts.iter().map(|text| normal(text)).collect())
    };
    let file = cell("file")?;
    Some(Picture {
        path: folder.join(file),
        file: file.to_owned(),
        category: cell("category")?.to_owned(),
        symbology: cell("symbology")?.to_owned(),
        expected: texts(cell("expected"))?,
        also_visible: texts(cell("also_visible"))?,
        is_known: cell("truth") != Some("unknown"),
    })
}

impl Picture {
    /// What it is there for.
    pub fn kind(&self) -> Kind {
        match self.symbology.as_str() {
            "none" => Kind::None,
            "QRCode" | "MicroQRCode" => Kind::Square,
            _ => Kind::Bars,
        }
    }

    /// Its brightness.
    pub fn luma(&self) -> Luma {
        let bytes = fs::read(&self.path).unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
        let opened = reader::file::open(&bytes);
        opened.unwrap_or_else(|error| panic!("{}: {error}", self.path.display())).luma
    }

    /// Which part of the expected texts is among these; nothing where none is expected.
    pub fn share(&self, texts: &[String]) -> Option<f64> {
        let read: Vec<String> = texts.iter().map(|text| normal(text)).collect();
        let found = self.expected.iter().filter(|text| read.contains(text)).count();
        (!self.expected.is_empty()).then(|| found as f64 / self.expected.len() as f64)
    }

    /// Those of these texts that are not in the picture, as far as anybody knows.
    pub fn wrong(&self, texts: &[String]) -> Vec<String> {
        let read = texts.iter().map(|text| normal(text));
        let there = |text: &String| self.expected.contains(text) || self.also_visible.contains(text);
        read.filter(|text| self.is_known && !there(text)).collect()
    }
}

/// NFC, one kind of line ends, no other control characters, no blanks around; a UPC-A is an EAN-13 with a leading 0.
fn normal(text: &str) -> String {
    let text: String = text.nfc().collect::<String>().replace("\r\n", "\n");
    let text: String = text.chars().filter(|letter| *letter == '\n' || !letter.is_control()).collect();
    let text = text.trim();
    let is_upc = text.len() == 12 && text.bytes().all(|digit| digit.is_ascii_digit());
    if is_upc { format!("0{text}") } else { text.to_owned() }
}
