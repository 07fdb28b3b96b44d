//! A made-up estate, and what each product would have logged of it.

use bulkhead_model::{Application, IpProtocol, Timestamp, Verdict};
use bulkhead_policy::{Generalise, PolicySet, document::Document};
use bulkhead_records::{Certainty, End, Format, Item, Named, Record, Reporter};
use std::{fmt::Write, net::IpAddr};

pub(crate) struct Estate {
    services: usize,
    /// Client, server, port.
    edges: Vec<(usize, usize, u16)>,
}

/// A small generator, the same on every machine (Marsaglia, "Xorshift RNGs").
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

const START: u64 = 1_772_438_400;
const PORTS: [u16; 8] = [80, 443, 5432, 6379, 8080, 9000, 9092, 27017];

impl Estate {
    pub(crate) fn new(services: usize, edges: usize) -> Self {
        let mut random = Random(88_172_645_463_325_252);
        let edges = (0..edges)
            .map(|_| (random.below(services), random.below(services), PORTS[random.below(PORTS.len())]))
            .collect();
        Self { services, edges }
    }

    pub(crate) fn edges(&self) -> usize {
        self.edges.len()
    }

    fn address(service: usize) -> IpAddr {
        [10, 64, (service >> 8) as u8, service as u8].into()
    }

    /// Of the n-th record: its edge, the client's port, the second. A day of records, in order.
    fn nth(&self, n: u64, of: u64) -> ((usize, usize, u16), u16, u64) {
        let edge = self.edges[(n.wrapping_mul(2_654_435_761) % self.edges.len() as u64) as usize];
        (edge, 33_000 + (n % 27_000) as u16, START + n * 86_400 / of.max(1))
    }

    /// A log of at most so many records and bytes; how many there are, and the text.
    pub(crate) fn log(&self, format: Format, records: u64, largest: usize) -> (u64, String) {
        let mut text = String::from(match format {
            Format::Zeek => {
                "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents\n"
            }
            Format::Csv => "time,source,destination,dst_port,protocol,app,action,count\n",
            Format::NeuVector => "{\"conversations\":[",
            _ => "",
        });
        let mut count = 0;
        while count < records && text.len() < largest {
            if format == Format::NeuVector && count > 0 {
                text.push(',');
            }
            // Memory cannot fail to be written to.
            let _ = self.line(&mut text, format, count, records);
            if format != Format::NeuVector {
                text.push('\n');
            }
            count += 1;
        }
        if format == Format::NeuVector {
            text += "]}\n";
        }
        (count, text)
    }

