//! The store against real files: damage, newer versions, a full disk, retention, the audit chain.

use bulkhead_model::{Event, EventId, EventKind, Identity, ServiceName, Severity, Timestamp};
use bulkhead_store::{
    AuditRecord, Change, EventFilter, GENESIS, HISTORY_COARSE, HISTORY_FINE, HISTORY_STEP, HistoryCounts,
    HistoryRecord, Keep, Loaded, Pruned, Reader, RevisionRecord, SqliteStore, Store, StoreError, StoredEvent,
    Writer, back_up,
};
use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

fn open(directory: &Path) -> SqliteStore {
    let opened = SqliteStore::open(&directory.join("bulkhead.db"), Timestamp(1)).expect("opens");
    assert_eq!(opened.set_aside, None);
    opened.store
}

fn service(name: &str) -> ServiceName {
    name.parse().expect("a service name")
}

fn event(id: u64, position: u64, time: u64) -> Change {
    Change::Event(Box::new(StoredEvent {
        position,
        last: Timestamp(time),
        kind: "lost".to_owned(),
        services: vec![service(if id.is_multiple_of(2) { "shop/even" } else { "shop/odd" })],
        event: Event {
            id: EventId(id),
            time: Timestamp(time),
            severity: if id.is_multiple_of(10) { Severity::Critical } else { Severity::Info },
            message: "lost".into(),
            kind: EventKind::Lost { what: "x".repeat(500).into(), count: id },
        },
    }))
}

fn audit(sequence: u64, before: &str) -> AuditRecord {
    let mut record = AuditRecord {
        sequence,
        time: Timestamp(sequence),
        actor: "admin".to_owned(),
        role: None,
        action: "mode.set".to_owned(),
        target: "shop/redis".to_owned(),
        detail: String::new(),
        address: None,
        hash: String::new(),
    };
    record.hash = record.chained(before);
    record
}

#[test]
fn what_was_written_is_there_after_opening_again() {
    let directory = tempfile::tempdir().expect("directory");
    let mut store = open(directory.path());
    let redis = service("shop/redis");
    store
        .write(&[
            Change::Identity { service: redis.clone(), identity: Identity(256), next: 257 },
            Change::Setting { key: "settings", data: "{}".to_owned() },
            event(1, 1, 5),
        ])
        .expect("writes");
    drop(store);
    let loaded = open(directory.path()).load().expect("loads");
    assert_eq!(loaded.identities, vec![(redis, Identity(256))]);
    assert_eq!(loaded.next_identity, 257);
    assert_eq!((loaded.last_event, loaded.last_position), (1, 1));
}

#[test]
fn the_file_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("directory");
    drop(open(directory.path()));
    let mode = fs::metadata(directory.path().join("bulkhead.db")).expect("exists").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_damaged_database_is_set_aside_and_a_new_one_begun() {
    for damage in ["this is no database, not at all, whatever one does with it".repeat(40), String::new()] {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("bulkhead.db");
        if damage.is_empty() {
            let mut store = open(directory.path());
            store.write(&(1..2000).map(|n| event(n, n, n)).collect::<Vec<_>>()).expect("writes");
            drop(store);
            let mut bytes = fs::read(&path).expect("reads");
            let middle = bytes.len() / 2;
            bytes[8192..middle].fill(0xa5);
            fs::write(&path, bytes).expect("writes");
        } else {
            fs::write(&path, damage).expect("writes");
        }
        let opened = SqliteStore::open(&path, Timestamp(77)).expect("opens");
        let aside = opened.set_aside.expect("was set aside");
        assert!(aside.to.to_string_lossy().ends_with("bulkhead.db.damaged-77"), "{aside:?}");
        assert!(aside.to.exists());
        assert_eq!(aside.restored, None);
        let mut store = opened.store;
        assert_eq!(store.load().expect("loads").last_event, 0);
    }
}

fn damage(path: &Path) {
    fs::write(path, "this is no database, not at all, whatever one does with it".repeat(40)).expect("writes");
}

