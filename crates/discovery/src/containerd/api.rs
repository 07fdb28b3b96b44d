//! The few calls of containerd's API that are needed.

use super::message::{
    Container, ContainerAnswer, Envelope, ImageAnswer, Named, Nothing, Subject, Subscribe, Task, TaskAnswer,
    TaskExit, TasksAnswer,
};
use crate::runtime::RuntimeError;
use hyper::http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use prost::Message;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{net::UnixStream, sync::mpsc, time::timeout};
use tonic::{
    Code, Request, Status, Streaming,
    client::Grpc,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

/// Longest wait for an answer. containerd waits two seconds for each shim that does not answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest message; a container's specification is some ten kilobytes.
const LONGEST_MESSAGE: usize = 64 << 20;
/// Events that wait to be looked at.
const WAITING_EVENTS: usize = 1 << 14;

/// Something that concerns what is known of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) namespace: String,
    pub(super) container: String,
    pub(super) happened: Happened,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happened {
    Created,
    Changed,
    Ended,
}

/// A containerd that answers.
#[derive(Debug, Clone)]
pub(super) struct Api {
    channel: Channel,
}

impl Api {
    pub(super) async fn connect(socket: &Path) -> Result<Self, RuntimeError> {
        // Told apart from a containerd that does not answer.
        let path = socket.to_owned();
        UnixStream::connect(&path)
            .await
            .map_err(|source| RuntimeError::Connect { path: path.clone(), source })?;
        let connector = tower::service_fn(move |_| connect(path.clone()));
        let channel = Endpoint::from_static("http://containerd")
            .connect_timeout(PATIENCE)
            .connect_with_connector(connector)
            .await
            .map_err(|e| RuntimeError::Broken { what: "connecting".to_owned(), reason: e.to_string() })?;
        Ok(Self { channel })
    }

    /// Every container of a namespace, running or not.
    pub(super) async fn containers(&self, namespace: &str) -> Result<Vec<Container>, RuntimeError> {
        // As a stream, because a list of hundreds would be longer than containerd's longest message.
        let what = "/containerd.services.containers.v1.Containers/ListStream";
        let reading = async {
            let mut elements: Streaming<ContainerAnswer> = self.stream(namespace, what, Nothing {}).await?;
            let mut containers = Vec::new();
            while let Some(element) = elements.message().await? {
                containers.extend(element.container);
            }
            Ok(containers)
        };
        in_time(what, reading).await
    }

    /// `None` where there is no such container.
    pub(super) async fn container(
        &self,
        namespace: &str,
        id: &str,
    ) -> Result<Option<Container>, RuntimeError> {
        let what = "/containerd.services.containers.v1.Containers/Get";
        let answer: Option<ContainerAnswer> =
            self.call(namespace, what, Named { name: id.to_owned() }).await?;
        Ok(answer.and_then(|answer| answer.container))
    }

    /// The tasks of a namespace by their containers' identifiers.
    pub(super) async fn tasks(&self, namespace: &str) -> Result<HashMap<String, Task>, RuntimeError> {
        let what = "/containerd.services.tasks.v1.Tasks/List";
        let answer: Option<TasksAnswer> = self.call(namespace, what, Nothing {}).await?;
        Ok(answer.unwrap_or_default().tasks.into_iter().map(|task| (task.id.clone(), task)).collect())
    }

    /// `None` where the container has no task.
    pub(super) async fn task(&self, namespace: &str, id: &str) -> Result<Option<Task>, RuntimeError> {
        let what = "/containerd.services.tasks.v1.Tasks/Get";
        let answer: Option<TaskAnswer> = self.call(namespace, what, Named { name: id.to_owned() }).await?;
        Ok(answer.and_then(|answer| answer.task))
    }

    /// `None` where there is no such image.
    pub(super) async fn image_digest(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<String>, RuntimeError> {
        let what = "/containerd.services.images.v1.Images/Get";
        let answer: Option<ImageAnswer> = self.call(namespace, what, Named { name: name.to_owned() }).await?;
        Ok(answer.and_then(|answer| Some(answer.image?.target?.digest)).filter(|digest| !digest.is_empty()))
    }

    /// Events of these namespaces. Ends with an error, never silently.
    ///
    /// containerd answers with the first event, so nobody can wait until it has begun to tell them.
    pub(super) fn events(&self, namespaces: &[String]) -> mpsc::Receiver<Result<Event, RuntimeError>> {
        let filters = namespaces.iter().map(|namespace| format!("namespace=={namespace:?}")).collect();
        let (sender, events) = mpsc::channel(WAITING_EVENTS);
        let api = self.clone();
        tokio::spawn(async move {
            let end = tokio::select! {
                end = api.forward(Subscribe { filters }, &sender) => end,
                () = sender.closed() => return,
            };
            let _ = sender.send(Err(end)).await;
        });
        events
    }

    async fn forward(
        &self,
        subscribe: Subscribe,
        events: &mpsc::Sender<Result<Event, RuntimeError>>,
    ) -> RuntimeError {
        let what = "/containerd.services.events.v1.Events/Subscribe";
        let mut stream: Streaming<Envelope> = match self.stream("", what, subscribe).await {
            Ok(stream) => stream,
            Err(status) => return failed(what, &status),
        };
        loop {
            match stream.message().await {
                Ok(Some(envelope)) => {
                    if let Some(event) = understand(envelope)
                        && events.try_send(Ok(event)).is_err()
                    {
                        return RuntimeError::Gap("more events waited than could be looked at");
                    }
                }
                Ok(None) => return RuntimeError::EventsEnded,
                Err(status) => return failed(what, &status),
            }
        }
    }

    async fn call<Q, A>(
        &self,
        namespace: &str,
        what: &'static str,
        question: Q,
    ) -> Result<Option<A>, RuntimeError>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let asking = async {
            let mut grpc = self.ready().await?;
            let codec = ProstCodec::<Q, A>::default();
            let path = PathAndQuery::from_static(what);
            match grpc.unary(in_namespace(namespace, question)?, path, codec).await {
                Ok(answer) => Ok(Some(answer.into_inner())),
                Err(status) if status.code() == Code::NotFound => Ok(None),
                Err(status) => Err(status),
            }
        };
        in_time(what, asking).await
    }

    async fn stream<Q, A>(
        &self,
        namespace: &str,
        what: &'static str,
        question: Q,
    ) -> Result<Streaming<A>, Status>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let mut grpc = self.ready().await?;
        let codec = ProstCodec::<Q, A>::default();
        let path = PathAndQuery::from_static(what);
        Ok(grpc.server_streaming(in_namespace(namespace, question)?, path, codec).await?.into_inner())
    }

    async fn ready(&self) -> Result<Grpc<Channel>, Status> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(LONGEST_MESSAGE);
        grpc.ready().await.map_err(|e| Status::unavailable(e.to_string()))?;
        Ok(grpc)
    }
}

