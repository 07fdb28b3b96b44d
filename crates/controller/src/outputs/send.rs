//! One event to one place.

use super::format;
use bulkhead_api::{
    Output, OutputTarget, SyslogFormat, SyslogTransport, WebhookFormat,
    transport::{self, TransportError},
};
use bulkhead_model::Event;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full, Limited};
use ring::hmac;
use std::{future::poll_fn, io, pin::Pin, task::Poll, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::UdpSocket,
};

const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error("'{0}' is not host:port")]
    Address(String),
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("the request is not valid: {0}")]
    Request(#[from] http::Error),
    #[error("writing failed: {0}")]
    Io(#[from] io::Error),
    #[error("the other side answered {status}: {body}")]
    Refused { status: u16, body: String, retry_after: Option<Duration> },
    #[error("the other side ended the connection")]
    Ended,
    #[error("no answer within {} seconds", PATIENCE.as_secs())]
    Timeout,
}

/// An open connection that is used again.
#[derive(Default)]
pub(super) struct Line {
    stream: Option<Box<dyn Duplex>>,
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl Line {
    /// Lets go of a connection that the other side has ended: a first write into it would seem to succeed.
    async fn drop_if_ended(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        // What the kernel knows, the runtime knows once it has looked.
        tokio::task::yield_now().await;
        let mut buffer = [0; 512];
        loop {
            let mut buffer = ReadBuf::new(&mut buffer);
            let read = poll_fn(|cx| Poll::Ready(Pin::new(&mut *stream).poll_read(cx, &mut buffer))).await;
            match read {
                Poll::Pending => return,
                // Syslog has no answers; whatever this is, the connection is open.
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => break,
            }
        }
        self.stream = None;
    }
}

/// Delivers; says in words what became of it.
pub(super) async fn deliver(output: &Output, event: &Event, line: &mut Line) -> Result<String, SendError> {
    tokio::time::timeout(PATIENCE, deliver_now(output, event, line)).await.map_err(|_| SendError::Timeout)?
}

async fn deliver_now(output: &Output, event: &Event, line: &mut Line) -> Result<String, SendError> {
    match &output.target {
        OutputTarget::Syslog { address, transport, format, ca_pem } => {
            let host = hostname().await;
            let text = match format {
                SyslogFormat::Rfc5424 => format::rfc5424(event, &host),
                SyslogFormat::Cef => format::cef(event, &host),
            };
            syslog(address, *transport, ca_pem.as_deref(), &text, line).await
        }
        OutputTarget::Webhook { url, format, secret, ca_pem } => {
            webhook(url, *format, secret.as_deref(), ca_pem.as_deref(), event).await
        }
    }
}

async fn hostname() -> String {
    let name = tokio::fs::read_to_string("/proc/sys/kernel/hostname").await.unwrap_or_default();
    let name: String = name.trim().chars().filter(char::is_ascii_graphic).take(255).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

async fn syslog(
    address: &str,
    transport: SyslogTransport,
    authority: Option<&str>,
    text: &str,
    line: &mut Line,
) -> Result<String, SendError> {
    let wrong = || SendError::Address(address.to_owned());
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let host = host.trim_matches(['[', ']']);
    if transport == SyslogTransport::Udp {
        let target = tokio::net::lookup_host((host, port)).await?.next().ok_or_else(wrong)?;
        let local = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(local).await?;
        // RFC 5426 asks for no more; a longer one would be lost in fragments.
        let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= 2048).last();
        socket.send_to(&text.as_bytes()[..end.unwrap_or(0)], target).await?;
        return Ok("sent; UDP does not say whether it arrived".to_owned());
    }
    line.drop_if_ended().await;
    if line.stream.is_none() {
        let stream = transport::connect(host, port).await?;
        line.stream = Some(match transport {
            SyslogTransport::Tls => {
                let trust = transport::trust(authority.map(str::as_bytes))?;
                Box::new(transport::secure(stream, host, trust).await?)
            }
            _ => Box::new(stream),
        });
    }
    if let Some(stream) = &mut line.stream {
        // Octet counting: RFC 6587 §3.4.1, RFC 5425 §4.3.
        stream.write_all(format!("{} {text}", text.len()).as_bytes()).await?;
        stream.flush().await?;
    }
    // Ended before it could take this: the event comes again over another one.
    line.drop_if_ended().await;
    if line.stream.is_none() {
        return Err(SendError::Ended);
    }
    Ok("written to the connection".to_owned())
}

/// `t=TIME,v1=HEX`: HMAC-SHA256 of `TIME.BODY`, so that an old message cannot be played again.
pub(super) fn signature(secret: &str, seconds: u64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", crate::state::hex(tag.as_ref()))
}

async fn webhook(
    url: &str,
    format: WebhookFormat,
    secret: Option<&str>,
    authority: Option<&str>,
    event: &Event,
) -> Result<String, SendError> {
    let body = format::webhook(event, format);
    let mut request = Request::post(url)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("bulkhead/", env!("CARGO_PKG_VERSION")))
        .header("x-bulkhead-event", event.id.0.to_string());
    if let Some(secret) = secret {
        let now = bulkhead_model::Timestamp::from(std::time::SystemTime::now());
        request = request.header("x-bulkhead-signature", signature(secret, now.seconds(), &body));
    }
    let trust = match authority {
        Some(pem) => Some(transport::trust(Some(pem.as_bytes()))?),
        None => None,
    };
    let response = transport::send(request.body(Full::new(Bytes::from(body)))?, trust).await?;
    let status = response.status();
    let retry_after =
        response.headers().get(header::RETRY_AFTER).and_then(|value| after(value.to_str().ok()?));
    if status.is_success() {
        return Ok(format!("the other side answered {}", status.as_u16()));
    }
    let answer = Limited::new(response.into_body(), 4096).collect().await.map(|body| body.to_bytes());
    let body = String::from_utf8_lossy(&answer.unwrap_or_default()).chars().take(200).collect();
    Err(SendError::Refused { status: status.as_u16(), body, retry_after })
}

/// How long `Retry-After` asks to wait (RFC 9110 §10.2.3): seconds, or until a date.
fn after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value.trim()).ok()?;
    Some(date.duration_since(std::time::SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        assert_eq!(after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO), "it has passed");
        assert!(after("Fri, 31 Dec 9999 23:59:59 GMT").is_some_and(|wait| wait.as_secs() > 3600));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn the_signature_covers_time_and_body() {
        let one = signature("secret", 1, "body");
        assert!(one.starts_with("t=1,v1=") && one.len() == 7 + 64, "{one}");
        assert_ne!(one, signature("secret", 2, "body"));
        assert_ne!(one, signature("secret", 1, "bodY"));
        assert_ne!(one, signature("other", 1, "body"));
        assert_eq!(one, signature("secret", 1, "body"));
    }
}
