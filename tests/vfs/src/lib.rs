//! A disk of one's own under the real SQLite: whoever implements [`Disk`] in safe code sees every read, write and
//! flush, and may refuse, delay or forget them.
//!
//! [`mount`] makes it known to SQLite as a VFS with a name of its own. Locks and the shared memory of a write-ahead log
//! are kept here, for connections of one process, with the meaning that SQLite gives them (sqlite.org/c3ref/vfs.html,
//! io_methods.html); a disk knows nothing of them. This package knows nothing of the rest of Counterfoil.
//!
//! A crate would have done it too (sqlite-plugin), but it needs libclang wherever the tests are built.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::Arc;

use rusqlite::ffi;

mod file;
mod locks;

use locks::Shared;

/// What a file is to SQLite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The database itself.
    Database,
    /// A write-ahead log or a rollback journal: its name, too, is flushed when it is flushed for the first time.
    Log,
    /// Gone when it is closed.
    Temporary,
}

/// An open file, by the number that the disk gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(pub u64);

/// Why a disk did not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no file of that name, and none was to be made.
    Missing,
    /// There is no room (ENOSPC).
    Full,
    /// The device or the system refused (EIO).
    Failed,
}

/// What SQLite asks of a disk. Names are whole paths. A panic in here ends the process: it cannot unwind through C.
pub trait Disk: Send + Sync {
    /// Whether a file of that name is on this disk. Of a disk that was mounted with [`mount_over`], all else is the
    /// system's.
    fn claims(&self, _name: &str) -> bool {
        true
    }
    /// Opens the file of that name, and makes it if `create` says so and it is not there.
    fn open(&self, name: &str, role: Role, create: bool) -> Result<FileId, Trouble>;
    /// Reads bytes from `at` on and says how many; fewer than asked only at the end.
    fn read(&self, file: FileId, at: u64, into: &mut [u8]) -> Result<usize, Trouble>;
    /// Writes all of `bytes` at `at`.
    fn write(&self, file: FileId, at: u64, bytes: &[u8]) -> Result<(), Trouble>;
    /// Cuts the file to `length` (bytes).
    fn truncate(&self, file: FileId, length: u64) -> Result<(), Trouble>;
    /// Flushes: what was written before survives a power cut afterwards.
    fn sync(&self, file: FileId) -> Result<(), Trouble>;
    /// Its length (bytes).
    fn length(&self, file: FileId) -> Result<u64, Trouble>;
    /// Closes it.
    fn close(&self, file: FileId);
    /// Removes a name; with `flushed`, for good.
    fn remove(&self, name: &str, flushed: bool) -> Result<(), Trouble>;
    /// Whether there is a file of that name.
    fn exists(&self, name: &str) -> bool;
}

/// A disk that SQLite knows by name for as long as this lives.
pub struct Mounted {
    name: String,
    mount: *mut Mount,
}

// SAFETY: the pointer is only used to take the mount down; what SQLite reaches through it is behind locks.
unsafe impl Send for Mounted {}
// SAFETY: as above; a shared reference gives out the name alone.
unsafe impl Sync for Mounted {}

/// What SQLite holds of a mounted disk, at one place in memory.
struct Mount {
    vfs: ffi::sqlite3_vfs,
    _name: CString,
    disk: Arc<dyn Disk>,
    shared: locks::Table,
    /// SQLite's own file system, for time, chance and waiting.
    system: *mut ffi::sqlite3_vfs,
    /// Whether what the disk does not claim is the system's.
    over: bool,
}

impl Mount {
    /// Whether the system's file system is to do it.
    fn is_of_system(&self, name: &str) -> bool {
        self.over && !self.disk.claims(name)
    }
}

/// Makes `disk` known to SQLite under `name`, which must be unused.
pub fn mount(name: &str, disk: Arc<dyn Disk>) -> Mounted {
    register(name, disk, 0, false)
}

/// Puts `disk` in the place of the system's file system: whoever in this process opens a database that is not told
/// where, opens it on this disk. For programs that need no door of their own for that.
pub fn mount_for_all(name: &str, disk: Arc<dyn Disk>) -> Mounted {
    register(name, disk, 1, false)
}

