//! The server's certificate.

use crate::{app::App, config::Tls, error::ControllerError, state::Actor};
use arc_swap::ArcSwap;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    net::{IpAddr, SocketAddr},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::sync::watch;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
};

/// How often files of the operator are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// What does not hold while a changed certificate cannot be used.
const RENEWAL: &str = "certificate";

#[derive(Default)]
pub(crate) struct Prepared {
    pub(crate) acceptor: Option<TlsAcceptor>,
    /// Files of the operator that are read again when they change.
    pub(crate) renewal: Option<Renewal>,
    /// The certificate that was made here, which clients have to be told to trust.
    pub(crate) certificate: Option<PathBuf>,
}

pub(crate) fn prepare(tls: &Tls, listen: SocketAddr, state: &Path) -> Result<Prepared, ControllerError> {
    let loopback = listen.ip().is_loopback();
    match tls {
        Tls::Off if !loopback => Err(ControllerError::PlainElsewhere(listen)),
        Tls::Off => Ok(Prepared::default()),
        Tls::Auto if loopback => Ok(Prepared::default()),
        Tls::Auto | Tls::SelfSigned => {
            let (certificate, key) = self_signed(state, listen.ip())?;
            let (acceptor, _) = acceptor(&certificate, &key)?;
            Ok(Prepared { acceptor: Some(acceptor), certificate: Some(certificate), renewal: None })
        }
        Tls::Files { certificate, key } => {
            let (acceptor, shown) = acceptor(certificate, key)?;
            let stamp = stamp(certificate, key);
            let renewal = Renewal { certificate: certificate.clone(), key: key.clone(), shown, stamp };
            Ok(Prepared { acceptor: Some(acceptor), certificate: None, renewal: Some(renewal) })
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ControllerError> {
    fs::read(path).map_err(|source| ControllerError::File { path: path.to_owned(), source })
}

/// The certificate that is shown to whoever connects next.
#[derive(Debug)]
struct Shown(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// Size and time of change of both files.
type Stamp = [Option<(u64, SystemTime)>; 2];

fn stamp(certificate: &Path, key: &Path) -> Stamp {
    [certificate, key].map(|path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    })
}

/// Certificates expire, and whatever renews them writes new files: they are taken up without a restart, and connections
/// that are open go on.
pub(crate) struct Renewal {
    certificate: PathBuf,
    key: PathBuf,
    shown: Arc<Shown>,
    stamp: Stamp,
}

impl Renewal {
    pub(crate) async fn run(mut self, app: Arc<App>, mut stopped: watch::Receiver<bool>) {
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                _ = stopped.changed() => return,
                _ = look.tick() => {}
            }
            let now = stamp(&self.certificate, &self.key);
            if now == self.stamp {
                continue;
            }
            self.stamp = now;
            let renewed =
                certified(&self.certificate, &self.key).map(|key| self.shown.0.store(Arc::new(key)));
            let path = self.certificate.display().to_string();
            let noted = app.act(move |state| match renewed {
                Ok(()) => {
                    state.recover(RENEWAL);
                    state.audit(&Actor::system(), "tls.renew", &path, "");
                }
                // They may be half written: they are looked at again when they change again.
                Err(error) => {
                    let what = format!(
                        "the certificate has changed and cannot be used ({error}); the old one is shown"
                    );
                    state.degrade(RENEWAL, &what, "put a certificate and its key in place");
                }
            });
            if let Err(error) = noted.await {
                tracing::warn!(%error, "a renewed certificate is not in the audit log");
            }
        }
    }
}

fn certified(certificate: &Path, key: &Path) -> Result<CertifiedKey, ControllerError> {
    let wrong = |path: &Path, error: &dyn std::fmt::Display| {
        ControllerError::Tls(format!("{} is not usable: {error}", path.display()))
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|e| wrong(certificate, &e))?;
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|e| wrong(key, &e))?;
    CertifiedKey::from_der(chain, secret, &ring::default_provider()).map_err(|e| wrong(certificate, &e))
}

fn acceptor(certificate: &Path, key: &Path) -> Result<(TlsAcceptor, Arc<Shown>), ControllerError> {
    let shown = Arc::new(Shown(ArcSwap::from_pointee(certified(certificate, key)?)));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| ControllerError::Tls(e.to_string()))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::<Shown>::clone(&shown));
    Ok((TlsAcceptor::from(Arc::new(config)), shown))
}

fn self_signed(state: &Path, address: IpAddr) -> Result<(PathBuf, PathBuf), ControllerError> {
    let directory = state.join("tls");
    let (certificate, key) = (directory.join("certificate.pem"), directory.join("key.pem"));
    if certificate.exists() && key.exists() {
        return Ok((certificate, key));
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ControllerError::File { path, source }
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed(&directory))?;
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !address.is_unspecified() {
        names.push(address.to_string());
    }
    if let Ok(name) = fs::read_to_string("/proc/sys/kernel/hostname") {
        names.push(name.trim().to_owned());
    }
    names.dedup();
    let made = rcgen::generate_simple_self_signed(names).map_err(|e| ControllerError::Tls(e.to_string()))?;
    let write = |path: &Path, text: &str, mode: u32| {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(failed(path))
    };
    write(&key, &made.signing_key.serialize_pem(), 0o600)?;
    write(&certificate, &made.cert.pem(), 0o644)?;
    Ok((certificate, key))
}
