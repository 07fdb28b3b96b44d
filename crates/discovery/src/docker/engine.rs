//! HTTP over the engine's socket.
//!
//! Five requests need no client library: bollard brings a hundred crates and twice the build time of hyper, which the
//! API server has anyway, and its strict types fail on fields that are not asked for here.

use super::document::{Container, Event, ListedContainer, Network};
use crate::runtime::RuntimeError;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, Response, StatusCode, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{net::UnixStream, sync::mpsc, time::timeout};

/// Longest wait for an answer. A container that is being started keeps its inspection waiting.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest answer, for a list of some ten thousand containers.
const LONGEST_ANSWER: usize = 256 << 20;
/// Longest event; labels are the long part of it.
const LONGEST_EVENT: usize = 1 << 20;
/// Events that wait to be looked at. The engine drops events for clients that do not read, and does not say so;
/// therefore they are read at once, and when this is full it is we who know of the gap.
const WAITING_EVENTS: usize = 1 << 16;
/// Newest version of the API that the documents were written for (Docker 28).
const NEWEST: (u32, u32) = (1, 51);

/// A Docker Engine that answers.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    socket: Arc<PathBuf>,
    /// `/v1.41`
    prefix: Arc<str>,
}

impl Engine {
    pub(super) async fn connect(socket: &Path) -> Result<Self, RuntimeError> {
        let mut engine = Self { socket: Arc::new(socket.to_owned()), prefix: "".into() };
        let answer = engine.get("/_ping").await?;
        let offered =
            answer.headers().get("api-version").and_then(|v| v.to_str().ok()).and_then(parse_version);
        if let Some(offered) = offered {
            let (major, minor) = offered.min(NEWEST);
            engine.prefix = format!("/v{major}.{minor}").into();
        }
        tracing::debug!(socket = %socket.display(), prefix = &*engine.prefix, "connected to the engine");
        Ok(engine)
    }

    /// All containers, or the one with this identifier, running or not. Answers from the engine's copy of the states,
    /// so it waits for nothing. Elements that cannot be understood are left out.
    pub(super) async fn containers(&self, id: Option<&str>) -> Result<Vec<ListedContainer>, RuntimeError> {
        let filter = id.map(|id| format!("&filters={}", encode(&format!(r#"{{"id":["{id}"]}}"#))));
        let path = format!("/containers/json?all=1{}", filter.unwrap_or_default());
        let elements: Vec<serde_json::Value> = self.document(&path).await?.unwrap_or_default();
        let understood = elements.into_iter().filter_map(|element| {
            serde_json::from_value(element)
                .inspect_err(|error| tracing::warn!(%error, "an element of the container list is malformed"))
                .ok()
        });
        Ok(understood.collect())
    }

    /// `None` where there is no such container.
    pub(super) async fn container(&self, id: &str) -> Result<Option<Container>, RuntimeError> {
        self.document(&format!("/containers/{}/json", encode(id))).await
    }

    /// `None` where there is no such network.
    pub(super) async fn network(&self, id: &str) -> Result<Option<Network>, RuntimeError> {
        self.document(&format!("/networks/{}", encode(id))).await
    }

    pub(super) async fn networks_of_drivers(&self, drivers: &[&str]) -> Result<Vec<Network>, RuntimeError> {
        let filter = serde_json::json!({ "driver": drivers }).to_string();
        Ok(self.document(&format!("/networks?filters={}", encode(&filter))).await?.unwrap_or_default())
    }

    /// Events of containers and networks from now on. Ends with an error, never silently.
    pub(super) async fn events(&self) -> Result<mpsc::Receiver<Result<Event, RuntimeError>>, RuntimeError> {
        const FILTERS: &str = concat!(
            r#"{"type":["container","network"],"event":["create","start","restart","die","destroy","rename","#,
            r#""update","pause","unpause","connect","disconnect"]}"#
        );
        let mut answer = self.get(&format!("/events?filters={}", encode(FILTERS))).await?;
        if answer.status() != StatusCode::OK {
            return Err(refused("/events", answer).await);
        }
        let (sender, events) = mpsc::channel(WAITING_EVENTS);
        tokio::spawn(async move {
            let mut lines = Lines::default();
            let end = loop {
                let frame = tokio::select! {
                    frame = answer.frame() => frame,
                    () = sender.closed() => return,
                };
                let bytes = match frame {
                    None => break RuntimeError::EventsEnded,
                    Some(Err(error)) => break broken("reading events", &error),
                    Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                };
                match lines
                    .push(&bytes)
                    .map(|events| events.into_iter().try_for_each(|e| sender.try_send(Ok(e))))
                {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => break RuntimeError::Gap("more events waited than could be looked at"),
                    Err(error) => break error,
                }
            };
            let _ = sender.send(Err(end)).await;
        });
        Ok(events)
    }

    async fn document<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, RuntimeError> {
        let answer = self.get(path).await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(refused(path, answer).await),
        }
        let bytes = body(path, answer).await?;
        let document = serde_json::from_slice(&bytes);
        document
            .map(Some)
            .map_err(|e| RuntimeError::Malformed { what: path.to_owned(), reason: e.to_string() })
    }

    /// Each request has a connection of its own: that costs some microseconds, and none waits for another.
    async fn get(&self, path: &str) -> Result<Response<Incoming>, RuntimeError> {
        let asking = async {
            let stream = UnixStream::connect(&*self.socket)
                .await
                .map_err(|source| RuntimeError::Connect { path: (*self.socket).clone(), source })?;
            let (mut sender, connection) =
                http1::handshake(TokioIo::new(stream)).await.map_err(|e| broken("connecting", &e))?;
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "connection to the engine ended");
                }
            });
            let request = Request::get(format!("{}{path}", self.prefix))
                .header(hyper::header::HOST, "docker")
                .body(Empty::<Bytes>::new())
                .map_err(|e| RuntimeError::Malformed { what: path.to_owned(), reason: e.to_string() })?;
            sender.send_request(request).await.map_err(|e| broken(path, &e))
        };
        timeout(PATIENCE, asking)
            .await
            .unwrap_or_else(|_| Err(RuntimeError::Silent { what: path.to_owned(), limit: PATIENCE }))
    }
}

