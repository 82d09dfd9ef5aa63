//! One open file, as SQLite calls it.

use std::ffi::{c_int, c_void};
use std::mem::size_of;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use rusqlite::ffi;

use crate::locks::{Holder, Shared};
use crate::{Disk, FileId, bytes, code};

/// So many bytes SQLite keeps for an open file.
pub(crate) const SIZE: c_int = size_of::<OpenFile>() as c_int;

/// What stands in those bytes: SQLite's own head first.
#[repr(C)]
struct OpenFile {
    head: ffi::sqlite3_file,
    file: *mut File,
}

struct File {
    disk: Arc<dyn Disk>,
    id: FileId,
    holder: Holder,
    remove_at_close: Option<String>,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Puts an open file where SQLite wants it.
///
/// # Safety
/// `at` has room for [`SIZE`] bytes.
pub(crate) unsafe fn put(
    at: *mut ffi::sqlite3_file,
    disk: Arc<dyn Disk>,
    id: FileId,
    shared: Arc<Shared>,
    remove_at_close: Option<String>,
) {
    let file = Box::into_raw(Box::new(File { disk, id, holder: Holder::new(shared), remove_at_close }));
    // SAFETY: the caller's promise; SQLite aligns it as it does for its own files, which begin with a pointer too.
    unsafe { at.cast::<OpenFile>().write(OpenFile { head: ffi::sqlite3_file { pMethods: &METHODS }, file }) };
}

/// # Safety
/// `file` was filled by [`put`] and is not closed; SQLite calls for one file from one thread at a time.
unsafe fn file_at<'a>(file: *mut ffi::sqlite3_file) -> &'a mut File {
    // SAFETY: the caller's promise.
    unsafe { &mut *(*file.cast::<OpenFile>()).file }
}

unsafe extern "C" fn close(at: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: filled by `put`; SQLite closes once and does not call afterwards.
    let file = unsafe { Box::from_raw((*at.cast::<OpenFile>()).file) };
    file.disk.close(file.id);
    if let Some(name) = &file.remove_at_close {
        // A file that nobody else can have opened: whether it went matters to nobody.
        let _ = file.disk.remove(name, false);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(at: *mut ffi::sqlite3_file, into: *mut c_void, count: c_int, from: i64) -> c_int {
    // SAFETY: SQLite's own pointers; `into` has room for `count` bytes that nobody else looks at meanwhile.
    let (file, into) = unsafe {
        let count = usize::try_from(count).unwrap_or(0);
        (file_at(at), std::slice::from_raw_parts_mut(into.cast::<u8>(), count))
    };
    match file.disk.read(file.id, u64::try_from(from).unwrap_or(0), into) {
        Ok(read) if read == into.len() => ffi::SQLITE_OK,
        Ok(read) => {
            // The rest has to be zero, or SQLite takes what was there before for the file's content.
            into[read..].fill(0);
            ffi::SQLITE_IOERR_SHORT_READ
        }
        Err(_) => ffi::SQLITE_IOERR_READ,
    }
}

unsafe extern "C" fn write(at: *mut ffi::sqlite3_file, from: *const c_void, count: c_int, to: i64) -> c_int {
    // SAFETY: SQLite's own pointers.
    let (file, bytes) = unsafe { (file_at(at), bytes(from, count)) };
    code(file.disk.write(file.id, u64::try_from(to).unwrap_or(0), bytes), ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(at: *mut ffi::sqlite3_file, length: i64) -> c_int {
    // SAFETY: SQLite's own pointer.
    let file = unsafe { file_at(at) };
    code(file.disk.truncate(file.id, u64::try_from(length).unwrap_or(0)), ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(at: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: SQLite's own pointer.
    let file = unsafe { file_at(at) };
    code(file.disk.sync(file.id), ffi::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn size(at: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    // SAFETY: SQLite's own pointer.
    let file = unsafe { file_at(at) };
    let length = file.disk.length(file.id).map(|length| {
        // SAFETY: SQLite's own pointer, to a number of its own.
        unsafe { *out = i64::try_from(length).unwrap_or(i64::MAX) }
    });
    code(length, ffi::SQLITE_IOERR_FSTAT)
}

unsafe extern "C" fn lock(at: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite's own pointer.
    busy_unless(unsafe { file_at(at) }.holder.lock(level))
}

unsafe extern "C" fn unlock(at: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite's own pointer.
    unsafe { file_at(at) }.holder.unlock(level);
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved(at: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: SQLite's own pointers.
    unsafe { *out = c_int::from(file_at(at).holder.somebody_writes()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn control(_at: *mut ffi::sqlite3_file, _op: c_int, _with: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

/// As on Unix.
unsafe extern "C" fn sector_size(_at: *mut ffi::sqlite3_file) -> c_int {
    4096
}

/// As on Unix and Windows: a write does not harm the bytes beside it, even when power fails.
unsafe extern "C" fn characteristics(_at: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    at: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    let (region, size) = (usize::try_from(region).unwrap_or(0), usize::try_from(size).unwrap_or(0));
    // SAFETY: SQLite's own pointers; a region lives as long as anybody has the file mapped.
    unsafe { *out = file_at(at).holder.map(region, size, extend != 0) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(at: *mut ffi::sqlite3_file, first: c_int, count: c_int, flags: c_int) -> c_int {
    // SAFETY: SQLite's own pointer.
    let holder = unsafe { &mut file_at(at).holder };
    let slots = ((1u32 << count) - 1) << first;
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        holder.unlock_slots(slots);
        return ffi::SQLITE_OK;
    }
    busy_unless(holder.lock_slots(slots, flags & ffi::SQLITE_SHM_EXCLUSIVE != 0))
}

unsafe extern "C" fn shm_barrier(_at: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(at: *mut ffi::sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: SQLite's own pointer.
    unsafe { file_at(at) }.holder.unmap();
    ffi::SQLITE_OK
}

fn busy_unless(got: bool) -> c_int {
    if got { ffi::SQLITE_OK } else { ffi::SQLITE_BUSY }
}
