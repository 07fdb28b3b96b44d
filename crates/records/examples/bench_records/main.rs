//! How fast flow records are read and judged. See `benches/records/run`.
//!
//! Every rate is records a second of processor time, so that a busy machine does not matter; the ratio to counting the
//! lines of the same file is what can be compared between machines.

mod estate;

use bulkhead_policy::{Evaluator, Inventory, PolicySet, RuleBook};
use bulkhead_records::{Format, History, Item, Names, Options, OwnerOfPod, read};
use estate::Estate;
use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::Path,
    time::Duration,
};

const RULES: OwnerOfPod = OwnerOfPod {
    owner: |pod, _| pod.rsplitn(3, '-').last().unwrap_or(pod).to_owned(),
    sanitise: |text| text.replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
};

/// No file is larger; it is read as often as it takes.
const LARGEST: usize = 192 << 20;

fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// What `work` gives, and the processor time it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = processor_time();
    let result = work();
    (result, (processor_time() - before).as_secs_f64())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let has = |flag: &str| arguments.iter().any(|a| a == flag);
    let (short, check) = (has("--short"), has("--check"));
    let records: u64 = match value("--records").map(|text| text.parse()) {
        Some(Ok(records)) => records,
        Some(Err(_)) => return eprintln!("--records needs a number"),
        None if check => 20_000,
        None if short => 1_000_000,
        None => 10_000_000,
    };
    let dir = tempfile::tempdir().expect("a temporary directory");
    let estate = Estate::new(200, 2_000);
    println!("{records} records of {} edges; records a second and core, in millions\n", estate.edges());
    println!(
        "{:<11} {:>9} {:>7} {:>9} {:>9} {:>9} {:>9}",
        "format", "bytes/rec", "lines", "read", "of lines", "summed", "MiB/s"
    );
    let mut rows = Vec::new();
    let only = value("--only").map(|text| text.parse::<Format>().expect("a format"));
    for format in Format::ALL.into_iter().filter(|format| only.is_none_or(|only| only == *format)) {
        let row = reading(&estate, format, records, dir.path());
        println!(
            "{:<11} {:>9.0} {:>7.1} {:>9.2} {:>8.0}% {:>9.2} {:>9.0}",
            format.name(),
            row.bytes,
            row.lines / 1e6,
            row.read / 1e6,
            row.read / row.lines * 100.0,
            row.summed / 1e6,
            row.read * row.bytes / 1048576.0
        );
        rows.push(row.json(format));
    }
    println!("\nlines: counted only. read: parsed. summed: parsed, named, and added to edges and hours.\n");
    println!(
        "{:<9} {:>8} {:>10} {:>12} {:>12} {:>12} {:>8}",
        "simulated", "rules", "records", "from memory", "from a file", "judging, ms", "changes"
    );
    let mut judged = Vec::new();
    let sizes: &[usize] = if check { &[1_000] } else { &[1_000, 10_000, 100_000] };
    for &edges in sizes {
        let estate = Estate::new(edges / 10, edges);
        let Simulated { rules, memory, file, judging, changes } = simulated(&estate, records, dir.path());
        println!(
            "{edges:<9} {rules:>8} {records:>10} {:>12.2} {:>12.2} {:>12.0} {changes:>8}",
            memory / 1e6,
            file / 1e6,
            judging * 1e3
        );
        judged.push(format!(
            "{{\"edges\": {edges}, \"rules\": {rules}, \"records\": {records}, \"per_second\": {memory:.0}, \
             \"per_second_from_file\": {file:.0}, \"judging_seconds\": {judging:.3}}}"
        ));
    }
    println!(
        "\nsimulated: millions of records a second and core, added to their edges, and every edge judged by the \
         candidate; from a file: of Bulkhead's format, read as well. Goal: 1."
    );
    if let Some(path) = value("--json") {
        let text = format!("{{\"reading\": [{}], \"judging\": [{}]}}\n", rows.join(", "), judged.join(", "));
        File::create(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .expect("the JSON can be written");
    }
}

struct Reading {
    bytes: f64,
    lines: f64,
    read: f64,
    summed: f64,
}

