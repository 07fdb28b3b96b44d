//! The documentation tells the truth: its documents are sound, and the example answers as the page says.

use bulkhead_model::{ServiceName, Timestamp};
use bulkhead_policy::{
    Compiler, Document, Evaluator, Inventory, PolicySet, Reach, ReadOptions, Remote, RuleBook, Traffic, View,
    lint,
};
use std::{fs, path::PathBuf};

fn docs(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shop() -> (PolicySet, Inventory) {
    let text = docs("examples/policy/shop.yaml");
    let set = PolicySet::read([("shop.yaml", text.as_str())], ReadOptions::default())
        .unwrap_or_else(|errors| panic!("{errors:?}"));
    let inventory = Inventory::named_in(&set);
    (set, inventory)
}

fn name(text: &str) -> ServiceName {
    text.parse().expect("valid")
}

#[test]
fn every_document_on_the_page_is_sound() {
    let page = docs("policy.md");
    let blocks: Vec<&str> =
        page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 3);
    for block in blocks {
        let (documents, errors) = bulkhead_policy::document::read("policy.md", block, ReadOptions::default());
        assert!(errors.is_empty(), "{errors:?}\n{block}");
        assert_eq!(documents.len(), 1);
        let written = Document::join(&documents);
        let again = bulkhead_policy::document::read("again", &written, ReadOptions::default());
        assert_eq!(again, (documents, Vec::new()));
    }
}

#[test]
fn the_example_answers_as_the_page_says() {
    let (set, inventory) = shop();
    let findings = lint(&set, &inventory, &[], Timestamp(0));
    assert!(findings.is_empty(), "{findings:?}");
    let evaluator = Evaluator::new(&set, &inventory, &mut RuleBook::default(), Timestamp(0));
    let service = |text: &str| Remote::Service(name(text));
    let allowed = |client: &str, server: &Remote, port: u16| {
        evaluator.verdict(&service(client), server, Traffic::tcp(port)).allowed_by_policy()
    };
    assert!(allowed("shop/api", &service("shop/redis"), 6379));
    assert!(!allowed("shop/web", &service("shop/db"), 5432));
    assert!(allowed("shop/api", &Remote::address("203.0.113.9".parse().expect("valid")), 443));
    assert!(!allowed("shop/api", &Remote::address("169.254.169.254".parse().expect("valid")), 80));
    let reach = Reach::new(Compiler::default().compile(&set, &inventory, Timestamp(0)), View::Policy);
    let db = inventory.service(&name("shop/db")).expect("named in the example").identity;
    let clients: Vec<_> = reach
        .who_can_reach(db)
        .into_iter()
        .filter_map(|(identity, _)| inventory.by_identity(identity))
        .map(|service| service.name.to_string())
        .collect();
    assert_eq!(clients, ["shop/api", "shop/batch"]);
}
