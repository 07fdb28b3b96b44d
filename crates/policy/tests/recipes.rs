//! The Kubernetes network policy recipes: what their prose says is allowed and denied, as tables.

use bulkhead_model::IpProtocol;
use bulkhead_policy::kubernetes::{
    self, Endpoint, Packet, PacketPeer, Resources, Semantics, Severity, WorkloadName,
};
use std::{fs, net::IpAddr, path::PathBuf};

/// Everybody who plays in the recipes, with labels and namespaces as their prose has them.
const CAST: &str = r"
apiVersion: v1
kind: List
items:
- {kind: Namespace, apiVersion: v1, metadata: {name: default}}
- {kind: Namespace, apiVersion: v1, metadata: {name: prod, labels: {purpose: production}}}
- {kind: Namespace, apiVersion: v1, metadata: {name: dev, labels: {purpose: testing}}}
- {kind: Namespace, apiVersion: v1, metadata: {name: other, labels: {team: operations}}}
- {kind: Namespace, apiVersion: v1, metadata: {name: kube-system}}
- {kind: Pod, apiVersion: v1, metadata: {name: web, labels: {app: web}}}
- {kind: Pod, apiVersion: v1, metadata: {name: test}}
- {kind: Pod, apiVersion: v1, metadata: {name: foo, labels: {app: foo}}}
- {kind: Pod, apiVersion: v1, metadata: {name: bookstore-api, labels: {app: bookstore, role: api}}}
- {kind: Pod, apiVersion: v1, metadata: {name: bookstore-frontend, labels: {app: bookstore, role: frontend}}}
- {kind: Pod, apiVersion: v1, metadata: {name: bookstore-search, labels: {app: bookstore, role: search}}}
- {kind: Pod, apiVersion: v1, metadata: {name: bookstore-db, labels: {app: bookstore, role: db}}}
- {kind: Pod, apiVersion: v1, metadata: {name: catalog, labels: {app: inventory, role: web}}}
- {kind: Pod, apiVersion: v1, metadata: {name: apiserver, labels: {app: apiserver}}}
- {kind: Pod, apiVersion: v1, metadata: {name: monitor, labels: {role: monitoring}}}
- {kind: Pod, apiVersion: v1, metadata: {name: test, namespace: prod}}
- {kind: Pod, apiVersion: v1, metadata: {name: test, namespace: dev}}
- {kind: Pod, apiVersion: v1, metadata: {name: test, namespace: other}}
- {kind: Pod, apiVersion: v1, metadata: {name: monitor, namespace: other, labels: {type: monitoring}}}
- {kind: Pod, apiVersion: v1, metadata: {name: monitor, namespace: dev, labels: {type: monitoring}}}
- {kind: Pod, apiVersion: v1, metadata: {name: dns, namespace: kube-system, labels: {k8s-app: kube-dns}}}
";

/// An address on the Internet.
const WORLD: &str = "93.184.216.34";

struct Recipe {
    file: &'static str,
    /// Which of the complete policies of the file, from 0.
    policy: usize,
    /// From, to, destination port, whether it passes.
    table: &'static [(&'static str, &'static str, &'static str, bool)],
}