/// Puts `disk` in front of the system's file system: whoever in this process opens a database that the disk claims
/// opens it there, and everybody else where they always did, with the system's own locks and patience.
pub fn mount_over(name: &str, disk: Arc<dyn Disk>) -> Mounted {
    register(name, disk, 1, true)
}

fn register(name: &str, disk: Arc<dyn Disk>, for_all: c_int, over: bool) -> Mounted {
    let c_name = CString::new(name).expect("the name of a file system has no zero byte in it");
    // SAFETY: both calls are allowed at any time; the file system that is there stays there as long as this one.
    let (there, system) = unsafe {
        ffi::sqlite3_initialize();
        (ffi::sqlite3_vfs_find(c_name.as_ptr()), ffi::sqlite3_vfs_find(std::ptr::null()))
    };
    assert!(there.is_null(), "a disk called {name} is mounted already");
    assert!(!system.is_null(), "SQLite has a file system of its own");
    let mount = Box::into_raw(Box::new(Mount {
        vfs: vfs(c_name.as_ptr()),
        _name: c_name,
        disk,
        shared: locks::Table::default(),
        system,
        over,
    }));
    // SAFETY: `mount` was made just now and lives until `Mounted` is dropped; its address does not change.
    let code = unsafe {
        (*mount).vfs.pAppData = mount.cast();
        // An open file of either kind has to find room.
        (*mount).vfs.szOsFile = file::SIZE.max((*system).szOsFile);
        ffi::sqlite3_vfs_register(&raw mut (*mount).vfs, for_all)
    };
    assert_eq!(code, ffi::SQLITE_OK, "SQLite takes another file system");
    Mounted { name: name.to_owned(), mount }
}

impl Mounted {
    /// The name to open a database with.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // SAFETY: made by `mount`, and dropped once. A connection that is still open has pointers into it: then it
        // stays in memory for ever, out of SQLite's list.
        unsafe {
            ffi::sqlite3_vfs_unregister(&raw mut (*self.mount).vfs);
            if !(*self.mount).shared.in_use() {
                drop(Box::from_raw(self.mount));
            }
        }
    }
}

fn vfs(name: *const c_char) -> ffi::sqlite3_vfs {
    ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: file::SIZE,
        mxPathname: 1024,
        pNext: std::ptr::null_mut(),
        zName: name,
        pAppData: std::ptr::null_mut(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_path),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(pause),
        xCurrentTime: None,
        xGetLastError: Some(last_error),
        xCurrentTimeInt64: Some(time),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }
}

/// # Safety
/// `vfs` is one that [`mount`] has registered.
unsafe fn mount_of<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a Mount {
    // SAFETY: SQLite calls with the very pointer that was registered, and only while it is.
    unsafe { &*(*vfs).pAppData.cast::<Mount>() }
}

