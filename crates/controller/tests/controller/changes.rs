//! Changes of the policy by many hands: sets that own documents, proposals, trials.

use crate::support::{REDIS, Running, client, eventually, name, start};
use bulkhead_api::{
    ApplyRequest, ChangeAction, ErrorCode, ProposalDecision, ProposalQuery, ProposalRequest, ProposalState,
    Role, TokenRequest, TrialJudge, TrialRequest, TrialState,
    client::{Client, ClientError},
};
use bulkhead_model::node::NodeReport;

async fn as_role(running: &Running, who: &str, role: Role) -> Client {
    let request = TokenRequest { name: who.to_owned(), role, expires_in_seconds: None };
    let token = running.admin.create_token(&request).await.expect("created");
    client(&running.controller, Some(token.secret))
}

fn of_set(documents: &str, set: &str) -> ApplyRequest {
    ApplyRequest { documents: documents.to_owned(), set: Some(set.to_owned()), ..ApplyRequest::default() }
}

fn code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> (ErrorCode, String) {
    match result {
        Err(ClientError::Api(error)) => (error.code, format!("{} {}", error.message, error.remedy)),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn other(text: &str) -> String {
    text.replace("shop/web", "shop/api")
}

#[tokio::test]
async fn documents_of_a_set_are_changed_by_the_set_alone_unless_forced() {
    let running = start().await;
    running.shop().await;
    let admin = &running.admin;
    admin.apply(&of_set(REDIS, "shop-repository")).await.expect("applied");
    assert_eq!(admin.policy("shop", "redis").await.expect("there").set.as_deref(), Some("shop-repository"));
    // To say the same is no conflict and takes nothing over.
    let same = admin.apply(&ApplyRequest { documents: REDIS.to_owned(), ..ApplyRequest::default() }).await;
    assert_eq!(same.expect("no conflict").changes[0].action, ChangeAction::Unchanged);
    for request in [
        ApplyRequest { documents: other(REDIS), ..ApplyRequest::default() },
        of_set(&other(REDIS), "elsewhere"),
    ] {
        let (refused, told) = code(admin.apply(&request).await);
        assert_eq!(refused, ErrorCode::Conflict);
        assert!(told.contains("1 conflict") && told.contains("shop-repository"), "{told}");
        assert!(told.contains("--force-conflicts"), "{told}");
        // A rehearsal tells of it as well.
        assert_eq!(
            code(admin.apply(&ApplyRequest { dry_run: true, ..request }).await).0,
            ErrorCode::Conflict
        );
    }
    admin.apply(&of_set(&other(REDIS), "shop-repository")).await.expect("its own");
    let forced = ApplyRequest { force_conflicts: true, ..of_set(REDIS, "elsewhere") };
    admin.apply(&forced).await.expect("taken over");
    assert_eq!(admin.policy("shop", "redis").await.expect("there").set.as_deref(), Some("elsewhere"));
    let audit = admin.audit(&Default::default()).await.expect("audit").items;
    assert!(audit.iter().filter(|entry| entry.action == "policy.apply").count() >= 3);
    running.controller.stop().await;
}

#[tokio::test]
async fn pruning_a_set_removes_what_it_owned_and_nothing_else() {
    let running = start().await;
    running.shop().await;
    let admin = &running.admin;
    let named = |document: &str| REDIS.replace("name: redis,", &format!("name: {document},"));
    admin.apply(&of_set(&format!("{}---\n{}", named("one"), named("two")), "set")).await.expect("applied");
    admin
        .apply(&ApplyRequest { documents: named("hand"), ..ApplyRequest::default() })
        .await
        .expect("applied");
    admin.apply(&of_set(&named("foreign"), "other")).await.expect("applied");
    let pruned =
        admin.apply(&ApplyRequest { prune: true, ..of_set(&named("one"), "set") }).await.expect("pruned");
    let deleted: Vec<_> = pruned.changes.iter().filter(|c| c.action == ChangeAction::Deleted).collect();
    assert_eq!(deleted.iter().map(|change| change.name.as_str()).collect::<Vec<_>>(), ["two"]);
    // Without a set, what no set manages is pruned.
    let request = ApplyRequest { prune: true, documents: named("hand-2"), ..ApplyRequest::default() };
    admin.apply(&request).await.expect("pruned");
    let left: Vec<String> =
        admin.policies().await.expect("list").items.into_iter().map(|policy| policy.name).collect();
    assert_eq!(left, ["foreign", "hand-2", "one"]);
    // Who owns what is part of history.
    let revisions = admin.policy_history(&Default::default()).await.expect("history").items;
    let before = revisions.iter().find(|revision| revision.summary.contains("foreign")).expect("there");
    let request = bulkhead_api::RestoreRequest { revision: before.revision, dry_run: false };
    admin.restore(&request).await.expect("restored");
    assert_eq!(admin.policy("shop", "two").await.expect("back").set.as_deref(), Some("set"));
    running.controller.stop().await;
}

fn proposal(documents: &str) -> ProposalRequest {
    ProposalRequest {
        title: "let the web speak to redis".to_owned(),
        link: Some("https://git.example/shop/merge/7".to_owned()),
        documents: documents.to_owned(),
        set: Some("shop-repository".to_owned()),
        ..ProposalRequest::default()
    }
}

#[tokio::test]
async fn a_proposer_proposes_and_changes_nothing_and_an_operator_accepts() {
    let running = start().await;
    running.shop().await;
    let pipeline = as_role(&running, "pipeline", Role::Proposer).await;
    let anna = as_role(&running, "anna", Role::Operator).await;
    let apply = of_set(REDIS, "shop-repository");
    assert_eq!(code(pipeline.apply(&apply).await).0, ErrorCode::Forbidden);
    let first = pipeline.propose(&proposal(&other(REDIS))).await.expect("proposed").proposal;
    let second = pipeline.propose(&proposal(REDIS)).await.expect("proposed");
    assert!(second.preview.expect("a preview").diff.contains("shop/web"));
    assert!(anna.policies().await.expect("list").items.is_empty(), "nothing is changed by it");
    let list = anna.proposals(&ProposalQuery { open: Some(true) }).await.expect("list");
    assert_eq!((list.open, list.items.len()), (1, 1), "the newer one of the set stands for the older one");
    let withdrawn = anna.proposal(&first.id).await.expect("there").proposal;
    assert_eq!(withdrawn.state, ProposalState::Withdrawn);
    let id = &second.proposal.id;
    let accept =
        ProposalDecision { accept: true, reason: Some("reviewed".to_owned()), force_conflicts: false };
    assert_eq!(code(pipeline.decide_proposal(id, &accept).await).0, ErrorCode::Forbidden);
    let accepted = anna.decide_proposal(id, &accept).await.expect("accepted").proposal;
    assert_eq!(accepted.state, ProposalState::Accepted);
    let policy = anna.policy("shop", "redis").await.expect("in force");
    assert_eq!((policy.set.as_deref(), policy.updated_by.as_str()), (Some("shop-repository"), "anna"));
    assert_eq!(accepted.decided.expect("decided").revision, Some(policy.revision));
    assert_eq!(code(anna.decide_proposal(id, &accept).await).0, ErrorCode::Conflict, "once");
    let audit = running.admin.audit(&Default::default()).await.expect("audit").items;
    for (action, actor) in [("proposal.make", "pipeline"), ("proposal.accept", "anna")] {
        assert!(audit.iter().any(|entry| entry.action == action && entry.actor == actor), "{action}");
    }
    running.controller.stop().await;
}

#[tokio::test]
async fn a_proposal_is_rejected_or_taken_back_by_who_may_and_an_obstacle_is_told() {
    let running = start().await;
    running.shop().await;
    let pipeline = as_role(&running, "pipeline", Role::Proposer).await;
    let another = as_role(&running, "another", Role::Proposer).await;
    let made = pipeline.propose(&proposal(REDIS)).await.expect("proposed").proposal;
    assert_eq!(code(another.withdraw_proposal(&made.id).await).0, ErrorCode::Forbidden);
    // Meanwhile somebody writes another one by hand.
    let by_hand = ApplyRequest { documents: other(REDIS), ..ApplyRequest::default() };
    running.admin.apply(&by_hand).await.expect("applied");
    let looked = pipeline.proposal(&made.id).await.expect("there");
    assert!(looked.preview.is_none() && looked.obstacle.expect("told").contains("conflict"));
    let reject =
        ProposalDecision { accept: false, reason: Some("not now".to_owned()), force_conflicts: false };
    let rejected = running.admin.decide_proposal(&made.id, &reject).await.expect("rejected").proposal;
    assert_eq!(rejected.state, ProposalState::Rejected);
    assert_eq!(rejected.decided.expect("decided").reason, "not now");
    let again = another.propose(&proposal(&other(REDIS))).await.expect("proposed").proposal;
    let withdrawn = another.withdraw_proposal(&again.id).await.expect("withdrawn").proposal;
    assert_eq!(withdrawn.state, ProposalState::Withdrawn);
    running.controller.stop().await;
}

#[tokio::test]
async fn a_trial_is_begun_watched_and_stopped_over_the_interface() {
    let running = start().await;
    running.shop().await;
    let request = TrialRequest {
        documents: REDIS.to_owned(),
        seconds: 3600,
        name: Some("only the web".to_owned()),
        origin: None,
        prune: false,
        judge: TrialJudge::Changed,
    };
    let begun = running.admin.begin_trial(&request).await.expect("begins").trial;
    assert_eq!((begun.state, begun.started_by.as_str()), (TrialState::Running, "admin"));
    assert!(running.admin.policies().await.expect("list").items.is_empty(), "nothing is changed by it");
    let revision = running.admin.status().await.expect("status").revision;
    running.report(NodeReport::Applied { revision }).await;
    // The policy would let the web speak to redis, and denies the API what it does all day.
    running.count("shop/api", "shop/redis", 6379, 9, 0).await;
    let found = eventually("the trial has counted", || async {
        let detail = running.admin.trial(&begun.id).await.ok()?;
        (detail.trial.counts.would_deny == 9).then_some(detail)
    })
    .await;
    assert_eq!(found.trial.denials_of_expected, 9, "{}", found.trial.sentence);
    assert_eq!(found.edges[0].service, name("shop/redis"));
    let metrics = running.admin.metrics().await.expect("metrics");
    let line = format!("bulkhead_trial_connections{{trial=\"{}\",outcome=\"would-deny\"}} 9", begun.id);
    assert!(metrics.contains(&line), "{metrics}");
    running.admin.stop_trial(&begun.id).await.expect("stopped");
    assert_eq!(running.admin.trial(&begun.id).await.expect("kept").trial.state, TrialState::Stopped);
    assert_eq!(running.admin.trials().await.expect("list").items.len(), 1);
    running.admin.stop_trial(&begun.id).await.expect("removed");
    assert!(running.admin.trials().await.expect("list").items.is_empty());
    assert_eq!(code(running.admin.trial(&begun.id).await).0, ErrorCode::NotFound);
    running.controller.stop().await;
}

#[tokio::test]
async fn history_is_drawn_from_what_was_counted() {
    let running = start().await;
    running.shop().await;
    running.count("shop/web", "shop/redis", 6379, 0, 5).await;
    let denied = eventually("the denial is counted", || async {
        let status = running.admin.status().await.ok()?;
        (status.denied_24h > 0).then_some(status.denied_24h)
    })
    .await;
    let of =
        async |service: &str| running.admin.service(&name(service)).await.expect("known").summary.denied_24h;
    let each = (of("shop/web").await, of("shop/redis").await);
    assert_eq!((denied, each), (5, (5, 5)), "both ends tell of it, the estate once");
    let directory = running.directory;
    running.controller.stop().await;
    // What was not written yet is written at the end.
    let controller = bulkhead_controller::Controller::start(crate::support::config(directory.path())).await;
    let controller = controller.expect("starts");
    let admin = client(&controller, controller.admin_token.clone());
    let timeline = admin.history(&Default::default()).await.expect("timeline");
    let sum = |of: fn(&bulkhead_api::TimelinePoint) -> u64| timeline.points.iter().map(of).sum::<u64>();
    assert_eq!((sum(|p| p.connections), sum(|p| p.denied), sum(|p| p.new_edges)), (13, 5, 3));
    assert_eq!(timeline.oldest, timeline.points.first().map(|point| point.start));
    let query = bulkhead_api::PastGraphQuery { service: Some(name("shop/redis")), ..Default::default() };
    let past = admin.past_graph(&query).await.expect("graph");
    let told: Vec<_> = past.edges.iter().map(|edge| (edge.edge.client.to_string(), edge.verdict)).collect();
    let expected = [
        ("shop/api".to_owned(), bulkhead_model::Verdict::Allowed),
        ("shop/web".to_owned(), bulkhead_model::Verdict::Denied),
    ];
    assert_eq!(told, expected);
    let until = Some(bulkhead_model::Timestamp(past.since.0 - 86_400_000));
    let before = bulkhead_api::PastGraphQuery { until, ..Default::default() };
    assert!(admin.past_graph(&before).await.expect("graph").edges.is_empty());
    controller.stop().await;
}

#[tokio::test]
async fn automation_is_one_list_of_rules_that_operators_keep() {
    let running = start().await;
    running.shop().await;
    let anna = as_role(&running, "anna", Role::Operator).await;
    let rule = bulkhead_api::AutomationRule {
        namespace: Some("shop".to_owned()),
        zone: None,
        labels: Default::default(),
        automatic: true,
        profile: bulkhead_api::Profile::Strict,
    };
    let by_hand = bulkhead_api::AutomationSetting {
        service: name("shop/redis"),
        automation: bulkhead_api::Automation::default(),
    };
    let wanted =
        bulkhead_api::AutomationRules { rules: vec![rule], by_hand: vec![by_hand], ..Default::default() };
    assert_eq!(anna.put_automation(&wanted).await.expect("set"), wanted);
    let of = |service: &'static str| {
        let anna = anna.clone();
        async move { anna.service(&name(service)).await.expect("there").summary.automation.automatic }
    };
    assert!(of("shop/web").await && !of("shop/redis").await);
    let none = bulkhead_api::AutomationRules { by_hand: Vec::new(), ..wanted.clone() };
    anna.put_automation(&none).await.expect("set");
    assert!(of("shop/redis").await, "the rule fits, and nothing is set by hand any more");
    let strange =
        bulkhead_api::AutomationSetting { service: name("shop/nobody"), ..wanted.by_hand[0].clone() };
    let wrong = bulkhead_api::AutomationRules { by_hand: vec![strange], ..none };
    assert_eq!(code(anna.put_automation(&wrong).await).0, ErrorCode::Invalid);
    running.controller.stop().await;
}

#[tokio::test]
async fn what_to_close_first_names_no_way_that_is_used() {
    let running = start().await;
    running.shop().await;
    let plan = running.admin.blast_plan(&Default::default()).await.expect("a plan");
    assert_eq!(plan.before.services, 3, "nothing is enforced: everything can be reached");
    assert!(!plan.steps.is_empty() && plan.steps[0].after.services < 3, "{plan:?}");
    for step in &plan.steps {
        if let bulkhead_api::BlastClose::Edge { client, server } = &step.close {
            assert_ne!((client.to_string().as_str(), server.to_string().as_str()), ("shop/web", "shop/api"));
        }
    }
    running.controller.stop().await;
}
