//! Files: who signed them, and that no byte of them can be changed unseen.

use crate::shop::{Shop, key};
use bulkhead_report::{Framework, Pin, ReportFormat, SealedReport, Unreadable, verify};
use proptest::{prelude::*, test_runner::RngSeed};
use std::sync::LazyLock;

const FORMATS: [ReportFormat; 3] = [ReportFormat::Json, ReportFormat::Html, ReportFormat::Md];

fn sealed() -> &'static SealedReport {
    static SEALED: LazyLock<SealedReport> =
        LazyLock::new(|| SealedReport::new(Shop::good().report(Framework::Nist80053), Some(&key())));
    &SEALED
}

fn file(format: ReportFormat) -> &'static str {
    static FILES: LazyLock<[String; 3]> = LazyLock::new(|| FORMATS.map(|format| sealed().render(format)));
    &FILES[FORMATS.iter().position(|known| *known == format).expect("known")]
}

/// Whether a changed file is found out.
fn is_noticed(text: &str) -> bool {
    verify(text, None).is_err() || verify(text, None).is_ok_and(|found| !found.sound)
}

#[test]
fn a_file_as_it_was_sealed_is_sound_in_every_form() {
    let pin = Pin::parse(&key().public().fingerprint()).expect("a fingerprint");
    for format in FORMATS {
        let found = verify(file(format), Some(&pin)).expect("readable");
        assert!(found.sound && found.pinned, "{format}: {:?}", found.problems);
        assert_eq!(found.format, format);
        assert_eq!(found.signed_by, Some(key().public().fingerprint()));
        assert_eq!((found.revision, found.framework.as_str()), (Some(7), "nist-800-53"));
    }
}

#[test]
fn another_key_is_told_and_a_file_without_signature_is_not_sound() {
    let other = Pin::parse(&format!("sha256:{}", "0".repeat(64))).expect("a fingerprint");
    for format in FORMATS {
        let found = verify(file(format), Some(&other)).expect("readable");
        assert!(!found.sound && !found.pinned);
        assert!(found.problems[0].contains("another key"), "{:?}", found.problems);
        let unsigned = SealedReport::new(sealed().report.clone(), None).render(format);
        let found = verify(&unsigned, None).expect("readable");
        assert!(!found.sound && found.signed_by.is_none());
        assert_eq!(found.problems, ["it is not signed: it may be whole, but nobody vouches for it"]);
    }
}

#[test]
fn a_report_that_was_changed_and_sealed_again_by_another_does_not_fit_the_pin() {
    let mut forged = sealed().report.clone();
    forged.requirements[0].reason = "All is well.".to_owned();
    let mut der =
        vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    der.extend([43; 32]);
    let thief = bulkhead_report::SigningKey::from_pkcs8(&der).expect("a key");
    let text = SealedReport::new(forged, Some(&thief)).render(ReportFormat::Html);
    let pin = Pin::Key(key().public());
    assert!(!verify(&text, Some(&pin)).expect("readable").sound);
    // Somebody else's key under the old signature does not help either.
    let swapped = file(ReportFormat::Json).replace(&key().public().to_hex(), &thief.public().to_hex());
    assert!(is_noticed(&swapped));
}

#[test]
fn what_was_changed_is_said() {
    let json = file(ReportFormat::Json).replacen("\"enforce\"", "\"learn\"", 1);
    let found = verify(&json, None).expect("readable");
    assert!(found.problems[0].starts_with("evidence E"), "{:?}", found.problems);
    let html = file(ReportFormat::Html).replacen("<h1>NIST", "<h1>nist", 1);
    let found = verify(&html, None).expect("readable");
    assert!(found.problems[0].contains("was sealed as"), "{:?}", found.problems);
    let md = file(ReportFormat::Md).replacen("# NIST", "# nist", 1);
    assert_eq!(
        verify(&md, None).expect("readable").problems,
        ["the text does not have the hash that was sealed"]
    );
}

#[test]
fn what_is_no_report_is_told_from_one_that_was_changed() {
    assert_eq!(verify("", None), Err(Unreadable::NoSeal));
    assert_eq!(verify("<html></html>", None), Err(Unreadable::NoSeal));
    assert!(matches!(verify("{}", None), Err(Unreadable::Json(_))));
    let twice = file(ReportFormat::Md).repeat(2);
    assert_eq!(verify(&twice, None), Err(Unreadable::ManySeals));
}

#[test]
fn nothing_before_or_after_a_report_goes_unseen() {
    for format in FORMATS {
        let text = file(format);
        for changed in
            [format!(" {text}"), format!("{text} "), format!("{text}\n"), text.replace('\n', "\r\n")]
        {
            assert!(is_noticed(&changed), "{format}");
        }
        assert!(is_noticed(&text[..text.len() - 1]), "{format}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, rng_seed: RngSeed::Fixed(20), ..ProptestConfig::default() })]

    #[test]
    fn every_change_of_a_byte_is_noticed(at in any::<prop::sample::Index>(), with in 0x20_u8..0x7f, form in 0_usize..3) {
        let text = file(FORMATS[form]);
        let at = at.index(text.len());
        prop_assume!(text.is_char_boundary(at) && text.is_char_boundary(at + 1) && text.as_bytes()[at] != with);
        let mut changed = text.as_bytes().to_vec();
        changed[at] = with;
        let changed = String::from_utf8(changed).expect("still text");
        prop_assert!(is_noticed(&changed), "{} at {at}: {:?}", FORMATS[form], &text[at.saturating_sub(20)..at]);
    }

    #[test]
    fn every_byte_that_is_taken_out_or_put_in_is_noticed(at in any::<prop::sample::Index>(), form in 0_usize..3) {
        let text = file(FORMATS[form]);
        let at = at.index(text.len());
        prop_assume!(text.is_char_boundary(at) && text.is_char_boundary(at + 1));
        let taken = [&text[..at], &text[at + 1..]].concat();
        prop_assert!(is_noticed(&taken), "{} without {at}", FORMATS[form]);
        let put = [&text[..at], "x", &text[at..]].concat();
        prop_assert!(is_noticed(&put), "{} with more at {at}", FORMATS[form]);
    }

    #[test]
    fn arbitrary_text_never_makes_the_check_panic(text in "\\PC*") {
        let _ = verify(&text, None);
        let framed = format!("<!-- bulkhead:seal -->{text}<!-- /bulkhead:seal -->");
        let _ = verify(&framed, None);
    }
}
