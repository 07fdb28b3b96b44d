//! Just enough netlink: one request, all of its answers.
//!
//! A netlink socket belongs for ever to the network namespace in which it was opened, so a socket that is kept answers
//! for its namespace from any thread. It also keeps that namespace alive.

use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt},
};
use std::{io, time::Duration};

/// Which kernel interface the socket speaks to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Family {
    Route,
    SocketDiagnosis,
}

/// `NLM_F_REQUEST`, and for lists `NLM_F_ROOT | NLM_F_MATCH`.
const REQUEST: u16 = 0x01;
const DUMP: u16 = 0x100 | 0x200;
/// Answer flag: the list changed while it was told (`NLM_F_DUMP_INTR`).
const INTERRUPTED: u16 = 0x10;
const NOOP: u16 = 1;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const HEADER: usize = 16;
/// The kernel fills at most this much per datagram of a list (`netlink_dump`).
const BUFFER: usize = 32 * 1024;
/// Netlink answers within the system call; a socket that does not is broken, and nobody may hang on it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Attempts at a list that changes while it is told.
const ATTEMPTS: u32 = 4;

#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    sequence: u32,
}

impl Socket {
    /// Opens a socket in the network namespace of the calling thread.
    pub(crate) fn open(family: Family) -> io::Result<Self> {
        let protocol = match family {
            Family::Route => None,
            Family::SocketDiagnosis => Some(net::netlink::SOCK_DIAG),
        };
        let fd = net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        sockopt::set_socket_timeout(&fd, sockopt::Timeout::Recv, Some(PATIENCE))?;
        Ok(Self { fd, sequence: 0 })
    }

    /// All messages of a list. Each is (message type, payload).
    pub(crate) fn list(&mut self, kind: u16, body: &[u8]) -> io::Result<Vec<(u16, Vec<u8>)>> {
        let mut told = Vec::new();
        for _ in 0..ATTEMPTS {
            told.clear();
            let whole =
                self.exchange(kind, DUMP, body, |kind, payload| told.push((kind, payload.to_vec())))?;
            if whole {
                break;
            }
        }
        Ok(told)
    }

    /// The one answer to a question, `None` where the kernel knows no such thing.
    pub(crate) fn one(&mut self, kind: u16, body: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let mut told = None;
        match self.exchange(kind, 0, body, |_, payload| told = Some(payload.to_vec())) {
            Ok(_) => Ok(told),
            Err(error) if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns whether the answer is whole, that is not interrupted by a change.
    fn exchange(
        &mut self,
        kind: u16,
        flags: u16,
        body: &[u8],
        mut each: impl FnMut(u16, &[u8]),
    ) -> io::Result<bool> {
        self.sequence = self.sequence.wrapping_add(1);
        self.send(kind, flags, body)?;
        // For as long as the question takes: thousands of sockets are held, and few are asked at a time.
        let mut buffer = vec![0; BUFFER];
        let mut whole = true;
        loop {
            let (_, length) = loop {
                match net::recv(&self.fd, buffer.as_mut_slice(), RecvFlags::TRUNC) {
                    Err(Errno::INTR) => {}
                    answer => break answer?,
                }
            };
            if length > buffer.len() {
                return Err(io::Error::other("netlink datagram longer than the kernel promises"));
            }
            for message in Messages(&buffer[..length]) {
                if message.sequence != self.sequence {
                    continue; // what is left of a question that failed half-way
                }
                whole &= message.flags & INTERRUPTED == 0;
                match message.kind {
                    NOOP => {}
                    ERROR | DONE => {
                        let code = message.body.first_chunk().map_or(0, |c| i32::from_ne_bytes(*c));
                        return if code < 0 { Err(io::Error::from_raw_os_error(-code)) } else { Ok(whole) };
                    }
                    kind => {
                        each(kind, message.body);
                        if flags & DUMP == 0 {
                            return Ok(whole);
                        }
                    }
                }
            }
        }
    }

    fn send(&self, kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(HEADER + body.len()).map_err(io::Error::other)?;
        let mut request = Vec::with_capacity(HEADER + body.len());
        request.extend_from_slice(&length.to_ne_bytes());
        request.extend_from_slice(&kind.to_ne_bytes());
        request.extend_from_slice(&(REQUEST | flags).to_ne_bytes());
        request.extend_from_slice(&self.sequence.to_ne_bytes());
        request.extend_from_slice(&0u32.to_ne_bytes());
        request.extend_from_slice(body);
        net::send(&self.fd, &request, SendFlags::empty())?;
        Ok(())
    }
}

struct Message<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    body: &'a [u8],
}

/// The messages of one datagram. Stops at the first that does not fit, so hostile lengths end the walk.
struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let length = u32_at(self.0, 0)? as usize;
        let body = self.0.get(HEADER..length)?;
        let message = Message {
            kind: u16_at(self.0, 4)?,
            flags: u16_at(self.0, 6)?,
            sequence: u32_at(self.0, 8)?,
            body,
        };
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    }
}

/// The attributes (type, value) that follow a fixed header of `skip` bytes.
pub(crate) fn attributes(message: &[u8], skip: usize) -> Attributes<'_> {
    Attributes(message.get(skip..).unwrap_or_default())
}

pub(crate) struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16_at(self.0, 0)?);
        // The two upper bits of the type say "nested" and "network byte order".
        let kind = u16_at(self.0, 2)? & 0x3fff;
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// A number in host byte order.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|c| u16::from_ne_bytes(*c))
}

/// A number in host byte order.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|c| u32::from_ne_bytes(*c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_end_at_the_first_that_lies_about_its_length() {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&5u16.to_ne_bytes());
        bytes.extend_from_slice(&7u16.to_ne_bytes());
        bytes.extend_from_slice(&[42, 0, 0, 0]);
        bytes.extend_from_slice(&500u16.to_ne_bytes());
        bytes.extend_from_slice(&[1, 0]);
        assert_eq!(attributes(&bytes, 0).collect::<Vec<_>>(), [(7, &[42u8][..])]);
    }

    #[test]
    fn a_length_of_zero_ends_the_walk_instead_of_repeating_it() {
        assert_eq!(attributes(&[0; 16], 0).count(), 0);
        assert_eq!(Messages(&[0; 64]).count(), 0);
    }

    #[test]
    fn the_nested_bit_is_no_part_of_the_type() {
        let mut bytes = 4u16.to_ne_bytes().to_vec();
        bytes.extend_from_slice(&(0x8000u16 | 18).to_ne_bytes());
        assert_eq!(attributes(&bytes, 0).next(), Some((18, &[][..])));
    }
}
