//! Events at the user's own systems.

use crate::support::{Running, eventually, start};
use bulkhead_api::Outputs;
use bulkhead_model::{EventKind, Verdict};
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
    sync::Mutex,
};

async fn put(running: &Running, target: serde_json::Value) {
    let outputs: Outputs = serde_json::from_value(serde_json::json!({ "outputs": [{
        "name": "out", "min_severity": "info", "types": ["new-edge"], "target": target,
    }] }))
    .expect("outputs");
    running.admin.put_outputs(&outputs).await.expect("put");
    eventually("the output runs", || async {
        running.connect("shop/web", "shop/redis", 6379, Verdict::Allowed).await;
        running.connect("shop/web", "shop/redis", fresh_port(), Verdict::Allowed).await;
        let status = running.admin.outputs().await.ok()?.outputs.pop()?.status?;
        (status.sent + status.queued > 0 || status.last_error.is_some()).then_some(())
    })
    .await;
}

fn fresh_port() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(10_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[tokio::test]
async fn syslog_arrives_over_udp() {
    let running = start().await;
    running.shop().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("binds");
    let address = socket.local_addr().expect("bound").to_string();
    put(&running, serde_json::json!({ "kind": "syslog", "address": address, "transport": "udp" })).await;
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).await.expect("arrives");
    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(text.starts_with("<110>1 ") && text.contains(" bulkhead - new-edge ["), "{text}");
    running.controller.stop().await;
}

#[tokio::test]
async fn cef_arrives_framed_over_tcp() {
    let running = start().await;
    running.shop().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound").to_string();
    let target =
        serde_json::json!({ "kind": "syslog", "address": address, "transport": "tcp", "format": "cef" });
    put(&running, target).await;
    let (mut stream, _) = listener.accept().await.expect("connects");
    let mut text = String::new();
    while !text.contains("CEF:0|Bulkhead|") {
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).await.expect("reads");
        assert!(length > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    let (length, rest) = text.split_once(' ').expect("a frame");
    let length: usize = length.parse().expect("a length");
    assert!(rest.len() >= length && rest.starts_with("<110>1 "), "{text}");
    running.controller.stop().await;
}

/// A server that shows this certificate, and takes what one client sends.
async fn tls_server(made: &rcgen::CertifiedKey<rcgen::KeyPair>) -> (String, tokio::task::JoinHandle<String>) {
    use tokio_rustls::rustls::{ServerConfig, crypto::ring};
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a certificate");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound").to_string();
    let taken = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("connects");
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut buffer = [0; 8192];
            let length = stream.read(&mut buffer).await.expect("reads");
            return String::from_utf8_lossy(&buffer[..length]).into_owned();
        }
    });
    (address, taken)
}

fn certificate() -> rcgen::CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate")
}

#[tokio::test]
async fn syslog_arrives_over_tls_from_a_server_that_is_trusted_and_from_no_other() {
    let running = start().await;
    running.shop().await;
    let (own, foreign) = (certificate(), certificate());
    let (address, taken) = tls_server(&own).await;
    let target = |trusted: &rcgen::CertifiedKey<rcgen::KeyPair>| {
        serde_json::json!({
            "kind": "syslog", "address": address, "transport": "tls", "ca_pem": trusted.cert.pem(),
        })
    };
    put(&running, target(&foreign)).await;
    let test = running.admin.test_output("out").await.expect("tested");
    assert!(!test.delivered, "{}", test.message);
    put(&running, target(&own)).await;
    let text = taken.await.expect("taken");
    let (length, rest) = text.split_once(' ').expect("a frame");
    assert!(length.parse::<usize>().is_ok() && rest.starts_with("<110>1 "), "{text}");
    running.controller.stop().await;
}

#[tokio::test]
async fn a_webhook_is_signed_and_tried_again_until_it_is_taken() {
    let running = start().await;
    running.shop().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound");
    let requests = Arc::new(Mutex::new(Vec::<String>::new()));
    let seen = Arc::clone(&requests);
    let server = tokio::spawn(async move {
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let mut text = String::new();
            while !text.contains("\r\n\r\n") || !text.ends_with('}') {
                let mut buffer = [0; 8192];
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(length) => text.push_str(&String::from_utf8_lossy(&buffer[..length])),
                }
            }
            let mut seen = seen.lock().await;
            let answer = if seen.is_empty() { "503 Service Unavailable" } else { "200 OK" };
            seen.push(text);
            let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let url = format!("http://{address}/hook");
    put(&running, serde_json::json!({ "kind": "webhook", "url": url, "secret": "hush" })).await;
    eventually("the second attempt is taken", || async {
        let status = running.admin.outputs().await.ok()?.outputs.pop()?.status?;
        (status.sent > 0).then_some(())
    })
    .await;
    let requests = requests.lock().await;
    assert!(requests.len() >= 2);
    let body = |text: &str| text.split("\r\n\r\n").nth(1).map(str::to_owned);
    assert_eq!(body(&requests[0]), body(&requests[1]), "the refused one comes again, and first");
    let line = requests[1].lines().find_map(|line| line.strip_prefix("x-bulkhead-signature: t="));
    let (time, told) = line.and_then(|line| line.split_once(",v1=")).expect("a signature");
    // As whoever receives it checks it, with the secret that both know.
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"hush");
    let signed = format!("{time}.{}", body(&requests[1]).expect("a body"));
    let tag: Vec<u8> = (0..told.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&told[at..at + 2], 16).expect("hexadecimal"))
        .collect();
    ring::hmac::verify(&key, signed.as_bytes(), &tag).expect("the signature holds");
    assert!(!requests[1].contains("hush"));
    server.abort();
    running.controller.stop().await;
}

