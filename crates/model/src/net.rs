use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// An IP protocol number (IANA "Protocol Numbers"). Text form: `tcp`, `udp`, `sctp`, `icmp`, `icmpv6`, or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IpProtocol(pub u8);

/// The text names no IP protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a protocol: expected tcp, udp, sctp, icmp, icmpv6, igmp, gre, esp, ah, or a number from 0 to 255"
)]
pub struct UnknownProtocol(pub String);

impl IpProtocol {
    pub const ICMP: IpProtocol = IpProtocol(1);
    pub const IGMP: IpProtocol = IpProtocol(2);
    pub const TCP: IpProtocol = IpProtocol(6);
    pub const UDP: IpProtocol = IpProtocol(17);
    pub const GRE: IpProtocol = IpProtocol(47);
    pub const ESP: IpProtocol = IpProtocol(50);
    pub const AH: IpProtocol = IpProtocol(51);
    pub const ICMPV6: IpProtocol = IpProtocol(58);
    pub const SCTP: IpProtocol = IpProtocol(132);

    const NAMES: [(IpProtocol, &str); 9] = [
        (Self::TCP, "tcp"),
        (Self::UDP, "udp"),
        (Self::SCTP, "sctp"),
        (Self::ICMP, "icmp"),
        (Self::ICMPV6, "icmpv6"),
        (Self::IGMP, "igmp"),
        (Self::GRE, "gre"),
        (Self::ESP, "esp"),
        (Self::AH, "ah"),
    ];

    /// Whether flows of this protocol carry port numbers.
    pub const fn has_ports(self) -> bool {
        matches!(self, Self::TCP | Self::UDP | Self::SCTP)
    }

    /// Whether the "port" of this protocol is an ICMP type and code (see [`IcmpType`]).
    pub const fn is_icmp(self) -> bool {
        matches!(self, Self::ICMP | Self::ICMPV6)
    }
}

impl fmt::Display for IpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.iter().find(|(p, _)| p == self) {
            Some((_, name)) => f.pad(name),
            None => f.pad(&self.0.to_string()),
        }
    }
}

impl FromStr for IpProtocol {
    type Err = UnknownProtocol;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::NAMES
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(text))
            .map(|(p, _)| *p)
            .or_else(|| text.parse().ok().map(IpProtocol))
            .ok_or_else(|| UnknownProtocol(text.to_owned()))
    }
}

impl TryFrom<String> for IpProtocol {
    type Error = UnknownProtocol;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<IpProtocol> for String {
    fn from(protocol: IpProtocol) -> Self {
        protocol.to_string()
    }
}

/// An inclusive range of ports, `1 <= first <= last`; or, for ICMP, of `type * 256 + code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PortRange {
    pub first: u16,
    pub last: u16,
}

impl PortRange {
    pub const ALL: PortRange = PortRange { first: 0, last: u16::MAX };

    pub const fn single(port: u16) -> Self {
        Self { first: port, last: port }
    }

    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

/// An ICMP or ICMPv6 type and code. Where a flow or a rule has a port, ICMP has `type * 256 + code`, so that the whole
/// of a type is one aligned range of 256 "ports" and the kernel needs no second kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IcmpType {
    pub kind: u8,
    pub code: u8,
}

impl IcmpType {
    pub const fn as_port(self) -> u16 {
        (self.kind as u16) << 8 | self.code as u16
    }

    pub const fn from_port(port: u16) -> Self {
        Self { kind: (port >> 8) as u8, code: (port & 0xff) as u8 }
    }

    /// Every code of the type `kind`.
    pub const fn any_code(kind: u8) -> PortRange {
        PortRange { first: (kind as u16) << 8, last: (kind as u16) << 8 | 0xff }
    }
}
