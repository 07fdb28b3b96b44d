//! Stub servers that speak: the first words of the protocol that a port is known for, and clients that know the answer.

use crate::intended::Edge;
use bulkhead_testkit::Namespace;
use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What is said on a port, question and answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speech {
    question: &'static [u8],
    answer: &'static [u8],
}

const HTTP: Speech = Speech {
    question: b"GET / HTTP/1.1\r\nHost: stub\r\nConnection: close\r\n\r\n",
    answer: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
};
/// Preface and empty SETTINGS; SETTINGS and their acknowledgement.
const GRPC: Speech = Speech {
    question: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    answer: b"\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0",
};
const REDIS: Speech = Speech { question: b"*1\r\n$4\r\nPING\r\n", answer: b"+PONG\r\n" };
/// The server greets: protocol 10, a version, thread, salt, capabilities.
const MYSQL: Speech = Speech {
    question: b"",
    answer:
        b"\x31\0\0\0\x0a8.0.0\0\x01\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08\0\xff\xf7\x21\x02\0\0\0\x08\x15\
\0\0\0\0\0\0\0\0\0\0\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\0",
};
/// The protocol header, answered by `Connection.Start`.
const AMQP: Speech = Speech {
    question: b"AMQP\0\0\x09\x01",
    answer: b"\x01\0\0\0\0\0\x1c\0\x0a\0\x0a\0\x09\0\0\0\0\0\0\0\x05PLAIN\0\0\0\x05en_US\xce",
};
/// `OP_MSG` with `{hello: 1}`, answered by `{ok: 1}`.
const MONGODB: Speech = Speech {
    question: b"\x25\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x10\0\0\0\x10hello\0\x01\0\0\0\0",
    answer: b"\x22\0\0\0\x02\0\0\0\x01\0\0\0\xdd\x07\0\0\0\0\0\0\0\x0d\0\0\0\x10ok\0\x01\0\0\0\0",
};

impl Speech {
    /// `name` is what the manifests call the port.
    pub(crate) fn of(port: u16, name: &str) -> Self {
        match port {
            3306 => MYSQL,
            5672 => AMQP,
            6379 => REDIS,
            27017 => MONGODB,
            _ if name == "grpc" => GRPC,
            _ => HTTP,
        }
    }
}

/// How many connections each server has accepted, by its own count.
pub(crate) type Accepted = Arc<Mutex<BTreeMap<SocketAddr, u64>>>;

/// Serves a port of both families until the runtime ends.
pub(crate) fn serve(
    runtime: &tokio::runtime::Runtime,
    namespace: &Namespace,
    port: u16,
    speech: Speech,
    accepted: &Accepted,
) {
    let listener = namespace
        .enter(|| TcpListener::bind(SocketAddr::from(([0_u16; 8], port))))
        .unwrap_or_else(|error| panic!("port {port}: {error}"));
    listener.set_nonblocking(true).expect("any socket can be");
    let accepted = Arc::clone(accepted);
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("this runtime has sockets");
        while let Ok((mut stream, _)) = listener.accept().await {
            if let Ok(own) = stream.local_addr() {
                let own = SocketAddr::new(own.ip().to_canonical(), port);
                *accepted.lock().unwrap_or_else(PoisonError::into_inner).entry(own).or_default() += 1;
            }
            tokio::spawn(async move {
                let mut question = vec![0; speech.question.len()];
                // A client that breaks off is the client's matter.
                if stream.read_exact(&mut question).await.is_ok() && question == speech.question {
                    let _ = stream.write_all(speech.answer).await;
                }
                let _ = stream.shutdown().await;
            });
        }
    });
}

/// What became of a connection, as the client saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Connected, asked, and got the right answer.
    Answered,
    /// Refused at once.
    Refused,
    /// Nothing came back.
    Silent,
    Broken(String),
}

/// One connection to be tried.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) edge: Edge,
    pub(crate) to: SocketAddr,
    pub(crate) speech: Speech,
    /// How long nothing may come back.
    pub(crate) patience: Duration,
}

impl Attempt {
    pub(crate) fn new(edge: &Edge, address: IpAddr, speech: Speech, patience: Duration) -> Self {
        Self { edge: edge.clone(), to: SocketAddr::new(address, edge.port), speech, patience }
    }

    /// From the namespace of the calling thread.
    pub(crate) fn run(&self) -> Outcome {
        match self.talk() {
            Ok(answer) if answer == self.speech.answer => Outcome::Answered,
            Ok(answer) => Outcome::Broken(format!("{} bytes of another answer", answer.len())),
            Err(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused | io::ErrorKind::PermissionDenied => Outcome::Refused,
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Outcome::Silent,
                _ => Outcome::Broken(error.to_string()),
            },
        }
    }

    fn talk(&self) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&self.to, self.patience)?;
        stream.set_read_timeout(Some(self.patience))?;
        stream.write_all(self.speech.question)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }
}
