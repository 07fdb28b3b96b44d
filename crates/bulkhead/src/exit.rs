//! How commands end: exit codes, and how a failure is told.

use bulkhead_api::{ApiError, ErrorCode, client::ClientError, transport::TransportError};
use std::{io, io::Write, process::ExitCode};

/// The exit codes of every command. They are part of the interface: scripts and pipelines depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    /// It was done; the answer is yes.
    Success = 0,
    /// It was done, and problems were found; or the answer is no (denied, differs, would break something).
    Problems = 1,
    /// The command line itself is wrong. Clap uses the same number.
    Usage = 2,
    /// No server answers.
    Unreachable = 3,
    /// The token is missing, unknown, or its role may not do this; or the command needs root.
    NotPermitted = 4,
    /// There is no such service, policy, token or file.
    NotFound = 5,
    /// A document or a value is not valid, or conflicts with what is there.
    Invalid = 6,
    /// Anything else that failed: an I/O error, a fault of the server.
    Failed = 7,
}

impl Code {
    /// Every code with the sentence that the documentation gives it.
    pub(crate) const ALL: [(Code, &'static str); 8] = [
        (Code::Success, "done; where a question was asked, the answer is yes"),
        (Code::Problems, "done, and problems were found, or the answer is no (denied, differs, would break)"),
        (Code::Usage, "the command line is wrong"),
        (Code::Unreachable, "no server answers at the address"),
        (Code::NotPermitted, "the token is missing or unknown, its role may not do this, or root is needed"),
        (Code::NotFound, "no such service, policy, token or file"),
        (Code::Invalid, "a document or a value is not valid, or conflicts with what is there"),
        (Code::Failed, "anything else that failed"),
    ];
}

impl Code {
    pub(crate) fn of_io(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::NotPermitted,
            _ => Self::Failed,
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        ExitCode::from(code as u8)
    }
}

/// An error that knows its exit code and what the person may do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) remedy: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), remedy: None }
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// Tells a failure on standard error and gives the code to end with.
pub(crate) fn report(result: anyhow::Result<Code>) -> ExitCode {
    match result {
        Ok(code) => code.into(),
        // The reader has seen enough (`bulkhead events | head`): that is no failure.
        Err(error) if is_broken_pipe(&error) => Code::Success.into(),
        Err(error) => {
            // Nothing can be done where standard error is closed too.
            let _ = io::stderr().write_all(describe(&error).as_bytes());
            code_of(&error).into()
        }
    }
}

fn describe(error: &anyhow::Error) -> String {
    let mut text = format!("error: {}\n", chain(error));
    if let Some(ClientError::Api(refusal)) = cause::<ClientError>(error) {
        text += &faults(refusal);
    }
    for (n, line) in remedy_of(error).lines().enumerate() {
        text += if n == 0 { "  what to do: " } else { "              " };
        text += line;
        text.push('\n');
    }
    text
}

/// Every cause after a colon, but none twice: some errors say their source themselves.
fn chain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.ends_with(&cause) {
            text += ": ";
            text += &cause;
        }
    }
    text
}

/// Every single fault that the server found, with its place.
fn faults(refusal: &ApiError) -> String {
    let mut text = String::new();
    for detail in &refusal.details {
        text += "  ";
        let place: Vec<String> = [
            detail.file.clone(),
            detail.line.map(|line| line.to_string()),
            detail.line.and(detail.column).map(|column| column.to_string()),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !place.is_empty() {
            text += &place.join(":");
            text += ": ";
        }
        if let Some(field) = detail.field.as_deref().filter(|field| !field.is_empty()) {
            text += field;
            text += ": ";
        }
        text += &detail.message;
        if let Some(expected) = detail.expected.as_deref().filter(|e| !detail.message.contains(*e)) {
            text += &format!(" (expected {expected})");
        }
        text.push('\n');
    }
    text
}

fn remedy_of(error: &anyhow::Error) -> String {
    if let Some(remedy) = cause::<Failure>(error).and_then(|failure| failure.remedy.clone()) {
        return remedy;
    }
    match cause::<ClientError>(error) {
        Some(ClientError::Api(refusal)) => refusal.remedy.clone(),
        Some(ClientError::Transport(TransportError::Address(_))) => {
            "write it like http://127.0.0.1:7070 or https://bulkhead.example.com:7070".into()
        }
        Some(ClientError::Transport(TransportError::Tls { .. } | TransportError::Authority(_))) => {
            "name the authority of the server's certificate with --ca FILE; where it speaks no TLS, write http://"
                .into()
        }
        Some(ClientError::Transport(_) | ClientError::Body(_)) => {
            "start the server with `bulkhead up`, or name another one with --server or BULKHEAD_SERVER".into()
        }
        Some(ClientError::Answer { .. }) => {
            "server and command line may be of different versions: compare bulkhead --version and bulkhead status"
                .into()
        }
        Some(ClientError::Foreign(_) | ClientError::Query(_)) | None => String::new(),
    }
}

fn cause<E: std::error::Error + Send + Sync + 'static>(error: &anyhow::Error) -> Option<&E> {
    error.chain().find_map(|e| e.downcast_ref::<E>())
}

