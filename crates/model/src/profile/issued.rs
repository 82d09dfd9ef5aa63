//! Codes as a mall's own system tells them, without what a scan wraps around them.

use super::{Body, CodeForm, Profile};
use crate::reading::opaque::Said;
use crate::reading::{Opaque, payment};
use crate::time::UnixMs;

impl Profile {
    /// The code that a mall has made, as a scan of it will read; `order` is the order without which it means nothing,
    /// or empty. Nothing if no form of this profile fits, if tills would refuse the code as a payment code, and for
    /// codes of the backend's own, which have no profile.
    pub fn issued(&self, code: &str, order: &str, now: UnixMs) -> Option<Opaque> {
        let mut forms =
            self.codes.iter().filter(|form| form.may_have(order) && !form.is_refused(code, order));
        forms.find_map(|form| match form.accept(code, now)? {
            Body::Own(_) => None,
            Body::Text(code) => Some(Opaque::new(&Said {
                profile: &self.name,
                kind: form.kind,
                ambiguous: form.ambiguous,
                random_bits: form.random_bits,
                order,
                code: &code,
            })),
        })
    }
}

impl CodeForm {
    /// Whether its codes come with such an order; with none, whether they come without one.
    fn may_have(&self, order: &str) -> bool {
        let with = self.objects.iter().any(|keys| keys.order.is_some());
        let alone = self.bare
            || !self.addresses.is_empty()
            || !self.scenes.is_empty()
            || self.objects.iter().any(|keys| keys.order.is_none());
        if order.is_empty() { alone } else { with && super::is_order(order) }
    }

    /// Whether a till that is shown `code` alone takes it for a payment code: its shape is one, and no moment speaks
    /// for the merchant.
    fn is_refused(&self, code: &str, order: &str) -> bool {
        order.is_empty() && self.bare && self.moment.is_none() && payment::whole(code).is_some()
    }
}
