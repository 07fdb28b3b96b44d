//! The only unsafe code: thin wrappers of `bpf(2)` and of what the standard library has no name for.
#![allow(unsafe_code)]

use aya::maps::{MapData, RingBuf};
use std::{
    ffi::CString,
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    os::unix::ffi::OsStrExt,
    path::Path,
};
use tokio::io::unix::AsyncFd;

const MAP_LOOKUP_ELEM: u32 = 1;
const MAP_UPDATE_ELEM: u32 = 2;
const MAP_DELETE_ELEM: u32 = 3;
const MAP_GET_NEXT_KEY: u32 = 4;
const OBJ_PIN: u32 = 6;
const OBJ_GET: u32 = 7;
const PROG_TEST_RUN: u32 = 10;
const OBJ_GET_INFO_BY_FD: u32 = 15;
const MAP_LOOKUP_BATCH: u32 = 24;
const LINK_CREATE: u32 = 28;
const LINK_UPDATE: u32 = 29;
const LINK_DETACH: u32 = 34;

/// `union bpf_attr`, zeroed: the kernel takes any length whose unknown rest is zero.
#[repr(C, align(8))]
struct Attr([u8; 128]);

impl Attr {
    fn new() -> Self {
        Attr([0; 128])
    }

    fn u32(mut self, offset: usize, value: u32) -> Self {
        self.0[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
        self
    }

    fn u64(mut self, offset: usize, value: u64) -> Self {
        self.0[offset..offset + 8].copy_from_slice(&value.to_ne_bytes());
        self
    }

    fn pointer<T: ?Sized>(self, offset: usize, value: *const T) -> Self {
        self.u64(offset, value.cast::<u8>() as u64)
    }

    fn read_u32(&self, offset: usize) -> u32 {
        u32::from_ne_bytes(self.0[offset..offset + 4].try_into().expect("four bytes"))
    }
}

fn bpf(command: u32, attr: &mut Attr, size: usize) -> io::Result<i32> {
    // SAFETY: `attr` is valid for `size` <= 128 bytes; pointers in it are valid for the lengths that go with them, as
    // each caller in this module ensures.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(i32::try_from(result).unwrap_or(0)) }
}

/// Opens a pinned map or link.
pub(crate) fn open_pinned(path: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)?;
    let mut attr = Attr::new().pointer(0, path.as_ptr());
    let fd = bpf(OBJ_GET, &mut attr, 16)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// What a map was made as: the sizes of its keys and values in bytes, and the entries that it has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MapShape {
    pub(crate) key: u32,
    pub(crate) value: u32,
    pub(crate) entries: u32,
}

pub(crate) fn shape(map: BorrowedFd<'_>) -> io::Result<MapShape> {
    // The beginning of `struct bpf_map_info`: kind, number, key, value, entries.
    let mut info = [0_u32; 6];
    let mut attr = Attr::new()
        .u32(0, map.as_raw_fd() as u32)
        .u32(4, u32::try_from(size_of_val(&info)).map_err(io::Error::other)?)
        .pointer(8, info.as_mut_ptr());
    bpf(OBJ_GET_INFO_BY_FD, &mut attr, 16)?;
    Ok(MapShape { key: info[2], value: info[3], entries: info[4] })
}

/// Takes the program of a pinned link off its interface. When this returns, no CPU runs it there any more: without it
/// the kernel would do so at its leisure, some time after the last reference has gone.
pub(crate) fn detach_pinned(path: &Path) -> io::Result<()> {
    let link = open_pinned(path)?;
    bpf(LINK_DETACH, &mut Attr::new().u32(0, link.as_raw_fd() as u32), 4).map(drop)
}

/// Puts a program on what `target` is; `kind` is `enum bpf_attach_type`. The link holds it there. Kernel 5.7.
pub(crate) fn create_link(program: BorrowedFd<'_>, target: BorrowedFd<'_>, kind: u32) -> io::Result<OwnedFd> {
    let mut attr =
        Attr::new().u32(0, program.as_raw_fd() as u32).u32(4, target.as_raw_fd() as u32).u32(8, kind);
    let fd = bpf(LINK_CREATE, &mut attr, 16)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Replaces the program of a link, without a moment in between.
pub(crate) fn update_link(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = Attr::new().u32(0, link.as_raw_fd() as u32).u32(4, program.as_raw_fd() as u32);
    bpf(LINK_UPDATE, &mut attr, 16).map(drop)
}

pub(crate) fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)?;
    let mut attr = Attr::new().pointer(0, path.as_ptr()).u32(8, object.as_raw_fd() as u32);
    bpf(OBJ_PIN, &mut attr, 16).map(drop)
}

