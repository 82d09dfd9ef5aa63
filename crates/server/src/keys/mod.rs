//! Who signs for the chain: root keys, role key and issuing keys, made, listed, bounded, withdrawn and replaced.
//!
//! Private halves lie in files beside the database or in the environment ([`files`]); the database holds public
//! halves, scopes and dates. Every change ends in a new trust list, signed by the role key, which tills hear of
//! within seconds. A role key is replaced by a new root, which enough root keys must sign.
//!
//! Beside these stands the answer key, by which tills know their server. It signs nothing that outlives an answer, and
//! stands in no list: a till has it pinned from the day it was enrolled.

use model::signed::token::{Claims, SigningKey};
use model::signed::trust::{self, NotSignable, Root, sign_root};
use model::time::UnixMs;

use crate::store::{
    KeyChange, KeyRow, KeyScope, KeysRefused, LIST_SECONDS, NewKey, NextRoot, Role, ScopeChange,
};
use crate::{Store, StoreError};

pub mod files;

pub use files::{Files, NoKey};

/// How many root keys a chain begins with, and how many must sign.
const ROOT_KEYS: usize = 3;
/// How many of them must sign a root.
pub const THRESHOLD: u8 = 2;
/// How long a root is meant to be good (seconds): about three years.
const ROOT_SECONDS: i64 = 3 * 365 * 24 * 3600;
/// The first issuing key.
const FIRST: &str = "issuing-1";
/// The key that signs answers to tills.
const ANSWERS: &str = "answers";
/// The longest name of a key (characters).
const NAME_LENGTH_MAX: usize = 40;

/// Why keys were not made, changed or used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A private key is not here.
    #[error(transparent)]
    NoKey(#[from] NoKey),
    /// The change does not fit.
    #[error(transparent)]
    Refused(#[from] KeysRefused),
    /// The chain has no keys yet.
    #[error("this chain has no keys yet: make them with `keys init`")]
    NoKeys,
    /// It has keys.
    #[error("this chain has its keys already; `keys list` shows them")]
    ThereAlready,
    /// A name that no file could have.
    #[error("{0:?} is no name for a key: use 1 to 40 lower-case letters, digits and hyphens")]
    BadName(String),
    /// No issuing key's scope covers it.
    #[error("no issuing key may sign this ({0}): widen one with `keys scope`, or make one with `keys new`")]
    NotCovered(String),
    /// Too few root keys are here.
    #[error(
        "a new root needs the signatures of {THRESHOLD} root keys, and {found} are here. Bring back the files of \
         the root keys that were moved to a safe place: {missing}"
    )]
    TooFewRoots {
        /// How many are here.
        found: usize,
        /// The files of the others.
        missing: String,
    },
    /// Somebody else has changed keys at the same time.
    #[error("the keys were changed by somebody else at the same time: look with `keys list` and try again")]
    Meanwhile,
    /// What was to be signed is beyond its limits.
    #[error("that cannot be signed: {0}")]
    NotSignable(#[from] NotSignable),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The keys of one chain.
pub struct Keys<'s> {
    store: &'s Store,
    files: Files,
}

