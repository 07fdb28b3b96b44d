use serde::{Deserialize, Serialize};
use std::fmt;

/// The number by which the kernel knows a service or another peer.
///
/// Layout: `0..=15` are reserved peers, `256..2^24` are services, and from `2^24` on are *external atoms*: sets of
/// addresses that every rule treats alike (see `bulkhead_policy`'s compiler).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Identity(pub u32);

impl Identity {
    /// Nothing is known of this peer, or its endpoint is not yet identified. Never allowed in Enforce.
    pub const UNKNOWN: Identity = Identity(0);
    /// The host on which the workload runs: its own addresses and processes.
    pub const HOST: Identity = Identity(1);
    /// Another host of the estate.
    pub const REMOTE_HOST: Identity = Identity(2);
    /// Any address that is neither a workload, a host, nor a declared external endpoint.
    pub const WORLD: Identity = Identity(3);
    /// Multicast and broadcast destinations.
    pub const MULTICAST: Identity = Identity(4);

    /// First number of a service.
    pub const FIRST_SERVICE: u32 = 256;
    /// First number of an external atom.
    pub const FIRST_EXTERNAL: u32 = 1 << 24;

    pub const fn is_service(self) -> bool {
        self.0 >= Self::FIRST_SERVICE && self.0 < Self::FIRST_EXTERNAL
    }

    pub const fn is_external(self) -> bool {
        self.0 >= Self::FIRST_EXTERNAL
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UNKNOWN => f.write_str("unknown"),
            Self::HOST => f.write_str("host"),
            Self::REMOTE_HOST => f.write_str("remote-host"),
            Self::WORLD => f.write_str("world"),
            Self::MULTICAST => f.write_str("multicast"),
            Identity(n) => write!(f, "#{n}"),
        }
    }
}
