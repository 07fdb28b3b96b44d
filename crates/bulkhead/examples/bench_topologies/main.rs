//! Published applications as real namespaces: is what is learned what was meant, and does enforcing it deny all else?
//!
//! `cargo run -p bulkhead --example bench_topologies -- [--at-once] [--json FILE]`, as root, with
//! `BULKHEAD_CORPORA`. `--at-once`: workloads talk before the kernel has been told who they are.

#![forbid(unsafe_code)]

mod estate;
mod intended;
mod measure;
mod stub;

use estate::Begin;
use intended::Application;
use measure::{Fidelity, measure};

/// Folder of the corpora, and what people call it.
const APPLICATIONS: [(&str, &str); 2] = [("online-boutique", "Online Boutique"), ("sock-shop", "Sock Shop")];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut file, mut begin) = (None, Begin::Settled);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => file = Some(arguments.next().ok_or("--json wants a file")?),
            "--at-once" => begin = Begin::AtOnce,
            // The whole of it takes half a minute.
            "--short" | "--check" => {}
            _ => return Err(format!("'{argument}' is not --json, --at-once, --short or --check").into()),
        }
    }
    if !bulkhead_testkit::require_root("bench_topologies") {
        return Ok(());
    }
    let Some(corpora) = bulkhead_testkit::corpora("bench_topologies") else { return Ok(()) };
    let mut results = Vec::new();
    for (number, (folder, name)) in (50..).zip(APPLICATIONS) {
        let application = Application::read(&corpora.join("apps").join(folder));
        results.push((name, measure(&application, number, begin)));
    }
    print(&results);
    if let Some(file) = file {
        let all: serde_json::Map<_, _> = results
            .iter()
            .map(|(name, fidelity)| Ok(((*name).to_owned(), serde_json::to_value(fidelity)?)))
            .collect::<Result<_, serde_json::Error>>()?;
        std::fs::write(file, serde_json::to_string_pretty(&serde_json::json!({ "applications": all }))?)?;
    }
    if results.iter().all(|(_, fidelity)| fidelity.is_perfect()) {
        Ok(())
    } else {
        Err("what was learned or enforced is not what was meant; see above".into())
    }
}

fn print(results: &[(&str, Fidelity)]) {
    println!("\nLearned from real connections along the intended edges, IPv4 and IPv6\n");
    println!(
        "| application | workloads | exposed ports | connections | edges intended | learned | recall | precision |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (name, f) in results {
        println!(
            "| {name} | {} | {} | {} | {} | {} | {:.3} | {:.3} |",
            f.workloads,
            f.exposed_ports,
            f.connections,
            f.intended_edges,
            f.learned_edges,
            f.recall,
            f.precision
        );
    }
    println!(
        "\nThen enforced: every intended connection, and every other from anybody to any exposed port\n"
    );
    println!(
        "| application | intended: answered | other: denied | of them at once | accepted by a server | answered once Bulkhead is removed | other edges shown as denied | modes to kernel | whole run |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (name, f) in results {
        println!(
            "| {name} | {} of {} | {} of {} | {} | {} | {} of {} | {} of {} | {} ms | {:.0} s |",
            f.intended_answered,
            f.intended_tried,
            f.other_denied,
            f.other_tried,
            f.other_refused_at_once,
            f.accepted_against_policy,
            f.other_answered_without,
            f.other_tried,
            f.other_edges_shown_denied,
            f.other_edges,
            f.enforce_ms,
            f.seconds
        );
    }
    for (name, f) in results {
        let named =
            |what: &'static str, list: &[String]| list.iter().map(move |l| format!("{what}{l}")).collect();
        let lines: [Vec<String>; 4] = [
            named("", &f.notes),
            named("not learned: ", &f.missing),
            named("not intended: ", &f.surplus),
            named("FAILED: ", &f.failures),
        ];
        for line in lines.iter().flatten() {
            println!("\n{name}: {line}");
        }
    }
}
