//! Questions over all flows agree with the evaluator flow by flow.

#[path = "support/random.rs"]
mod random;

use bulkhead_model::{Identity, Timestamp};
use bulkhead_policy::{
    Compiler, Document, Evaluator, PolicySet, Reach, ReadOptions, Remote, RuleBook, Traffic, View, diff,
    flow_diff, flowset,
};
use random::{Random, inventory, policy_set, remote, traffic};

const NOW: Timestamp = Timestamp(random::NOW);

/// The one identity of an end that is not a name.
fn identity(reach: &Reach, inventory: &bulkhead_policy::Inventory, end: &Remote) -> Option<Identity> {
    reach.identities(end, inventory).first().copied()
}

#[test]
fn reach_agrees_with_the_evaluator_on_every_random_flow() {
    let mut random = Random::seeded("reach");
    for _ in 0..60 {
        let mut inventory = inventory(&mut random);
        for service in inventory.services().map(|service| service.name.clone()).collect::<Vec<_>>() {
            inventory.service_mut(&service).expect("there").mode = bulkhead_model::Mode::Enforce;
        }
        let set = policy_set(&mut random);
        let reach = Reach::new(Compiler::default().compile(&set, &inventory, NOW), View::Policy);
        let evaluator = Evaluator::new(&set, &inventory, &mut RuleBook::default(), NOW);
        for _ in 0..200 {
            let (client, server) = (remote(&mut random, &inventory), remote(&mut random, &inventory));
            let flow = traffic(&mut random);
            let known = |end: &Remote| match end {
                Remote::Service(name) => inventory.service(name).is_some(),
                _ => true,
            };
            if !known(&client) || !known(&server) {
                continue;
            }
            let expected = evaluator.verdict(&client, &server, flow).allowed_by_policy();
            let ends = (identity(&reach, &inventory, &client), identity(&reach, &inventory, &server));
            let (Some(from), Some(to)) = ends else { panic!("{client:?} {server:?}") };
            assert_eq!(reach.allows(from, to, flow), expected, "{client:?} → {server:?} {flow:?}");
            let set = reach.traffic(from, to);
            let point =
                flowset::Traffic { protocol: flow.protocol, port: flow.port, application: flow.application };
            assert_eq!(set.contains(point), expected, "{client:?} → {server:?} {flow:?}: {set}");
            assert_eq!(reach.reaches(from, to), !set.is_empty());
        }
    }
}

#[test]
fn the_flow_diff_holds_exactly_the_flows_whose_verdict_changes() {
    let mut random = Random::seeded("flow_diff");
    let mut differing = 0;
    for _ in 0..40 {
        let mut inventory = inventory(&mut random);
        for service in inventory.services().map(|service| service.name.clone()).collect::<Vec<_>>() {
            inventory.service_mut(&service).expect("there").mode = bulkhead_model::Mode::Enforce;
        }
        let before = policy_set(&mut random);
        let mut after = before.clone();
        for index in 0..3 {
            let name = format!("policy-{index}");
            after.insert(Document::Policy(random::policy(&mut random, &name)));
        }
        let changes = flow_diff(&before, &after, &inventory, NOW);
        let old = Evaluator::new(&before, &inventory, &mut RuleBook::default(), NOW);
        let new = Evaluator::new(&after, &inventory, &mut RuleBook::default(), NOW);
        for _ in 0..200 {
            let (client, server) = (remote(&mut random, &inventory), remote(&mut random, &inventory));
            let (Remote::Service(from), Remote::Service(to)) = (&client, &server) else { continue };
            if inventory.service(from).is_none() || inventory.service(to).is_none() {
                continue;
            }
            let flow = traffic(&mut random);
            let point =
                flowset::Traffic { protocol: flow.protocol, port: flow.port, application: flow.application };
            let was = old.verdict(&client, &server, flow).allowed_by_policy();
            let is = new.verdict(&client, &server, flow).allowed_by_policy();
            let change = changes
                .iter()
                .find(|change| change.client.service() == Some(from) && change.server.service() == Some(to));
            let (gained, lost) = change.map_or((false, false), |change| {
                (change.gained.contains(point), change.lost.contains(point))
            });
            assert_eq!((gained, lost), (is && !was, was && !is), "{from} → {to} {flow:?} {change:?}");
            differing += usize::from(was != is);
        }
        assert!(flow_diff(&after, &after, &inventory, NOW).is_empty());
    }
    assert!(differing > 20, "some flows must change, else the test says little: {differing}");
}

#[test]
fn what_explain_proposes_parses_and_allows() {
    let mut random = Random::seeded("explain");
    let mut proposed = 0;
    for _ in 0..200 {
        let inventory = inventory(&mut random);
        let set = policy_set(&mut random);
        let evaluator = Evaluator::new(&set, &inventory, &mut RuleBook::default(), NOW);
        for _ in 0..20 {
            let (client, server) = (remote(&mut random, &inventory), remote(&mut random, &inventory));
            let flow: Traffic = traffic(&mut random);
            let explanation = evaluator.explain(&client, &server, flow);
            assert!(!explanation.sentences().is_empty());
            let denying = explanation.verdict.sides().filter(|side| !side.decision.allow).count();
            assert_eq!(explanation.remedy.len() + explanation.without_remedy.len(), denying);
            if denying == 0 || !explanation.without_remedy.is_empty() {
                continue;
            }
            let yaml = explanation.remedy_yaml();
            let additions = PolicySet::read([("remedy.yaml", yaml.as_str())], ReadOptions::default())
                .unwrap_or_else(|errors| panic!("{errors:?}\n{yaml}"));
            let mut with = set.clone();
            for document in additions.documents() {
                assert!(!with.insert(document), "a remedy takes nobody's place");
            }
            let after = Evaluator::new(&with, &inventory, &mut RuleBook::default(), NOW);
            assert!(
                after.verdict(&client, &server, flow).allowed_by_policy(),
                "{client:?} → {server:?} {flow:?}\n{yaml}"
            );
            proposed += 1;
        }
    }
    assert!(proposed > 1000, "{proposed}");
}

#[test]
fn the_diff_of_documents_is_empty_exactly_when_nothing_changed() {
    let mut random = Random::seeded("diff");
    for _ in 0..100 {
        let (a, b) = (policy_set(&mut random), policy_set(&mut random));
        assert!(diff(&a, &a).is_empty());
        assert_eq!(diff(&a, &b).is_empty(), a == b);
        for change in diff(&a, &b) {
            assert_ne!(a.get(&change.key), b.get(&change.key));
        }
    }
}