#[test]
fn the_backup_takes_the_place_of_a_damaged_database_and_stays_for_the_next_time() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("bulkhead.db");
    let mut store = open(directory.path());
    store.write(&[event(1, 1, 1)]).expect("writes");
    let good = back_up(&path).expect("beside a writer");
    assert_eq!(good, directory.path().join("bulkhead.db.good"));
    assert_eq!(fs::metadata(&good).expect("there").permissions().mode() & 0o777, 0o600);
    store.write(&[event(2, 2, 2)]).expect("writes on");
    drop(store);
    for round in 0..2 {
        damage(&path);
        let opened = SqliteStore::open(&path, Timestamp(77 + round)).expect("opens");
        assert!(opened.set_aside.expect("was set aside").restored.is_some());
        let mut store = opened.store;
        assert_eq!(store.load().expect("loads").last_event, 1, "as it was when it was copied");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }
    // What is damaged is not copied over what is whole.
    damage(&path);
    back_up(&path).expect_err("damaged");
    assert!(!directory.path().join("bulkhead.db.good-new").exists());
    assert!(
        SqliteStore::open(&path, Timestamp(80)).expect("opens").set_aside.expect("again").restored.is_some()
    );
}

#[test]
fn a_backup_that_is_damaged_or_of_a_newer_version_is_not_used() {
    for newer in [false, true] {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("bulkhead.db");
        open(directory.path()).write(&[event(1, 1, 1)]).expect("writes");
        let good = back_up(&path).expect("copied");
        if newer {
            let connection = rusqlite::Connection::open(&good).expect("opens");
            connection.execute_batch("PRAGMA user_version = 99").expect("sets");
        } else {
            damage(&good);
        }
        damage(&path);
        let opened = SqliteStore::open(&path, Timestamp(77)).expect("opens all the same");
        assert_eq!(opened.set_aside.expect("was set aside").restored, None);
        assert_eq!({ opened.store }.load().expect("loads").last_event, 0);
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("bulkhead.db");
    drop(open(directory.path()));
    let connection = rusqlite::Connection::open(&path).expect("opens");
    connection.execute_batch("PRAGMA user_version = 99").expect("sets");
    drop(connection);
    let error = SqliteStore::open(&path, Timestamp(1)).expect_err("refused");
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
    assert!(path.exists());
}

#[test]
fn a_database_of_another_program_is_refused() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("bulkhead.db");
    let connection = rusqlite::Connection::open(&path).expect("opens");
    connection.execute_batch("CREATE TABLE theirs (x)").expect("creates");
    drop(connection);
    let error = SqliteStore::open(&path, Timestamp(1)).expect_err("refused");
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
}

#[test]
fn events_are_found_by_service_severity_time_and_page() {
    let directory = tempfile::tempdir().expect("directory");
    let mut store = open(directory.path());
    store.write(&(1..=40).map(|n| event(n, n, n * 10)).collect::<Vec<_>>()).expect("writes");
    let reader = store.reader().expect("reads");
    let ids = |filter: EventFilter| -> Vec<u64> {
        reader.events(&filter).expect("reads").iter().map(|stored| stored.event.id.0).collect()
    };
    let filter = EventFilter { limit: 3, ..EventFilter::default() };
    assert_eq!(ids(filter.clone()), [40, 39, 38]);
    assert_eq!(ids(EventFilter { before: Some(38), ..filter.clone() }), [37, 36, 35]);
    assert_eq!(ids(EventFilter { service: Some(service("shop/odd")), ..filter.clone() }), [39, 37, 35]);
    assert_eq!(ids(EventFilter { severity: Some(Severity::Warning), ..filter.clone() }), [40, 30, 20]);
    assert_eq!(ids(EventFilter { since: Some(Timestamp(390)), ..filter.clone() }), [40, 39]);
    assert_eq!(ids(EventFilter { kinds: vec!["denied".to_owned()], ..filter }), [0; 0]);
}

fn keep(events: Duration, bytes: u64) -> Keep {
    let history = Duration::from_secs(30 * 86_400);
    Keep { events, history, revisions: u64::MAX, audit: Duration::MAX, bytes }
}

