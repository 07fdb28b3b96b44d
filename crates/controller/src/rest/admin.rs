use super::{Answer, Asked, COOKIE, failed_login, json, nothing, too_many_failures};
use crate::{outputs, state::sha256, tokenfile};
use axum::http::{HeaderValue, header};
use bulkhead_api::{
    ApiError, AuditEntry, AuditList, AuditQuery, AuditVerification, ErrorCode, ErrorDetail, OutputTarget,
    Outputs, Session, SessionRequest, Settings, SyslogTransport, TokenList, TokenRequest,
};
use std::collections::BTreeSet;

pub(super) fn invalid(field: &str, message: impl Into<String>, remedy: &str) -> ApiError {
    let message = message.into();
    let mut error = ApiError::new(ErrorCode::Invalid, message.clone(), remedy);
    error.details.push(ErrorDetail { message, field: Some(field.to_owned()), ..ErrorDetail::default() });
    error
}

pub(super) async fn login(asked: Asked) -> Answer {
    let request: SessionRequest = asked.json()?;
    let now = asked.app.config.clock.now();
    let address = asked.caller.address;
    if !asked.app.limiter.may_try(address, now) {
        return Err(too_many_failures());
    }
    let table = asked.app.auth.load_full();
    let known = table.tokens.get(&sha256(request.token.trim())).cloned();
    let Some(credential) = known.filter(|c| c.expires.is_none_or(|end| end > now)) else {
        failed_login(&asked.app, address, now).await;
        let remedy = "use the token that `bulkhead up` prints, or one from `bulkhead token create`";
        return Err(ApiError::new(ErrorCode::Unauthenticated, "the token is not valid", remedy));
    };
    let actor = crate::state::Actor {
        name: credential.name.clone(),
        role: Some(credential.role),
        address: Some(address.to_string()),
    };
    let (name, role) = (credential.name.clone(), credential.role);
    let (cookie, csrf, expires) = asked.app.act(move |state| state.open_session(&credential, &actor)).await?;
    let mut response = json(&Session { name, role, csrf: Some(csrf), expires: Some(expires) })?;
    set_cookie(&asked, &mut response, &cookie, expires.since(now).as_secs())?;
    Ok(response)
}

fn set_cookie(
    asked: &Asked,
    response: &mut axum::http::Response<axum::body::Body>,
    value: &str,
    seconds: u64,
) -> Result<(), ApiError> {
    let prefix = asked.app.config.path_prefix.trim_matches('/');
    let path = if prefix.is_empty() { "/".to_owned() } else { format!("/{prefix}/") };
    let loopback = asked.app.config.listen.ip().is_loopback();
    // A browser does not send a Secure cookie back over the plain HTTP of a loopback address.
    let secure = if loopback { "" } else { "; Secure" };
    let cookie =
        format!("{COOKIE}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let cookie = HeaderValue::from_str(&cookie).map_err(|_| {
        ApiError::new(ErrorCode::Internal, "the path prefix cannot stand in a cookie", "change it")
    })?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(())
}

pub(super) fn session(asked: &Asked) -> Answer {
    let Some(credential) = &asked.caller.credential else {
        return Err(ApiError::new(ErrorCode::Unauthenticated, "a credential is needed", "log in"));
    };
    let session = asked.caller.session.as_ref();
    json(&Session {
        name: credential.name.clone(),
        role: credential.role,
        csrf: session.map(|(csrf, ..)| csrf.clone()),
        expires: session.map(|(_, expires, _)| *expires).or(credential.expires),
    })
}

pub(super) async fn logout(asked: Asked) -> Answer {
    let mut response = nothing();
    if let Some((.., hash)) = asked.caller.session.clone() {
        let actor = asked.caller.actor();
        asked
            .app
            .act(move |state| {
                state.close_session(&hash);
                state.audit(&actor, "session.close", &actor.name, "");
            })
            .await?;
        set_cookie(&asked, &mut response, "", 0)?;
    }
    Ok(response)
}

pub(super) async fn tokens(asked: Asked) -> Answer {
    json(&TokenList { items: asked.app.act(|state| state.tokens()).await? })
}