/// Answers each request by what its body says, and keeps what was answered.
async fn webhook(
    answer: impl Fn(&str) -> &'static str + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<String>>>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
    let requests = Arc::new(Mutex::new(Vec::<String>::new()));
    let seen = Arc::clone(&requests);
    let server = tokio::spawn(async move {
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let mut text = String::new();
            while !text.contains("\r\n\r\n") || !text.ends_with('}') {
                let mut buffer = [0; 8192];
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(length) => text.push_str(&String::from_utf8_lossy(&buffer[..length])),
                }
            }
            let answer =
                format!("HTTP/1.1 {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", answer(&text));
            seen.lock().await.push(text);
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, requests, server)
}

#[tokio::test]
async fn what_is_refused_for_good_is_counted_and_holds_nothing_back() {
    let running = start().await;
    running.shop().await;
    let refused = "\"port\":6379";
    let (url, _, server) =
        webhook(move |body| if body.contains(refused) { "400 Bad Request" } else { "200 OK" }).await;
    put(&running, serde_json::json!({ "kind": "webhook", "url": url })).await;
    eventually("what comes after is sent", || async {
        let status = running.admin.outputs().await.ok()?.outputs.pop()?.status?;
        (status.lost == 1 && status.sent > 0 && status.queued == 0).then_some(())
    })
    .await;
    server.abort();
    running.controller.stop().await;
}

#[tokio::test]
async fn the_last_count_of_a_denial_is_sent() {
    let running = start().await;
    running.shop().await;
    let (url, requests, server) = webhook(|_| "200 OK").await;
    let outputs: Outputs = serde_json::from_value(serde_json::json!({ "outputs": [{
        "name": "out", "min_severity": "info", "types": ["denied", "would-deny"],
        "target": { "kind": "webhook", "url": url },
    }] }))
    .expect("outputs");
    running.admin.put_outputs(&outputs).await.expect("put");
    running.connect("shop/web", "shop/redis", 6379, Verdict::Denied).await;
    eventually("the first is sent", || async { (!requests.lock().await.is_empty()).then_some(()) }).await;
    running.count("shop/web", "shop/redis", 6379, 0, 41).await;
    eventually("it is counted on", || async {
        let query = bulkhead_api::EventQuery { kind: Some("denied".to_owned()), ..Default::default() };
        let events = running.admin.events(&query).await.ok()?.items;
        events.iter().any(|event| matches!(&event.kind, EventKind::Denied(d) if d.count == 41)).then_some(())
    })
    .await;
    assert!(!requests.lock().await.iter().any(|text| text.contains("\"count\":41")), "not within a minute");
    running.controller.stop().await;
    let config = crate::support::config(running.directory.path());
    let controller = bulkhead_controller::Controller::start(config).await.expect("starts again");
    eventually("the last count is sent", || async {
        requests.lock().await.iter().any(|text| text.contains("\"count\":41")).then_some(())
    })
    .await;
    server.abort();
    controller.stop().await;
}

#[tokio::test]
async fn a_collector_that_ended_the_connection_gets_the_next_event_over_another() {
    let running = start().await;
    running.shop().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound").to_string();
    put(&running, serde_json::json!({ "kind": "syslog", "address": address, "transport": "tcp" })).await;
    let (mut stream, _) = listener.accept().await.expect("connects");
    let sent = eventually("all that there is has been sent", || async {
        let status = running.admin.outputs().await.ok()?.outputs.pop()?.status?;
        (status.queued == 0 && status.sent > 0).then_some(status.sent)
    })
    .await;
    // All of it is read first: an end with unread bytes is a reset, which any write finds.
    let mut taken = 0;
    while taken < sent {
        let mut buffer = [0; 65_536];
        let length = stream.read(&mut buffer).await.expect("reads");
        taken += String::from_utf8_lossy(&buffer[..length]).matches("<110>1 ").count() as u64;
    }
    drop(stream);
    running.connect("shop/web", "shop/redis", 4711, Verdict::Allowed).await;
    let again = tokio::time::timeout(std::time::Duration::from_secs(60), listener.accept()).await;
    let (mut stream, _) = again.expect("another connection").expect("connects");
    let mut buffer = [0; 65_536];
    let length = stream.read(&mut buffer).await.expect("reads");
    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(text.contains("4711"), "{text}");
    running.controller.stop().await;
}

#[tokio::test]
async fn what_could_not_be_sent_is_sent_after_a_restart() {
    let running = start().await;
    running.shop().await;
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = socket.local_addr().expect("bound");
    drop(socket);
    let target = serde_json::json!({ "kind": "syslog", "address": address.to_string(), "transport": "tcp" });
    put(&running, target).await;
    let status = running.admin.outputs().await.expect("outputs").outputs[0].status.clone().expect("status");
    assert!(status.queued > 0);
    running.controller.stop().await;
    let listener = TcpListener::bind(address).await.expect("the port is free again");
    let config = crate::support::config(running.directory.path());
    let controller = bulkhead_controller::Controller::start(config).await.expect("starts again");
    let (mut stream, _) = listener.accept().await.expect("connects");
    let mut buffer = [0; 4096];
    let length = stream.read(&mut buffer).await.expect("reads");
    assert!(String::from_utf8_lossy(&buffer[..length]).contains("new-edge"));
    controller.stop().await;
}
