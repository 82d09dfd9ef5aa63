//! Who may stand at the till: PINs are checked against the hashes in the local copy, so that a clerk can sign in
//! during an outage.

use argon2::Argon2;
use argon2::password_hash::{PasswordVerifier, phc::PasswordHash};
use model::time::UnixMs;
pub use wire::api::Staff;
use wire::line::Person;

use crate::redeem::Approval;

/// So many wrong PINs in a row lock the sign-in …
const TRIES_MAX: u32 = 5;
/// … for so long (seconds).
const LOCK_SECONDS: i64 = 60;

/// The longest reason that a manager may give (characters).
const WHY_LENGTH_MAX: usize = 200;
/// So many letters and digits in a row are more likely a code than a word.
const RUN_LENGTH_MAX: usize = 16;

/// Why nobody was signed in, or nobody said yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// Another PIN.
    #[error("the PIN is wrong")]
    WrongPin,
    /// Too many wrong PINs in a row.
    #[error("too many wrong PINs; wait a minute")]
    PinLocked,
    /// Nobody of that name works at this store.
    #[error("nobody of that name works at this store")]
    Unknown,
    /// Somebody, but no manager.
    #[error("that is no manager of this store")]
    NotAManager,
}

impl SignInError {
    /// The code that the page knows it by.
    pub fn code(self) -> &'static str {
        match self {
            SignInError::WrongPin => "wrong_pin",
            SignInError::PinLocked => "pin_locked",
            SignInError::Unknown => "clerk_unknown",
            SignInError::NotAManager => "not_a_manager",
        }
    }
}

/// Counts wrong PINs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Door {
    /// So many in a row.
    pub wrong: u32,
    /// Until when nobody is let in.
    pub locked_until: Option<UnixMs>,
}

impl Door {
    /// Lets `clerk` in with the right PIN.
    pub fn sign_in<'a>(
        &mut self,
        staff: &'a [Staff],
        clerk: &str,
        pin: &str,
        now: UnixMs,
    ) -> Result<&'a Staff, SignInError> {
        if self.locked_until.is_some_and(|until| now < until) {
            return Err(SignInError::PinLocked);
        }
        let person = find(staff, clerk).ok_or(SignInError::Unknown)?;
        if is_pin(person, pin) {
            *self = Door::default();
            return Ok(person);
        }
        self.wrong += 1;
        if self.wrong >= TRIES_MAX {
            *self = Door { wrong: 0, locked_until: Some(now.plus_seconds(LOCK_SECONDS)) };
            return Err(SignInError::PinLocked);
        }
        Err(SignInError::WrongPin)
    }
}

impl Door {
    /// A manager says yes with the right PIN. Wrong ones count as at the sign-in, so that nobody tries the manager's
    /// PIN at one door and the clerk's at the other.
    pub fn approve(
        &mut self,
        staff: &[Staff],
        manager: &str,
        pin: &str,
        why: &str,
        now: UnixMs,
    ) -> Result<Approval, SignInError> {
        if find(staff, manager).is_some_and(|person| !person.manager) {
            return Err(SignInError::NotAManager);
        }
        let person = self.sign_in(staff, manager, pin, now)?;
        let by = Person { id: person.id.clone(), name: person.name.clone() };
        Ok(Approval { by, why: written(why) })
    }
}

/// What somebody has written by hand, as it may be kept: a line of no great length, without what a scanner may have put
/// into the field. Of so many letters and digits in a row only the last four are kept, for they may open something.
pub(crate) fn written(text: &str) -> String {
    let mut kept = String::new();
    let mut run = String::new();
    let end = |run: &mut String, kept: &mut String| {
        if run.len() >= RUN_LENGTH_MAX {
            kept.push('…');
            kept.push_str(&run[run.len() - 4..]);
        } else {
            kept.push_str(run);
        }
        run.clear();
    };
    for one in text.trim().chars().filter(|one| !one.is_control()) {
        if one.is_ascii_alphanumeric() {
            run.push(one);
        } else {
            end(&mut run, &mut kept);
            kept.push(one);
        }
    }
    end(&mut run, &mut kept);
    kept.chars().take(WHY_LENGTH_MAX).collect()
}

/// The member of staff of that id or name.
pub fn find<'a>(staff: &'a [Staff], clerk: &str) -> Option<&'a Staff> {
    staff.iter().find(|person| person.id == clerk || person.name == clerk)
}

fn is_pin(person: &Staff, pin: &str) -> bool {
    match PasswordHash::new(&person.pin_hash) {
        Ok(hash) => Argon2::default().verify_password(pin.as_bytes(), &hash).is_ok(),
        Err(error) => {
            tracing::error!(clerk = %person.id, %error, "the server sent a PIN hash that cannot be read");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use argon2::PasswordHasher;

    use super::*;

    #[test]
    fn what_is_written_is_kept_but_for_codes() {
        for (text, kept) in [
            (" 退回了，谢谢 \n", "退回了，谢谢"),
            ("order A1042, counterfeit?", "order A1042, counterfeit?"),
            ("P7KQ4M2XA8F3TN5WYC6P 的码", "…YC6P 的码"),
            ("134567890123456789", "…6789"),
            ("", ""),
        ] {
            assert_eq!(written(text), kept, "of {text:?}");
        }
        assert_eq!(written(&"长".repeat(300)).chars().count(), WHY_LENGTH_MAX, "and no novel");
    }

    #[test]
    fn five_wrong_pins_lock_the_door_for_a_minute() {
        let hash =
            Argon2::default().hash_password_with_salt(b"1234", b"salt for a test").unwrap().to_string();
        let staff = [Staff { id: "c1".into(), name: "李娜".into(), manager: false, pin_hash: hash }];
        let mut door = Door::default();
        let now = UnixMs(1_000_000);
        assert!(door.sign_in(&staff, "李娜", "1234", now).is_ok(), "the right PIN, by name");
        assert_eq!(
            door.sign_in(&staff, "nobody", "1234", now).err(),
            Some(SignInError::Unknown),
            "a stranger"
        );
        for _ in 1..TRIES_MAX {
            assert_eq!(door.sign_in(&staff, "c1", "0000", now).err(), Some(SignInError::WrongPin), "wrong");
        }
        assert_eq!(door.sign_in(&staff, "c1", "0000", now).err(), Some(SignInError::PinLocked), "the fifth");
        let soon = now.plus_seconds(LOCK_SECONDS - 1);
        assert_eq!(
            door.sign_in(&staff, "c1", "1234", soon).err(),
            Some(SignInError::PinLocked),
            "still locked"
        );
        let later = now.plus_seconds(LOCK_SECONDS);
        assert!(door.sign_in(&staff, "c1", "1234", later).is_ok(), "and open again");
    }
}
