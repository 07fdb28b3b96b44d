//! Who may do what: enforced by the server for every endpoint of the table.

use crate::support::{Raw, Running, start, start_with};
use bulkhead_api::{Access, ENDPOINTS, Endpoint, Role, TokenRequest};
use bulkhead_controller::Limits;

fn path(endpoint: &Endpoint) -> String {
    endpoint
        .path
        .replace("{namespace}", "shop")
        .replace("{name}", "nobody")
        .replace("{id}", "0000")
        .replace("{framework}", "none")
}

async fn token(running: &Running, role: Role) -> String {
    let request = TokenRequest { name: role.to_string(), role, expires_in_seconds: None };
    running.admin.create_token(&request).await.expect("created").secret
}

#[tokio::test]
async fn every_endpoint_asks_for_its_role_and_no_less() {
    let running = start().await;
    let raw = running.raw();
    let mut secrets = vec![(None, None)];
    for role in [Role::Viewer, Role::Proposer, Role::Operator, Role::Admin] {
        secrets.push((Some(role), Some(token(&running, role).await)));
    }
    for endpoint in ENDPOINTS.iter().filter(|endpoint| !endpoint.is_stream()) {
        for (role, secret) in &secrets {
            let caller = raw.with_token(secret.as_deref());
            let body = (!endpoint.method.is_safe()).then_some("{}");
            let reply = caller.send(endpoint.method.name(), &path(endpoint), body).await;
            let expected = match (endpoint.access, role) {
                (Access::Open, _) => None,
                (Access::Role(_), None) => Some(401),
                (Access::Role(needed), Some(role)) if *role < needed => Some(403),
                _ => None,
            };
            match expected {
                Some(status) => assert_eq!(reply.status, status, "{endpoint:?} as {role:?}"),
                None if endpoint.id == "login" => assert_eq!(reply.status, 400),
                None => assert!(
                    !matches!(reply.status, 401 | 403 | 405 | 500..),
                    "{endpoint:?} as {role:?}: {}",
                    reply.status
                ),
            }
        }
    }
    running.controller.stop().await;
}

#[tokio::test]
async fn streams_ask_for_a_role_too() {
    let running = start().await;
    let nobody = running.raw().with_token(None);
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.is_stream()) {
        assert_eq!(nobody.send("GET", endpoint.path, None).await.status, 401, "{endpoint:?}");
    }
    running.controller.stop().await;
}

async fn log_in(raw: &Raw) -> (Raw, String) {
    let secret = raw.token.clone().expect("a token");
    let body = serde_json::json!({ "token": secret }).to_string();
    let reply = raw.with_token(None).send("POST", "/api/v1/session", Some(&body)).await;
    assert_eq!(reply.status, 200);
    let cookie = reply.headers["set-cookie"].to_str().expect("text").to_owned();
    let value = cookie.split(';').next().expect("a value").to_owned();
    let csrf = reply.json()["csrf"].as_str().expect("a value").to_owned();
    (Raw { cookie: Some(value), csrf: Some(csrf), token: None, url: raw.url.clone() }, cookie)
}

#[tokio::test]
async fn a_cookie_session_needs_its_csrf_value_to_change_anything_and_ends() {
    let running = start().await;
    let (session, cookie) = log_in(&running.raw()).await;
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let me = session.send("GET", "/api/v1/session", None).await.json();
    assert_eq!((me["role"].as_str(), me["csrf"].as_str()), (Some("admin"), session.csrf.as_deref()));
    let body = Some(r#"{"name": "x", "role": "viewer"}"#);
    let forged = Raw { csrf: None, ..session.clone() };
    assert_eq!(forged.send("POST", "/api/v1/tokens", body).await.status, 403);
    let wrong = Raw { csrf: Some("0".repeat(64)), ..session.clone() };
    assert_eq!(wrong.send("POST", "/api/v1/tokens", body).await.status, 403);
    assert_eq!(session.send("POST", "/api/v1/tokens", body).await.status, 200);
    assert_eq!(session.send("DELETE", "/api/v1/session", None).await.status, 204);
    assert_eq!(session.send("GET", "/api/v1/session", None).await.status, 401);
    running.controller.stop().await;
}

#[tokio::test]
async fn revoking_a_token_ends_its_sessions_and_removes_its_file() {
    let running = start().await;
    let other = token(&running, Role::Admin).await;
    let (session, _) = log_in(&running.raw()).await;
    let tokens = running.admin.tokens().await.expect("tokens").items;
    let first = tokens.iter().find(|t| t.name == "admin" && t.created_by == "system").expect("the first");
    let raw = running.raw().with_token(Some(&other));
    assert!(running.controller.admin_token_file.exists());
    assert_eq!(raw.send("DELETE", &format!("/api/v1/tokens/{}", first.id), None).await.status, 204);
    assert_eq!(session.send("GET", "/api/v1/session", None).await.status, 401);
    assert_eq!(running.raw().send("GET", "/api/v1/status", None).await.status, 401);
    assert!(!running.controller.admin_token_file.exists());
    running.controller.stop().await;
}

#[tokio::test]
async fn failed_logins_lock_out_and_are_in_the_audit_log() {
    let running = start_with(|config| config.limits = Limits { failures: 3, ..Limits::default() }).await;
    let stranger = running.raw().with_token(Some("bh_wrong"));
    for _ in 0..3 {
        assert_eq!(stranger.send("GET", "/api/v1/status", None).await.status, 401);
    }
    assert_eq!(stranger.send("GET", "/api/v1/status", None).await.status, 429);
    let body = Some(r#"{"token": "bh_guess"}"#);
    assert_eq!(stranger.with_token(None).send("POST", "/api/v1/session", body).await.status, 429);
    // Who has a valid credential is not locked out by others behind the same address.
    assert_eq!(running.raw().send("GET", "/api/v1/status", None).await.status, 200);
    let audit = running.admin.audit(&Default::default()).await.expect("audit").items;
    assert_eq!(audit.iter().filter(|entry| entry.action == "session.failed").count(), 3);
    running.controller.stop().await;
}

#[tokio::test]
async fn too_many_requests_are_refused() {
    let running =
        start_with(|config| config.limits = Limits { burst: 5, per_second: 1, ..Limits::default() }).await;
    let raw = running.raw();
    let mut refused = 0;
    for _ in 0..12 {
        refused += u32::from(raw.send("GET", "/api/v1/settings", None).await.status == 429);
    }
    assert!(refused >= 5, "{refused}");
    running.controller.stop().await;
}
