use super::*;
use bulkhead_model::Timestamp;

/// As Docker 20.10 describes a container of a Compose project, with what is of no interest left out.
const COMPOSE: &str = r#"{
  "Id": "4f5e6d7c8b9a4f5e6d7c8b9a4f5e6d7c8b9a4f5e6d7c8b9a4f5e6d7c8b9a4f5e",
  "Created": "2026-11-20T13:29:58.123456789Z",
  "Path": "docker-entrypoint.sh",
  "Args": ["api", "--redis-addr=cache:6379"],
  "State": {"Status": "running", "Running": true, "Paused": false, "Pid": 4711,
            "StartedAt": "2026-11-20T13:30:00.5Z", "FinishedAt": "0001-01-01T00:00:00Z"},
  "Image": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
  "Name": "/shop-api-1",
  "HostConfig": {"NetworkMode": "shop_backend", "PortBindings": {"8080/tcp": [{"HostIp": "", "HostPort": ""}]}},
  "Config": {
    "Hostname": "4f5e6d7c8b9a",
    "ExposedPorts": {"8080/tcp": {}, "9090/udp": {}, "strange": {}, "7/dccp": {}},
    "Env": ["DATABASE_URL=postgres://app:hunter2@db:5432/shop", "API_PASSWORD=hunter2", "PATH=/bin"],
    "Image": "shop/api:3",
    "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "api", "tier": "back",
               "com.docker.compose.depends_on": "queue:service_started:false,db:service_healthy:true"}
  },
  "NetworkSettings": {
    "SandboxKey": "/var/run/docker/netns/0123456789ab",
    "Ports": {"8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": "18080"}, {"HostIp": "::", "HostPort": "18080"}],
              "9090/udp": null},
    "Networks": {
      "shop_backend": {"IPAMConfig": null, "NetworkID": "n1", "IPAddress": "172.18.0.3", "IPPrefixLen": 16,
                       "GlobalIPv6Address": "fd00:18::3", "MacAddress": "02:42:ac:12:00:03"},
      "shop_front": {"IPAddress": "172.19.0.3", "GlobalIPv6Address": "", "MacAddress": "02:42:ac:13:00:03"}
    }
  }
}"#;

fn inspected(document: &str) -> Workload {
    from_inspection(&serde_json::from_str::<Container>(document).expect("understood"))
}

#[test]
fn everything_that_an_inspection_tells_is_in_the_workload() {
    let workload = inspected(COMPOSE);
    assert_eq!(workload.service.to_string(), "shop/api");
    assert_eq!(workload.owner, WorkloadOwner::Compose);
    assert_eq!(&*workload.name, "shop-api-1");
    assert_eq!(&*workload.image, "shop/api:3");
    assert!(workload.image_digest.as_deref().is_some_and(|d| d.starts_with("sha256:1111")));
    assert_eq!(workload.labels["tier"], "back");
    assert_eq!(workload.declared_peers, ["cache:6379", "db", "db:5432", "queue"].map(Into::<Box<str>>::into));
    assert_eq!(
        workload.exposes,
        [
            Exposure { protocol: IpProtocol::TCP, port: 8080 },
            Exposure { protocol: IpProtocol::UDP, port: 9090 }
        ]
    );
    let published: Vec<_> =
        workload.published.iter().map(|p| (p.host_port, p.container_port, p.host_address)).collect();
    let any: [IpAddr; 2] = ["0.0.0.0".parse().unwrap(), "::".parse().unwrap()];
    assert_eq!(published, [(18080, 8080, Some(any[0])), (18080, 8080, Some(any[1]))]);
    assert_eq!(workload.attachment, Attachment::Own);
    let interfaces: Vec<_> =
        workload.interfaces.iter().map(|i| (&*i.network, i.addresses.len(), i.mac)).collect();
    assert_eq!(
        interfaces,
        [
            ("shop_backend", 2, Some([2, 0x42, 0xac, 0x12, 0, 3])),
            ("shop_front", 1, Some([2, 0x42, 0xac, 0x13, 0, 3]))
        ]
    );
    assert_eq!((workload.pid, workload.started), (4711, Some(Timestamp(1_795_181_400_500))));
    assert_eq!(workload.netns.as_deref(), Some("/var/run/docker/netns/0123456789ab"));
    let everything = format!("{workload:?}");
    assert!(!everything.contains("hunter2"), "a secret was kept");
}

#[test]
fn an_inspection_may_lack_everything_but_its_identifier() {
    let workload = inspected(r#"{"Id": "aa", "Config": null, "NetworkSettings": null, "HostConfig": null}"#);
    assert_eq!((workload.service.to_string().as_str(), workload.pid), ("default/unnamed", 0));
    assert!(workload.netns.is_none() && workload.interfaces.is_empty() && workload.started.is_none());
}

#[test]
fn before_the_start_the_ports_are_those_that_were_asked_for() {
    let workload = inspected(
        r#"{"Id": "aa", "HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}],
            "81": [{"HostIp": "", "HostPort": "9000-9010"}]}}, "NetworkSettings": {"Ports": {}}}"#,
    );
    assert_eq!(workload.published.len(), 1);
    assert_eq!(workload.published[0].host_address, Some("127.0.0.1".parse().unwrap()));
    assert_eq!(workload.exposes.len(), 2);
}

#[test]
fn the_list_and_the_inspection_agree_on_the_service() {
    let listed: ListedContainer = serde_json::from_str(
        r#"{"Id": "aa", "Names": ["/other/alias", "/shop-api-1"], "Image": "shop/api:3", "State": "created",
            "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "api"},
            "Ports": [{"PrivatePort": 80, "PublicPort": 8080, "Type": "tcp", "IP": "0.0.0.0"}, {"PrivatePort": 81, "Type": "udp"}],
            "HostConfig": {"NetworkMode": "host"}, "NetworkSettings": {"Networks": {"host": {}}}}"#,
    )
    .expect("understood");
    let (workload, certain) = from_list(&listed);
    assert!(certain);
    assert_eq!((workload.service.to_string().as_str(), &*workload.name), ("shop/api", "shop-api-1"));
    assert_eq!((workload.attachment, workload.interfaces.len()), (Attachment::Host, 0));
    assert_eq!((workload.exposes.len(), workload.published.len()), (2, 1));
}

#[test]
fn a_service_named_after_its_command_waits_for_the_inspection() {
    let listed = |name: &str| ListedContainer {
        names: vec![name.into()],
        image: "alpine".into(),
        ..Default::default()
    };
    assert!(!from_list(&listed("/quirky_einstein")).1);
    assert!(from_list(&listed("/db")).1);
}

#[test]
fn macs_that_are_none_are_left_out() {
    assert_eq!(parse_mac("02:42:ac:12:00:03"), Some([2, 0x42, 0xac, 0x12, 0, 3]));
    for text in
        ["", "02:42", "02:42:ac:12:00:03:04", "0242:ac:12:00:03", "zz:42:ac:12:00:03", "+2:42:ac:12:00:03"]
    {
        assert_eq!(parse_mac(text), None, "{text}");
    }
}
