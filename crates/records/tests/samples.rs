//! The samples of every format, as they are told in the documentation: what becomes of each line.

use bulkhead_discovery::naming;
use bulkhead_records::{Format, History, Names, Options, OwnerOfPod, Summary, read};
use std::{fmt::Write, fs, io::Write as _, path::PathBuf};

const RULES: OwnerOfPod = OwnerOfPod { owner: naming::owner_of_pod, sanitise: naming::sanitise };

fn sample(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/flows").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn names() -> Names {
    let mut names = Names::new(RULES);
    names.table(&String::from_utf8(sample("names.csv")).expect("text")).expect("valid");
    names
}

fn learned(bytes: &[u8], options: &Options) -> (Summary, History) {
    let mut history = History::new(names());
    let summary = read(bytes, options, |item| history.add(item)).expect("readable");
    (summary, history)
}

/// Edges with what was counted of them, and what was said of the lines.
fn told(name: &str) -> String {
    let (summary, history) = learned(&sample(name), &Options::default());
    let mut text = format!(
        "{}: {} lines, {} records, {} malformed, {} lost, {} inferred, {} guessed\n",
        summary.format,
        summary.lines,
        summary.records,
        summary.malformed,
        summary.lost,
        summary.inferred,
        summary.guessed
    );
    for (why, count) in &summary.skipped {
        let _ = writeln!(text, "skipped {count}: {why}");
    }
    for fault in &summary.faults {
        let _ = writeln!(text, "{fault}");
    }
    let mut edges = history.edges();
    edges.sort_by(|a, b| a.key.cmp(&b.key));
    for seen in edges {
        let counters = seen.counters;
        let _ = writeln!(
            text,
            "{} conns={} denied={} would={} bytes={}/{} {:?}{}",
            seen.key,
            counters.connections,
            counters.denied,
            counters.would_deny,
            counters.bytes_to_server,
            counters.bytes_to_client,
            seen.certainty,
            if seen.threat { " threat" } else { "" }
        );
    }
    text
}

#[test]
fn each_sample_is_read_as_documented() {
    for name in [
        "bulkhead.jsonl",
        "hubble.jsonl",
        "calico.jsonl",
        "vpc-v2.txt",
        "vpc-v5.txt",
        "zeek-conn.tsv",
        "zeek-conn.jsonl",
        "neuvector.json",
        "table.csv",
    ] {
        insta::assert_snapshot!(name, told(name));
    }
}

#[test]
fn every_format_tells_of_the_same_shop() {
    let edges = |name: &str| -> Vec<String> {
        let (_, history) = learned(&sample(name), &Options::default());
        let mut edges: Vec<String> = history
            .edges()
            .into_iter()
            .filter(|seen| seen.counters.connections > 0)
            .map(|seen| {
                format!("{} → {} {}/{}", seen.key.client, seen.key.server, seen.key.protocol, seen.key.port)
            })
            .collect();
        edges.sort();
        edges.dedup();
        edges
    };
    for name in [
        "bulkhead.jsonl",
        "hubble.jsonl",
        "calico.jsonl",
        "vpc-v2.txt",
        "zeek-conn.tsv",
        "neuvector.json",
        "table.csv",
    ] {
        let edges = edges(name);
        for edge in [
            "shop/front → shop/web tcp/8080",
            "shop/web → shop/api tcp/9000",
            "shop/api → shop/redis tcp/6379",
            "shop/api → shop/db tcp/5432",
        ] {
            assert!(edges.iter().any(|found| found == edge), "{name} has no {edge}: {edges:#?}");
        }
        assert!(
            !edges.iter().any(|edge| edge.starts_with("shop/db →")),
            "{name} takes answers for questions: {edges:#?}"
        );
    }
}

#[test]
fn packed_files_are_read_like_plain_ones() {
    for name in ["hubble.jsonl", "neuvector.json", "zeek-conn.tsv"] {
        let plain = sample(name);
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(&plain).expect("memory");
        let packed = packer.finish().expect("memory");
        assert_eq!(learned(&packed, &Options::default()).0, learned(&plain, &Options::default()).0, "{name}");
    }
}

#[test]
fn a_format_that_is_named_is_not_found_out() {
    let options = Options { format: Some(Format::Zeek), ..Options::default() };
    let (summary, _) = learned(&sample("hubble.jsonl"), &options);
    assert_eq!(summary.format, Format::Zeek);
    assert_eq!(summary.records, 0);
    assert_eq!(summary.malformed, summary.lines);
    assert_eq!(summary.faults.len(), 20, "the first ones are told");
}

#[test]
fn columns_can_be_named_for_logs_without_a_header() {
    let columns = "srcaddr dstaddr srcport dstport protocol start action";
    let log = "10.20.1.11 10.20.2.12 45000 9000 6 1772438400 ACCEPT\n";
    let options = Options { columns: Some(columns.to_owned()), ..Options::default() };
    let (summary, history) = learned(log.as_bytes(), &options);
    assert_eq!((summary.format, summary.records), (Format::Vpc, 1));
    assert_eq!(history.edges()[0].key.to_string(), "shop/web → shop/api tcp/9000");
    let options = Options { columns: Some("from,to,port".to_owned()), ..Options::default() };
    let (summary, _) = learned(b"shop/web,shop/api,9000\n", &options);
    assert_eq!((summary.format, summary.records), (Format::Csv, 1));
}

#[test]
fn what_is_no_log_is_refused_with_what_it_looks_like() {
    for text in ["hello world\n", "apiVersion: v1\nkind: Pod\n", "{\"a\": 1}\n", "\n\n", "", "a,b\n1,2\n"] {
        let error = read(text.as_bytes(), &Options::default(), |_| ()).expect_err(text);
        assert!(!error.to_string().is_empty());
    }
}
