//! What a report reads like. `UPDATE_REPORT=1` writes the files anew.

use crate::shop::{GOOD, Shop, key};
use bulkhead_model::Mode;
use bulkhead_report::{Framework, ReportFormat, SealedReport};
use std::{fs, path::Path};

fn compare(file: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    if std::env::var_os("UPDATE_REPORT").is_some() {
        fs::create_dir_all(path.parent().expect("has one")).expect("created");
        fs::write(&path, made).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "{file} reads differently: run `UPDATE_REPORT=1 cargo test -p bulkhead-report` and look at the difference"
    );
}

/// A shop with one thing wrong in each of several places.
fn flawed() -> Shop {
    let mut shop = Shop::of(&GOOD.replace(
        "reason: moves the old orders, expires: 2027-01-31",
        "reason: moves the old orders, expires: 2026-11-01",
    ));
    shop.mode("pay/vault", Mode::Monitor);
    shop.operation().event_days = 30;
    shop.saw("198.51.100.9", "pay/ledger", 23, 2, 0);
    shop
}

#[test]
fn a_report_reads_the_same_every_time() {
    let sealed = SealedReport::new(flawed().report(Framework::PciDss), Some(&key()));
    compare("pci-dss.md", &sealed.render(ReportFormat::Md));
    compare("pci-dss.html", &sealed.render(ReportFormat::Html));
    let sealed = SealedReport::new(flawed().report(Framework::CisKubernetes), Some(&key()));
    compare("cis-kubernetes.json", &sealed.render(ReportFormat::Json));
}

#[test]
fn all_forms_say_the_same_words_and_numbers() {
    let sealed = SealedReport::new(flawed().report(Framework::Nist80053), Some(&key()));
    let plain = |text: String| {
        let text = text.replace("<wbr>", "").replace('\\', "");
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&#39;", "'")
            .replace("&quot;", "\"")
            .replace("&amp;", "&")
    };
    let (html, md) = (plain(sealed.render(ReportFormat::Html)), plain(sealed.render(ReportFormat::Md)));
    let report = &sealed.report;
    let texts = report
        .requirements
        .iter()
        .flat_map(|r| {
            [&r.number, &r.asks, &r.reason]
                .into_iter()
                .chain(r.gaps.iter().flat_map(|g| [&g.what, &g.remedy]))
        })
        .chain(
            report
                .evidence
                .iter()
                .flat_map(|e| [&e.title, &e.says, &e.sha256].into_iter().chain(e.rows.iter().flatten())),
        )
        .chain(&report.limits)
        .chain([&report.summary.sentence]);
    for text in texts {
        // What stands in the page itself, not only in what it carries.
        let shown = html.split("<template").next().expect("there");
        assert!(shown.contains(text.as_str()), "the page lacks: {text}");
        assert!(md.contains(text.as_str()), "the text lacks: {text}");
    }
}
