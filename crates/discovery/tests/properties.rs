//! What holds for every container that a runtime may describe, however strangely.

use bulkhead_discovery::{
    declared::declared_peers,
    naming::{Facts, owner_of_pod, sanitise, service_of, without_volatile_parts},
};
use bulkhead_model::ServiceName;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Parts of names that people choose: words, with a version or a digit here and there.
fn chosen_name() -> impl Strategy<Value = String> {
    let word = "(web|api|cart|ledger|mail-relay|search|oauth2|neo4j|k8s|v2|db)";
    proptest::collection::vec(word, 1..4).prop_map(|words| words.join("-"))
}

fn counter_hash_or_date() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-_.][0-9]{1,6}",
        "[-_][0-9a-f]{3}[0-9][a-f][0-9a-f]{7}",
        "[-_]20[0-9]{2}-(0[1-9]|1[0-2])-[0-2][0-9]",
        "[-_]20[0-9]{2}(0[1-9]|1[0-2])[0-2][0-9]T[0-9]{6}Z",
        "-[0-9]{4}-[a-z][0-9]",
        "-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ]
}

/// The alphabet of Kubernetes' random suffixes.
const SUFFIX: &str = "[bcdfghjklmnpqrstvwxz2456789]";

proptest! {
    #[test]
    fn every_container_has_a_valid_and_stable_service(
        label in proptest::option::of(".{0,300}"),
        project in proptest::option::of(".{0,20}"),
        name in ".{0,40}",
        image in ".{0,40}",
        command in proptest::collection::vec(".{0,20}", 0..4),
    ) {
        let mut labels = BTreeMap::new();
        labels.extend(label.map(|value| ("bulkhead.service".to_owned(), value)));
        labels.extend(project.map(|value| ("com.docker.compose.service".to_owned(), value)));
        let facts = Facts { labels: &labels, name: &name, image: &image, command: &command };
        let (service, owner) = service_of(&facts);
        prop_assert!(ServiceName::new(service.namespace(), service.name()).is_ok());
        prop_assert_eq!(service_of(&facts), (service, owner));
    }

    #[test]
    fn sanitising_twice_changes_nothing_more(text in ".{0,300}") {
        let once = sanitise(&text);
        prop_assert_eq!(sanitise(&once), once);
    }

    #[test]
    fn counters_hashes_and_dates_at_the_end_do_not_make_another_service(
        name in chosen_name(),
        end in counter_hash_or_date(),
    ) {
        let bare = without_volatile_parts(&name);
        prop_assert_eq!(bare.as_deref(), Some(name.as_str()), "a chosen name is left alone");
        prop_assert_eq!(without_volatile_parts(&format!("{name}{end}")), bare);
    }

    #[test]
    fn pods_of_one_deployment_are_one_service(
        name in "(web|api-gateway|ledger|mail-relay)",
        hash in proptest::string::string_regex(&format!("{SUFFIX}{{8,10}}")).expect("an expression"),
        suffix in proptest::string::string_regex(&format!("{SUFFIX}{{5}}")).expect("an expression"),
    ) {
        prop_assert_eq!(owner_of_pod(&format!("{name}-{hash}-{suffix}"), &BTreeMap::new()), name);
    }

    #[test]
    fn no_part_of_a_password_is_ever_kept(
        variable in "(DATABASE_URL|REDIS_URI|X|DB_PASSWORD|AUTH|LOGIN_URL|BROKER|DSN|ADDR)",
        scheme in "(postgres://|redis://|amqp://|http://|jdbc:mysql://|)",
        user in "(app|root|)",
        // Long and digits alone: it would pass for a port or an address if it were taken for one.
        password in "(hunter2hunter2|S3cr[/@:,#?; =]{1,3}t99999|[/@:,#?;]{1,3}hunter2hunter2)",
        host in "(db|cache\\.shop\\.example|10\\.0\\.0\\.5)",
        port in "(:5432|)",
    ) {
        let pair = format!("{variable}={scheme}{user}:{password}@{host}{port}/shop");
        let arguments = [format!("--{}={scheme}{user}:{password}@{host}{port}", variable.to_lowercase())];
        let peers = declared_peers([pair.as_str()], arguments.iter().map(String::as_str));
        for peer in &peers {
            let whole = **peer == *format!("{host}{port}");
            prop_assert!(whole || !peer.contains("hunter") && !peer.contains("s3cr") && !peer.contains("t99"),
                "{} kept {:?}", pair, peers);
        }
    }

    #[test]
    fn whatever_stands_in_environment_and_arguments_is_only_text(
        environment in proptest::collection::vec(".{0,60}", 0..6),
        arguments in proptest::collection::vec(".{0,60}", 0..6),
    ) {
        let peers =
            declared_peers(environment.iter().map(String::as_str), arguments.iter().map(String::as_str));
        for peer in peers {
            prop_assert!(peer.len() <= 253 + 6 + 2);
            prop_assert!(!peer.contains(['@', '/', ' ', '=']));
        }
    }
}
