use super::{Finding, Outcome};
use bulkhead_discovery::docker;
use std::{io, path::Path, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

/// A runtime that does not answer in this time hangs.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn findings(docker: &Path, containerd: &Path) -> Vec<Finding> {
    let socket = docker;
    let (docker, containerd) = (self::docker(socket).await, self::containerd(containerd).await);
    let reached = [&docker, &containerd].iter().any(|f| f.outcome == Outcome::Ok);
    let networks = if docker.outcome == Outcome::Ok { beside_the_host(socket).await } else { None };
    let mut found = vec![docker, containerd];
    found.extend(networks);
    if reached {
        // A host that uses the one need not use the other.
        found.retain(|f| f.outcome == Outcome::Ok || !f.found.starts_with("no "));
    } else {
        found.push(Finding::failed(
            "any-runtime",
            "no container runtime can be reached",
            "there is nothing to find services in",
            "start Docker or containerd, or say where its socket is: --docker-socket, --containerd-socket",
        ));
    }
    found
}

async fn docker(socket: &Path) -> Finding {
    let what = format!("Docker at {}", socket.display());
    match tokio::time::timeout(PATIENCE, docker_version(socket)).await {
        Ok(Ok(version)) => Finding::ok("docker", format!("{what}, version {version}")),
        Ok(Err(error)) => absent("docker", &what, &error, "containers that Docker runs are not found"),
        Err(_) => hangs("docker", &what),
    }
}

/// Networks of which nothing is seen; `None` where there are none.
async fn beside_the_host(socket: &Path) -> Option<Finding> {
    let networks =
        tokio::time::timeout(PATIENCE, docker::networks_beside_the_host(socket)).await.ok()?.ok()?;
    (!networks.is_empty()).then(|| {
        Finding::warning(
            "networks",
            format!("networks of Docker that pass by this host: {}", networks.join(", ")),
            "what containers send and receive there is neither seen nor confined, whatever their mode is",
            "give what shall be confined a bridge network instead",
        )
    })
}

async fn containerd(socket: &Path) -> Finding {
    let what = format!("containerd at {}", socket.display());
    match tokio::time::timeout(PATIENCE, UnixStream::connect(socket)).await {
        Ok(Ok(_)) => Finding::ok("containerd", what),
        Ok(Err(error)) => absent(
            "containerd",
            &what,
            &error,
            "containers that containerd runs without Docker are not found",
        ),
        Err(_) => hangs("containerd", &what),
    }
}

fn absent(check: &'static str, what: &str, error: &io::Error, means: &'static str) -> Finding {
    let (found, remedy) = match error.kind() {
        io::ErrorKind::NotFound => (format!("no {what}"), "nothing, if this host does not use it".to_owned()),
        io::ErrorKind::PermissionDenied => (format!("may not speak to {what}"), "run as root".to_owned()),
        _ => (format!("{what} does not answer: {error}"), format!("look why: systemctl status {check}")),
    };
    Finding::warning(check, found, means, remedy)
}

fn hangs(check: &'static str, what: &str) -> Finding {
    Finding::warning(
        check,
        format!("{what} takes connections but does not answer"),
        "its containers are not found until it does",
        format!("look why: journalctl -u {check}"),
    )
}

/// Asks `GET /version` over HTTP/1.0, so that the answer ends with the connection.
async fn docker_version(socket: &Path) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(b"GET /version HTTP/1.0\r\nHost: docker\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.take(1 << 20).read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    // Some versions answer in chunks even to HTTP/1.0: the object begins at the first brace and ends at the last.
    let object = body.find('{').zip(body.rfind('}')).and_then(|(from, to)| body.get(from..=to));
    let version = object
        .and_then(|object| serde_json::from_str::<serde_json::Value>(object).ok())
        .and_then(|value| Some(value.get("Version")?.as_str()?.to_owned()));
    version.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not Docker's"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UnixListener;

    #[tokio::test]
    async fn the_version_of_docker_is_read_from_its_socket() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("docker.sock");
        let listener = UnixListener::bind(&path).expect("bind");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("accept");
            let mut request = [0; 256];
            let n = stream.read(&mut request).await.expect("request");
            assert!(request[..n].starts_with(b"GET /version HTTP/1.0"));
            let answer =
                b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"Version\":\"20.10.24\"}\n";
            stream.write_all(answer).await.expect("answer");
        });
        let finding = docker(&path).await;
        server.await.expect("server");
        assert_eq!(finding.outcome, Outcome::Ok);
        assert!(finding.found.ends_with("version 20.10.24"), "{}", finding.found);
    }

    #[tokio::test]
    async fn networks_that_pass_by_the_host_are_named() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("docker.sock");
        let listener = UnixListener::bind(&path).expect("bind");
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 512];
                let n = stream.read(&mut request).await.expect("request");
                let body = match std::str::from_utf8(&request[..n]).expect("text") {
                    r if r.contains("/version ") => r#"{"Version":"28.2.2"}"#,
                    r if r.contains("/networks?") => {
                        r#"[{"Name":"mac","Driver":"macvlan"},{"Name":"shop","Driver":"bridge"}]"#
                    }
                    _ => "{}",
                };
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all((head + body).as_bytes()).await.expect("answer");
            }
        });
        let found = findings(&path, Path::new("/nonexistent/socket")).await;
        server.abort();
        let networks = found.iter().find(|f| f.check == "networks").expect("a finding");
        assert_eq!(networks.outcome, Outcome::Warning);
        assert!(networks.found.ends_with(": mac (macvlan)"), "{}", networks.found);
    }

    #[tokio::test]
    async fn a_host_without_any_runtime_fails() {
        let nowhere = Path::new("/nonexistent/socket");
        let found = findings(nowhere, nowhere).await;
        assert_eq!(found.last().map(|f| (f.check, f.outcome)), Some(("any-runtime", Outcome::Failed)));
    }
}