impl<'s> Keys<'s> {
    /// Those of the chain in this database.
    pub fn of(store: &'s Store) -> Keys<'s> {
        Keys { store, files: Files::beside(store.folder()) }
    }

    /// Where private keys lie.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Makes root keys, a role key and the first issuing key, and signs the first root and the first list.
    pub async fn init(&self, scope: KeyScope) -> Result<(), KeysError> {
        if !self.store.keys().await?.is_empty() {
            return Err(KeysError::ThereAlready);
        }
        let now = self.store.hands().now();
        let mut roots = Vec::with_capacity(ROOT_KEYS);
        let mut new = Vec::new();
        for number in 1..=ROOT_KEYS {
            let name = format!("root-{number}");
            let key = self.make(&name)?;
            new.push(entry(&name, &key, Role::Root, None));
            roots.push(key);
        }
        let role_key = self.make("lists-1")?;
        new.push(entry("lists-1", &role_key, Role::Lists, None));
        let first = self.make(FIRST)?;
        new.push(entry(FIRST, &first, Role::Issuing, Some(scope)));
        let mut root_keys: Vec<_> = roots.iter().map(SigningKey::public).collect();
        root_keys.sort();
        let root = Root {
            version: 1,
            expires: now.plus_seconds(ROOT_SECONDS),
            threshold: THRESHOLD,
            root_keys,
            role_keys: vec![role_key.public()],
        };
        let signers: Vec<&SigningKey> = roots.iter().collect();
        let bytes = sign_root(&root, &signers)?;
        let next = NextRoot { version: 1, bytes: &bytes, keys: &new, role_key: &role_key };
        if self.store.follow_root(&next).await? { Ok(()) } else { Err(KeysError::Meanwhile) }
    }

    /// Makes an issuing key.
    pub async fn add(&self, name: &str, scope: KeyScope, until: Option<i64>) -> Result<u32, KeysError> {
        let (_, role_key) = self.role_key().await?;
        self.name_is_free(name).await?;
        let key = self.make(name)?;
        let new = NewKey { until, ..entry(name, &key, Role::Issuing, Some(scope)) };
        self.change(&[KeyChange::New(Box::new(new))], &role_key).await
    }

    /// Says anew what a key may issue. What the change leaves out stays as it is.
    pub async fn scope(&self, name: &str, change: impl Into<ScopeChange>) -> Result<u32, KeysError> {
        let (_, role_key) = self.role_key().await?;
        self.change(&[KeyChange::Scope(name.to_owned(), change.into())], &role_key).await
    }

    /// Codes that say they were issued later are not believed.
    pub async fn bound(&self, name: &str, until: UnixMs) -> Result<u32, KeysError> {
        let (_, role_key) = self.role_key().await?;
        self.change(&[KeyChange::Bound(name.to_owned(), until)], &role_key).await
    }

    /// Nothing that this key has signed is believed any more.
    pub async fn withdraw(&self, name: &str) -> Result<u32, KeysError> {
        let (_, role_key) = self.role_key().await?;
        self.change(&[KeyChange::Withdraw(name.to_owned())], &role_key).await
    }

    /// Makes a key with the scope of another, which is bounded to now: what that has signed stays good. The new
    /// key's name, and the list's version.
    pub async fn rotate(&self, name: &str) -> Result<(String, u32), KeysError> {
        let (keys, role_key) = self.role_key().await?;
        let old = keys.iter().find(|key| key.name == name && key.withdrawn_at.is_none());
        let scope =
            old.and_then(|key| key.scope.clone()).ok_or_else(|| KeysRefused::Unknown(name.to_owned()))?;
        let successor = successor(name, &keys);
        let key = self.make(&successor)?;
        let new = entry(&successor, &key, Role::Issuing, Some(KeyScope { from: None, ..scope }));
        let changes =
            [KeyChange::Bound(name.to_owned(), self.store.hands().now()), KeyChange::New(Box::new(new))];
        let version = self.change(&changes, &role_key).await?;
        Ok((successor, version))
    }

    /// Replaces the role key by a new root: its version and the new key's name.
    pub async fn rotate_lists(&self) -> Result<(u32, String), KeysError> {
        let trust = self.store.trust().await?.ok_or(KeysError::NoKeys)?;
        let keys = self.store.keys().await?;
        let (mut signers, mut missing) = (Vec::new(), Vec::new());
        for row in keys.iter().filter(|key| key.role == Role::Root) {
            match self.private(row) {
                Ok(key) => signers.push(key),
                Err(NoKey::Absent { path, .. }) => missing.push(path.display().to_string()),
                Err(error) => return Err(error.into()),
            }
        }
        if signers.len() < usize::from(trust.root().threshold) {
            missing.sort();
            return Err(KeysError::TooFewRoots { found: signers.len(), missing: missing.join(", ") });
        }
        let held = keys.iter().find(|key| key.role == Role::Lists && key.withdrawn_at.is_none());
        let name = successor(held.map_or("lists", |key| &key.name), &keys);
        let role_key = self.make(&name)?;
        let root = Root {
            version: trust.root().version + 1,
            expires: self.store.hands().now().plus_seconds(ROOT_SECONDS),
            role_keys: vec![role_key.public()],
            ..trust.root().clone()
        };
        let bytes = sign_root(&root, &signers.iter().collect::<Vec<_>>())?;
        let new = [entry(&name, &role_key, Role::Lists, None)];
        let next = NextRoot { version: root.version, bytes: &bytes, keys: &new, role_key: &role_key };
        if self.store.follow_root(&next).await? {
            Ok((root.version, name))
        } else {
            Err(KeysError::Meanwhile)
        }
    }

    /// Signs the list anew if less than half of its life is left. Whether it did.
    pub async fn renew(&self) -> Result<bool, KeysError> {
        let Some(trust) = self.store.trust().await? else { return Ok(false) };
        let half = self.store.hands().now().plus_seconds(LIST_SECONDS / 2);
        if trust.list().is_some_and(|list| list.expires >= half) {
            return Ok(false);
        }
        let (_, role_key) = self.role_key().await?;
        self.change(&[], &role_key).await?;
        Ok(true)
    }

    /// The newest issuing key that may sign codes with all these claims. A key that is kept elsewhere is passed over
    /// as long as another one will do.
    pub async fn issuer(&self, claims: &[Claims]) -> Result<SigningKey, KeysError> {
        let keys = self.store.keys().await?;
        if keys.is_empty() {
            return Err(KeysError::NoKeys);
        }
        let mut absent = None;
        for row in &keys {
            if row.listed().is_some_and(|key| claims.iter().all(|claims| may_sign(&key, claims))) {
                match self.private(row) {
                    Err(error @ NoKey::Absent { .. }) => absent = absent.or(Some(error)),
                    found => return Ok(found?),
                }
            }
        }
        Err(match absent {
            Some(error) => error.into(),
            None => KeysError::NotCovered(claims.first().map(in_words).unwrap_or_default()),
        })
    }

    /// The key that signs trust lists and status updates, with all that there are.
    pub async fn role_key(&self) -> Result<(Vec<KeyRow>, SigningKey), KeysError> {
        let keys = self.store.keys().await?;
        let row = keys.iter().find(|key| key.role == Role::Lists && key.withdrawn_at.is_none());
        let key = self.private(row.ok_or(KeysError::NoKeys)?)?;
        Ok((keys, key))
    }

    /// The key that signs answers to tills, which is made when the server first runs. Once tills have it pinned, another
    /// one in its place would be a stranger to them, and is refused here.
    pub async fn answer_key(&self) -> Result<SigningKey, KeysError> {
        let key = match self.store.answer_key().await? {
            Some(_) => self.files.load(ANSWERS)?,
            // Of two processes that start at once the second finds the file that the first has made.
            None => match self.make(ANSWERS) {
                Err(KeysError::NoKey(NoKey::File { .. })) => self.files.load(ANSWERS)?,
                made => made?,
            },
        };
        if self.store.keep_answer_key(key.public()).await? == key.public() {
            Ok(key)
        } else {
            Err(NoKey::Other { place: self.files.place(ANSWERS), name: ANSWERS.to_owned() }.into())
        }
    }

    /// The private half of that key.
    fn private(&self, row: &KeyRow) -> Result<SigningKey, NoKey> {
        let key = self.files.load(&row.name)?;
        if key.public() == row.public {
            Ok(key)
        } else {
            Err(NoKey::Other { place: self.files.place(&row.name), name: row.name.clone() })
        }
    }

    /// Makes a private key, or takes the one that lies there under that name: a first try may have been cut short.
    fn make(&self, name: &str) -> Result<SigningKey, KeysError> {
        Ok(self.files.load_or_make(name, self.store.hands().random())?)
    }

    async fn name_is_free(&self, name: &str) -> Result<(), KeysError> {
        let letters = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
        let good = (1..=NAME_LENGTH_MAX).contains(&name.len()) && name.bytes().all(letters);
        if !good {
            return Err(KeysError::BadName(name.to_owned()));
        }
        if self.store.keys().await?.iter().any(|key| key.name == name) {
            return Err(KeysRefused::NameTaken(name.to_owned()).into());
        }
        Ok(())
    }

    async fn change(&self, changes: &[KeyChange], role_key: &SigningKey) -> Result<u32, KeysError> {
        Ok(self.store.change_keys(changes, role_key).await??)
    }
}

fn entry(name: &str, key: &SigningKey, role: Role, scope: Option<KeyScope>) -> NewKey {
    NewKey { name: name.to_owned(), public: key.public(), role, scope, until: None }
}

/// `coupons-2` after `coupons`, `lists-3` after `lists-2`: the next number that no key has.
fn successor(name: &str, keys: &[KeyRow]) -> String {
    let numbered = name.rsplit_once('-').and_then(|(stem, number)| Some((stem, number.parse::<u32>().ok()?)));
    let (stem, mut number) = numbered.unwrap_or((name, 1));
    loop {
        number = number.saturating_add(1);
        let next = format!("{stem}-{number}");
        if keys.iter().all(|key| key.name != next) {
            return next;
        }
    }
}

fn may_sign(key: &trust::Key, claims: &Claims) -> bool {
    let in_time = !key.issues.is_early(claims.issued_at) && !key.issues.is_over(claims.issued_at);
    in_time && key.scope.covers(claims)
}

fn in_words(claims: &Claims) -> String {
    let store = claims.store.as_ref().map_or("every store", |store| store.0.as_str());
    format!(
        "{}, campaign {}, {store}, worth {} fen",
        claims.kind.code(),
        claims.serial.campaign,
        claims.value.0
    )
}
