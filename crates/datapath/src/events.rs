use aya::maps::{MapData, RingBuf};
use bulkhead_abi::{EVENT_NAME, Event, NameEvent};
use std::{fmt, io};
use tokio::io::unix::AsyncFd;
use zerocopy::FromBytes;

/// What the kernel tells.
#[derive(Debug, Clone)]
pub enum KernelEvent {
    Flow(Box<Event>),
    /// A DNS answer for a workload: identity, interface, message.
    Name {
        local: u32,
        ifindex: u32,
        message: Vec<u8>,
    },
}

/// The reader's end of the event ring.
pub struct Events {
    ring: AsyncFd<RingBuf<MapData>>,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    pub(crate) fn new(ring: RingBuf<MapData>) -> io::Result<Self> {
        Ok(Self { ring: crate::sys::watch(ring)? })
    }

    /// Takes at most `limit` events that are there, oldest first, without waiting.
    pub fn take(&mut self, limit: usize) -> Vec<KernelEvent> {
        take(self.ring.get_mut(), limit)
    }

    /// Waits until there are events and takes at most `limit` of them, oldest first.
    pub async fn next(&mut self, limit: usize) -> io::Result<Vec<KernelEvent>> {
        loop {
            let mut guard = self.ring.readable_mut().await?;
            let taken = take(guard.get_inner_mut(), limit);
            if taken.len() < limit {
                guard.clear_ready();
            }
            if !taken.is_empty() {
                return Ok(taken);
            }
        }
    }
}

fn take(ring: &mut RingBuf<MapData>, limit: usize) -> Vec<KernelEvent> {
    let mut taken = Vec::new();
    while taken.len() < limit
        && let Some(item) = ring.next()
    {
        taken.extend(decode(&item));
    }
    taken
}

fn decode(bytes: &[u8]) -> Option<KernelEvent> {
    if bytes.first() == Some(&EVENT_NAME) {
        let (event, _) = NameEvent::read_from_prefix(bytes).ok()?;
        let length = usize::from(event.length).min(event.message.len());
        return Some(KernelEvent::Name {
            local: event.local,
            ifindex: event.ifindex,
            message: event.message[..length].to_vec(),
        });
    }
    let (event, _) = Event::read_from_prefix(bytes).ok()?;
    Some(KernelEvent::Flow(Box::new(event)))
}