async fn connect(path: PathBuf) -> std::io::Result<TokioIo<UnixStream>> {
    Ok(TokioIo::new(UnixStream::connect(path).await?))
}

fn in_namespace<Q>(namespace: &str, question: Q) -> Result<Request<Q>, Status> {
    let mut request = Request::new(question);
    if !namespace.is_empty() {
        let value =
            namespace.parse().map_err(|_| Status::invalid_argument("not a namespace of containerd"))?;
        request.metadata_mut().insert("containerd-namespace", value);
    }
    Ok(request)
}

async fn in_time<T>(what: &str, asking: impl Future<Output = Result<T, Status>>) -> Result<T, RuntimeError> {
    match timeout(PATIENCE, asking).await {
        Ok(answer) => answer.map_err(|status| failed(what, &status)),
        Err(_) => Err(RuntimeError::Silent { what: what.to_owned(), limit: PATIENCE }),
    }
}

fn failed(what: &str, status: &Status) -> RuntimeError {
    match status.code() {
        Code::Unavailable | Code::Cancelled | Code::Unknown => {
            RuntimeError::Broken { what: what.to_owned(), reason: status.message().to_owned() }
        }
        code => RuntimeError::Refused {
            what: what.to_owned(),
            code: i32::from(code).unsigned_abs(),
            message: status.message().to_owned(),
        },
    }
}

fn understand(envelope: Envelope) -> Option<Event> {
    let payload = envelope.event.unwrap_or_default().value;
    let subject = || Subject::decode(&*payload).ok().map(|subject| subject.container);
    let (container, happened) = match &*envelope.topic {
        "/containers/create" => (subject()?, Happened::Created),
        "/containers/update" | "/tasks/create" | "/tasks/start" | "/tasks/paused" | "/tasks/resumed" => {
            (subject()?, Happened::Changed)
        }
        "/containers/delete" => (subject()?, Happened::Ended),
        "/tasks/exit" => {
            let exit = TaskExit::decode(&*payload).ok()?;
            if exit.container != exit.process {
                return None;
            }
            (exit.container, Happened::Ended)
        }
        _ => return None,
    };
    (!container.is_empty()).then_some(Event { namespace: envelope.namespace, container, happened })
}

#[cfg(test)]
mod tests {
    use super::{super::message::Any, *};

    fn envelope(topic: &str, payload: &impl Message) -> Envelope {
        let event = Some(Any { value: payload.encode_to_vec() });
        Envelope { namespace: "k8s.io".into(), topic: topic.into(), event }
    }

    fn exit(container: &str, process: &str) -> TaskExit {
        TaskExit { container: container.into(), process: process.into() }
    }

    #[test]
    fn only_the_end_of_its_first_process_ends_a_container() {
        let ended = understand(envelope("/tasks/exit", &exit("aa", "aa"))).map(|event| event.happened);
        assert_eq!(ended, Some(Happened::Ended));
        assert_eq!(understand(envelope("/tasks/exit", &exit("aa", "some-exec"))), None);
    }

    #[test]
    fn a_started_task_is_read_although_its_second_field_is_another() {
        // TaskStart: container_id = 1, pid = 2 (a number).
        let payload = [0x0a, 2, b'a', b'a', 0x10, 0x96, 1];
        let event = Some(Any { value: payload.to_vec() });
        let start = Envelope { namespace: "default".into(), topic: "/tasks/start".into(), event };
        let expected =
            Event { namespace: "default".into(), container: "aa".into(), happened: Happened::Changed };
        assert_eq!(understand(start), Some(expected));
    }

    #[test]
    fn events_of_other_things_and_broken_ones_are_none() {
        assert_eq!(understand(envelope("/images/create", &exit("aa", ""))), None);
        assert_eq!(understand(envelope("/tasks/start", &Nothing {})), None);
        let event = Some(Any { value: vec![0xff; 9] });
        assert_eq!(understand(Envelope { topic: "/tasks/exit".into(), event, ..Envelope::default() }), None);
    }
}
