//! Peers that a container's environment and arguments declare: `REDIS_URL=redis://cache:6379` → `cache:6379`; and the
//! services that Compose starts before it, which it leaves in a label.
//!
//! Both are full of secrets, so this keeps nothing but `host` or `host:port`, and where a value could be something else
//! (`admin:1234`) it keeps nothing at all. User names and passwords in URLs are cut off; a value in which they cannot be
//! told from the host is dropped.

use std::{collections::BTreeSet, net::IpAddr};

/// More than anybody declares by hand.
const LIMIT: usize = 64;

/// Names whose values are never looked at.
const SECRET: &[&str] = &["PASS", "PWD", "SECRET", "TOKEN", "CRED", "PRIVATE", "CERT", "COOKIE", "SALT"];
/// Names whose values may be `user:password`.
const DELICATE: &[&str] = &["AUTH", "LOGIN", "USER", "KEY", "BASIC", "ACCOUNT"];
/// Names that speak of the container itself or of who may come, not of where it goes.
const INWARD: &[&str] =
    &["LISTEN", "BIND", "ALLOW", "CORS", "ORIGIN", "VIRTUAL_HOST", "PUBLIC", "ADVERTISE", "TRUSTED"];
/// Names that speak of a peer.
const OUTWARD: &[&str] = &[
    "HOST",
    "ADDR",
    "URL",
    "URI",
    "ENDPOINT",
    "BROKER",
    "UPSTREAM",
    "SERVER",
    "DSN",
    "PEER",
    "BOOTSTRAP",
    "SENTINEL",
    "BACKEND",
    "PROXY",
    "TARGET",
];
/// What such names have as values that are no hosts.
const WORDS: &[&str] = &[
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "none",
    "null",
    "auto",
    "default",
    "enabled",
    "disabled",
    "production",
    "development",
    "test",
    "localhost",
];
/// Schemes whose authority is no host of the network.
const LOCAL_SCHEMES: &[&str] =
    &["file", "unix", "unixgram", "data", "npipe", "fd", "ssh-agent", "docker-image"];

/// The declared peers, sorted, each once, in lower case, `host` or `host:port` (`[v6]:port`).
///
/// `environment` are `NAME=value` pairs, `arguments` the command line.
pub fn declared_peers<'a>(
    environment: impl IntoIterator<Item = &'a str> + Clone,
    arguments: impl IntoIterator<Item = &'a str>,
) -> Vec<Box<str>> {
    let mut peers = BTreeSet::new();
    let in_kubernetes = environment.clone().into_iter().any(|v| v.starts_with("KUBERNETES_SERVICE_HOST="));
    for variable in environment {
        let Some((name, value)) = variable.split_once('=') else { continue };
        // Kubernetes tells every container of every service in its namespace: that declares nothing.
        if name == "HOSTNAME" || in_kubernetes && is_service_link(name, value) {
            continue;
        }
        collect(&name.to_ascii_uppercase(), value, &mut peers);
    }
    let mut flag: Option<String> = None;
    let mut waits = false;
    for argument in arguments {
        let said = argument.trim_start_matches('-');
        if said.len() < argument.len() {
            // `--name=value`, `-Dname=value`, or `--name` and then the value.
            match said.split_once('=') {
                Some((name, value)) => {
                    collect(&name.to_ascii_uppercase(), value, &mut peers);
                    flag = None;
                }
                None => flag = Some(said.to_ascii_uppercase()),
            }
            continue;
        }
        let name = flag.take().unwrap_or_else(|| if waits { "TARGET".to_owned() } else { String::new() });
        collect(&name, argument, &mut peers);
        // `wait-for-it db:5432`
        waits |= argument.contains("wait");
    }
    peers.into_iter().take(LIMIT).map(String::into_boxed_str).collect()
}

/// What `depends_on` of a Compose file left in a label: `db:service_healthy:false,cache:service_started:true`. Only the
/// names of services are said, no ports. A dependency that has to end first is a job, and no peer.
pub fn compose_dependencies(label: &str) -> Vec<Box<str>> {
    let mut names: Vec<Box<str>> = Vec::new();
    for dependency in label.split(',').take(LIMIT) {
        let mut parts = dependency.trim().split(':');
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        if is_host_name(&name) && parts.next() != Some("service_completed_successfully") {
            names.push(name.into());
        }
    }
    names
}

fn is_service_link(name: &str, value: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT_")
        || name.ends_with("_PORT") && value.contains("://")
}

fn collect(name: &str, value: &str, peers: &mut BTreeSet<String>) {
    let speaks_of = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if speaks_of(SECRET) || speaks_of(INWARD) || value.len() > 4096 {
        return;
    }
    let outward = speaks_of(OUTWARD);
    let trust = match (outward, speaks_of(DELICATE)) {
        (true, _) => Trust::Peer,
        (false, true) => Trust::UrlOnly,
        (false, false) => Trust::Dotted,
    };
    for word in value.split_whitespace() {
        // `host=db port=5432 password=...`, and Java's options in one variable.
        match word.trim_start_matches('-').split_once('=') {
            Some((key, inner)) if !word.contains("://") || word.find('=') < word.find("://") => {
                let key = key.to_ascii_uppercase();
                if key != name {
                    collect(&key, inner, peers);
                }
            }
            _ => collect_word(word, trust, peers),
        }
    }
}

