//! A candidate beside the policy in force: cutting external addresses for both changes the meaning of neither, and what
//! the candidate's tables say of an edge is what its evaluator says of every connection on it.

#[path = "support/random.rs"]
mod random;

use bulkhead_model::{Identity, Timestamp};
use bulkhead_policy::{
    Compiler, Evaluator, Inventory, KernelEdge, PeerAddress, PolicySet, Remote, RuleBook,
    compiled::CompiledPolicy,
};
use random::{ADDRESSES, Random, flow, inventory, policy_set};
use std::{net::IpAddr, sync::Arc};

const NOW: Timestamp = Timestamp(random::NOW);

/// The same book gives the numbers of both.
fn beside(
    inventory: &Inventory,
    set: &PolicySet,
    candidate: &PolicySet,
    compiler: &mut Compiler,
) -> (Arc<CompiledPolicy>, Arc<CompiledPolicy>) {
    let all = [set, candidate];
    let mut other = Compiler::default();
    *other.book_mut() = std::mem::take(compiler.book_mut());
    let tried = other.compile_beside(candidate, &all, inventory, NOW);
    *compiler.book_mut() = std::mem::take(other.book_mut());
    (compiler.compile_beside(set, &all, inventory, NOW), tried)
}

fn identity(inventory: &Inventory, compiled: &CompiledPolicy, remote: &Remote) -> Identity {
    match remote {
        Remote::Service(name) => inventory.service(name).map_or(Identity(9_999), |service| service.identity),
        Remote::Host => Identity::HOST,
        Remote::RemoteHost => Identity::REMOTE_HOST,
        Remote::Multicast => Identity::MULTICAST,
        Remote::Unknown => Identity::UNKNOWN,
        Remote::External { net: Some(net), .. } => compiled.external_identity(net.addr()),
        Remote::External { net: None, .. } => Identity::WORLD,
    }
}

#[test]
fn a_candidate_beside_changes_the_meaning_of_nothing() {
    let mut random = Random::seeded("trials");
    let (mut apart, mut judged) = (0, 0);
    for _ in 0..150 {
        let inventory = inventory(&mut random);
        let (set, candidate) = (policy_set(&mut random), policy_set(&mut random));
        let mut compiler = Compiler::default();
        let alone = compiler.compile(&set, &inventory, NOW);
        let (now, tried) = beside(&inventory, &set, &candidate, &mut compiler);
        for address in ADDRESSES {
            let address: IpAddr = address.parse().expect("an address");
            let atom = now.external_identity(address);
            assert_eq!(atom, tried.external_identity(address), "one atom to both");
            let coarser = compiler.alone().get(&atom).copied().unwrap_or(atom);
            assert_eq!(coarser, alone.external_identity(address), "{address}");
            apart += usize::from(coarser != atom);
        }
        let mut book: RuleBook = compiler.book().clone();
        let evaluator = Evaluator::new(&candidate, &inventory, &mut book, NOW);
        for _ in 0..100 {
            let (service, direction, remote, traffic) = flow(&mut random, &inventory);
            let local = inventory.service(&service).expect("of the inventory").identity;
            let peer =
                |compiled: &CompiledPolicy| PeerAddress::Known(identity(&inventory, compiled, &remote));
            assert_eq!(
                now.lookup(local, direction, peer(&now), traffic),
                alone.lookup(local, direction, peer(&alone), traffic),
                "{service} {direction} {remote:?} {traffic:?}"
            );
            // A name without an address is nothing that a kernel knows.
            if matches!(remote, Remote::External { net: None, .. }) {
                continue;
            }
            let own = Remote::Service(service.clone());
            let expected = match direction {
                bulkhead_model::Direction::Egress => evaluator.verdict(&own, &remote, traffic),
                bulkhead_model::Direction::Ingress => evaluator.verdict(&remote, &own, traffic),
            };
            let edge = KernelEdge { local, peer: identity(&inventory, &now, &remote), direction, traffic };
            assert_eq!(
                tried.would_be(&edge).verdict,
                expected.verdict,
                "{service} {direction} {remote:?} {traffic:?}"
            );
            judged += 1;
        }
    }
    println!("{judged} flows judged; {apart} addresses were told apart for a trial alone");
    assert!(apart > 100 && judged > 10_000, "the test says little: {apart} addresses, {judged} flows");
}
