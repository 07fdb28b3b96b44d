//! Two published applications as real namespaces under a real agent and a real controller: what is learned is what was
//! meant, and enforcing it denies everything else. `benches/topologies/run` prints the same as a table.

#[path = "../examples/bench_topologies/estate.rs"]
mod estate;
#[path = "../examples/bench_topologies/intended.rs"]
mod intended;
#[path = "../examples/bench_topologies/measure.rs"]
mod measure;
#[path = "../examples/bench_topologies/stub.rs"]
mod stub;

use bulkhead_testkit::{corpora, require_root};
use estate::Begin;
use intended::Application;

fn is_learned_and_enforced(test: &str, folder: &str, number: u8) {
    if !require_root(test) {
        return;
    }
    let Some(corpora) = corpora(test) else { return };
    let application = Application::read(&corpora.join("apps").join(folder));
    let fidelity = measure::measure(&application, number, Begin::Settled);
    assert!(fidelity.is_perfect(), "{fidelity:#?}");
}

#[test]
fn online_boutique_is_learned_as_it_was_meant_and_nothing_else_is_let_through() {
    let test = "online_boutique_is_learned_as_it_was_meant_and_nothing_else_is_let_through";
    is_learned_and_enforced(test, "online-boutique", 60);
}

#[test]
fn sock_shop_is_learned_as_it_was_meant_and_nothing_else_is_let_through() {
    let test = "sock_shop_is_learned_as_it_was_meant_and_nothing_else_is_let_through";
    is_learned_and_enforced(test, "sock-shop", 61);
}