fn counted(edge: &str, start: u64, connections: u64) -> Change {
    let counts = HistoryCounts { connections, packets: connections * 2, ..HistoryCounts::default() };
    Change::History(HistoryRecord {
        start: Timestamp(start),
        edge: edge.to_owned(),
        data: format!("\"{edge}\""),
        counts,
    })
}

#[test]
fn history_adds_up_grows_coarse_and_goes_by_age_and_by_size() {
    let directory = tempfile::tempdir().expect("directory");
    let mut store = open(directory.path());
    let day = 86_400_000;
    let now = 100 * day;
    // Two edges, one of them twice in a step; steps of today, of three days ago, and of a time that is not kept.
    let recent = now - HISTORY_STEP;
    let old = now - 3 * day;
    let changes = [
        counted("a", recent, 3),
        counted("a", recent, 4),
        counted("b", recent, 1),
        counted("a", old, 5),
        counted("a", old + HISTORY_STEP, 6),
        counted("c", now - 40 * day, 9),
    ];
    store.write(&changes).expect("writes");
    let reader = store.reader().expect("reads");
    let of = |from: u64, to: u64| {
        let found = reader.history(Timestamp(from), Timestamp(to)).expect("reads");
        found.into_iter().map(|edge| (edge.edge, edge.counts.connections)).collect::<Vec<_>>()
    };
    assert_eq!(of(recent, now), [("a".to_owned(), 7), ("b".to_owned(), 1)]);
    let keep = keep(Duration::MAX, u64::MAX);
    let pruned = store.prune(Timestamp(now), keep).expect("prunes");
    assert_eq!((pruned.by_age, pruned.by_size, pruned.history), (0, 0, 1));
    assert!(HISTORY_FINE < 3 * day && old % HISTORY_COARSE == 0);
    let steps = |from, to| {
        let points = reader.timeline(Timestamp(from), Timestamp(to)).expect("reads");
        points
            .into_iter()
            .map(|p| (p.start.0, p.edges, p.new_edges, p.counts.connections))
            .collect::<Vec<_>>()
    };
    assert_eq!(steps(0, now), [(old, 1, 1, 11), (recent, 2, 1, 8)]);
    assert_eq!(of(0, now - 4 * day), []);
    assert_eq!(reader.oldest_history().expect("reads"), Some(Timestamp(old)));
    // A database that is too large loses the oldest of everything, history included.
    let many: Vec<Change> =
        (0..5_000).map(|n| counted(&format!("edge {n}"), old + n % 9 * HISTORY_COARSE, 1)).collect();
    store.write(&many).expect("writes");
    let half = store.bytes().expect("size") / 2;
    let pruned = store.prune(Timestamp(now), Keep { bytes: half, ..keep }).expect("prunes");
    assert!(pruned.history > 1_000, "{pruned:?}");
    assert!(store.bytes().expect("size") <= half);
}

#[test]
fn an_event_that_is_counted_on_moves_to_the_end_of_the_stream() {
    let directory = tempfile::tempdir().expect("directory");
    let mut store = open(directory.path());
    store.write(&[event(1, 1, 10), event(2, 2, 20), event(1, 3, 30)]).expect("writes");
    let after = store.reader().expect("reads").events_after(1, 10).expect("reads");
    assert_eq!(after.iter().map(|s| (s.position, s.event.id.0)).collect::<Vec<_>>(), [(2, 2), (3, 1)]);
}

#[test]
fn retention_removes_by_age_and_then_the_oldest_by_size() {
    let directory = tempfile::tempdir().expect("directory");
    let mut store = open(directory.path());
    for block in 0..10 {
        let events: Vec<_> = (1..=1000).map(|n| block * 1000 + n).map(|n| event(n, n, n)).collect();
        store.write(&events).expect("writes");
    }
    let pruned =
        store.prune(Timestamp(10_000), keep(Duration::from_millis(8_000), u64::MAX)).expect("prunes");
    assert_eq!((pruned.by_age, pruned.by_size), (1_999, 0));
    let half = store.bytes().expect("size") / 2;
    let pruned = store.prune(Timestamp(10_000), keep(Duration::from_secs(3600), half)).expect("prunes");
    assert!(pruned.by_size >= 2000, "{pruned:?}");
    assert!(store.bytes().expect("size") <= half);
    let newest = store.reader().expect("reads").events(&EventFilter { limit: 1, ..EventFilter::default() });
    assert_eq!(newest.expect("reads")[0].event.id, EventId(10_000));
}