pub(super) async fn create_token(asked: Asked) -> Answer {
    let request: TokenRequest = asked.json()?;
    let length = request.name.trim().chars().count();
    if !(1..=64).contains(&length) || request.name.chars().any(char::is_control) {
        return Err(invalid(
            "name",
            "the name of the token is empty, too long or not printable",
            "use 1 to 64 characters",
        ));
    }
    if request.expires_in_seconds == Some(0) {
        return Err(invalid(
            "expires_in_seconds",
            "the token would have expired at once",
            "use a larger number",
        ));
    }
    let actor = asked.caller.actor();
    let created =
        asked.app.act(move |state| state.add_token(&request, tokenfile::new_secret(), &actor)).await?;
    json(&created)
}

pub(super) async fn delete_token(asked: Asked) -> Answer {
    let id = asked.param("id").to_owned();
    let actor = asked.caller.actor();
    let removed = asked
        .app
        .act(move |state| {
            if !state.tokens().iter().any(|token| token.id == id) {
                let message = "there is no token with this id";
                return Err(ApiError::new(
                    ErrorCode::NotFound,
                    message,
                    "GET /api/v1/tokens lists all tokens",
                ));
            }
            if state.other_admins(&id) == 0 {
                let message = "it is the last token of an admin: nobody could get in any more";
                return Err(ApiError::new(ErrorCode::Conflict, message, "create another admin token first"));
            }
            Ok(state.remove_token(&id, &actor))
        })
        .await??;
    forget_file(&asked, removed).await;
    Ok(nothing())
}

/// The file of the first token goes with its token.
async fn forget_file(asked: &Asked, removed: Option<Vec<u8>>) {
    let path = asked.app.token_file.clone();
    let Ok(text) = tokio::fs::read_to_string(&path).await else { return };
    if removed.is_some_and(|hash| hash == sha256(text.trim()))
        && let Err(error) = tokio::fs::remove_file(&path).await
    {
        tracing::warn!(path = %path.display(), %error, "the file of a revoked token cannot be removed");
    }
}

pub(super) async fn audit(asked: Asked) -> Answer {
    let query: AuditQuery = asked.query()?;
    let limit = query.limit.unwrap_or(100).clamp(1, 1000);
    let found = asked
        .app
        .read(move |reader| reader.audit(query.after, query.actor.as_deref(), query.action.as_deref(), limit))
        .await?;
    let next =
        (found.len() == limit as usize).then(|| found.last().map(|r| r.sequence.to_string())).flatten();
    let items = found
        .into_iter()
        .map(|record| AuditEntry {
            sequence: record.sequence,
            time: record.time,
            actor: record.actor,
            role: record.role.and_then(|role| role.parse().ok()),
            action: record.action,
            target: record.target,
            detail: record.detail,
            address: record.address,
            hash: record.hash,
        })
        .collect();
    json(&AuditList { items, next })
}

pub(super) async fn verify_audit(asked: Asked) -> Answer {
    let verdict = asked.app.read(|reader| reader.verify_audit()).await?;
    let sentence = match verdict.broken_at {
        None if verdict.removed > 0 => format!(
            "All {} entries are there and unchanged, from number {} on; those before were removed by retention.",
            verdict.entries,
            verdict.removed + 1
        ),
        None => format!("All {} entries are there and unchanged.", verdict.entries),
        Some(sequence) => {
            format!("The chain is broken at entry {sequence}: it or one before it was changed.")
        }
    };
    json(&AuditVerification {
        intact: verdict.broken_at.is_none(),
        entries: verdict.entries,
        removed: verdict.removed,
        broken_at: verdict.broken_at,
        head: verdict.head,
        sentence,
    })
}

