use super::*;
use bulkhead_api::{TrialDetail, TrialEffect, TrialJudge, TrialRequest, TrialState};

const DAY: u64 = 86_400_000;

fn candidate(rules: &str) -> String {
    format!(
        "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {{name: api, namespace: shop}}\n\
         spec:\n  target: {{service: shop/api}}\n{rules}"
    )
}

fn begin(estate: &mut Estate, text: &str, seconds: u64) -> u64 {
    let request = TrialRequest {
        documents: text.to_owned(),
        seconds,
        name: None,
        origin: None,
        prune: false,
        judge: TrialJudge::Changed,
    };
    let documents = crate::plan::read(text, "test").expect("sound");
    let plan = crate::plan::apply(&estate.state.view(), documents, &crate::plan::Terms::default());
    estate.state.now = Timestamp(estate.now);
    let actor = Actor { name: "anna".to_owned(), role: None, address: None };
    let id = estate.state.begin_trial(&request, plan.expect("a plan"), &actor).expect("begins");
    estate.finish();
    id
}

fn applied(estate: &mut Estate) {
    let revision = estate.state.revision;
    estate.report(NodeReport::Applied { revision });
    estate.report(NodeReport::Edges(vec![]));
}

fn detail(estate: &Estate, id: u64) -> TrialDetail {
    estate.state.trial_detail(id).expect("there is such a trial")
}

/// web may open nothing but the API; the API is asked by web, and asks nobody.
const NARROW: &str = "  ingress:\n    - from: [{service: shop/web}]\n  egress: []\n";

#[test]
fn a_trial_counts_what_it_would_deny_once_and_says_what_was_expected() {
    let mut estate = shop();
    estate.pass(1, TRAFFIC);
    let before = estate.state.compiled.clone();
    let id = begin(&mut estate, &candidate(NARROW), 3600);
    assert_eq!(*estate.state.compiled, *before, "nothing of it reaches a node");
    applied(&mut estate);
    // Told by both ends; each connection counts once.
    estate.count("shop/web", "shop/api", 8080, 7, 0);
    estate.count("shop/api", "shop/redis", 6379, 5, 0);
    let found = detail(&estate, id);
    assert_eq!((found.trial.counts.connections, found.trial.counts.edges), (12, 2));
    assert_eq!((found.trial.counts.would_deny, found.trial.denials_of_expected), (5, 5));
    let [edge] = found.edges.as_slice() else { panic!("{:?}", found.edges) };
    assert_eq!((edge.effect, edge.connections, edge.expected), (TrialEffect::WouldDeny, 5, true));
    assert_eq!((edge.service.to_string(), edge.rule.clone()), ("shop/api".to_owned(), None));
    assert_eq!(edge.because, "it had been learned");
    assert_eq!(edge.edge.server.to_string(), "shop/redis");
}

#[test]
fn what_is_denied_now_and_would_pass_is_told_too() {
    let mut estate = shop();
    estate.state.enter_mode(&name("shop/api"), Mode::Enforce, "anna", "by hand", false);
    estate.finish();
    let id = begin(&mut estate, &candidate("  egress:\n    - to: [{service: shop/mail}]\n"), 3600);
    applied(&mut estate);
    estate.count("shop/api", "shop/mail", 25, 0, 4);
    estate.count("shop/api", "shop/web", 1, 0, 2);
    let found = detail(&estate, id);
    assert_eq!((found.trial.counts.would_allow, found.trial.counts.would_deny), (4, 0));
    assert_eq!(found.edges.len(), 1);
    assert_eq!(found.edges[0].rule.as_ref().map(|rule| rule.policy.as_str()), Some("shop/api"));
}

