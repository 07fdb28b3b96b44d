//! Messages of containerd's API, declared field by field.
//!
//! Not generated: Protocol Buffers skip fields that are not declared, and a code generator would cost more build time
//! than the rest of the crate.

use prost::Message;
use std::collections::BTreeMap;

/// `containerd.services.containers.v1.Container`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Container {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(super) labels: BTreeMap<String, String>,
    #[prost(string, tag = "3")]
    pub(super) image: String,
    /// The OCI runtime specification as JSON.
    #[prost(message, optional, tag = "5")]
    pub(super) spec: Option<Any>,
    #[prost(message, optional, tag = "8")]
    pub(super) created_at: Option<Time>,
}

/// `google.protobuf.Any`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Any {
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

/// `google.protobuf.Timestamp`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Time {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

/// `containerd.v1.types.Process`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Task {
    /// The container's identifier.
    #[prost(string, tag = "2")]
    pub(super) id: String,
    #[prost(uint32, tag = "3")]
    pub(super) pid: u32,
    #[prost(int32, tag = "4")]
    pub(super) status: i32,
}

impl Task {
    /// Created, running, paused, or pausing.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.status, 1 | 2 | 4 | 5)
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Nothing {}

/// A request that holds one string, its first field.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Named {
    #[prost(string, tag = "1")]
    pub(super) name: String,
}

/// A response, or an element of one, that holds one container, its first field.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ContainerAnswer {
    #[prost(message, optional, tag = "1")]
    pub(super) container: Option<Container>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TaskAnswer {
    #[prost(message, optional, tag = "1")]
    pub(super) task: Option<Task>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TasksAnswer {
    #[prost(message, repeated, tag = "1")]
    pub(super) tasks: Vec<Task>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ImageAnswer {
    #[prost(message, optional, tag = "1")]
    pub(super) image: Option<Image>,
}

/// `containerd.services.images.v1.Image`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Image {
    #[prost(message, optional, tag = "3")]
    pub(super) target: Option<Descriptor>,
}

/// `containerd.types.Descriptor`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Descriptor {
    #[prost(string, tag = "2")]
    pub(super) digest: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Subscribe {
    #[prost(string, repeated, tag = "1")]
    pub(super) filters: Vec<String>,
}

/// `containerd.types.Envelope`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Envelope {
    #[prost(string, tag = "2")]
    pub(super) namespace: String,
    #[prost(string, tag = "3")]
    pub(super) topic: String,
    #[prost(message, optional, tag = "4")]
    pub(super) event: Option<Any>,
}

/// What all events of containers and tasks have in common: the container is their first field.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Subject {
    #[prost(string, tag = "1")]
    pub(super) container: String,
}

/// `containerd.events.TaskExit`
#[derive(Clone, PartialEq, Message)]
pub(super) struct TaskExit {
    #[prost(string, tag = "1")]
    pub(super) container: String,
    /// The container's own identifier where its first process ended, not one that was executed in it later.
    #[prost(string, tag = "2")]
    pub(super) process: String,
}
