//! Memory that may be refused: large buffers, which are got once, given back page by page and never asked for again; and
//! what grows with what others make.

use super::{Errno, Result};
use std::alloc::{Layout, alloc_zeroed};
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;

/// The size of the smallest buffer.
const LEAST: usize = 4096;

/// How much must be left for small things after a buffer was got.
const HEADROOM: usize = 64 * 1024;

/// A buffer of `most` zeros; smaller, down to 4096, where the system refuses as much. It takes memory only as far as it
/// is used. `None` if there is not even the smallest one.
pub fn buffer(most: usize) -> Option<Vec<u8>> {
    let mut size = most;
    loop {
        if let Some(buffer) = zeroed(size) {
            // What is freed again stays with this process: small things find room there later.
            if size <= LEAST || reserve(0).is_ok() {
                return Some(buffer);
            }
        }
        if size <= LEAST {
            return None;
        }
        size = (size / 4).max(LEAST);
    }
}

/// Makes sure that as much memory can be had as many small things take that are made next.
///
/// # Errors
/// `ENOMEM` if it cannot.
pub fn reserve(size: usize) -> Result<()> {
    let mut room = Vec::<u8>::new();
    room.try_reserve_exact(size.saturating_add(HEADROOM)).map_err(|_| refused())?;
    std::hint::black_box(room);
    Ok(())
}

/// A copy of a name.
///
/// # Errors
/// `ENOMEM` if there is no memory for it.
pub fn copy(name: &CStr) -> Result<CString> {
    let bytes = name.to_bytes_with_nul();
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|_| refused())?;
    copy.extend_from_slice(bytes);
    CString::from_vec_with_nul(copy).map_err(|_| Errno::from_raw(libc::EINVAL))
}

/// Adds an item to a list.
///
/// # Errors
/// `ENOMEM` if there is no memory for it.
pub fn push<T>(list: &mut Vec<T>, item: T) -> Result<()> {
    list.try_reserve(1).map_err(|_| refused())?;
    list.push(item);
    Ok(())
}

const fn refused() -> Errno {
    Errno::from_raw(libc::ENOMEM)
}

fn zeroed(size: usize) -> Option<Vec<u8>> {
    let layout = Layout::array::<u8>(size).ok().filter(|layout| layout.size() > 0)?;
    // SAFETY: the layout is not empty.
    let start = unsafe { alloc_zeroed(layout) };
    if start.is_null() {
        return None;
    }
    // SAFETY: these bytes were just allocated with the layout that a `Vec<u8>` of this capacity has, and are zeros.
    Some(unsafe { Vec::from_raw_parts(start, size, size) })
}

/// Gives the memory behind a buffer back to the system until it is used again. What the buffer held is lost.
pub fn give_back(buffer: &mut [MaybeUninit<u8>]) {
    // SAFETY: a call without pointers.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(0).max(LEAST);
    let start = buffer.as_mut_ptr().addr();
    let before = start.next_multiple_of(page) - start;
    let whole = buffer.len().saturating_sub(before) / page * page;
    let Some(pages) = buffer.get_mut(before..).and_then(|rest| rest.get_mut(..whole)) else { return };
    // SAFETY: these are whole pages of memory that only this buffer uses; it may hold anything afterwards.
    unsafe { libc::madvise(pages.as_mut_ptr().cast(), pages.len(), libc::MADV_DONTNEED) };
}

/// The same for a buffer whose bytes are read as such; some of them are zeros afterwards.
pub fn give_back_bytes(buffer: &mut [u8]) {
    let (start, length) = (buffer.as_mut_ptr().cast::<MaybeUninit<u8>>(), buffer.len());
    // SAFETY: the same bytes. Those that were given back are zeros when they are read, and none is left without a value.
    give_back(unsafe { std::slice::from_raw_parts_mut(start, length) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_was_given_back_can_be_used_again() {
        let mut bytes = buffer(1 << 20).unwrap();
        assert_eq!(bytes.len(), 1 << 20);
        for _ in 0..2 {
            bytes.fill(7);
            give_back_bytes(&mut bytes);
            assert!(bytes.iter().all(|byte| [0, 7].contains(byte)));
            assert!(bytes.iter().filter(|byte| **byte == 0).count() >= 1 << 19);
        }
        give_back_bytes(&mut bytes[1..100]);
        give_back_bytes(&mut []);
    }

    #[test]
    fn what_cannot_be_had_is_an_error() {
        assert_eq!(reserve(1 << 20), Ok(()));
        assert_eq!(reserve(usize::MAX / 4), Err(refused()));
        assert_eq!(copy(c"a name").as_deref(), Ok(c"a name"));
        let mut list = Vec::new();
        assert_eq!((0..100).try_for_each(|number| push(&mut list, number)), Ok(()));
        assert_eq!(list, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn where_much_is_refused_less_is_got() {
        let bytes = buffer(usize::MAX / 4).unwrap();
        assert!(bytes.len() >= LEAST && bytes.len() < usize::MAX / 4);
    }
}