async fn body(path: &str, answer: Response<Incoming>) -> Result<Bytes, RuntimeError> {
    let reading = Limited::new(answer.into_body(), LONGEST_ANSWER).collect();
    match timeout(PATIENCE, reading).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) => {
            Err(RuntimeError::Broken { what: format!("reading {path}"), reason: error.to_string() })
        }
        Err(_) => Err(RuntimeError::Silent { what: path.to_owned(), limit: PATIENCE }),
    }
}

async fn refused(path: &str, answer: Response<Incoming>) -> RuntimeError {
    let code = answer.status().as_u16().into();
    let text = body(path, answer).await.unwrap_or_default();
    let message = serde_json::from_slice::<serde_json::Value>(&text)
        .ok()
        .and_then(|document| Some(document.get("message")?.as_str()?.to_owned()))
        .unwrap_or_else(|| String::from_utf8_lossy(&text[..text.len().min(200)]).into_owned());
    RuntimeError::Refused { what: path.to_owned(), code, message }
}

fn broken(what: &str, error: &hyper::Error) -> RuntimeError {
    RuntimeError::Broken { what: what.to_owned(), reason: error.to_string() }
}

/// Cuts the event stream into lines and reads them.
#[derive(Debug, Default)]
struct Lines(BytesMut);

impl Lines {
    fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, RuntimeError> {
        self.0.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.0.iter().position(|b| *b == b'\n') {
            let line = self.0.split_to(end + 1);
            if line.trim_ascii().is_empty() {
                continue;
            }
            // What cannot be read may have told of a change: that is a gap, and a snapshot mends it.
            let event = serde_json::from_slice(&line)
                .map_err(|e| RuntimeError::Malformed { what: "/events".to_owned(), reason: e.to_string() })?;
            events.push(event);
        }
        if self.0.len() > LONGEST_EVENT {
            return Err(RuntimeError::Gap("an event is longer than any should be"));
        }
        Ok(events)
    }
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Percent-encodes everything but letters, digits and `-._~` (RFC 3986, "unreserved").
fn encode(text: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => write!(encoded, "%{byte:02X}").expect("a string takes everything"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_the_stream_is_cut() {
        let stream = concat!(
            r#"{"Type":"container","Action":"start","Actor":{"ID":"a"}}"#,
            "\n\n",
            r#"{"Type":"network","Actor":null}"#,
            "\n"
        )
        .as_bytes();
        for cut in 1..stream.len() {
            let mut lines = Lines::default();
            let events: Vec<_> =
                stream.chunks(cut).flat_map(|c| lines.push(c).expect("well-formed")).collect();
            assert_eq!(events.len(), 2, "{cut}");
            assert_eq!(events[0].container(), Some("a"));
            assert_eq!(events[1].container(), None);
        }
    }

    #[test]
    fn an_event_that_cannot_be_read_or_never_ends_is_a_gap() {
        assert!(matches!(Lines::default().push(b"{]\n"), Err(RuntimeError::Malformed { .. })));
        let endless = vec![b'x'; LONGEST_EVENT + 1];
        assert!(matches!(Lines::default().push(&endless), Err(RuntimeError::Gap(_))));
    }

    #[test]
    fn what_goes_into_a_path_cannot_leave_its_place() {
        assert_eq!(encode("a/../b?c=%\n"), "a%2F..%2Fb%3Fc%3D%25%0A");
    }
}
