use super::{super::message::Any, *};
use std::collections::BTreeMap;

const ID: &str = "4f5e6d7c8b9a4f5e6d7c8b9a4f5e6d7c8b9a4f5e6d7c8b9a4f5e6d7c8b9a4f5e";
const SANDBOX: &str = "0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab0123";

fn container(id: &str, image: &str, labels: &[(&str, &str)], spec: &str) -> Container {
    let labels: BTreeMap<String, String> =
        labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let spec = Some(Any { value: spec.as_bytes().to_vec() });
    Container { id: id.into(), labels, image: image.into(), spec, created_at: None }
}

fn pod() -> Workload {
    let labels = [
        ("io.cri-containerd.kind", "sandbox"),
        ("io.kubernetes.pod.name", "web-abc-x2x4z"),
        ("io.kubernetes.pod.namespace", "shop"),
        ("pod-template-hash", "abc"),
        ("tier", "front"),
    ];
    let spec = r#"{"annotations": {"io.kubernetes.cri.container-type": "sandbox",
        "io.kubernetes.cri.sandbox-id": "0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab0123"},
        "process": {"args": ["/pause"]},
        "linux": {"namespaces": [{"type": "pid"}, {"type": "network", "path": "/var/run/netns/cni-1"}]}}"#;
    describe("k8s.io", &container(SANDBOX, "registry.example/pause:3.6", &labels, spec), None, None)
}

fn pods_container() -> Workload {
    let labels = [
        ("io.cri-containerd.kind", "container"),
        ("io.kubernetes.container.name", "nginx"),
        ("io.kubernetes.pod.name", "web-abc-x2x4z"),
        ("io.kubernetes.pod.namespace", "shop"),
    ];
    let spec = r#"{"annotations": {"io.kubernetes.cri.container-type": "container",
        "io.kubernetes.cri.image-name": "docker.io/library/nginx:1",
        "io.kubernetes.cri.sandbox-id": "0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab0123"},
        "process": {"args": ["nginx", "--api-url=http://api:8080"], "env": ["DB_ADDR=db:5432", "TOKEN=hunter2"]},
        "linux": {"namespaces": [{"type": "network", "path": "/proc/4711/ns/net"}]}}"#;
    describe("k8s.io", &container(ID, "sha256:1111", &labels, spec), None, Some("sha256:2222".into()))
}

#[test]
fn a_pods_containers_share_its_namespace_and_belong_to_its_service() {
    let pod = pod();
    assert_eq!((pod.service.to_string().as_str(), &*pod.name), ("shop/web", "web-abc-x2x4z"));
    assert_eq!(
        (pod.attachment.clone(), pod.netns.as_deref()),
        (Attachment::Own, Some("/var/run/netns/cni-1"))
    );

    let mut inside = pods_container();
    assert_eq!(&*inside.name, "web-abc-x2x4z/nginx");
    assert_eq!(&*inside.image, "docker.io/library/nginx:1");
    assert_eq!(inside.image_digest.as_deref(), Some("sha256:2222"));
    assert_eq!(inside.attachment, Attachment::Shared(WorkloadId(SANDBOX.into())));
    assert_eq!(inside.declared_peers, ["api:8080".into(), "db:5432".into()] as [Box<str>; 2]);
    // Without the pod's labels the short hash cannot be told from a name.
    assert_eq!(inside.service.to_string(), "shop/web-abc");
    join_pod(&mut inside, |id| (*id == pod.id).then_some(&pod));
    assert_eq!(inside.service, pod.service);
    assert_eq!(inside.labels["tier"], "front");
    assert!(!format!("{inside:?}").contains("hunter2"));
}

#[test]
fn a_namespace_shared_by_something_that_is_no_pod_makes_no_service() {
    let mut inside = pods_container();
    let mut stranger = pod();
    stranger.labels.insert("io.kubernetes.pod.name".into(), "another".into());
    let before = inside.clone();
    join_pod(&mut inside, |_| Some(&stranger));
    assert_eq!(inside, before);
}

#[test]
fn plain_containers_are_named_by_nerdctl_or_their_identifier() {
    let network =
        r#"{"process": {"args": ["redis-server"]}, "linux": {"namespaces": [{"type": "network"}]}}"#;
    let named = container(ID, "docker.io/library/redis:7", &[("nerdctl/name", "cache-1")], network);
    let named = describe("default", &named, None, None);
    assert_eq!((named.service.to_string().as_str(), &*named.name), ("default/cache", "cache-1"));
    assert_eq!((&*named.runtime, &*named.id.0), ("containerd/default", ID));
    let by_hand = describe("default", &container("cache", "redis", &[], network), None, None);
    assert_eq!((by_hand.service.to_string().as_str(), &*by_hand.id.0), ("default/cache", "default/cache"));
    let unnamed = describe("moby", &container(ID, "", &[], network), None, None);
    assert_eq!(unnamed.service.to_string(), "default/redis-server");
}

#[test]
fn without_a_network_namespace_it_is_the_hosts() {
    let spec = r#"{"linux": {"namespaces": [{"type": "pid"}]}, "annotations": null}"#;
    assert_eq!(describe("default", &container("a", "b", &[], spec), None, None).attachment, Attachment::Host);
}

#[test]
fn a_malformed_specification_costs_detail_only() {
    for spec in ["", "{", "[]", r#"{"process": 5}"#] {
        let workload = describe("default", &container("cache", "redis", &[], spec), None, None);
        assert_eq!(workload.service.to_string(), "default/cache", "{spec}");
    }
}
