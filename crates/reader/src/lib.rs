//! Pictures in, texts out: QR, Micro QR, Code 128, EAN-13 and EAN-8 from files, pasted pictures and camera frames.
//!
//! The decoder is zxing-cpp; around it are passes of our own, each of which runs only if nothing was read before. This crate
//! knows nothing of the till, of devices, clocks or threads: a frame is handed in, and what it may cost.

mod bars;
mod busy;
mod engine;
pub mod file;
mod filter;
pub mod found;
pub mod live;
pub mod luma;
mod stack;
pub mod still;
pub mod work;

pub use found::{Found, Pass, Point, Symbology};
pub use live::{Hint, Live, Sight};
pub use luma::Luma;
pub use still::{Reading, read};
pub use work::Budget;
