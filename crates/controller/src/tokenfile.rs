//! The token of the first run, in a file that only its owner can read.

use crate::{
    error::ControllerError,
    state::{Actor, State, secret},
};
use bulkhead_api::{Role, TokenRequest};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// What every token begins with, so that people and scanners recognise a leaked one.
pub(crate) const PREFIX: &str = "bh_";

pub(crate) fn new_secret() -> String {
    format!("{PREFIX}{}", secret())
}

/// Makes sure that there is a way in. A database that was set aside takes the token of the file with it, so that who
/// had it still has it; a token that was revoked is not brought back by its file.
pub(crate) fn ensure(path: &Path, state: &mut State) -> Result<Option<String>, ControllerError> {
    let failed = |source| ControllerError::File { path: path.to_owned(), source };
    let kept = match fs::read_to_string(path) {
        Ok(text) => Some(text.trim().to_owned()).filter(|text| text.starts_with(PREFIX) && text.len() >= 32),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(source) => return Err(failed(source)),
    };
    if let Some(secret) = &kept
        && state.knows_secret(secret)
    {
        return Ok(kept);
    }
    if state.has_admin() {
        return Ok(None);
    }
    let secret = match kept {
        Some(secret) => secret,
        None => {
            let secret = new_secret();
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(path)
                .map_err(failed)?;
            writeln!(file, "{secret}").and_then(|()| file.sync_all()).map_err(failed)?;
            secret
        }
    };
    let request = TokenRequest { name: "admin".to_owned(), role: Role::Admin, expires_in_seconds: None };
    state.add_token(&request, secret.clone(), &Actor::system());
    Ok(Some(secret))
}
