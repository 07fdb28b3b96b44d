//! The server's certificate.

use crate::{config::Tls, error::ControllerError};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    net::{IpAddr, SocketAddr},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring},
};

pub(crate) struct Prepared {
    pub(crate) acceptor: Option<TlsAcceptor>,
    /// The certificate that was made here, which clients have to be told to trust.
    pub(crate) certificate: Option<PathBuf>,
}

pub(crate) fn prepare(tls: &Tls, listen: SocketAddr, state: &Path) -> Result<Prepared, ControllerError> {
    let loopback = listen.ip().is_loopback();
    match tls {
        Tls::Off if !loopback => Err(ControllerError::PlainElsewhere(listen)),
        Tls::Off => Ok(Prepared { acceptor: None, certificate: None }),
        Tls::Auto if loopback => Ok(Prepared { acceptor: None, certificate: None }),
        Tls::Auto | Tls::SelfSigned => {
            let (certificate, key) = self_signed(state, listen.ip())?;
            let acceptor = Some(acceptor(&certificate, &key)?);
            Ok(Prepared { acceptor, certificate: Some(certificate) })
        }
        Tls::Files { certificate, key } => {
            Ok(Prepared { acceptor: Some(acceptor(certificate, key)?), certificate: None })
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ControllerError> {
    fs::read(path).map_err(|source| ControllerError::File { path: path.to_owned(), source })
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, ControllerError> {
    let wrong = |path: &Path, error: &dyn std::fmt::Display| {
        ControllerError::Tls(format!("{} is not usable: {error}", path.display()))
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|e| wrong(certificate, &e))?;
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|e| wrong(key, &e))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| ControllerError::Tls(e.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|e| wrong(certificate, &e))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
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
