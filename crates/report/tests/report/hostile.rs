//! Names that want to be more than names.

use crate::shop::{GOOD, Shop, key};
use bulkhead_report::{Framework, ReportFormat, SealedReport, verify};

const EVIL: &str = "</td><script>alert(1)</script><img src=x onerror=alert(2)> \\\" ' & | `x` [a](javascript:b) <!-- bulkhead:seal --> <!-- /bulkhead:seal --> </template></pre>";

fn evil() -> SealedReport {
    let yaml = GOOD
        .replace("reason: to take orders", &format!("reason: \"{EVIL}\""))
        .replace("owner: data team", "owner: \"\\u202Eevil\\u0007\"");
    let mut shop = Shop::of(&yaml);
    shop.operation().nodes[0].kernel = EVIL.to_owned();
    shop.revisions[0].summary = format!("{EVIL}\n# heading\n");
    SealedReport::new(shop.report(Framework::PciDss), Some(&key()))
}

#[test]
fn nothing_in_a_name_is_markup_and_the_seal_holds() {
    let sealed = evil();
    let html = sealed.render(ReportFormat::Html);
    // The page has tags of its own alone.
    for tag in ["<script", "<img", "</script", "onerror=alert(2)>", "<a href=\"javascript"] {
        assert!(!html.contains(tag), "{tag}");
    }
    assert_eq!(html.matches("<!-- bulkhead:seal -->").count(), 1);
    assert_eq!(html.matches("</template>").count(), 1);
    assert!(html.contains("&lt;script&gt;alert(1)"), "told as text");
    assert!(
        !html.contains('\u{202e}') || html.matches('\u{202e}').count() == embedded(&html),
        "shown nowhere"
    );
    let md = sealed.render(ReportFormat::Md);
    assert!(!md.contains("<script") && !md.contains("\n# heading"), "told as text");
    assert_eq!(md.matches("<!-- bulkhead:seal -->").count(), 1);
    for format in [ReportFormat::Json, ReportFormat::Html, ReportFormat::Md] {
        let found = verify(&sealed.render(format), None).expect("readable");
        assert!(found.sound, "{format}: {:?}", found.problems);
    }
}

/// Occurrences in the evidence that the page carries, which no browser shows.
fn embedded(html: &str) -> usize {
    let (_, rest) = html.split_once("<template id=\"report\">").expect("carried");
    rest.matches('\u{202e}').count()
}

#[test]
fn the_page_allows_itself_nothing_but_its_own_style() {
    let html = evil().render(ReportFormat::Html);
    let policy = bulkhead_report::content_security();
    assert!(html.contains(&format!("content=\"{policy}\"")));
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    for forbidden in
        ["style=\"", "<link", "<iframe", "<object", "<form", "url(", "@import", "http://", "https://"]
    {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
}
