//! Tokens, sessions, the audit log, settings and outputs.

use super::State;
use bulkhead_api::{
    AutomationRules, CreatedToken, Output, OutputTarget, Outputs, Role, Settings, Token, TokenRequest,
};
use bulkhead_model::Timestamp;
use bulkhead_store::{AuditRecord, Change, SessionRecord, TokenRecord};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
};

/// How long a cookie session lives.
const SESSION_MS: u64 = 12 * 3_600_000;
/// Sessions at once; the oldest go first.
const SESSIONS: usize = 1_000;
/// What stands for a secret in answers.
pub(crate) const HIDDEN: &str = "***";

#[derive(Debug)]
pub(crate) struct Admin {
    pub(super) tokens: BTreeMap<String, TokenRecord>,
    pub(super) sessions: HashMap<Vec<u8>, SessionRecord>,
    pub(crate) outputs: Outputs,
    pub(super) audit_sequence: u64,
    pub(super) audit_head: String,
}

/// Who acts.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) name: String,
    pub(crate) role: Option<Role>,
    pub(crate) address: Option<String>,
}

impl Actor {
    pub(crate) fn system() -> Self {
        Self { name: "system".to_owned(), role: None, address: None }
    }
}

/// A valid credential.
#[derive(Debug, Clone)]
pub(crate) struct Credential {
    pub(crate) token: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) expires: Option<Timestamp>,
}

/// Who may come in, as the server's tasks read it. Secrets are looked up by their SHA-256: they are 256 random bits,
/// so that no slow hash is needed to protect them, and the time that a look-up takes tells nothing of them.
#[derive(Debug, Default)]
pub(crate) struct AuthTable {
    pub(crate) tokens: HashMap<Vec<u8>, Credential>,
    pub(crate) sessions: HashMap<Vec<u8>, (Credential, String, Timestamp)>,
}

pub(crate) fn sha256(text: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 256 random bits as text.
pub(crate) fn secret() -> String {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).expect("the kernel's random numbers do not fail after boot");
    hex(&bytes)
}

fn role(text: &str) -> Role {
    // What cannot be read gets the least.
    text.parse().unwrap_or(Role::Viewer)
}

fn token(record: &TokenRecord) -> Token {
    Token {
        id: record.id.clone(),
        name: record.name.clone(),
        role: role(&record.role),
        created: record.created,
        created_by: record.created_by.clone(),
        last_used: record.last_used,
        expires: record.expires,
    }
}

impl State {
    pub(crate) fn auth_table(&self) -> AuthTable {
        let credential = |record: &TokenRecord| Credential {
            token: record.id.clone(),
            name: record.name.clone(),
            role: role(&record.role),
            expires: record.expires,
        };
        let tokens = self.admin.tokens.values().map(|r| (r.hash.clone(), credential(r))).collect();
        let sessions = self.admin.sessions.values().filter_map(|session| {
            let owner = self.admin.tokens.get(&session.token)?;
            Some((session.hash.clone(), (credential(owner), session.csrf.clone(), session.expires)))
        });
        AuthTable { tokens, sessions: sessions.collect() }
    }

    pub(crate) fn audit(&mut self, actor: &Actor, action: &str, target: &str, detail: &str) {
        self.admin.audit_sequence += 1;
        let cut = |text: &str| text.chars().take(2000).collect::<String>();
        let mut record = AuditRecord {
            sequence: self.admin.audit_sequence,
            time: self.now,
            actor: cut(&actor.name),
            role: actor.role.map(|role| role.to_string()),
            action: action.to_owned(),
            target: cut(target),
            detail: cut(detail),
            address: actor.address.clone(),
            hash: String::new(),
        };
        record.hash = record.chained(&self.admin.audit_head);
        self.admin.audit_head.clone_from(&record.hash);
        self.effects.changes.push(Change::Audit(record));
    }

    pub(crate) fn tokens(&self) -> Vec<Token> {
        self.admin.tokens.values().map(token).collect()
    }

    pub(crate) fn has_admin(&self) -> bool {
        self.admin
            .tokens
            .values()
            .any(|t| role(&t.role) == Role::Admin && t.expires.is_none_or(|e| e > self.now))
    }

    pub(crate) fn knows_secret(&self, secret: &str) -> bool {
        let hash = sha256(secret);
        self.admin.tokens.values().any(|token| token.hash == hash)
    }

    pub(crate) fn add_token(
        &mut self,
        request: &TokenRequest,
        secret: String,
        actor: &Actor,
    ) -> CreatedToken {
        let id = hex(&sha256(&format!("id {secret}"))[..8]);
        let record = TokenRecord {
            id: id.clone(),
            hash: sha256(&secret),
            name: request.name.clone(),
            role: request.role.to_string(),
            created: self.now,
            created_by: actor.name.clone(),
            last_used: None,
            expires: request
                .expires_in_seconds
                .map(|seconds| Timestamp(self.now.0.saturating_add(seconds.saturating_mul(1000)))),
        };
        let shown = token(&record);
        self.effects.changes.push(Change::Token(record.clone()));
        self.admin.tokens.insert(id, record);
        self.effects.auth = true;
        self.audit(actor, "token.create", &request.name, &format!("role {}", request.role));
        CreatedToken { token: shown, secret }
    }

    /// Removes a token and its sessions; its hash, so that a file with the secret can be removed too.
    pub(crate) fn remove_token(&mut self, id: &str, actor: &Actor) -> Option<Vec<u8>> {
        let record = self.admin.tokens.remove(id)?;
        self.admin.sessions.retain(|_, session| session.token != id);
        self.effects.changes.push(Change::RemoveToken(id.to_owned()));
        self.effects.auth = true;
        self.audit(actor, "token.delete", &record.name, &format!("role {}", record.role));
        Some(record.hash)
    }

