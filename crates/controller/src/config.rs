use bulkhead_api::Settings;
use bulkhead_model::Timestamp;
use std::{
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// How a controller is started. What can change later is in [`Settings`], and is stored.
#[derive(Debug, Clone)]
pub struct ControllerConfig {
    /// Holds the database, the admin token and the certificate; made with mode 0700 where it does not exist.
    pub state_dir: PathBuf,
    /// Loopback unless the operator says otherwise. Port 0 takes any.
    pub listen: SocketAddr,
    pub tls: Tls,
    /// How many times faster than the wall clock learning believes time to pass; 1 for all but demonstrations.
    pub learn_scale: f64,
    /// Used while nothing has been stored yet.
    pub settings: Settings,
    /// Overrides the stored settings, where given on the command line.
    pub automatic: Option<bool>,
    pub profile: Option<bulkhead_api::Profile>,
    /// Below which path a proxy shows the server: `/bulkhead`. Empty for none.
    pub path_prefix: String,
    /// Name of the node that is in the same process.
    pub node: String,
    pub clock: Clock,
    pub limits: Limits,
    /// How long after a change of what nodes enforce the database is copied.
    pub backup_after: Duration,
    /// Whether the kernel of this host enforces something already. It is kept where the state is lost.
    pub enforced: bool,
    /// Whether it may be given up then.
    pub begin_anew: bool,
}

/// How the server is protected on the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Tls {
    /// Plain HTTP; refused for addresses that are not loopback.
    Off,
    /// Plain on loopback, where a certificate of our own making is not worth its warnings; self-signed elsewhere.
    #[default]
    Auto,
    /// Self-signed, made at the first start and kept in `tls/`.
    SelfSigned,
    Files {
        certificate: PathBuf,
        key: PathBuf,
    },
}

/// What one caller may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a request body.
    pub body: usize,
    /// Requests that a credential may make in a burst, and for ever after per second.
    pub burst: u32,
    pub per_second: u32,
    /// Failed logins of an address before it has to wait.
    pub failures: u32,
    pub streams: usize,
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 4 << 20, burst: 400, per_second: 100, failures: 10, streams: 256, connections: 1024 }
    }
}

/// Where the time comes from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    pub fn system() -> Self {
        Self(Arc::new(|| Timestamp::from(SystemTime::now())))
    }

    /// Time as the caller says it, for tests.
    pub fn manual(time: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(time))
    }

    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

impl Default for ControllerConfig {
    fn default() -> Self {
        Self {
            state_dir: PathBuf::from("/var/lib/bulkhead"),
            listen: SocketAddr::from(([127, 0, 0, 1], 7070)),
            tls: Tls::Auto,
            learn_scale: 1.0,
            settings: Settings::default(),
            automatic: None,
            profile: None,
            path_prefix: String::new(),
            node: "local".to_owned(),
            clock: Clock::system(),
            limits: Limits::default(),
            backup_after: Duration::from_secs(5),
            enforced: false,
            begin_anew: false,
        }
    }
}