fn revision(number: u64) -> Change {
    Change::Revision(RevisionRecord {
        revision: number,
        time: Timestamp(number),
        actor: "admin".to_owned(),
        summary: String::new(),
        diff: String::new(),
        documents: "x".repeat(20_000),
    })
}

#[test]
fn revisions_go_by_number_and_the_oldest_of_them_by_size() {
    let directory = tempfile::tempdir().expect("directory");
    let mut store = open(directory.path());
    store.write(&(1..=100).map(revision).collect::<Vec<_>>()).expect("writes");
    let events: Vec<_> = (1..=500).map(|n| event(n, n, 1_000 + n)).collect();
    store.write(&events).expect("writes");
    let all = Keep { revisions: 50, ..keep(Duration::MAX, u64::MAX) };
    let pruned = store.prune(Timestamp(10_000), all).expect("prunes");
    assert_eq!((pruned.revisions, pruned.by_age + pruned.by_size), (50, 0));
    let half = store.bytes().expect("size") / 2;
    let pruned = store.prune(Timestamp(10_000), Keep { bytes: half, ..all }).expect("prunes");
    assert!(pruned.revisions > 0 && pruned.too_large.is_none(), "{pruned:?}");
    assert_eq!(pruned.by_size, 0, "events are younger");
    let left = store.reader().expect("reads").revisions(None, 100).expect("reads");
    assert_eq!(left.first().map(|r| r.revision), Some(100));
}

#[test]
fn what_does_not_fit_takes_no_more_than_its_floor_with_it_and_is_said() {
    let directory = tempfile::tempdir().expect("directory");
    let mut store = open(directory.path());
    store.write(&(1..=100).map(revision).collect::<Vec<_>>()).expect("writes");
    let events: Vec<_> = (1..=1_500).map(|n| event(n, n, n)).collect();
    store.write(&events).expect("writes");
    let history: Vec<_> = (0..1_500).map(|n| counted(&format!("edge {n}"), n * HISTORY_STEP, 1)).collect();
    store.write(&history).expect("writes");
    let pruned = store.prune(Timestamp(10_000), keep(Duration::MAX, 1_000)).expect("prunes");
    assert_eq!((pruned.by_size, pruned.history, pruned.revisions), (500, 500, 90));
    assert!(pruned.too_large.is_some_and(|bytes| bytes > 1_000), "{pruned:?}");
    let again = store.prune(Timestamp(10_000), keep(Duration::MAX, 1_000)).expect("prunes");
    assert_eq!((again.by_size, again.history, again.revisions), (0, 0, 0));
}

#[test]
fn an_audit_log_that_lost_its_oldest_lines_to_retention_is_verified_from_their_last_hash() {
    let directory = tempfile::tempdir().expect("directory");
    let mut store = open(directory.path());
    let mut head = GENESIS.to_owned();
    for sequence in 1..=20 {
        let record = audit(sequence, &head);
        head.clone_from(&record.hash);
        store.write(&[Change::Audit(record)]).expect("writes");
    }
    let older_than = |ms| Keep { audit: Duration::from_millis(ms), ..keep(Duration::MAX, u64::MAX) };
    assert_eq!(store.prune(Timestamp(28), older_than(20)).expect("prunes").audit, 7);
    assert_eq!(store.prune(Timestamp(28), older_than(20)).expect("prunes").audit, 0);
    let reader = store.reader().expect("reads");
    let verdict = reader.verify_audit().expect("reads");
    assert_eq!((verdict.entries, verdict.removed, verdict.broken_at), (13, 7, None));
    assert_eq!(verdict.head, head);

    let vandal = rusqlite::Connection::open(directory.path().join("bulkhead.db")).expect("opens");
    assert!(vandal.execute("DELETE FROM audit WHERE sequence = 8", []).is_err(), "only what is checkpointed");
    vandal.execute("UPDATE audit_checkpoint SET sequence = 8", []).expect("changes");
    vandal.execute("DELETE FROM audit WHERE sequence = 8", []).expect("deletes");
    assert_eq!(reader.verify_audit().expect("reads").broken_at, Some(9), "the hash is not that of line 8");
    vandal.execute("DELETE FROM audit_checkpoint", []).expect("deletes");
    assert_eq!(reader.verify_audit().expect("reads").broken_at, Some(1));

    assert_eq!(store.prune(Timestamp(1_000_000), older_than(1)).expect("prunes").audit, 11);
    assert_eq!(store.load().expect("loads").audit_head, head, "the newest line stays");
}