const RECIPES: &[Recipe] = &[
    Recipe {
        file: "01-deny-all-traffic-to-an-application.md",
        policy: 0,
        table: &[
            ("default/test", "default/web", "tcp/80", false),
            ("prod/test", "default/web", "tcp/80", false),
            (WORLD, "default/web", "tcp/80", false),
            ("default/test", "default/foo", "tcp/80", true),
            ("default/web", "default/test", "tcp/80", true),
        ],
    },
    Recipe {
        file: "02-limit-traffic-to-an-application.md",
        policy: 0,
        table: &[
            ("default/test", "default/bookstore-api", "tcp/80", false),
            ("default/bookstore-frontend", "default/bookstore-api", "tcp/80", true),
            ("default/bookstore-frontend", "default/bookstore-db", "tcp/80", true),
            (WORLD, "default/bookstore-api", "tcp/80", false),
        ],
    },
    Recipe {
        file: "02a-allow-all-traffic-to-an-application.md",
        policy: 0,
        table: &[
            ("default/test", "default/web", "tcp/80", true),
            ("other/test", "default/web", "udp/9", true),
            (WORLD, "default/web", "tcp/80", true),
        ],
    },
    Recipe {
        file: "03-deny-all-non-whitelisted-traffic-in-the-namespace.md",
        policy: 0,
        table: &[
            ("default/test", "default/web", "tcp/80", false),
            ("prod/test", "default/foo", "tcp/80", false),
            ("default/test", "prod/test", "tcp/80", true),
            ("default/test", WORLD, "tcp/443", true),
        ],
    },
    Recipe {
        file: "04-deny-traffic-from-other-namespaces.md",
        policy: 0,
        table: &[
            ("default/test", "default/web", "tcp/80", true),
            ("other/test", "default/web", "tcp/80", false),
            (WORLD, "default/web", "tcp/80", false),
        ],
    },
    Recipe {
        file: "05-allow-traffic-from-all-namespaces.md",
        policy: 0,
        table: &[
            ("default/test", "default/web", "tcp/80", true),
            ("other/test", "default/web", "tcp/80", true),
            (WORLD, "default/web", "tcp/80", false),
        ],
    },
    Recipe {
        file: "06-allow-traffic-from-a-namespace.md",
        policy: 0,
        table: &[
            ("dev/test", "default/web", "tcp/80", false),
            ("prod/test", "default/web", "tcp/80", true),
            ("default/test", "default/web", "tcp/80", false),
        ],
    },
    Recipe {
        file: "07-allow-traffic-from-some-pods-in-another-namespace.md",
        policy: 0,
        table: &[
            ("other/monitor", "default/web", "tcp/80", true),
            ("other/test", "default/web", "tcp/80", false),
            ("dev/monitor", "default/web", "tcp/80", false),
            ("default/test", "default/web", "tcp/80", false),
        ],
    },
    Recipe {
        file: "08-allow-external-traffic.md",
        policy: 0,
        table: &[
            (WORLD, "default/web", "tcp/80", true),
            (WORLD, "default/web", "tcp/443", true),
            ("dev/test", "default/web", "tcp/80", true),
        ],
    },
    Recipe {
        file: "09-allow-traffic-only-to-a-port.md",
        policy: 0,
        table: &[
            ("default/test", "default/apiserver", "tcp/5000", false),
            ("default/test", "default/apiserver", "tcp/8000", false),
            ("default/monitor", "default/apiserver", "tcp/5000", true),
            ("default/monitor", "default/apiserver", "tcp/8000", false),
            ("default/monitor", "default/apiserver", "udp/5000", false),
        ],
    },
    Recipe {
        file: "10-allowing-traffic-with-multiple-selectors.md",
        policy: 0,
        table: &[
            ("default/catalog", "default/bookstore-db", "tcp/6379", true),
            ("default/bookstore-search", "default/bookstore-db", "tcp/6379", true),
            ("default/bookstore-api", "default/bookstore-db", "tcp/6379", true),
            ("default/bookstore-frontend", "default/bookstore-db", "tcp/6379", false),
            ("default/test", "default/bookstore-db", "tcp/6379", false),
        ],
    },
    Recipe {
        file: "11-deny-egress-traffic-from-an-application.md",
        policy: 0,
        table: &[
            ("default/foo", "default/web", "tcp/80", false),
            ("default/foo", "kube-system/dns", "udp/53", false),
            ("default/foo", WORLD, "tcp/80", false),
            ("default/test", "default/foo", "tcp/80", true),
        ],
    },
    Recipe {
        file: "11-deny-egress-traffic-from-an-application.md",
        policy: 1,
        table: &[
            ("default/foo", "kube-system/dns", "udp/53", true),
            ("default/foo", "kube-system/dns", "tcp/53", true),
            ("default/foo", "kube-system/dns", "tcp/80", false),
            ("default/foo", "default/web", "tcp/80", false),
            ("default/foo", WORLD, "tcp/80", false),
        ],
    },
    Recipe {
        file: "12-deny-all-non-whitelisted-traffic-from-the-namespace.md",
        policy: 0,
        table: &[
            ("default/test", "default/web", "tcp/80", false),
            ("default/test", "kube-system/dns", "udp/53", false),
            ("default/web", WORLD, "tcp/443", false),
            ("prod/test", "default/web", "tcp/80", true),
        ],
    },
    // The transcript of this recipe shows a connection to `web` that its present manifest does not allow: it names the
    // DNS pods alone, as its remarks say. The manifest and the remarks count.
    Recipe {
        file: "14-deny-external-egress-traffic.md",
        policy: 0,
        table: &[
            ("default/foo", "kube-system/dns", "udp/53", true),
            ("default/foo", "kube-system/dns", "tcp/53", true),
            ("default/foo", WORLD, "tcp/80", false),
            ("default/foo", WORLD, "udp/53", false),
        ],
    },
];