/// `value` must be as long as the map's values (of all possible CPUs, each rounded to 8 bytes, for a per-CPU map).
pub(crate) fn lookup(map: BorrowedFd<'_>, key: &[u8], value: &mut [u8]) -> io::Result<()> {
    let mut attr =
        Attr::new().u32(0, map.as_raw_fd() as u32).pointer(8, key.as_ptr()).pointer(16, value.as_mut_ptr());
    bpf(MAP_LOOKUP_ELEM, &mut attr, 32).map(drop)
}

pub(crate) fn update(map: BorrowedFd<'_>, key: &[u8], value: &[u8], flags: u64) -> io::Result<()> {
    let mut attr = Attr::new()
        .u32(0, map.as_raw_fd() as u32)
        .pointer(8, key.as_ptr())
        .pointer(16, value.as_ptr())
        .u64(24, flags);
    bpf(MAP_UPDATE_ELEM, &mut attr, 32).map(drop)
}

pub(crate) fn delete(map: BorrowedFd<'_>, key: &[u8]) -> io::Result<()> {
    let mut attr = Attr::new().u32(0, map.as_raw_fd() as u32).pointer(8, key.as_ptr());
    bpf(MAP_DELETE_ELEM, &mut attr, 32).map(drop)
}

/// Fills `next` with the key after `key`, or the first one. Returns whether there is one.
pub(crate) fn next_key(map: BorrowedFd<'_>, key: Option<&[u8]>, next: &mut [u8]) -> io::Result<bool> {
    let mut attr = Attr::new().u32(0, map.as_raw_fd() as u32).pointer(16, next.as_mut_ptr());
    if let Some(key) = key {
        attr = attr.pointer(8, key.as_ptr());
    }
    match bpf(MAP_GET_NEXT_KEY, &mut attr, 32) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// One step of a batched walk over a hash map. `token` is the place between two calls; returns how many entries were
/// filled in and whether that was the end. `ENOSPC` asks for larger buffers.
pub(crate) fn lookup_batch(
    map: BorrowedFd<'_>,
    first: bool,
    token: &mut [u8],
    keys: &mut [u8],
    values: &mut [u8],
    count: u32,
) -> io::Result<(u32, bool)> {
    let mut attr = Attr::new()
        .pointer(8, token.as_mut_ptr())
        .pointer(16, keys.as_mut_ptr())
        .pointer(24, values.as_mut_ptr())
        .u32(32, count)
        .u32(36, map.as_raw_fd() as u32);
    if !first {
        attr = attr.pointer(0, token.as_ptr());
    }
    match bpf(MAP_LOOKUP_BATCH, &mut attr, 56) {
        Ok(_) => Ok((attr.read_u32(32), false)),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok((attr.read_u32(32), true)),
        Err(error) => Err(error),
    }
}

/// The part of `struct __sk_buff` that a test run may set and reads back.
#[derive(Debug, Clone, Copy, Default)]
pub struct SkbContext {
    pub mark: u32,
    pub ifindex: u32,
}

/// Result of a test run.
#[derive(Debug, Clone)]
pub struct TestRun {
    /// What the program returned (`TC_ACT_*`, as the kernel's unsigned number).
    pub verdict: u32,
    /// Mean time of one run.
    pub nanoseconds: u32,
    pub packet: Vec<u8>,
    pub mark: u32,
}

const SKB_SIZE: usize = 192;

/// Runs a classifier on a packet, `repeat` times. Kernel 4.12; context since 5.2.
pub(crate) fn test_run(
    program: BorrowedFd<'_>,
    packet: &[u8],
    context: SkbContext,
    repeat: u32,
) -> io::Result<TestRun> {
    let mut skb = [0_u8; SKB_SIZE];
    skb[8..12].copy_from_slice(&context.mark.to_ne_bytes());
    skb[40..44].copy_from_slice(&context.ifindex.to_ne_bytes());
    let mut skb_out = [0_u8; SKB_SIZE];
    let mut out = vec![0_u8; packet.len() + 256];
    let mut attr = Attr::new()
        .u32(0, program.as_raw_fd() as u32)
        .u32(8, u32::try_from(packet.len()).map_err(io::Error::other)?)
        .u32(12, u32::try_from(out.len()).map_err(io::Error::other)?)
        .pointer(16, packet.as_ptr())
        .pointer(24, out.as_mut_ptr())
        .u32(32, repeat)
        .u32(40, SKB_SIZE as u32)
        .u32(44, SKB_SIZE as u32)
        .pointer(48, skb.as_ptr())
        .pointer(56, skb_out.as_mut_ptr());
    bpf(PROG_TEST_RUN, &mut attr, 80)?;
    let length = (attr.read_u32(12) as usize).min(out.len());
    out.truncate(length);
    Ok(TestRun {
        verdict: attr.read_u32(4),
        nanoseconds: attr.read_u32(36),
        packet: out,
        mark: u32::from_ne_bytes(skb_out[8..12].try_into().expect("four bytes")),
    })
}

pub(crate) const BPF_FS: i64 = libc::BPF_FS_MAGIC;

/// The magic number of the file system that a path is in.
pub(crate) fn file_system(path: &Path) -> io::Result<i64> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)?;
    // SAFETY: statfs is plain memory for which all zeros are valid; the path ends with a zero.
    let (result, found) = unsafe {
        let mut found: libc::statfs = std::mem::zeroed();
        (libc::statfs(path.as_ptr(), &mut found), found)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(found.f_type) }
}

