//! The server as such: headers, the console, sizes, TLS.

use crate::support::{start, start_with};
use bulkhead_api::client::Client;
use bulkhead_controller::{Controller, ControllerConfig, ControllerError, Tls};
use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt};

#[tokio::test]
async fn the_console_is_served_with_strict_headers_and_places_in_it_lead_to_its_page() {
    let running = start_with(|config| config.path_prefix = "/bulkhead".to_owned()).await;
    let raw = running.raw().with_token(None);
    let base = raw.url.trim_end_matches("bulkhead/").to_owned();
    let raw = crate::support::Raw { url: base, ..raw };
    for path in ["/", "/map", "/services/shop/redis?tab=edges", "/bulkhead/", "/bulkhead/map"] {
        let reply = raw.send("GET", path, None).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.headers["content-type"].to_str().expect("text").starts_with("text/html"), "{path}");
        let policy = reply.headers["content-security-policy"].to_str().expect("text");
        assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"));
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        assert!(String::from_utf8_lossy(&reply.body).contains("<base href=\"/bulkhead/\">"), "{path}");
    }
    let plain = start().await;
    let root = plain.raw().send("GET", "/", None).await;
    assert!(!String::from_utf8_lossy(&root.body).contains("<base"), "it works below a prefix nobody told of");
    plain.controller.stop().await;
    assert_eq!(raw.send("GET", "/bulkhead/healthz", None).await.status, 200);
    assert_eq!(raw.send("GET", "/assets/none.js", None).await.status, 404);
    assert_eq!(raw.send("POST", "/map", None).await.status, 405);
    let missing = raw.send("GET", "/api/v1/nothing", None).await;
    assert_eq!((missing.status, missing.json()["error"]["code"].as_str()), (404, Some("not-found")));
    assert_eq!(raw.send("PATCH", "/api/v1/status", None).await.status, 405);
    running.controller.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let running = start_with(|config| config.limits.body = 10_000).await;
    let body = serde_json::json!({ "documents": "x".repeat(20_000) }).to_string();
    let reply = running.raw().send("POST", "/api/v1/policies/apply", Some(&body)).await;
    assert_eq!(reply.status, 413);
    running.controller.stop().await;
}

#[tokio::test]
async fn the_first_token_is_in_a_file_that_only_its_owner_can_read() {
    let running = start().await;
    let path = &running.controller.admin_token_file;
    assert_eq!(fs::metadata(path).expect("there").permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(path).expect("reads");
    assert_eq!(Some(text.trim()), running.controller.admin_token.as_deref());
    running.controller.stop().await;
}

#[tokio::test]
async fn tls_protects_the_interface_and_plain_http_stays_on_loopback() {
    let running = start_with(|config| config.tls = Tls::SelfSigned).await;
    assert!(running.controller.url.starts_with("https://127.0.0.1"), "{}", running.controller.url);
    let pem = fs::read(running.controller.certificate.as_ref().expect("made")).expect("reads");
    let token = running.controller.admin_token.clone();
    let client = Client::new(&running.controller.url, token.clone(), Some(&pem)).expect("a client");
    client.status().await.expect("over TLS");
    let stranger = Client::new(&running.controller.url, token, None).expect("a client");
    stranger.status().await.expect_err("the system does not know this certificate");
    running.controller.stop().await;
    let directory = tempfile::tempdir().expect("directory");
    let config = ControllerConfig {
        state_dir: directory.path().to_owned(),
        listen: SocketAddr::from(([0, 0, 0, 0], 0)),
        tls: Tls::Off,
        ..ControllerConfig::default()
    };
    let refused = Controller::start(config).await.expect_err("tokens would be readable");
    assert!(matches!(refused, ControllerError::PlainElsewhere(_)));
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_without_a_restart_and_a_broken_one_is_not() {
    let directory = tempfile::tempdir().expect("directory");
    let (certificate, key) = (directory.path().join("own.pem"), directory.path().join("own.key"));
    let write = || {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("writes");
        std::fs::write(&certificate, made.cert.pem()).expect("writes");
        made.cert.pem()
    };
    let first = write();
    let tls = bulkhead_controller::Tls::Files { certificate: certificate.clone(), key: key.clone() };
    let running = crate::support::start_with(|config| config.tls = tls).await;
    let token = running.controller.admin_token.clone();
    let trusting = |pem: &str| {
        bulkhead_api::client::Client::new(&running.controller.url, token.clone(), Some(pem.as_bytes()))
            .expect("a client")
    };
    trusting(&first).status().await.expect("the first one is shown");
    // Half written: the old one goes on, and that is said.
    std::fs::write(&certificate, "-----BEGIN CERTIFICATE-----\n").expect("writes");
    crate::support::eventually("it is said", || async {
        let status = trusting(&first).status().await.ok()?;
        status.degraded.iter().any(|wrong| wrong.what.contains("certificate")).then_some(())
    })
    .await;
    let second = write();
    crate::support::eventually("the second one is shown", || async {
        trusting(&second).status().await.ok().filter(|status| status.degraded.is_empty())
    })
    .await;
    trusting(&first).status().await.expect_err("the first one is shown no more");
    running.controller.stop().await;
}
