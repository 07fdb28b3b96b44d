//! What holds for every text, whoever wrote it.

use bulkhead_records::{Format, History, Item, Names, Options, OwnerOfPod, ReadError, read};
use proptest::prelude::*;
use std::net::Ipv4Addr;

const RULES: OwnerOfPod = OwnerOfPod {
    owner: |pod, _| pod.to_owned(),
    sanitise: |text| text.chars().filter(char::is_ascii_alphanumeric).collect(),
};

/// Lines that look like something, and lines that do not.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let line = prop_oneof![
        Just(String::new()),
        "[ -~]{0,80}",
        Just(r#"{"flow":{"time":"2026-01-01T00:00:00Z","verdict":"FORWARDED","IP":{"source":"10.0.0.1","destination":"10.0.0.2"},"l4":{"TCP":{"source_port":40000,"destination_port":80}}}}"#.to_owned()),
        Just(r#"{"start_time":1,"source_name_aggr":"a-*","source_namespace":"n","dest_name_aggr":"b","dest_namespace":"n","dest_port":1,"proto":"tcp","action":"allow"}"#.to_owned()),
        Just("2 1 eni 10.0.0.1 10.0.0.2 40000 80 6 1 1 1772438400 1772438459 ACCEPT OK".to_owned()),
        Just("#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto".to_owned()),
        Just("1772438400.1\t10.0.0.1\t40000\t10.0.0.2\t80\ttcp".to_owned()),
        Just("client,server,port,time".to_owned()),
        Just("shop/web,shop/db,5432,2026-01-01T00:00:00Z".to_owned()),
        Just(r#"{"conversations":[{"from":"a","to":"b","ports":["tcp/80"],"policy_action":"allow"}]}"#.to_owned()),
    ];
    prop::collection::vec(line, 0..12)
}

fn format() -> impl Strategy<Value = Option<Format>> {
    prop::option::of(prop::sample::select(Format::ALL.to_vec()))
}

proptest! {
    #[test]
    fn every_line_is_a_record_or_counted_with_a_reason(lines in lines(), format in format()) {
        let text = lines.join("\n");
        let mut items = 0_u64;
        let options = Options { format, columns: None };
        match read(text.as_bytes(), &options, |_| items += 1) {
            Ok(summary) => {
                let skipped: u64 = summary.skipped.values().sum();
                prop_assert!(summary.records <= items);
                prop_assert!(items + skipped + summary.malformed <= summary.lines, "{summary:?}");
                prop_assert_eq!(summary.faults.len() as u64, summary.malformed.min(20));
            }
            Err(ReadError::Io(error)) => prop_assert!(false, "memory has no errors: {error}"),
            Err(_) => prop_assert_eq!(items, 0),
        }
    }

    #[test]
    fn arbitrary_bytes_never_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), format in format()) {
        let _ = read(bytes.as_slice(), &Options { format, columns: None }, |_| ());
    }

    /// A server's answers are told with its own address as the source: whichever of the two views came first, and however
    /// often, they are one edge, and its client is who used the ephemeral port.
    #[test]
    fn both_directions_of_a_flow_are_one_edge(
        client in 1_u8..250, server in 1_u8..250, ephemeral in 32_768_u16..=65_000, port in 1_u16..1024, answer_first: bool,
    ) {
        prop_assume!(client != server);
        let (client, server) = (Ipv4Addr::new(10, 0, 0, client), Ipv4Addr::new(10, 0, 0, server));
        let there = format!("2 1 eni {client} {server} {ephemeral} {port} 6 1 1 1772438400 1772438459 ACCEPT OK");
        let back = format!("2 1 eni {server} {client} {port} {ephemeral} 6 1 1 1772438400 1772438459 ACCEPT OK");
        let log = if answer_first { format!("{back}\n{there}\n") } else { format!("{there}\n{back}\n") };
        let mut history = History::new(Names::new(RULES));
        let summary = read(log.as_bytes(), &Options::default(), |item| history.add(item)).expect("a log");
        prop_assert_eq!(summary.malformed, 0);
        let edges = history.edges();
        prop_assert_eq!(edges.len(), 1);
        prop_assert_eq!(edges[0].key.port, port);
        prop_assert_eq!(edges[0].key.client.to_string(), format!("unnamed/{client}"));
        prop_assert_eq!(edges[0].counters.connections, 1);
    }

    /// Sightings keep the hours, whatever their number and order.
    #[test]
    fn what_was_seen_is_sighted_in_the_order_of_time(
        hours in prop::collection::vec(0_u64..1000, 1..40), backwards in prop::sample::select(vec![0_u64, 700]),
    ) {
        // The last ones come after hundreds that are later than they.
        let hours: Vec<u64> = (0..backwards).rev().chain(hours).chain((0..backwards).filter(|hour| hour % 7 == 0)).collect();
        let mut text = String::from("time,client,server,port\n");
        for hour in &hours {
            text += &format!("{},shop/web,shop/db,5432\n", 1_772_438_400 + hour * 3600);
        }
        let mut history = History::new(Names::new(RULES));
        read(text.as_bytes(), &Options::default(), |item| {
            assert!(matches!(item, Item::Flow(_)));
            history.add(item);
        }).expect("a table");
        let edges = history.edges();
        let sightings = history.sightings(&edges);
        let distinct: std::collections::BTreeSet<u64> = hours.iter().copied().collect();
        prop_assert_eq!(sightings.len(), distinct.len());
        prop_assert!(sightings.is_sorted_by_key(|sighting| sighting.time));
        prop_assert_eq!(edges[0].counters.connections, hours.len() as u64);
        let total: u64 = sightings.iter().map(|sighting| sighting.connections).sum();
        prop_assert_eq!(total, hours.len() as u64);
    }
}
