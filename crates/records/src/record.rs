//! What a line says, whoever wrote it.

use bulkhead_model::{Application, IpProtocol, Timestamp, Verdict};
use std::{borrow::Cow, net::IpAddr};

/// What a source tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<'a> {
    Flow(Record<'a>),
    /// The source says that it lost records, at that time where it says so.
    Lost {
        time: Option<Timestamp>,
        count: u64,
    },
}

/// One flow, or what one observer saw of it in one interval. The client is who opened it, whatever the direction of the
/// packets that the source saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    pub start: Timestamp,
    /// `start` where the source says nothing of an end.
    pub end: Timestamp,
    pub client: End<'a>,
    pub server: End<'a>,
    pub protocol: IpProtocol,
    /// As [`bulkhead_model::EdgeKey::port`].
    pub port: u16,
    pub application: Application,
    pub verdict: Verdict,
    /// Whether the server answered with more than a refusal, where the source says it.
    pub answered: Option<bool>,
    /// Connections that this record tells of the opening of; 0 for what it says of those that are told elsewhere.
    pub connections: u64,
    pub bytes_to_server: u64,
    pub bytes_to_client: u64,
    pub reporter: Reporter,
    pub certainty: Certainty,
    /// The source found an attack in it.
    pub threat: bool,
}

/// One end of a flow, by whatever the source knows of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct End<'a> {
    pub address: Option<IpAddr>,
    pub named: Named<'a>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Named<'a> {
    /// The address is all that is known.
    #[default]
    Nothing,
    /// Namespace and name of the service itself.
    Service(Cow<'a, str>, Cow<'a, str>),
    /// Namespace and name of a pod, whose owner its name tells.
    Pod(Cow<'a, str>, Cow<'a, str>),
    /// A domain name by which it was looked up.
    Domain(Cow<'a, str>),
    Host,
    RemoteHost,
    /// Outside of the estate, whatever its address.
    World,
    Multicast,
}

impl End<'_> {
    pub(crate) fn address(address: Option<IpAddr>) -> Self {
        Self { address, named: Named::Nothing }
    }
}

/// Who saw it. Where both ends report, both tell of the same connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reporter {
    Client,
    Server,
    #[default]
    Unknown,
}

/// How it is known who opened the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// The source says it.
    Stated,
    /// The ports leave no doubt, or the server was seen to serve others.
    Inferred,
    /// The lower port was taken for the server's.
    Guessed,
}