#[test]
fn a_changed_or_missing_line_of_the_audit_log_is_found() {
    let directory = tempfile::tempdir().expect("directory");
    let mut store = open(directory.path());
    let mut head = GENESIS.to_owned();
    for sequence in 1..=20 {
        let record = audit(sequence, &head);
        head.clone_from(&record.hash);
        store.write(&[Change::Audit(record)]).expect("writes");
    }
    let reader = store.reader().expect("reads");
    let verdict = reader.verify_audit().expect("reads");
    assert_eq!((verdict.entries, verdict.broken_at, verdict.head), (20, None, head));

    let vandal = rusqlite::Connection::open(directory.path().join("bulkhead.db")).expect("opens");
    assert!(vandal.execute("UPDATE audit SET actor = 'nobody' WHERE sequence = 7", []).is_err());
    vandal.execute_batch("DROP TRIGGER audit_is_append_only_update").expect("drops");
    vandal.execute("UPDATE audit SET actor = 'nobody' WHERE sequence = 7", []).expect("changes");
    assert_eq!(reader.verify_audit().expect("reads").broken_at, Some(7));
    vandal.execute_batch("DROP TRIGGER audit_is_append_only_delete").expect("drops");
    vandal.execute("DELETE FROM audit WHERE sequence = 3", []).expect("deletes");
    assert_eq!(reader.verify_audit().expect("reads").broken_at, Some(3));
}

#[tokio::test]
async fn a_full_disk_delays_writes_and_loses_none() {
    let directory = tempfile::tempdir().expect("directory");
    let mut store = open(directory.path());
    let size = store.bytes().expect("size");
    let reader = store.reader().expect("reads");
    let room = Arc::new(AtomicU64::new(size + 65_536));
    let writer = Writer::start(Quota { store, bytes: Arc::clone(&room) }).expect("starts");
    writer.later((1..=2_000).map(|n| event(n, n, n)).collect());
    let full = writer.flush().await.expect_err("full");
    assert!(matches!(full, StoreError::Full(_)), "{full}");
    let health = writer.health().borrow().clone();
    assert!(health.failing.is_some());
    assert_eq!((health.pending, health.lost), (2_000, 0));
    let refused = writer.now(vec![event(2_001, 2_001, 1)]).await;
    assert!(refused.expect_err("not durable").is_transient());

    // Room again: what waited is written by itself, in order, without being handed over again.
    room.store(0, Ordering::Relaxed);
    writer.flush().await.expect("room again");
    let health = writer.health().borrow().clone();
    assert_eq!((health.failing, health.pending, health.lost), (None, 0, 0));
    assert_eq!(reader.count_events().expect("counts").0, 2_001);
}

/// A disk whose size (0: no limit) can be changed while the store is in use.
struct Quota {
    store: SqliteStore,
    bytes: Arc<AtomicU64>,
}

impl Store for Quota {
    fn load(&mut self) -> Result<Loaded, StoreError> {
        self.store.load()
    }

    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let bytes = self.bytes.load(Ordering::Relaxed);
        self.store.limit_bytes((bytes > 0).then_some(bytes))?;
        self.store.write(changes)
    }

    fn prune(&mut self, now: Timestamp, keep: Keep) -> Result<Pruned, StoreError> {
        self.store.prune(now, keep)
    }

    fn bytes(&mut self) -> Result<u64, StoreError> {
        self.store.bytes()
    }
}