/// # Safety
/// `name` is a text that SQLite has made.
unsafe fn text<'a>(name: *const c_char) -> Option<&'a str> {
    // SAFETY: the caller's promise; SQLite keeps it for as long as the call lasts.
    (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })?.to_str().ok()
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let has = |flag: c_int| flags & flag != 0;
    // SAFETY: SQLite's own pointers; `file` has room for `file::SIZE` bytes, and for as many as the system's needs.
    unsafe {
        (*file).pMethods = std::ptr::null();
        let mount = mount_of(vfs);
        if mount.is_of_system(text(name).unwrap_or_default()) {
            let open = (*mount.system).xOpen;
            return open.map_or(ffi::SQLITE_CANTOPEN, |open| open(mount.system, name, file, flags, out));
        }
        let temporary = mount.shared.temporary_name();
        let name = text(name).unwrap_or(&temporary);
        let role = if has(ffi::SQLITE_OPEN_DELETEONCLOSE) {
            Role::Temporary
        } else if has(ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL) {
            Role::Log
        } else {
            Role::Database
        };
        match mount.disk.open(name, role, has(ffi::SQLITE_OPEN_CREATE)) {
            Ok(id) => {
                let shared: Arc<Shared> = mount.shared.of(name);
                file::put(
                    file,
                    mount.disk.clone(),
                    id,
                    shared,
                    (role == Role::Temporary).then(|| name.into()),
                );
                if !out.is_null() {
                    *out = flags;
                }
                ffi::SQLITE_OK
            }
            Err(_) => ffi::SQLITE_CANTOPEN,
        }
    }
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_dir: c_int) -> c_int {
    // SAFETY: SQLite's own pointers.
    let (mount, told) = unsafe { (mount_of(vfs), text(name).unwrap_or_default()) };
    if mount.is_of_system(told) {
        // SAFETY: SQLite's own pointers, handed on to the system's file system with its own.
        return unsafe {
            let delete = (*mount.system).xDelete;
            delete.map_or(ffi::SQLITE_IOERR_DELETE, |delete| delete(mount.system, name, sync_dir))
        };
    }
    match mount.disk.remove(told, sync_dir != 0) {
        Ok(()) => ffi::SQLITE_OK,
        Err(Trouble::Missing) => ffi::SQLITE_IOERR_DELETE_NOENT,
        Err(_) => ffi::SQLITE_IOERR_DELETE,
    }
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite's own pointers, handed on to the system's file system with its own where the file is its.
    unsafe {
        let (mount, told) = (mount_of(vfs), text(name).unwrap_or_default());
        if mount.is_of_system(told) {
            let access = (*mount.system).xAccess;
            return access.map_or(ffi::SQLITE_IOERR_ACCESS, |access| access(mount.system, name, flags, out));
        }
        *out = c_int::from(mount.disk.exists(told));
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_path(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite's own pointers; `out` has room for `room` bytes, and the length is compared with it.
    unsafe {
        let mount = mount_of(vfs);
        if mount.is_of_system(text(name).unwrap_or_default()) {
            let full_path = (*mount.system).xFullPathname;
            return full_path
                .map_or(ffi::SQLITE_CANTOPEN, |full_path| full_path(mount.system, name, room, out));
        }
        let name = CStr::from_ptr(name).to_bytes_with_nul();
        if name.len() > usize::try_from(room).unwrap_or(0) {
            return ffi::SQLITE_CANTOPEN;
        }
        std::ptr::copy_nonoverlapping(name.as_ptr().cast(), out, name.len());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(vfs: *mut ffi::sqlite3_vfs, count: c_int, out: *mut c_char) -> c_int {
    // SAFETY: SQLite's own pointers, handed on to the system's file system with its own.
    unsafe {
        let system = mount_of(vfs).system;
        (*system).xRandomness.map_or(0, |randomness| randomness(system, count, out))
    }
}

/// Nobody else's time passes on a disk that is alone, so that nobody waits: whoever finds a lock taken asks again at
/// once. Who works beside it, on the system's files, waits in earnest.
unsafe extern "C" fn pause(vfs: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    // SAFETY: SQLite's own pointers, handed on to the system's file system with its own.
    unsafe {
        let mount = mount_of(vfs);
        if let (true, Some(wait)) = (mount.over, (*mount.system).xSleep) {
            return wait(mount.system, microseconds);
        }
    }
    std::thread::yield_now();
    microseconds
}

unsafe extern "C" fn last_error(_vfs: *mut ffi::sqlite3_vfs, _room: c_int, _out: *mut c_char) -> c_int {
    0
}

unsafe extern "C" fn time(vfs: *mut ffi::sqlite3_vfs, out: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite's own pointers, handed on to the system's file system with its own.
    unsafe {
        let system = mount_of(vfs).system;
        (*system).xCurrentTimeInt64.map_or(ffi::SQLITE_ERROR, |time| time(system, out))
    }
}

/// What SQLite hears of a trouble: `failed` where the call has a code of its own.
fn code(result: Result<(), Trouble>, failed: c_int) -> c_int {
    match result {
        Ok(()) => ffi::SQLITE_OK,
        Err(Trouble::Full) => ffi::SQLITE_FULL,
        Err(Trouble::Missing | Trouble::Failed) => failed,
    }
}

/// A pointer that SQLite gave, as bytes.
///
/// # Safety
/// `from` points to `count` bytes that live and stay as they are for as long as the call lasts.
unsafe fn bytes<'a>(from: *const c_void, count: c_int) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(from.cast(), usize::try_from(count).unwrap_or(0)) }
}
