//! Finds the controller and the right to speak to it.

use crate::{
    arguments::GlobalArgs,
    exit::{Code, Failure},
    output::waiting::Sign,
};
use anyhow::{Context as _, Result};
use bulkhead_api::client::Client;
use std::{fs, io, path::Path};

/// File of the state directory in which `bulkhead up` writes the address that it listens on.
pub(crate) const SERVER_FILE: &str = "server";
/// File of the state directory with the token of the first run.
pub(crate) const TOKEN_FILE: &str = "admin.token";
const DEFAULT_SERVER: &str = "http://127.0.0.1:7070";

/// Option, then environment (clap has merged both), then what the state directory of this host says.
pub(crate) fn client(global: &GlobalArgs) -> Result<Client> {
    let state = &global.state_dir;
    let server = match &global.server {
        Some(server) => server.clone(),
        None => read(&state.join(SERVER_FILE)).ok().flatten().unwrap_or_else(|| DEFAULT_SERVER.into()),
    };
    let token = match &global.token {
        Some(token) => Some(token.trim().to_owned()),
        None => own_token(&state.join(TOKEN_FILE))?,
    };
    let authority = match &global.ca {
        Some(file) => Some(fs::read(file).with_context(|| format!("cannot read {}", file.display()))?),
        // A server that was named is not this host's own: its certificate is not in the state directory.
        None if global.server.is_none() => {
            ["ca.pem", "certificate.pem"].iter().find_map(|name| fs::read(state.join("tls").join(name)).ok())
        }
        None => None,
    };
    let client = Client::new(&server, token, authority.as_deref())?;
    Ok(client.telling(|| Box::new(Sign::new("waiting for the server"))))
}

fn own_token(path: &Path) -> Result<Option<String>> {
    read(path).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => Failure::new(
            Code::NotPermitted,
            format!("may not read the token in {}", path.display()),
        )
        .remedy(
            "run as root; or ask an administrator for a token of your own (bulkhead token create NAME \
                     --role viewer)\nand set BULKHEAD_TOKEN",
        )
        .into(),
        _ => anyhow::Error::from(error).context(format!("cannot read {}", path.display())),
    })
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::screen::Colour;

    fn global(state_dir: &Path) -> GlobalArgs {
        let state_dir = state_dir.into();
        GlobalArgs { server: None, token: None, ca: None, state_dir, color: Colour::Never }
    }

    #[test]
    fn the_state_directory_names_the_server_unless_one_is_given() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mut global = global(dir.path());
        assert_eq!(client(&global).expect("default").server(), DEFAULT_SERVER);
        fs::write(dir.path().join(SERVER_FILE), "http://127.0.0.1:7171\n").expect("write");
        assert_eq!(client(&global).expect("written").server(), "http://127.0.0.1:7171");
        global.server = Some("bulkhead.example.com:80/".into());
        assert_eq!(client(&global).expect("given").server(), "http://bulkhead.example.com:80");
    }

    #[test]
    fn an_empty_token_file_is_no_token() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join(TOKEN_FILE);
        fs::write(&path, "\n").expect("write");
        assert_eq!(own_token(&path).expect("readable"), None);
        fs::write(&path, "bh_secret\n").expect("write");
        assert_eq!(own_token(&path).expect("readable").as_deref(), Some("bh_secret"));
    }
}
