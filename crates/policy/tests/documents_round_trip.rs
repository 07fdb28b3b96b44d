//! What is written reads back as what it was.

#[path = "support/random.rs"]
mod random;

use bulkhead_policy::{Document, PolicySet, ReadOptions};
use random::{Random, policy_set};

#[test]
fn random_documents_survive_being_written_and_read() {
    let mut random = Random::seeded("documents_round_trip");
    for _ in 0..300 {
        let set = policy_set(&mut random);
        let text = Document::join(&set.documents().collect::<Vec<_>>());
        let read = PolicySet::read([("all.yaml", text.as_str())], ReadOptions::default());
        assert_eq!(read.as_ref().map_err(|errors| format!("{errors:?}\n{text}")), Ok(&set));
        let first = set.documents().next().expect("there is always one");
        let json = serde_json::to_string(&first.to_tree()).expect("json");
        let (documents, errors) = bulkhead_policy::document::read("one.json", &json, ReadOptions::default());
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(documents, [first]);
    }
}
