//! Lets Tauri generate what it needs, and stands a page in where none was built yet, so that `cargo check` and
//! `cargo test` need no Node.

use std::path::Path;

const PLACEHOLDER: &str = "<!doctype html><meta charset=utf-8><title>Counterfoil</title>\
    <p>The page was not built yet. Start the program with <code>cargo xtask run</code>.";

fn main() {
    let dist = Path::new("../ui/dist");
    println!("cargo::rerun-if-changed=../ui/dist");
    if !dist.join("index.html").exists() {
        std::fs::create_dir_all(dist).expect("the page's folder can be made");
        std::fs::write(dist.join("index.html"), PLACEHOLDER).expect("the page's folder can be written");
    }
    tauri_build::build();
}
