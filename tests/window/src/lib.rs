//! What the tests in the real window need: a shop with a real server, tills, the app's window, a scanner's keys.
//!
//! Everything here works from outside: it starts the built programs, presses X keys and reads the page through
//! WebDriver. Knows nothing of the programs' insides; none of their crates is a dependency.

mod app;
mod input;
mod keys;
pub mod patience;
mod pictures;
mod processes;
mod shop;

pub use app::{App, Look, PLAIN, Theme, Tongue};
pub use input::InputMethod;
pub use keys::{Keyboard, Keys, Mark, QUICK, Setting};
pub use patience::{Rule, passes, until};
pub use pictures::{assert_real, for_readme, keep};
pub use processes::{Answer, memory_kib, program};
pub use shop::{Code, Shop, Store, Till};