    fn line(&self, text: &mut String, format: Format, n: u64, of: u64) -> std::fmt::Result {
        let ((client, server, port), ephemeral, second) = self.nth(n, of);
        let (a, b) = (Self::address(client), Self::address(server));
        match format {
            Format::Bulkhead => write!(
                text,
                r#"{{"time":{second}000,"client":{{"kind":"service","name":"shop/service{client}"}},"server":{{"kind":"service","name":"shop/service{server}"}},"protocol":"tcp","client_address":"{a}","client_port":{ephemeral},"server_address":"{b}","server_port":{port},"application":"http","direction":"egress","verdict":"allowed","mode":"learn","rule":0,"ended":false,"packets_to_server":1,"packets_to_client":0,"bytes_to_server":60,"bytes_to_client":0}}"#
            ),
            Format::Hubble => {
                let end = |service: usize| {
                    format!(
                        r#"{{"ID":{service},"identity":{},"cluster_name":"default","namespace":"shop","labels":["k8s:app=service{service}","k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=shop","k8s:io.cilium.k8s.policy.cluster=default","k8s:io.kubernetes.pod.namespace=shop"],"pod_name":"service{service}-7c9d8b6f54-q2zlm","workloads":[{{"name":"service{service}","kind":"Deployment"}}]}}"#,
                        20_000 + service
                    )
                };
                write!(
                    text,
                    r#"{{"flow":{{"time":"{time}","uuid":"cd75b2ac-8dd3-486b-beca-3d17d9d56cff","verdict":"FORWARDED","ethernet":{{"source":"62:6b:d0:a4:c5:63","destination":"6e:d0:ea:78:fc:0a"}},"IP":{{"source":"{a}","destination":"{b}","ipVersion":"IPv4"}},"l4":{{"TCP":{{"source_port":{ephemeral},"destination_port":{port},"flags":{{"SYN":true}}}}}},"source":{source},"destination":{destination},"Type":"L3_L4","node_name":"default/worker-1","event_type":{{"type":4,"sub_type":3}},"traffic_direction":"EGRESS","trace_observation_point":"TO_OVERLAY","is_reply":false,"Summary":"TCP Flags: SYN"}},"node_name":"default/worker-1","time":"{time}"}}"#,
                    time = rfc3339(second),
                    source = end(client),
                    destination = end(server)
                )
            }
            Format::Calico => write!(
                text,
                r#"{{"start_time":{second},"end_time":{},"source_ip":"{a}","source_name":"-","source_name_aggr":"service{client}-7c9d8b6f54-*","source_namespace":"shop","nat_outgoing_ports":null,"source_port":null,"source_type":"wep","source_labels":{{"labels":["app=service{client}","pod-template-hash=7c9d8b6f54"]}},"dest_ip":"{b}","dest_name":"-","dest_name_aggr":"service{server}-7c9d8b6f54-*","dest_namespace":"shop","dest_service_namespace":"-","dest_service_name":"-","dest_port":{port},"dest_type":"wep","dest_labels":{{"labels":["app=service{server}","pod-template-hash=7c9d8b6f54"]}},"dest_domains":null,"proto":"tcp","action":"allow","reporter":"src","policies":{{"all_policies":["0|__PROFILE__|__PROFILE__.kns.shop|allow|0"]}},"bytes_in":4200,"bytes_out":900,"num_flows":3,"num_flows_started":3,"num_flows_completed":3,"packets_in":15,"packets_out":18,"http_requests_allowed_in":0,"http_requests_denied_in":0,"host":"worker-1"}}"#,
                second + 300
            ),
            Format::Vpc => write!(
                text,
                "2 123456789012 eni-0a1b2c3d4e5f60718 {a} {b} {ephemeral} {port} 6 9 900 {second} {} ACCEPT OK",
                second + 59
            ),
            Format::Zeek => write!(
                text,
                "{second}.123456\tCHhAvVGS1DHFjwGM9\t{a}\t{ephemeral}\t{b}\t{port}\ttcp\thttp\t0.120000\t300\t4000\tSF\tT\tT\t0\tShADadFf\t6\t900\t5\t4200\t-"
            ),
            Format::NeuVector => {
                let end = |service: usize| {
                    format!(
                        r#"{{"kind":"container","id":"{service:064x}","name":"k8s_main_service{service}-7c9d8b6f54-q2zlm_shop","display_name":"service{service}-7c9d8b6f54-q2zlm","pod_name":"service{service}-7c9d8b6f54-q2zlm","domain":"shop","service":"service{service}.shop","policy_mode":"Discover","state":"discover"}}"#
                    )
                };
                write!(
                    text,
                    r#"{{"from":{},"to":{},"bytes":5100,"sessions":3,"severity":"","policy_action":"allow","protocols":["tcp"],"applications":["HTTP"],"ports":["tcp/{port}"],"entries":[{{"bytes":5100,"sessions":3,"port":"tcp/{port}","application":"HTTP","policy_action":"allow","policy_id":0,"last_seen_at":"{}"}}]}}"#,
                    end(client),
                    end(server),
                    rfc3339(second)
                )
            }
            Format::Csv => write!(
                text,
                "{},shop/service{client},shop/service{server},{port},tcp,http,allow,1",
                rfc3339(second)
            ),
        }
    }

    /// Records as a reader gives them.
    pub(crate) fn items(&self, records: u64) -> Vec<Item<'static>> {
        (0..records)
            .map(|n| {
                let ((client, server, port), _, second) = self.nth(n, records);
                let end = |service: usize| End {
                    address: Some(Self::address(service)),
                    named: Named::Service("shop".into(), format!("service{service}").into()),
                };
                let time = Timestamp(second * 1000);
                Item::Flow(Record {
                    start: time,
                    end: time,
                    client: end(client),
                    server: end(server),
                    protocol: IpProtocol::TCP,
                    port,
                    application: Application::UNKNOWN,
                    verdict: Verdict::Allowed,
                    answered: Some(true),
                    connections: 1,
                    bytes_to_server: 900,
                    bytes_to_client: 4200,
                    reporter: Reporter::Client,
                    certainty: Certainty::Stated,
                    threat: false,
                })
            })
            .collect()
    }

    /// A candidate that allows nine edges of ten.
    pub(crate) fn policy(&self) -> PolicySet {
        let kept = self.edges.iter().enumerate().filter(|(at, _)| at % 10 != 0).map(|(_, edge)| {
            let (client, server, port) = *edge;
            let peer = |service: usize| {
                bulkhead_model::Peer::Service(format!("shop/service{service}").parse().expect("a name"))
            };
            bulkhead_model::EdgeKey {
                client: peer(client),
                server: peer(server),
                protocol: IpProtocol::TCP,
                port,
                application: Application::UNKNOWN,
            }
        });
        let kept: Vec<_> = kept.collect();
        debug_assert!(self.services > 0);
        Generalise::default().policies(&kept).policies.into_iter().map(Document::Policy).collect()
    }
}

/// Within the day of the records.
fn rfc3339(second: u64) -> String {
    let of_day = second - START;
    let (day, hour) = (2 + (8 + of_day / 3600) / 24, (8 + of_day / 3600) % 24);
    format!("2026-03-{day:02}T{hour:02}:{:02}:{:02}.202450754Z", of_day / 60 % 60, of_day % 60)
}
