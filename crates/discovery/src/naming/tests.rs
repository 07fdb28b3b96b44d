use super::*;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn named(pairs: &[(&str, &str)], name: &str, image: &str, command: &[&str]) -> (String, WorkloadOwner) {
    let command: Vec<String> = command.iter().map(|&c| c.to_owned()).collect();
    let facts = Facts { labels: &labels(pairs), name, image, command: &command };
    let (service, owner) = service_of(&facts);
    (service.to_string(), owner)
}

#[test]
fn orchestrators_labels_name_the_service() {
    let compose = [("com.docker.compose.project", "shop"), ("com.docker.compose.service", "web")];
    let oneoff = [compose[0], compose[1], ("com.docker.compose.oneoff", "True")];
    let swarm = [("com.docker.swarm.service.name", "shop_web"), ("com.docker.stack.namespace", "shop")];
    let alone = [("com.docker.swarm.service.name", "shop_web")];
    let pod = [("io.kubernetes.pod.namespace", "shop"), ("io.kubernetes.pod.name", "web-7d4b9c6f5d-x2x4z")];
    for (labels, container, expected, owner) in [
        (&compose[..], "shop-web-1", "shop/web", WorkloadOwner::Compose),
        (&oneoff[..], "shop-web-run-9f8e7d6c5b4a", "shop/web", WorkloadOwner::Compose),
        (&swarm[..], "shop_web.1.q8x2mz7k", "shop/web", WorkloadOwner::Swarm),
        (&alone[..], "shop_web.1.q8x2mz7k", "default/shop_web", WorkloadOwner::Swarm),
        (&pod[..], "k8s_web_web-7d4b9c6f5d-x2x4z_shop_0", "shop/web", WorkloadOwner::Kubernetes),
    ] {
        assert_eq!(named(labels, container, "nginx", &[]), (expected.to_owned(), owner), "{container}");
    }
}

#[test]
fn the_users_own_label_wins_and_stays_in_the_namespace_when_it_names_none() {
    let compose = ("com.docker.compose.project", "shop");
    let service = ("com.docker.compose.service", "web");
    for (labels, expected) in [
        (&[("bulkhead.service", "pay/ledger"), compose, service][..], "pay/ledger"),
        (&[("bulkhead.service", "ledger"), compose, service][..], "shop/ledger"),
        (&[("bulkhead.service", "ledger")][..], "default/ledger"),
    ] {
        assert_eq!(named(labels, "x", "y", &[]), (expected.to_owned(), WorkloadOwner::Label));
    }
    assert_eq!(named(&[("bulkhead.service", " ")], "db", "y", &[]).0, "default/db");
}

#[test]
fn a_label_outside_the_alphabet_still_names_one_service() {
    let (first, _) = named(&[("bulkhead.service", "a/b/c")], "x", "y", &[]);
    let (second, _) = named(&[("bulkhead.service", "a/b c")], "x", "y", &[]);
    assert!(first.starts_with("a/b-c-") && second.starts_with("a/b-c-"), "{first} {second}");
    assert_ne!(first, second);
}

#[test]
fn replicas_restarts_and_runs_are_one_service() {
    for (names, expected) in [
        (&["app-1", "app_2", "app-003", "app.4"][..], "app"),
        (&["run_abc123", "run_9f8e7d", "run-0a1b2c3d4e5f"][..], "run"),
        (&["batch-2026-11-20", "batch-2026-11-21", "batch_20261122", "batch-20261122T030000Z"][..], "batch"),
        (&["batch-1718-x7", "batch-1719-k2", "batch-1720"][..], "batch"),
        (&["nightly-import-1763600000", "nightly-import-1763686400"][..], "nightly-import"),
        (&["2026-11-20-backup", "2026-11-21-backup"][..], "backup"),
        (&["4f5e6d7c8b9a_shop_web_1", "shop_web_2"][..], "shop_web"),
        (
            &["worker-3f2504e0-4f89-41d3-9a0c-0305e82c3301", "worker-9b2d3c4e-1f00-4aaa-8bbb-1234567890ab"][..],
            "worker",
        ),
        (&["job-q8x2mz", "job-a1z2k3"][..], "job"),
        (&["batch-1718-import", "batch-1719-import"][..], "batch-import"),
        (&["web-bz9kq", "web-t4xhk"][..], "web"),
    ] {
        for name in names {
            assert_eq!(without_volatile_parts(name).as_deref(), Some(expected), "{name}");
        }
    }
}

#[test]
fn names_that_people_choose_are_left_alone() {
    for name in [
        "redis",
        "web1",
        "api-v2",
        "neo4j",
        "k8s-agent",
        "oauth2-proxy",
        "log4j-demo",
        "my-arm64",
        "s3",
        "e2e",
        "minio.gateway",
        "ipv6-probe",
        "shop-2-web",
        "base64",
        "p2p-x264",
        "http2",
        "face-cafe",
        "mysql8",
        "a",
    ] {
        assert_eq!(without_volatile_parts(name).as_deref(), Some(name));
    }
}

#[test]
fn a_name_of_counters_and_hashes_alone_says_nothing() {
    for name in ["1", "2026-11-20", "4f5e6d7c8b9a", "12-34", "", "---"] {
        assert_eq!(without_volatile_parts(name), None, "{name}");
    }
    let (service, owner) = named(&[], "4f5e6d7c8b9a", "redis:7", &["redis-server"]);
    assert_eq!((service.as_str(), owner), ("default/redis", WorkloadOwner::Image));
}

