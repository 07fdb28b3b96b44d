//! One HTTP request over one connection, plain or TLS. Small on purpose: the command line and the webhooks need no
//! pools, proxies or redirects.

use bytes::Bytes;
use http::{Request, Response, Uri, header::HOST};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use std::sync::Arc;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring},
};

#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("'{0}' is not an address: expected http://host:port or https://host:port")]
    Address(String),
    #[error("cannot connect to {host}:{port}: {source}")]
    Connect { host: String, port: u16, source: std::io::Error },
    #[error("no TLS connection with {host}: {source}")]
    Tls { host: String, source: std::io::Error },
    #[error("the certificate authority is not PEM: {0}")]
    Authority(String),
    #[error("the connection broke: {0}")]
    Http(#[from] hyper::Error),
    #[error("the request is not valid: {0}")]
    Request(#[from] http::Error),
}

/// Who is trusted to vouch for servers: the given authority (PEM), or else the system's.
pub fn trust(authority: Option<&[u8]>) -> Result<Arc<ClientConfig>, TransportError> {
    let mut roots = RootCertStore::empty();
    match authority {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|e| TransportError::Authority(e.to_string()))?;
                roots.add(certificate).map_err(|e| TransportError::Authority(e.to_string()))?;
            }
            if roots.is_empty() {
                return Err(TransportError::Authority("no certificate in it".to_owned()));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| TransportError::Authority(e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Opens TLS over an open connection.
pub async fn secure(
    stream: TcpStream,
    host: &str,
    trust: Arc<ClientConfig>,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, TransportError> {
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .map_err(|_| TransportError::Address(host.to_owned()))?;
    TlsConnector::from(trust)
        .connect(name, stream)
        .await
        .map_err(|source| TransportError::Tls { host: host.to_owned(), source })
}

/// Opens a TCP connection.
pub async fn connect(host: &str, port: u16) -> Result<TcpStream, TransportError> {
    TcpStream::connect((host.trim_matches(['[', ']']), port))
        .await
        .map_err(|source| TransportError::Connect { host: host.to_owned(), port, source })
}

/// Sends a request to the host of its absolute address.
pub async fn send(
    mut request: Request<Full<Bytes>>,
    trust: Option<Arc<ClientConfig>>,
) -> Result<Response<Incoming>, TransportError> {
    let uri = request.uri().clone();
    let wrong = || TransportError::Address(uri.to_string());
    let host = uri.host().ok_or_else(wrong)?.to_owned();
    let tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(wrong()),
    };
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    request.headers_mut().insert(HOST, authority.parse().map_err(|_| wrong())?);
    let path = uri.path_and_query().map_or("/", |p| p.as_str());
    *request.uri_mut() = path.parse::<Uri>().map_err(|_| wrong())?;
    let stream = connect(&host, port).await?;
    if tls {
        let config = match trust {
            Some(config) => config,
            None => self::trust(None)?,
        };
        exchange(secure(stream, &host, config).await?, request).await
    } else {
        exchange(stream, request).await
    }
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends by itself when the answer's body has been read or dropped; its error is seen by whoever reads that body.
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}