impl Reading {
    fn json(&self, format: Format) -> String {
        let Self { bytes, lines, read, summed } = self;
        format!(
            "{{\"format\": \"{format}\", \"bytes_per_record\": {bytes:.0}, \"lines_per_second\": {lines:.0}, \"read_per_second\": {read:.0}, \"summed_per_second\": {summed:.0}}}"
        )
    }
}

fn reading(estate: &Estate, format: Format, records: u64, dir: &Path) -> Reading {
    let path = dir.join(format.name());
    let (in_file, bytes) = {
        let text = estate.log(format, records, LARGEST);
        File::create(&path).and_then(|mut file| file.write_all(text.1.as_bytes())).expect("room for a log");
        (text.0, text.1.len())
    };
    let times = records.div_ceil(in_file);
    let total = (in_file * times) as f64;
    let open = || File::open(&path).expect("the log that was written");
    let ((), plain) = timed(|| {
        for _ in 0..times {
            let mut lines = BufReader::with_capacity(256 << 10, open());
            let (mut line, mut count) = (Vec::new(), 0_u64);
            while lines.read_until(b'\n', &mut line).expect("readable") > 0 {
                count += 1;
                line.clear();
            }
            std::hint::black_box(count);
        }
    });
    let options = Options { format: Some(format), columns: None };
    let (seen, parsed) = timed(|| {
        (0..times)
            .map(|_| read(open(), &options, |item| _ = std::hint::black_box(item)).expect("a log").records)
            .sum::<u64>()
    });
    assert_eq!(seen, in_file * times, "{format}: every line is a record");
    let (_, summed) = timed(|| {
        let mut history = History::new(Names::new(RULES));
        for _ in 0..times {
            read(open(), &options, |item| history.add(item)).expect("a log");
        }
        history.edges().len()
    });
    std::fs::remove_file(&path).expect("it was written");
    Reading {
        bytes: bytes as f64 / in_file as f64,
        lines: total / plain,
        read: total / parsed,
        summed: total / summed,
    }
}

struct Simulated {
    rules: usize,
    /// Records a second, all told.
    memory: f64,
    file: f64,
    /// Seconds of it that do not grow with the records.
    judging: f64,
    changes: usize,
}

/// What `policy simulate` does, from records to changes of verdicts.
fn simulated(estate: &Estate, records: u64, dir: &Path) -> Simulated {
    let set = estate.policy();
    let items: Vec<Item<'static>> = estate.items(records.min(1_000_000));
    let times = records.div_ceil(items.len() as u64);
    let (history, adding) = timed(|| {
        let mut history = History::new(Names::new(RULES));
        (0..times).for_each(|_| items.iter().for_each(|item| history.add(item)));
        history
    });
    let total = (items.len() as u64 * times) as f64;
    drop(items);
    let (changes, judging) = timed(|| judged(&history, &set));
    drop(history);
    let path = dir.join("simulated");
    let in_file = {
        let (records, text) = estate.log(Format::Bulkhead, records, LARGEST);
        File::create(&path).and_then(|mut file| file.write_all(text.as_bytes())).expect("room for a log");
        records
    };
    let repeated = records.div_ceil(in_file);
    let (same, from_file) = timed(|| {
        let mut history = History::new(Names::new(RULES));
        for _ in 0..repeated {
            let log = File::open(&path).expect("the log that was written");
            read(log, &Options::default(), |item| history.add(item)).expect("a log");
        }
        judged(&history, &set)
    });
    assert!(same > 0, "the candidate denies something of what is in the file");
    std::fs::remove_file(&path).expect("it was written");
    Simulated {
        rules: set.policies().map(|policy| policy.ingress.len() + policy.egress.len()).sum(),
        memory: total / (adding + judging),
        file: (in_file * repeated) as f64 / from_file,
        judging,
        changes,
    }
}

/// How many edges the documents deny.
fn judged(history: &History, set: &PolicySet) -> usize {
    let mut inventory = Inventory::named_in(set);
    let seen = history.edges();
    for name in seen.iter().flat_map(|seen| [seen.key.client.service(), seen.key.server.service()]).flatten()
    {
        inventory.ensure(name);
    }
    let mut book = RuleBook::default();
    let evaluator = Evaluator::new(set, &inventory, &mut book, bulkhead_model::Timestamp(1));
    seen.iter().filter(|seen| !evaluator.edge_verdict(&seen.key).allowed_by_policy()).count()
}
