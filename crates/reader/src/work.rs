//! How much work a picture may make, whatever it shows.

/// One unit is one pixel looked at once, which takes about a nanosecond of a small machine's time.
pub type Units = u64;

/// What may still be spent on a picture. Every pass says beforehand what it will cost at most, and is left out if that is no
/// longer there: so the bound holds for any picture and needs no clock. A clock may be asked besides.
pub struct Budget<'a> {
    left: Units,
    late: &'a dyn Fn() -> bool,
    refused: bool,
}

impl Budget<'_> {
    /// So much work and no clock.
    #[must_use]
    pub fn of(units: Units) -> Budget<'static> {
        Budget { left: units, late: &|| false, refused: false }
    }

    /// The same, and `late` says whether it is time to come to an end; it is asked before each pass.
    #[must_use]
    pub fn until<'a>(units: Units, late: &'a dyn Fn() -> bool) -> Budget<'a> {
        Budget { left: units, late, refused: false }
    }

    /// What is left.
    #[must_use]
    pub fn left(&self) -> Units {
        self.left
    }

    /// Whether something was left out for want of time or work.
    #[must_use]
    pub fn was_too_small(&self) -> bool {
        self.refused
    }

    /// Takes what a pass over `pixels` costs, if it is there.
    pub(crate) fn take(&mut self, pixels: usize, units_per_pixel: Units) -> bool {
        let cost = (pixels as Units).saturating_mul(units_per_pixel);
        let granted = cost <= self.left && !(self.late)();
        if granted {
            self.left -= cost;
        } else {
            self.refused = true;
        }
        granted
    }
}