    /// Admin tokens besides this one.
    pub(crate) fn other_admins(&self, id: &str) -> usize {
        let others = self.admin.tokens.values().filter(|token| token.id != id);
        others.filter(|t| role(&t.role) == Role::Admin && t.expires.is_none_or(|e| e > self.now)).count()
    }

    /// Opens a cookie session; returns the cookie's value, the CSRF value and when it ends.
    pub(crate) fn open_session(
        &mut self,
        credential: &Credential,
        actor: &Actor,
    ) -> (String, String, Timestamp) {
        let (cookie, csrf) = (secret(), secret());
        let mut expires = Timestamp(self.now.0 + SESSION_MS);
        if let Some(end) = credential.expires {
            expires = expires.min(end);
        }
        if self.admin.sessions.len() >= SESSIONS {
            let oldest = self.admin.sessions.values().min_by_key(|s| s.expires).map(|s| s.hash.clone());
            if let Some(hash) = oldest {
                self.close_session(&hash);
            }
        }
        let record = SessionRecord {
            hash: sha256(&cookie),
            token: credential.token.clone(),
            csrf: csrf.clone(),
            expires,
        };
        self.effects.changes.push(Change::Session(record.clone()));
        self.admin.sessions.insert(record.hash.clone(), record);
        self.effects.auth = true;
        self.audit(actor, "session.open", &credential.name, "");
        (cookie, csrf, expires)
    }

    pub(crate) fn close_session(&mut self, hash: &[u8]) {
        if self.admin.sessions.remove(hash).is_some() {
            self.effects.changes.push(Change::RemoveSession(hash.to_vec()));
            self.effects.auth = true;
        }
    }

    pub(crate) fn token_used(&mut self, id: &str) {
        let now = self.now;
        if let Some(record) = self.admin.tokens.get_mut(id)
            && record.last_used.is_none_or(|last| now.since(last).as_secs() >= 60)
        {
            record.last_used = Some(now);
            self.effects.changes.push(Change::Token(record.clone()));
        }
    }

    pub(super) fn expire_sessions(&mut self) {
        let now = self.now;
        let over: Vec<Vec<u8>> =
            self.admin.sessions.values().filter(|s| s.expires <= now).map(|s| s.hash.clone()).collect();
        over.iter().for_each(|hash| self.close_session(hash));
    }

    pub(crate) fn put_settings(&mut self, settings: Settings, actor: &Actor) {
        let data = serde_json::to_string(&settings).unwrap_or_default();
        self.audit(actor, "settings.put", "settings", &data);
        self.store_settings(settings);
    }

    fn store_settings(&mut self, settings: Settings) {
        let data = serde_json::to_string(&settings).unwrap_or_default();
        self.effects.changes.push(Change::Setting { key: "settings", data });
        self.learner.set_gates(super::learning::gates_of(&settings.gates));
        self.settings = settings;
        self.services.values_mut().for_each(|record| record.summary = None);
        self.effects.view = true;
    }

    pub(crate) fn put_automation(&mut self, wanted: AutomationRules, actor: &Actor) {
        let detail = serde_json::to_string(&wanted).unwrap_or_default();
        let mut by_hand: BTreeMap<_, _> =
            wanted.by_hand.into_iter().map(|setting| (setting.service, setting.automation)).collect();
        let names: Vec<_> = self.services.keys().cloned().collect();
        for name in names {
            let automation = by_hand.remove(&name);
            if let Some(record) = self.services.get_mut(&name)
                && record.automation != automation
            {
                record.automation = automation;
                self.save_service(&name);
                self.node_changed(&name);
            }
        }
        let settings = Settings {
            automatic: wanted.automatic,
            profile: wanted.profile,
            automation: wanted.rules,
            ..self.settings.clone()
        };
        self.audit(actor, "automation.put", "automation", &detail);
        self.store_settings(settings);
    }

    /// Outputs as the interface shows them.
    pub(crate) fn outputs_without_secrets(&self) -> Outputs {
        let mut outputs = self.admin.outputs.clone();
        for output in &mut outputs.outputs {
            if let OutputTarget::Webhook { secret: Some(secret), .. } = &mut output.target {
                *secret = HIDDEN.to_owned();
            }
        }
        outputs
    }

    pub(crate) fn put_outputs(&mut self, mut outputs: Outputs, actor: &Actor) {
        for output in &mut outputs.outputs {
            output.status = None;
            let known = self.admin.outputs.outputs.iter().find(|known| known.name == output.name);
            keep_secret(output, known);
        }
        let names: Vec<&str> = outputs.outputs.iter().map(|output| output.name.as_str()).collect();
        let detail = names.join(", ");
        self.audit(actor, "outputs.put", "outputs", &detail);
        let data = serde_json::to_string(&outputs).unwrap_or_default();
        self.effects.changes.push(Change::Setting { key: "outputs", data });
        self.admin.outputs = outputs;
        self.effects.outputs = true;
    }
}

fn keep_secret(output: &mut Output, known: Option<&Output>) {
    let stored = match known.map(|known| &known.target) {
        Some(OutputTarget::Webhook { secret, .. }) => secret.clone(),
        _ => None,
    };
    if let OutputTarget::Webhook { secret, .. } = &mut output.target
        && secret.as_deref() == Some(HIDDEN)
    {
        *secret = stored;
    }
}