#[test]
fn names_that_the_engine_invented_give_way_to_the_image() {
    for name in ["quirky_einstein", "zen_wozniak7", "nostalgic_meitner"] {
        assert!(is_generated_by_docker(name), "{name}");
        let (service, owner) = named(&[], name, "bitnami/redis:7.2", &[]);
        assert_eq!((service.as_str(), owner), ("default/bitnami.redis", WorkloadOwner::Image));
    }
    for name in ["elastic_search", "happy_path", "cool_app", "einstein", "quirky-einstein", "redis_einstein"]
    {
        assert!(!is_generated_by_docker(name), "{name}");
    }
}

#[test]
fn images_lose_registry_tag_and_digest_but_not_their_owner() {
    let digest = "4f5e6d7c8b9a4f5e6d7c8b9a4f5e6d7c8b9a4f5e6d7c8b9a4f5e6d7c8b9a4f5e";
    for (image, expected) in [
        ("redis", "redis"),
        ("redis:7-alpine", "redis"),
        ("docker.io/library/redis:7", "redis"),
        ("library/redis", "redis"),
        ("registry.example:5000/team/app:2", "team.app"),
        ("localhost/app", "app"),
        ("localhost:5000/app", "app"),
        (&format!("team/app:1@sha256:{digest}"), "team.app"),
        (&format!("sha256:{digest}"), "image-4f5e6d7c8b9a"),
        (digest, "image-4f5e6d7c8b9a"),
        ("4f5e6d7c8b9a", "image-4f5e6d7c8b9a"),
        ("", "unnamed"),
    ] {
        assert_eq!(image_name(image), expected, "{image}");
    }
}

#[test]
fn the_command_tells_containers_of_a_general_image_apart() {
    for (image, command, expected) in [
        ("redis", &["docker-entrypoint.sh", "redis-server"][..], "redis"),
        ("nginx", &["/docker-entrypoint.sh", "nginx", "-g", "daemon off;"], "nginx"),
        ("alpine", &["sleep", "60"], "alpine-sleep"),
        ("alpine", &["sh"], "alpine-sh"),
        ("python:3.12", &["python", "-u", "/srv/worker.py"], "python-worker.py"),
        ("python:3.12", &["python", "-m", "http.server", "8000"], "python-http.server"),
        ("openjdk", &["java", "-Xmx512m", "-jar", "/app/ledger.jar"], "openjdk-ledger.jar"),
        ("team/app", &["/usr/bin/tini", "--", "/app"], "team.app"),
        ("team/app", &["env", "MODE=worker", "worker"], "team.app-worker"),
        ("team/app", &[], "team.app"),
        ("", &["docker-entrypoint.sh", "redis-server"], "redis-server"),
    ] {
        let command: Vec<String> = command.iter().map(|&c| c.to_owned()).collect();
        assert_eq!(name_of_image_and_command(image, &command), expected, "{command:?}");
    }
    let script = |text: &str| name_of_image_and_command("alpine", &["sh".into(), "-c".into(), text.into()]);
    assert!(script("while true; do nc -l; done").starts_with("alpine-sh-"));
    assert_ne!(script("while true; do nc -l; done"), script("while true; do date; done"));
    assert_eq!(script("while true; do date; done"), script("while true; do date; done"));
}

#[test]
fn pods_are_named_after_their_owners() {
    let none = labels(&[]);
    for (pod, owner) in [
        ("web-7d4b9c6f5d-x2x4z", "web"),
        ("checkout-service-84c9f8bd7-qwrtz", "checkout-service"),
        ("node-exporter-k8s7p", "node-exporter"),
        ("redis-0", "redis"),
        ("redis-cluster-12", "redis-cluster"),
        ("backup-28473920-hv4bd", "backup"),
        ("backup-1617181800-hv4bd", "backup"),
        ("debug", "debug"),
        ("kube-apiserver-alpha", "kube-apiserver-alpha"),
        ("web-queue", "web-queue"),
        ("-x2x4z", "-x2x4z"),
    ] {
        assert_eq!(owner_of_pod(pod, &none), owner, "{pod}");
    }
    let hashed = labels(&[("pod-template-hash", "abc")]);
    assert_eq!(owner_of_pod("web-abc-x2x4z", &hashed), "web");
    let job = labels(&[("job-name", "migrate-28473920")]);
    assert_eq!(owner_of_pod("migrate-28473920-0-hv4bd", &job), "migrate");
}

#[test]
fn whatever_the_runtime_says_becomes_a_valid_name() {
    for text in ["", "/", "ä", "a b", "\u{0}", "..", "__1", "🦀-1", "A/B", "-.-", "x\n", "..é_1"] {
        for image in ["", "::::", "@", "a//b:@", "🦀", "sha256:", "@sha256:é"] {
            let hostile = [("bulkhead.service", text), ("com.docker.compose.service", text)];
            named(&hostile, text, image, &[text]);
            named(&hostile[1..], text, image, &[text]);
            named(&[], text, image, &[text]);
        }
    }
}

#[test]
fn a_stable_name_is_stable_under_being_named_again() {
    for name in ["app-1", "run_abc123", "batch-1718-x7", "2026-11-20-backup", "api-v2"] {
        let once = without_volatile_parts(name).expect("something is left");
        assert_eq!(without_volatile_parts(&once).as_deref(), Some(&*once));
    }
}