/// What a value without a scheme has to look like.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Trust {
    /// The name says it is a peer: `host` or `host:port`.
    Peer,
    /// Nothing is said: an address or a name with a dot, and a port.
    Dotted,
    /// It may be a secret: only what has a scheme.
    UrlOnly,
}

fn collect_word(word: &str, trust: Trust, peers: &mut BTreeSet<String>) {
    let pieces: Vec<&str> = if word.contains('@') { vec![word] } else { word.split([',', ';']).collect() };
    for piece in pieces {
        if let Some((scheme, rest)) = piece.split_once("://") {
            let scheme = scheme.rsplit(':').next().unwrap_or(scheme); // jdbc:postgresql
            if is_scheme(scheme) && !LOCAL_SCHEMES.contains(&&*scheme.to_ascii_lowercase()) {
                let hosts = authority(rest).unwrap_or_default();
                peers.extend(hosts.split(',').filter_map(|host| peer(host, false)));
            }
        } else if let Some((_, rest)) = piece.split_once("@tcp(") {
            // Go's MySQL driver: user:password@tcp(db:3306)/name
            peers.extend(rest.split_once(')').and_then(|(host, _)| peer(host, false)));
        } else if !piece.contains('@') {
            let dotted = trust == Trust::Dotted;
            let found = match trust {
                Trust::UrlOnly => None,
                Trust::Peer | Trust::Dotted => peer(piece.split('/').next().unwrap_or(piece), dotted),
            };
            peers.extend(found);
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// The part of a URL that names hosts, without user and password. `None` where an `@` further on means that the
/// password holds a delimiter, so that what seems to be the host is part of the secret.
fn authority(rest: &str) -> Option<&str> {
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, hosts)) => Some(hosts),
        None => (!path.contains('@')).then_some(authority),
    }
}

/// `host` or `host:port` in lower case. With `dotted`, only an address or a name with a dot, and only with a port.
fn peer(text: &str, dotted: bool) -> Option<String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return (!dotted && goes_elsewhere(address)).then(|| address.to_string());
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => Some(port.parse::<u16>().ok().filter(|port| *port != 0)?),
        None => None,
    };
    let host = match host.parse::<IpAddr>() {
        Ok(address) if !goes_elsewhere(address) => return None,
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => {
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            let known = is_host_name(&name) && !WORDS.contains(&&*name) && (!dotted || name.contains('.'));
            known.then_some(name)?
        }
    };
    match port {
        Some(port) => Some(format!("{host}:{port}")),
        None if dotted => None,
        None => Some(host),
    }
}

fn goes_elsewhere(address: IpAddr) -> bool {
    !address.is_unspecified() && !address.is_loopback() && !address.is_multicast()
}

fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numeric = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    name.len() <= 253 && name.split('.').all(label) && !numeric(name.rsplit('.').next().unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_environment(variables: &[&str]) -> Vec<String> {
        declared_peers(variables.iter().copied(), []).iter().map(ToString::to_string).collect()
    }

    fn of_arguments(arguments: &[&str]) -> Vec<String> {
        declared_peers([], arguments.iter().copied()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn variables_that_speak_of_a_peer_declare_it() {
        for (variable, expected) in [
            ("REDIS_HOST=cache", &["cache"][..]),
            ("REDIS_ADDR=cache:6379", &["cache:6379"]),
            ("CATALOG_SERVICE_ADDR=catalog:3550", &["catalog:3550"]),
            ("DATABASE_URL=postgres://app:hunter2@db:5432/shop?sslmode=disable", &["db:5432"]),
            ("SPRING_DATASOURCE_URL=jdbc:postgresql://db:5432/shop", &["db:5432"]),
            ("MONGO_URI=mongodb://u:p@a:27017,b:27017/x", &["a:27017", "b:27017"]),
            ("KAFKA_BROKERS=k1:9092,k2:9092", &["k1:9092", "k2:9092"]),
            ("ES=http://search-1:9200,http://search-2:9200", &["search-1:9200", "search-2:9200"]),
            ("MYSQL_DSN=app:hunter2@tcp(mysql:3306)/shop", &["mysql:3306"]),
            ("PG=host=db port=5432 user=app password=hunter2", &["db"]),
            ("SMTP=mail.example:25", &["mail.example:25"]),
            ("API_URL=https://API.Example./v1", &["api.example"]),
            ("DB_ADDR=[fd00::5]:5432", &["[fd00::5]:5432"]),
            ("DB_HOST=10.0.0.5", &["10.0.0.5"]),
            ("JAVA_OPTS=-Xmx1g -Ddb.url=jdbc:mysql://db:3306/x -Dpassword=hunter2", &["db:3306"]),
        ] {
            assert_eq!(of_environment(&[variable]), expected, "{variable}");
        }
    }

    #[test]
    fn arguments_declare_likewise() {
        for (arguments, expected) in [
            (&["--redis-host=cache", "--verbose"][..], &["cache"][..]),
            (&["--upstream", "api:8080"], &["api:8080"]),
            (&["wait-for-it.sh", "db:5432", "--", "server"], &["db:5432"]),
            (&["curl", "http://web:8080/health"], &["web:8080"]),
            (&["server", "--listen", "api:8080"], &[]),
        ] {
            assert_eq!(of_arguments(arguments), expected, "{arguments:?}");
        }
    }

    #[test]
    fn dependencies_of_compose_are_the_services_that_go_on_running() {
        let label = "db:service_healthy:false,cache:service_started:true, MQ,migrate:service_completed_successfully:false";
        assert_eq!(compose_dependencies(label), ["db".into(), "cache".into(), "mq".into()] as [Box<str>; 3]);
        for nothing in
            ["", ",", ":service_started:true", "-x:service_started:true", "a b:service_started:true"]
        {
            assert!(compose_dependencies(nothing).is_empty(), "{nothing}");
        }
        assert_eq!(compose_dependencies(&"x,".repeat(1000)).len(), LIMIT);
    }

    #[test]
    fn nothing_of_a_secret_is_ever_kept() {
        for variable in [
            "AUTH=admin:1234",
            "DB_PASSWORD=hunter2:5432",
            "API_TOKEN=https://abc.def:443",
            "LOGIN=root:4711",
            "BASIC_AUTH=mail.example:25",
            "X=admin:1234",
            "PAIR_URL=http://user:12/34@host",
            "REDIS_URL=redis://:12/34@host:6379",
            "REDIS_URL=redis://user:12#34@host:6379",
            "REDIS_URL=redis://user:12,34:99#@host:6379",
            "DSN=user:1234@unix(/tmp/x)",
            "DB_URL=user:1234@db",
        ] {
            let kept = of_environment(&[variable]);
            assert!(kept.is_empty(), "{variable} kept {kept:?}");
        }
        assert!(of_arguments(&["curl", "-u", "admin:1234"]).is_empty());
        assert!(of_arguments(&["tool", "login", "admin:1234"]).is_empty());
        assert!(of_arguments(&["--password", "hunter2:99", "--requirepass=a.b:6379"]).is_empty());
    }

    #[test]
    fn user_and_password_are_cut_off_whatever_they_hold() {
        for url in
            ["redis://:hunter2@db:1", "redis://u:p%40@db:1", "redis://u:p@ss@db:1", "redis://u:1,2:3@db:1"]
        {
            assert_eq!(of_environment(&[&format!("REDIS_URL={url}")]), ["db:1"], "{url}");
        }
    }

    #[test]
    fn what_is_no_peer_declares_nothing() {
        for variable in [
            "HOSTNAME=4f5e6d7c8b9a",
            "LISTEN_ADDR=0.0.0.0:8080",
            "ADDR=:8080",
            "SERVER_ADDR=127.0.0.1:80",
            "DB_HOST=localhost",
            "DB_HOST=",
            "PROXY_HOST=true",
            "VERSION=1.2.3:4",
            "TIME=12:30",
            "IMAGE=registry:5000",
            "SOCKET_URL=unix:///var/run/x.sock",
            "PATH=/usr/bin:/bin",
            "DB_ADDR=db:0",
            "DB_ADDR=db:99999",
            "ALLOWED_HOSTS=shop.example",
            "DB_HOST=-bad-",
            "DB_HOST=a b:",
        ] {
            let kept: Vec<_> = of_environment(&[variable]).into_iter().filter(|p| p != "a").collect();
            assert!(kept.is_empty(), "{variable} kept {kept:?}");
        }
    }

    #[test]
    fn kubernetes_own_service_variables_declare_nothing() {
        let variables = [
            "KUBERNETES_SERVICE_HOST=10.96.0.1",
            "REDIS_SERVICE_HOST=10.96.0.7",
            "REDIS_PORT=tcp://10.96.0.7:6379",
            "REDIS_PORT_6379_TCP_ADDR=10.96.0.7",
            "CART_ADDR=cart:7070",
        ];
        assert_eq!(of_environment(&variables), ["cart:7070"]);
        // Docker's links are declared by hand.
        assert_eq!(of_environment(&["DB_PORT=tcp://172.17.0.5:5432"]), ["172.17.0.5:5432"]);
    }

    #[test]
    fn the_list_is_bounded_and_each_peer_is_in_it_once() {
        let many: Vec<String> = (0..1000).map(|i| format!("H{i}_HOST=host-{}", i % 500)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(of_environment(&many).len(), LIMIT);
        assert_eq!(of_environment(&["A_HOST=x", "B_HOST=x"]), ["x"]);
    }

    #[test]
    fn hostile_text_is_only_text() {
        for value in
            ["@", "://", "://@", "a://", "[", "[]:1", "a://[", "@tcp(", "=", "==", ",,,;;", "🦀:1", "a=b=c"]
        {
            of_environment(&[&format!("X_URL={value}"), value]);
            of_arguments(&[value, "--", value]);
        }
    }
}
