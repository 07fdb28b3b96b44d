//! The compiled tables say of every flow exactly what the reference evaluator says: verdict and deciding rule.
//!
//! Policies and flows are random and small in every dimension, so that rules collide as often as they can. The seed is
//! printed; `BULKHEAD_SEED` sets another one.

#[path = "support/random.rs"]
mod random;

use bulkhead_model::{Direction, Identity, Timestamp};
use bulkhead_policy::{Compiler, Document, Evaluator, Inventory, PeerAddress, PolicySet, Remote, RuleBook};
use random::{Random, flow, inventory, policy_set};

/// How a packet with this other end looks to the kernel.
fn peer_address(inventory: &Inventory, remote: &Remote) -> PeerAddress {
    match remote {
        Remote::Service(name) => PeerAddress::Known(
            // A service that the tables do not know yet is some identity that they do not name.
            inventory.service(name).map_or(Identity(9_999), |service| service.identity),
        ),
        Remote::Host => PeerAddress::Known(Identity::HOST),
        Remote::RemoteHost => PeerAddress::Known(Identity::REMOTE_HOST),
        Remote::Multicast => PeerAddress::Known(Identity::MULTICAST),
        Remote::Unknown => PeerAddress::Known(Identity::UNKNOWN),
        Remote::External { net: Some(net), .. } => PeerAddress::Address(net.addr()),
        Remote::External { net: None, .. } => PeerAddress::Known(Identity::WORLD),
    }
}

fn compare(
    random: &mut Random,
    set: &PolicySet,
    inventory: &Inventory,
    compiler: &mut Compiler,
    flows: usize,
) -> usize {
    let now = Timestamp(random::NOW);
    let compiled = compiler.compile(set, inventory, now);
    let mut book: RuleBook = compiler.book().clone();
    let evaluator = Evaluator::new(set, inventory, &mut book, now);
    let mut matched = 0;
    for _ in 0..flows {
        let (service, direction, remote, traffic) = flow(random, inventory);
        let expected = evaluator.decide(&service, direction, &remote, traffic).outcome();
        let identity = inventory.service(&service).expect("flows are of services that exist").identity;
        let got = compiled.lookup(identity, direction, peer_address(inventory, &remote), traffic);
        matched += usize::from(expected.rule.0 != 0);
        assert_eq!(
            got,
            expected,
            "{service} {direction} {remote:?} {traffic:?}: tables {:?}, evaluator {:?}\n{}",
            compiler.book().rule(got.rule).map(|rule| rule.title()),
            compiler.book().rule(expected.rule).map(|rule| rule.title()),
            set.documents().map(|document| document.to_yaml()).collect::<Vec<_>>().join("---\n"),
        );
    }
    matched
}

#[test]
fn tables_and_evaluator_agree_on_every_random_flow() {
    let mut random = Random::seeded("tables_match_evaluator");
    let (mut flows, mut matched) = (0, 0);
    for _ in 0..400 {
        let inventory = inventory(&mut random);
        let set = policy_set(&mut random);
        matched += compare(&mut random, &set, &inventory, &mut Compiler::default(), 300);
        flows += 300;
    }
    println!("{flows} flows, of which a rule decided {matched}");
    assert!(
        matched * 4 > flows,
        "many flows must meet rules, else the test says little: {matched} of {flows}"
    );
}

#[test]
fn compiling_again_after_a_change_equals_compiling_afresh_and_keeps_numbers() {
    let mut random = Random::seeded("recompile");
    for _ in 0..60 {
        let mut inventory = inventory(&mut random);
        let mut set = policy_set(&mut random);
        let mut compiler = Compiler::default();
        for _ in 0..5 {
            compare(&mut random, &set, &inventory, &mut compiler, 40);
            let texts: Vec<_> =
                compiler.book().rules().map(|rule| (rule.reference, rule.text.clone())).collect();
            random::change(&mut random, &mut set, &mut inventory);
            compare(&mut random, &set, &inventory, &mut compiler, 40);
            for (reference, text) in texts {
                let now = compiler.book().rule(reference).expect("numbers are never taken away");
                assert_eq!(now.text, text, "a number stands for one rule for ever");
            }
            // From the saved book alone, the same numbers and the same tables.
            let saved = serde_json::to_string(compiler.book()).expect("book");
            let mut fresh = Compiler::new(serde_json::from_str(&saved).expect("book"));
            let now = Timestamp(random::NOW);
            assert_eq!(*fresh.compile(&set, &inventory, now), *compiler.compile(&set, &inventory, now));
        }
    }
}

#[test]
fn documents_that_come_and_go_and_rules_that_expire_compile_as_afresh() {
    let mut random = Random::seeded("documents");
    for _ in 0..80 {
        let inventory = inventory(&mut random);
        let mut set = policy_set(&mut random);
        let mut compiler = Compiler::default();
        let mut now = random::NOW - 2;
        compiler.compile(&set, &inventory, Timestamp(now));
        for _ in 0..12 {
            let keys: Vec<_> = set.policies().map(|policy| policy.key()).collect();
            if random.one_in(3) && !keys.is_empty() {
                set.remove(&random.pick(&keys));
            } else {
                let name = random.pick(&["a", "b", "c", "policy-0", "policy-1"]);
                set.insert(Document::Policy(random::policy(&mut random, name)));
            }
            now += random.pick(&[0, 0, 1, 700]);
            let again = compiler.compile(&set, &inventory, Timestamp(now));
            let mut fresh = Compiler::new(compiler.book().clone());
            assert_eq!(*fresh.compile(&set, &inventory, Timestamp(now)), *again);
        }
    }
}

#[test]
fn what_did_not_change_is_the_same_allocation() {
    let mut random = Random::seeded("sharing");
    let inventory = inventory(&mut random);
    let set = policy_set(&mut random);
    let mut compiler = Compiler::default();
    let first = compiler.compile(&set, &inventory, Timestamp(0));
    let second = compiler.compile(&set, &inventory, Timestamp(0));
    assert_eq!(first, second);
    for (a, b) in first.services.iter().zip(&second.services) {
        for direction in [Direction::Ingress, Direction::Egress] {
            assert!(std::ptr::eq(a.direction(direction), b.direction(direction)));
        }
    }
}
