use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// An application protocol, by the number that kernel tables carry. `0` is *unknown*: nothing has been identified.
///
/// Numbers are part of the kernel interface and of stored data: append, never renumber.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Application(u16);

/// The text names no application protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an application protocol that Bulkhead knows")]
pub struct UnknownApplication(pub String);

const NAMES: &[&str] = &[
    "unknown",
    "http",
    "http2",
    "tls",
    "dns",
    "redis",
    "postgresql",
    "mysql",
    "mongodb",
    "kafka",
    "amqp",
    "mqtt",
    "ssh",
    "smtp",
    "imap",
    "pop3",
    "ftp",
    "ldap",
    "memcached",
    "cassandra",
    "elasticsearch",
    "zookeeper",
    "etcd",
    "nats",
    "grpc",
    "websocket",
    "quic",
    "ntp",
    "dhcp",
    "syslog",
    "snmp",
    "sip",
    "rtp",
    "stun",
    "dtls",
    "kerberos",
    "smb",
    "rdp",
    "vnc",
    "telnet",
    "tds",
    "oracle",
    "radius",
    "coap",
    "modbus",
    "bittorrent",
    "socks",
    "wireguard",
    "openvpn",
    "nfs",
    "statsd",
    "thrift",
    "zmtp",
    "rsync",
    "git",
    "irc",
    "xmpp",
    "rtsp",
    "vxlan",
    "tftp",
    "mdns",
    "llmnr",
    "netbios",
    "ssdp",
    "bgp",
];

impl Application {
    pub const UNKNOWN: Application = Application(0);
    /// In compiled tables: any known application that has no entry of its own. No flow and no rule ever has it.
    pub const OTHER: Application = Application(u16::MAX);

    /// The number that kernel tables carry.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The application with this number, or unknown where this version has no name for it.
    pub fn from_number(number: u16) -> Self {
        if usize::from(number) < NAMES.len() { Self(number) } else { Self::UNKNOWN }
    }

    pub fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or("unknown")
    }

    /// Every known application, `unknown` first.
    pub fn all() -> impl Iterator<Item = Application> {
        (0..).zip(NAMES).map(|(number, _)| Application(number))
    }
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Application {
    type Err = UnknownApplication;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::all()
            .find(|app| app.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownApplication(text.to_owned()))
    }
}

impl TryFrom<String> for Application {
    type Error = UnknownApplication;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Application> for String {
    fn from(app: Application) -> Self {
        app.name().to_owned()
    }
}
