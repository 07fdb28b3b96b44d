use crate::sys;
use std::{
    io,
    marker::PhantomData,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// `ENOTSUPP`, the kernel's own, which the C library has no name for.
const NOT_SUPPORTED: i32 = 524;

/// Whether the kernel says that a table has no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::E2BIG | libc::ENOSPC))
}

/// A kernel map with its key and value types.
#[derive(Debug)]
pub struct Table<K, V> {
    fd: OwnedFd,
    name: &'static str,
    capacity: u32,
    refused: AtomicU64,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Table<K, V>
where
    K: IntoBytes + FromBytes + Immutable + Copy,
    V: IntoBytes + FromBytes + Immutable + Copy,
{
    /// Opens a pinned map, which may be of another version: K and V must be as long as its own types. That they are the
    /// same, the layout test checks.
    pub(crate) fn open(directory: &Path, name: &'static str) -> io::Result<Self> {
        let fd = sys::open_pinned(&directory.join(name))?;
        let shape = sys::shape(fd.as_fd())?;
        if (shape.key as usize, shape.value as usize) != (size_of::<K>(), size_of::<V>()) {
            let other =
                format!("keys of {} and values of {} bytes are another version's", shape.key, shape.value);
            return Err(io::Error::new(io::ErrorKind::InvalidData, other));
        }
        Ok(Self { fd, name, capacity: shape.entries, refused: AtomicU64::new(0), types: PhantomData })
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Entries that there is room for in the kernel, whatever a later start has asked for.
    pub const fn capacity(&self) -> u32 {
        self.capacity
    }

    pub fn get(&self, key: &K) -> io::Result<Option<V>> {
        let mut bytes = vec![0; size_of::<V>()];
        match sys::lookup(self.fd.as_fd(), key.as_bytes(), &mut bytes) {
            Ok(()) => Ok(V::read_from_bytes(&bytes).ok()),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub fn set(&self, key: &K, value: &V) -> io::Result<()> {
        sys::update(self.fd.as_fd(), key.as_bytes(), value.as_bytes(), 0).inspect_err(|error| {
            if is_full(error) {
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
        })
    }

    /// Entries of ours for which there was no room.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Removes the entry; that there is none is no error.
    pub fn remove(&self, key: &K) -> io::Result<()> {
        match sys::delete(self.fd.as_fd(), key.as_bytes()) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
            result => result,
        }
    }

    pub fn keys(&self) -> io::Result<Vec<K>> {
        let mut keys = Vec::new();
        let mut next = vec![0; size_of::<K>()];
        let mut current: Option<Vec<u8>> = None;
        while sys::next_key(self.fd.as_fd(), current.as_deref(), &mut next)? {
            if let Ok(key) = K::read_from_bytes(&next) {
                keys.push(key);
            }
            current = Some(next.clone());
            // A map that changes under the walk may begin anew: it cannot hold more than it has room for.
            if keys.len() > self.capacity as usize * 2 {
                break;
            }
        }
        Ok(keys)
    }

    /// Calls `each` for every entry of a hash map, in batches. Entries that change meanwhile may be seen or not.
    pub fn for_each(&self, mut each: impl FnMut(K, V)) -> io::Result<()> {
        let (key_size, value_size) = (size_of::<K>(), size_of::<V>());
        let mut count = 1024_usize;
        let mut token = [0_u8; 64];
        let mut first = true;
        loop {
            let mut keys = vec![0; count * key_size];
            let mut values = vec![0; count * value_size];
            let wanted = u32::try_from(count).unwrap_or(u32::MAX);
            match sys::lookup_batch(self.fd.as_fd(), first, &mut token, &mut keys, &mut values, wanted) {
                Ok((filled, last)) => {
                    let filled = (filled as usize).min(count);
                    for (key, value) in
                        keys.chunks_exact(key_size).zip(values.chunks_exact(value_size)).take(filled)
                    {
                        if let (Ok(key), Ok(value)) = (K::read_from_bytes(key), V::read_from_bytes(value)) {
                            each(key, value);
                        }
                    }
                    if last {
                        return Ok(());
                    }
                    first = false;
                }
                // One bucket holds more than the buffer.
                Err(error) if error.raw_os_error() == Some(libc::ENOSPC) && count < 1 << 20 => count *= 4,
                Err(error) => return Err(error),
            }
        }
    }

    /// Number of entries, by a walk.
    pub fn count(&self) -> io::Result<usize> {
        let mut count = 0;
        match self.for_each(|_, _| count += 1) {
            // Tries can be walked in batches since 5.14 only.
            Err(error) if error.raw_os_error() == Some(NOT_SUPPORTED) => Ok(self.keys()?.len()),
            result => result.map(|()| count),
        }
    }
}
