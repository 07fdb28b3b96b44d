use super::*;
use bulkhead_api::{ReviewItem, ReviewKind, ReviewPattern};

fn queue(estate: &Estate, service: &str, all: bool) -> Vec<ReviewItem> {
    estate.state.review_items(Some(&name(service)), all)
}

fn accept(id: &str, rule: Option<&str>) -> ReviewRequest {
    let rule = rule.map(str::to_owned);
    let one = ReviewDecision { id: id.to_owned(), decision: Decision::Accept, narrow: None, rule };
    ReviewRequest { decisions: vec![one], ..ReviewRequest::default() }
}

fn decide(
    estate: &mut Estate,
    request: &ReviewRequest,
) -> Result<Vec<ReviewDecision>, bulkhead_api::ApiError> {
    estate.state.now = Timestamp(estate.now);
    let decided = estate.state.decide(request, &Actor::system());
    estate.finish();
    decided
}

fn monitored() -> Estate {
    let mut estate = shop();
    estate.pass(1, TRAFFIC);
    for service in ["shop/api", "shop/web", "shop/mail"] {
        estate.state.enter_mode(&name(service), Mode::Monitor, "anna", "by hand", false);
    }
    estate.finish();
    estate
}

#[test]
fn what_is_declared_and_was_not_seen_waits_for_a_decision_on_both_sides() {
    let mut estate = monitored();
    let of_kind = |estate: &Estate, service: &str| {
        let items = queue(estate, service, false);
        items.into_iter().filter(|item| item.kind == ReviewKind::Declared).collect::<Vec<_>>()
    };
    let [egress] = of_kind(&estate, "shop/api").try_into().expect("one declared peer");
    assert_eq!((egress.direction, egress.rule.contains("shop/mail")), (Direction::Egress, true));
    assert_eq!(egress.flags, ["declared, not seen"]);
    let [ingress] = of_kind(&estate, "shop/mail").try_into().expect("it is declared by one");
    assert!(!estate.allows("shop/api", "shop/mail", 25), "nothing is allowed unseen");
    decide(&mut estate, &accept(&egress.id, None)).expect("accepted");
    decide(&mut estate, &accept(&ingress.id, None)).expect("accepted");
    assert!(estate.allows("shop/api", "shop/mail", 25));
    assert!(of_kind(&estate, "shop/api").is_empty(), "it is decided");
    // It stays to be undone, also over a restart and when nothing declares it any more.
    estate.state.save_everything();
    estate.finish();
    let mut again = Estate::restored(estate.stored(), estate.now);
    assert!(again.allows("shop/api", "shop/mail", 25));
    let undo = ReviewDecision { id: egress.id, decision: Decision::Undo, narrow: None, rule: None };
    let request = ReviewRequest { decisions: vec![undo], ..ReviewRequest::default() };
    decide(&mut again, &request).expect("undone");
    assert!(!again.allows("shop/api", "shop/mail", 25));
}

#[test]
fn a_learned_rule_is_narrowed_by_hand_after_a_look_and_never_widened() {
    let mut estate = monitored();
    estate.connect("shop/web", "shop/api", 8081, Verdict::WouldDeny, "web-1");
    let item = queue(&estate, "shop/api", false)
        .into_iter()
        .find(|item| item.direction == Direction::Ingress && item.rule.contains("8080"))
        .expect("an item");
    let narrower = item.yaml.replace("shop/web", "shop/redis");
    let wider = item.yaml.replace("8080", "8000-9000");
    for (rule, part) in [
        (narrower.as_str(), "allows more"),
        (wider.as_str(), "allows more"),
        ("- from: [", "cannot be read"),
        ("action: deny\nfrom: [any]", "does not allow"),
    ] {
        let refused = decide(&mut estate, &accept(&item.id, Some(rule))).expect_err("refused");
        assert!(refused.message.contains(part), "{}", refused.message);
    }
    // Only when the application is known; that is less than what was learned.
    let rule = format!("{}\nexpires: 2099-01-01", item.yaml.trim_end());
    let request = accept(&item.id, Some(&rule));
    let before = estate.state.learned_of(&name("shop/api")).to_yaml();
    let (count, diff) = estate.state.rehearse(&request, &Actor::system()).expect("a look");
    assert!(count == 1 && diff.contains("+") && diff.contains("2099-01-01"), "{diff}");
    assert_eq!(estate.state.learned_of(&name("shop/api")).to_yaml(), before, "nothing was changed");
    decide(&mut estate, &request).expect("narrowed");
    let yaml = estate.state.learned_of(&name("shop/api")).to_yaml();
    assert!(yaml.contains("2099-01-01"), "{yaml}");
    assert!(estate.allows("shop/web", "shop/api", 8080));
    let shown = queue(&estate, "shop/api", true).into_iter().find(|each| each.id == item.id).expect("there");
    assert!(shown.decision.expect("decided").rule.expect("a rule").contains("2099"));
}