pub(super) async fn put_settings(asked: Asked) -> Answer {
    let settings: Settings = asked.json()?;
    let retention = settings.retention;
    for (field, value, range) in [
        ("retention.event_days", u64::from(retention.event_days), 1..=3650),
        ("retention.history_days", u64::from(retention.history_days), 1..=3650),
        ("retention.edge_days", u64::from(retention.edge_days), 1..=3650),
        ("retention.revisions", u64::from(retention.revisions), 10..=1_000_000),
        ("retention.audit_days", u64::from(retention.audit_days), 30..=36_500),
        ("retention.max_megabytes", retention.max_megabytes, 16..=1_048_576),
        ("scan.targets", u64::from(settings.scan.targets), 2..=100_000),
        ("scan.window_seconds", u64::from(settings.scan.window_seconds), 1..=3600),
        ("gates.deployment_hours", u64::from(settings.gates.deployment_hours), 0..=720),
    ] {
        if !range.contains(&value) {
            let message = format!("{field} is {value}; expected {} to {}", range.start(), range.end());
            return Err(invalid(field, message, "choose a value in that range"));
        }
    }
    if settings.automation.len() > 1000 {
        return Err(invalid("automation", "too many rules", "use at most 1000"));
    }
    let actor = asked.caller.actor();
    let answer = settings.clone();
    asked.app.act(move |state| state.put_settings(settings, &actor)).await?;
    json(&answer)
}

pub(super) async fn outputs(asked: Asked) -> Answer {
    let mut outputs = asked.app.act(|state| state.outputs_without_secrets()).await?;
    for output in &mut outputs.outputs {
        output.status = Some(asked.app.outputs.status(&output.name));
    }
    json(&outputs)
}

pub(super) async fn put_outputs(asked: Asked) -> Answer {
    let wanted: Outputs = asked.json()?;
    let mut names = BTreeSet::new();
    if wanted.outputs.len() > 50 {
        return Err(invalid("outputs", "too many outputs", "use at most 50"));
    }
    for (at, output) in wanted.outputs.iter().enumerate() {
        let field = format!("outputs[{at}]");
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if output.name.is_empty() || output.name.len() > 64 || !output.name.chars().all(sound) {
            let remedy = "use 1 to 64 letters, digits, '-' and '_'";
            return Err(invalid(&format!("{field}.name"), "the name of the output is not usable", remedy));
        }
        if !names.insert(output.name.as_str()) {
            return Err(invalid(&format!("{field}.name"), "two outputs have one name", "rename one of them"));
        }
        super::graph::kinds(Some(&output.types.join(",")))?;
        check_target(&field, &output.target)?;
    }
    let actor = asked.caller.actor();
    let answer = asked
        .app
        .act(move |state| {
            state.put_outputs(wanted, &actor);
            state.outputs_without_secrets()
        })
        .await?;
    json(&answer)
}

fn check_target(field: &str, target: &OutputTarget) -> Result<(), ApiError> {
    let (authority, is_tls) = match target {
        OutputTarget::Syslog { address, transport, ca_pem, .. } => {
            let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none_or(|port| port == 0) || address.len() > 300 {
                return Err(invalid(&format!("{field}.target.address"), "not an address", "use host:port"));
            }
            (ca_pem, *transport == SyslogTransport::Tls)
        }
        OutputTarget::Webhook { url, ca_pem, .. } => {
            let uri = url.parse::<http::Uri>().ok();
            let scheme = uri.as_ref().filter(|uri| uri.host().is_some()).and_then(|uri| uri.scheme_str());
            if !matches!(scheme, Some("http" | "https")) || url.len() > 2000 {
                let remedy = "use https://host/path, or http:// within your own network";
                return Err(invalid(&format!("{field}.target.url"), "not a URL", remedy));
            }
            (ca_pem, scheme == Some("https"))
        }
    };
    if let Some(pem) = authority
        && is_tls
        && let Err(error) = bulkhead_api::transport::trust(Some(pem.as_bytes()))
    {
        return Err(invalid(
            &format!("{field}.target.ca_pem"),
            error.to_string(),
            "paste the PEM of the authority",
        ));
    }
    Ok(())
}

pub(super) async fn test_output(asked: Asked) -> Answer {
    let name = asked.param("name").to_owned();
    let wanted = name.clone();
    let output = asked
        .app
        .act(move |state| state.admin.outputs.outputs.iter().find(|output| output.name == wanted).cloned())
        .await?;
    let Some(output) = output else {
        let message = "there is no output with this name";
        return Err(ApiError::new(ErrorCode::NotFound, message, "GET /api/v1/outputs lists all outputs"));
    };
    let actor = asked.caller.actor();
    let result = outputs::test(&output, asked.app.config.clock.now()).await;
    let detail = result.message.clone();
    asked.app.act(move |state| state.audit(&actor, "outputs.test", &name, &detail)).await?;
    json(&result)
}