#[test]
fn a_trial_ends_at_its_time_with_an_event_and_survives_a_restart() {
    let mut estate = shop();
    let id = begin(&mut estate, &candidate(NARROW), 3600);
    applied(&mut estate);
    estate.count("shop/api", "shop/redis", 6379, 5, 0);
    estate.count("shop/web", "shop/api", 8080, 1, 0);
    estate.state.save_everything();
    estate.finish();
    let mut again = Estate::restored(estate.stored(), START + 60_000);
    assert_eq!(detail(&again, id).trial.counts, detail(&estate, id).trial.counts);
    applied(&mut again);
    again.count("shop/api", "shop/redis", 6379, 2, 0);
    assert_eq!(detail(&again, id).trial.counts.would_deny, 7);
    again.now = START + 3_600_000;
    again.state.tick(Timestamp(again.now));
    again.finish();
    let found = detail(&again, id);
    assert_eq!(
        (found.trial.state, found.trial.ended),
        (TrialState::Finished, Some(Timestamp(START + 3_600_000)))
    );
    assert_eq!((found.trial.counts.would_deny, found.trial.counts.connections), (7, 8));
    again.count("shop/api", "shop/redis", 6379, 9, 0);
    assert_eq!(detail(&again, id).trial.counts.would_deny, 7, "it has ended");
    let ended = again.events.iter().find_map(|kind| match kind {
        EventKind::Trial { running: false, would_deny, expected, .. } => Some((*would_deny, *expected)),
        _ => None,
    });
    assert_eq!(ended, Some((7, 7)));
    let actions: Vec<String> = again.audit_actions();
    assert!(estate.audit_actions().contains(&"trial.begin".to_owned()), "{actions:?}");
}

#[test]
fn addresses_that_only_a_trial_tells_apart_are_the_world_to_all_else() {
    let mut estate = shop();
    let address = IpAddr::from([203, 0, 113, 7]);
    let api = estate.identity("shop/api");
    let outside = |estate: &mut Estate, peer: Identity, connections: u64| {
        let report = EdgeReport {
            local: api,
            peer,
            direction: Direction::Egress,
            peer_address: Some(address),
            protocol: IpProtocol::TCP,
            port: 443,
            application: Application::UNKNOWN,
            counting: counting(),
            counters: EdgeCounters { connections, packets_to_client: 9, ..EdgeCounters::default() },
            rule: RuleRef::NONE,
            last_seen: Timestamp(estate.now),
        };
        estate.report(NodeReport::Edges(vec![report]));
    };
    outside(&mut estate, Identity::WORLD, 1);
    let edges = estate.state.edges.len();
    let text =
        candidate("  egress:\n    - to: [{cidr: 203.0.113.0/25}]\n    - to: [{service: shop/redis}]\n");
    let id = begin(&mut estate, &text, 3600);
    let atom = estate.state.compiled.external_identity(address);
    assert!(atom.is_external(), "the kernel tells it apart");
    outside(&mut estate, Identity::WORLD, 3);
    assert_eq!(detail(&estate, id).trial.counts.not_judged, 3, "nodes do not tell it apart yet");
    applied(&mut estate);
    outside(&mut estate, atom, 2);
    outside(&mut estate, Identity::WORLD, 5);
    assert_eq!(estate.state.edges.len(), edges, "no new edge, nothing new to learn");
    let known = estate.state.edges.values().find(|record| record.key.port == 443).expect("there");
    assert_eq!(known.key.server.to_string(), "203.0.113.7");
    let found = detail(&estate, id);
    assert_eq!((found.trial.counts.connections, found.trial.counts.would_deny), (7, 5));
    assert_eq!(found.edges[0].edge.server, Peer::World);
    assert!(!found.edges[0].expected, "no address outside the range was seen before: {:?}", found.edges[0]);
    // After its end the addresses are the world again, also where a node still tells of the atom, and after a restart.
    assert!(estate.state.stop_trial(id, &Actor::system()));
    estate.finish();
    assert_eq!(estate.state.compiled.external_identity(address), Identity::WORLD);
    outside(&mut estate, atom, 1);
    assert_eq!(estate.state.edges.len(), edges);
    estate.state.save_everything();
    estate.finish();
    let mut again = Estate::restored(estate.stored(), START + DAY);
    outside(&mut again, atom, 1);
    assert_eq!(again.state.edges.len(), edges);
}