#[test]
fn many_rules_are_decided_by_a_pattern_and_that_is_taken_back_by_one() {
    let mut estate = monitored();
    for port in [5001, 5002, 5003] {
        estate.connect("shop/web", "shop/mail", port, Verdict::Allowed, "web-1");
    }
    let pattern = |decision| ReviewPattern {
        decision,
        service: Some("shop/web".to_owned()),
        peer: Some("shop/m*".to_owned()),
        direction: None,
        port: None,
        kind: None,
        flag: None,
        decided: false,
    };
    let request = |decision| ReviewRequest { pattern: Some(pattern(decision)), ..ReviewRequest::default() };
    assert!(estate.allows("shop/web", "shop/mail", 5001));
    let (count, diff) = estate.state.rehearse(&request(Decision::Reject), &Actor::system()).expect("a look");
    assert!(count == 3 && diff.contains("-"), "{diff}");
    assert_eq!(decide(&mut estate, &request(Decision::Reject)).expect("rejected").len(), 3);
    assert!(!estate.allows("shop/web", "shop/mail", 5001));
    assert!(estate.allows("shop/web", "shop/api", 8080), "the pattern does not fit it");
    decide(&mut estate, &request(Decision::Reject)).expect_err("none is left");
    assert_eq!(decide(&mut estate, &request(Decision::Undo)).expect("undone").len(), 3);
    assert!(estate.allows("shop/web", "shop/mail", 5001));
}

#[test]
fn what_takes_a_batch_back_leaves_alone_what_was_decided_before_it() {
    let mut estate = monitored();
    for port in [5001, 5002, 5003] {
        estate.connect("shop/web", "shop/mail", port, Verdict::Allowed, "web-1");
    }
    let of = |estate: &Estate, port: &str| {
        let items = queue(estate, "shop/web", true).into_iter();
        items
            .filter(|item| item.direction == Direction::Egress)
            .find(|item| item.rule.contains(port))
            .expect("there")
    };
    let rejected =
        ReviewDecision { id: of(&estate, "5001").id, decision: Decision::Reject, narrow: None, rule: None };
    decide(&mut estate, &ReviewRequest { decisions: vec![rejected], ..ReviewRequest::default() })
        .expect("rejected");
    let narrow = of(&estate, "5002");
    let rule = format!("{}\nexpires: 2099-01-01", narrow.yaml.trim_end());
    decide(&mut estate, &accept(&narrow.id, Some(&rule))).expect("narrowed");
    let before: Vec<ReviewItem> = ["5001", "5002", "5003"].map(|port| of(&estate, port)).into();
    let all = ReviewPattern {
        decision: Decision::Attack,
        service: Some("shop/web".to_owned()),
        peer: Some("shop/mail".to_owned()),
        direction: None,
        port: None,
        kind: None,
        flag: None,
        decided: true,
    };
    let undo = decide(&mut estate, &ReviewRequest { pattern: Some(all), ..ReviewRequest::default() })
        .expect("attack");
    assert_eq!(undo.len(), 3);
    assert!(!estate.allows("shop/web", "shop/mail", 5003));
    decide(&mut estate, &ReviewRequest { decisions: undo, ..ReviewRequest::default() }).expect("taken back");
    for was in before {
        let is = of(&estate, was.rule.split_whitespace().find(|word| word.contains("500")).expect("a port"));
        let words = |item: &ReviewItem| item.decision.as_ref().map(|d| (d.decision, d.rule.clone()));
        assert_eq!(words(&is), words(&was), "{}", was.rule);
    }
    assert!(estate.allows("shop/web", "shop/mail", 5003));
    assert!(!estate.allows("shop/web", "shop/mail", 5001));
}