fn code_of(error: &anyhow::Error) -> Code {
    if let Some(failure) = cause::<Failure>(error) {
        return failure.code;
    }
    match cause::<ClientError>(error) {
        Some(ClientError::Api(refusal)) => return code_of_refusal(refusal.code),
        Some(ClientError::Transport(TransportError::Address(_))) => return Code::Usage,
        Some(ClientError::Transport(_) | ClientError::Body(_)) => return Code::Unreachable,
        Some(_) => return Code::Failed,
        None => {}
    }
    cause::<io::Error>(error).map_or(Code::Failed, |error| Code::of_io(error.kind()))
}

fn code_of_refusal(code: ErrorCode) -> Code {
    match code {
        ErrorCode::Unauthenticated | ErrorCode::Forbidden => Code::NotPermitted,
        ErrorCode::NotFound => Code::NotFound,
        ErrorCode::Invalid | ErrorCode::Conflict | ErrorCode::TooLarge => Code::Invalid,
        ErrorCode::RateLimited | ErrorCode::Unavailable | ErrorCode::Internal => Code::Failed,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|e| e.downcast_ref::<io::Error>()).any(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_failure_keeps_its_code_and_remedy_under_any_context() {
        let failure = Failure::new(Code::NotFound, "no service 'a/b'").remedy("list them: bulkhead services");
        let error = anyhow::Error::from(failure).context("cannot change the mode");
        assert_eq!(code_of(&error), Code::NotFound);
        assert_eq!(
            describe(&error),
            "error: cannot change the mode: no service 'a/b'\n  what to do: list them: bulkhead services\n"
        );
    }

    #[test]
    fn a_refusal_lists_every_fault_with_its_place() {
        let mut refusal = ApiError::new(ErrorCode::Invalid, "2 faults in the documents", "mend them");
        refusal.details = vec![
            bulkhead_api::ErrorDetail {
                message: "unknown field 'prots'".into(),
                field: Some("spec.ingress[0]".into()),
                file: Some("redis.yaml".into()),
                line: Some(7),
                column: Some(5),
                expected: Some("from, ports, applications".into()),
            },
            bulkhead_api::ErrorDetail { message: "too large".into(), ..Default::default() },
        ];
        let error = anyhow::Error::from(ClientError::Api(refusal));
        assert_eq!(code_of(&error), Code::Invalid);
        insta::assert_snapshot!(describe(&error));
    }

    #[test]
    fn a_cause_that_is_said_already_is_not_said_twice() {
        let source = io::Error::from(io::ErrorKind::ConnectionRefused);
        let error = TransportError::Connect { host: "127.0.0.1".into(), port: 1, source };
        let error = anyhow::Error::from(ClientError::from(error));
        assert_eq!(chain(&error), "cannot connect to 127.0.0.1:1: connection refused");
        assert_eq!(code_of(&error), Code::Unreachable);
    }

    #[test]
    fn a_missing_file_ends_with_not_found() {
        let error = std::fs::read("/nonexistent/file").context("cannot read it").expect_err("missing");
        assert_eq!(code_of(&error), Code::NotFound);
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let error = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("printing");
        assert!(is_broken_pipe(&error));
    }

    #[test]
    fn every_code_is_documented_once_and_in_order() {
        for (n, (code, sentence)) in Code::ALL.iter().enumerate() {
            assert_eq!(*code as usize, n);
            assert!(!sentence.is_empty());
        }
    }
}
