//! The key that reports are signed with, in a file that only its owner can read.

use crate::error::ControllerError;
use bulkhead_report::SigningKey;
use ring::{rand::SystemRandom, signature::Ed25519KeyPair};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// The key of the file; makes one at the first start. A file that is no key stops the start: a new key in its place would
/// make every report look forged that was checked against the old one.
pub(crate) fn ensure(path: &Path) -> Result<SigningKey, ControllerError> {
    let failed = |source| ControllerError::File { path: path.to_owned(), source };
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
                .expect("the kernel's random numbers do not fail after boot");
            // Whole under another name before it is there under its own: a start that breaks off leaves no half a key.
            let beginning = path.with_extension("new");
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&beginning)
                .map_err(failed)?;
            file.write_all(made.as_ref()).and_then(|()| file.sync_all()).map_err(failed)?;
            fs::rename(&beginning, path).map_err(failed)?;
            made.as_ref().to_vec()
        }
        Err(source) => return Err(failed(source)),
    };
    SigningKey::from_pkcs8(&bytes)
        .map_err(|source| ControllerError::ReportKey { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("report.key");
        let first = ensure(&path).expect("made").public();
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(ensure(&path).expect("kept").public(), first);
    }

    #[test]
    fn a_file_that_is_no_key_is_not_replaced() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("report.key");
        fs::write(&path, "damaged").expect("written");
        assert!(matches!(ensure(&path), Err(ControllerError::ReportKey { .. })));
        assert_eq!(fs::read(&path).expect("there"), b"damaged");
    }
}