fn recipes() -> Option<PathBuf> {
    let root = std::env::var_os("BULKHEAD_CORPORA")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"));
    Some(root.join("networkpolicy/recipes")).filter(|path| path.is_dir())
}

/// The complete policies among the YAML blocks of a page.
fn policies(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line.trim_end() == "```yaml" {
            let block: Vec<&str> = lines.by_ref().take_while(|line| line.trim_end() != "```").collect();
            blocks.push(block.join("\n"));
        }
    }
    blocks.retain(|block| block.contains("kind: NetworkPolicy"));
    blocks
}

fn peer<'a>(resources: &'a Resources, text: &str) -> PacketPeer<'a> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return PacketPeer::Address(address);
    }
    let (namespace, name) = text.split_once('/').expect("namespace/name");
    let wanted = WorkloadName { namespace: namespace.into(), name: name.into(), kind: "Pod".into() };
    let (name, _) = resources.workloads.get_key_value(&wanted).expect("one of the cast");
    PacketPeer::Pod(name, 0)
}

fn is_end(end: &Endpoint, peer: PacketPeer<'_>) -> bool {
    match (end, peer) {
        (Endpoint::Workload(name), PacketPeer::Pod(wanted, _)) => name == wanted,
        (Endpoint::External(range), PacketPeer::Address(address)) => range.contains(address),
        _ => false,
    }
}

#[test]
fn each_recipe_allows_and_denies_what_its_prose_says() {
    let Some(directory) = recipes() else {
        eprintln!("SKIPPED: no corpora (set BULKHEAD_CORPORA to their directory)");
        return;
    };
    let mut wrong = Vec::new();
    let mut checked = 0;
    for recipe in RECIPES {
        let page = fs::read_to_string(directory.join(recipe.file)).expect("a recipe");
        let policy = policies(&page).into_iter().nth(recipe.policy).expect("a policy");
        let reading = kubernetes::read([("cast.yaml", CAST), (recipe.file, &policy)]);
        let errors: Vec<_> =
            reading.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let resources = &reading.resources;
        let connectivity = kubernetes::connections(resources, Semantics::KUBERNETES);
        for (from, to, traffic, allowed) in recipe.table {
            let (protocol, port) = traffic.split_once('/').expect("protocol/port");
            let protocol: IpProtocol = protocol.parse().expect("a protocol");
            let port = port.parse().expect("a port");
            let packet = Packet { from: peer(resources, from), to: peer(resources, to), protocol, port };
            let one = kubernetes::evaluate(resources, Semantics::KUBERNETES, &packet);
            let all = connectivity.connections.iter().any(|connection| {
                is_end(&connection.from, packet.from)
                    && is_end(&connection.to, packet.to)
                    && connection.traffic.contains(protocol, port)
            });
            checked += 1;
            if (one, all) != (*allowed, *allowed) {
                wrong
                    .push(format!("{}: {from} → {to} {traffic}: evaluator {one}, engine {all}", recipe.file));
            }
        }
    }
    eprintln!("recipes: {} of {checked} statements hold", checked - wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