/// Binds the calling thread to one CPU.
pub(crate) fn bind_to_cpu(cpu: usize) -> io::Result<()> {
    // SAFETY: cpu_set_t is plain memory for which all zeros are valid; the size that is passed is its own.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Whose rights this process has.
pub(crate) fn user() -> u32 {
    // SAFETY: it takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

fn clock(id: libc::clockid_t, resolution: bool) -> libc::timespec {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing.
    unsafe {
        if resolution {
            libc::clock_getres(id, &mut time);
        } else {
            libc::clock_gettime(id, &mut time);
        }
    }
    time
}

/// CLOCK_MONOTONIC, as `bpf_ktime_get_ns` reads it.
pub(crate) fn monotonic_ns() -> u64 {
    let time = clock(libc::CLOCK_MONOTONIC, false);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Jiffies of a second: the coarse clock advances once a jiffy.
pub(crate) fn hz() -> u32 {
    let tick = u32::try_from(clock(libc::CLOCK_MONOTONIC_COARSE, true).tv_nsec).unwrap_or(4_000_000).max(1);
    (1_000_000_000 + tick / 2) / tick
}

/// Has the runtime wait for the event ring.
pub(crate) fn watch(ring: RingBuf<MapData>) -> io::Result<AsyncFd<RingBuf<MapData>>> {
    // SAFETY: the ring owns its descriptor, always the same one, and closes it only when it is dropped itself.
    unsafe { AsyncFd::register(ring) }.map_err(io::Error::from)
}

/// A packet socket through which answers of our own are sent out of one interface, marked so that the programs know
/// them.
#[derive(Debug)]
pub(crate) struct PacketSocket(OwnedFd);

impl PacketSocket {
    pub(crate) fn open(mark: u32) -> io::Result<Self> {
        // SAFETY: no pointers are involved; the descriptor is checked and owned at once. Protocol 0 receives nothing.
        let fd = unsafe {
            let fd = libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(fd)
        };
        // SAFETY: `mark` is valid for the length that is passed.
        let result = unsafe {
            libc::setsockopt(
                fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_MARK,
                std::ptr::from_ref(&mark).cast(),
                size_of::<u32>() as libc::socklen_t,
            )
        };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(Self(fd)) }
    }

    /// Sends a whole Ethernet frame out of the interface.
    pub(crate) fn send(&self, ifindex: u32, frame: &[u8]) -> io::Result<()> {
        // SAFETY: sockaddr_ll is plain memory for which all zeros are valid; pointers are valid for their lengths.
        let result = unsafe {
            let mut to: libc::sockaddr_ll = std::mem::zeroed();
            to.sll_family = libc::AF_PACKET as u16;
            to.sll_ifindex = i32::try_from(ifindex).map_err(io::Error::other)?;
            to.sll_halen = 6;
            libc::sendto(
                self.0.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                libc::MSG_DONTWAIT,
                std::ptr::from_ref(&to).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}
